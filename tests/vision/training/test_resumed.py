"""A checkpoint knows whose it is, and what nothing else could be made from again; so no run is stuck, and none is another's."""

import json
import shutil

import pytest
from small_runs import began_as, results, small_plan, trained

from tinyexp.errors import DamagedError, InterruptedRunError, LostFolderError, UnreadableError, UserError
from tinyexp.launch.job import Job, run_job
from tinyexp.launch.verify import verify
from tinyexp.runs.overview import overview
from tinyexp.runs.records import Environment, RunRecord, Status, read_section
from tinyexp.trainers import owned as owned_module
from tinyexp.trainers.vision.data.build import open_dataset
from tinyexp.trainers.vision.settings import vision_settings
from tinyexp.trainers.vision.training import checkpoint as checkpoint_module
from tinyexp.trainers.vision.training import run as training_run
from tinyexp.trainers.vision.training.checkpoint import checkpoints, load_checkpoint, save_checkpoint
from tinyexp.trainers.vision.training.run import Listener, train_run


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Two finished runs, of seeds 0 and 1."""
    folder = tmp_path_factory.mktemp("kept") / "runs"
    return folder, [trained(folder, seed=seed) for seed in (0, 1)]


@pytest.fixture
def plans(kept, tmp_path):
    shutil.copytree(kept[0], tmp_path / "runs")
    return [small_plan(tmp_path / "runs", seed=seed) for seed in (0, 1)]


def said(plan, **options):
    warned = []
    train_run(plan, dataset_of(plan), Listener(warn=warned.append), **options)
    return " ".join(warned)


def dataset_of(plan):
    return open_dataset(vision_settings(plan.experiment).data, plan.folder.path)


def job(plan):
    return run_job(Job(plan, plan.folder.path))


def swapped(one, other):
    aside = one.with_name("aside")
    one.rename(aside)
    other.rename(one)
    aside.rename(other)


@pytest.mark.parametrize("name", ["run.json", "environment.json", "status.json"])
@pytest.mark.parametrize("state", ["finished", "interrupted"])
def test_a_record_that_was_lost_is_written_anew_from_the_checkpoint(kept, plans, tmp_path, name, state):
    whole, plan = results(kept[1][0]), plans[0]
    if state == "interrupted":
        plan = small_plan(tmp_path / "other")
        with pytest.raises(InterruptedRunError):
            train_run(plan, dataset_of(plan), Listener(stop_code=lambda: 143))
    (plan.folder.path / name).unlink()
    assert name in said(plan)
    assert results(plan) == whole


@pytest.mark.parametrize(
    ("name", "words"),
    [("run.json", "Put it back, or use --fresh"), ("environment.json", "--accept-environment to go on here")],
)
def test_a_lost_record_that_an_older_checkpoint_has_no_copy_of_leaves_a_way_out(plans, name, words):
    plan = plans[0]
    began_as(plan, keep=False)
    (plan.folder.path / name).unlink()
    end = job(plan)
    assert end.exit_code == 2
    assert words in end.message
    assert read_section(plan.folder.status, Status).state == "finished", "it was refused, and is what it was"
    if name == "environment.json":
        assert "is not known any more" in said(plan, accept_environment=True)
        assert not read_section(plan.folder.environment, Environment).bit_identical
    assert train_run(plan, dataset_of(plan), fresh=True).state == "finished"


def test_an_older_checkpoint_goes_on_as_before(kept, plans):
    began_as(plans[0], keep=False)
    plans[0].folder.metrics.unlink()
    assert "metrics.csv had been changed or lost" in said(plans[0])
    assert results(plans[0]) == results(kept[1][0])


def test_checkpoints_of_two_seeds_that_were_exchanged_are_found_and_never_used(plans):
    one, other = (plan.folder for plan in plans)
    swapped(one.checkpoints, other.checkpoints)
    found = {finding.path for finding in verify(one.path.parents[2]).found}
    assert found == {path for run in (one, other) for path in checkpoints(run.checkpoints)}
    one.metrics.unlink()
    before = [path.name for path in checkpoints(one.checkpoints)]
    end = job(plans[0])
    assert end.exit_code == 2
    assert "holds another run (seed 1 then, 0 now). If folders or checkpoints were exchanged" in end.message
    assert [path.name for path in checkpoints(one.checkpoints)] == before


def test_folders_of_two_runs_that_were_exchanged_are_found_and_never_used(plans):
    one, other = (plan.folder for plan in plans)
    names = [one.name, other.name]
    swapped(one.path, other.path)
    runs = one.path.parents[2]
    assert {finding.path for finding in verify(runs).found} == {one.path, other.path}
    rows = overview(runs)
    assert [row["state"] for row in rows] == ["damaged", "damaged"]
    assert [row["message"] for row in rows] == [f"holds the run {name}" for name in reversed(names)]
    assert not any(plan.is_finished() for plan in plans)
    assert "holds another run (seed 1 then, 0 now)" in job(plans[0]).message


@pytest.mark.parametrize(
    "records",
    [
        5,
        {},
        {"run.json": "{}", "environment.json": "{}"},
        {"run.json": 1},
        {"run.json": "\udc80", "environment.json": "{}"},
    ],
)
def test_records_in_a_checkpoint_that_are_none_are_damage(plans, records):
    folder = plans[0].folder
    newest = load_checkpoint(checkpoints(folder.checkpoints)[-1])
    save_checkpoint(folder.checkpoints, {**newest, "records": records}, epoch=4, step=0)
    assert [finding.path.name for finding in verify(folder.path).found][:1] != []
    folder.metrics.unlink()
    with pytest.raises(DamagedError):
        train_run(plans[0], dataset_of(plans[0]))


@pytest.mark.parametrize("number", ["EMFILE", "EACCES", "EIO", "ENOMEM", "ESTALE"])
def test_a_checkpoint_that_cannot_be_read_for_a_moment_is_no_damaged_one(kept, plans, monkeypatch, number):
    import errno
    import os

    code, plan = getattr(errno, number), plans[0]
    plan.folder.metrics.unlink()
    before = sorted(path.name for path in plan.folder.checkpoints.iterdir())

    def failing(path, limit):
        raise OSError(code, os.strerror(code), str(path))

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint_module, "read_bounded", failing)
        with pytest.raises(UnreadableError, match=f"{os.strerror(code)}.*left as it is"):
            train_run(plan, dataset_of(plan))
        assert "cannot be read" in str(verify(plan.folder.path).found)
    assert sorted(path.name for path in plan.folder.checkpoints.iterdir()) == before
    said(plan)
    assert results(plan) == results(kept[1][0])


def test_a_folder_of_checkpoints_that_cannot_be_listed_is_not_taken_for_an_empty_one(plans, monkeypatch):
    folder, listed = plans[0].folder, type(plans[0].folder.path).iterdir
    folder.metrics.unlink()

    def iterdir(path):
        if path == folder.checkpoints:
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(type(folder.path), "iterdir", iterdir)
    with pytest.raises(UnreadableError, match=r"checkpoints: cannot be listed \(Permission denied\)"):
        train_run(plans[0], dataset_of(plans[0]))
    assert folder.checkpoints in [finding.path for finding in verify(folder.path).found]


def test_other_code_than_the_run_began_with_is_refused_or_marked(plans, monkeypatch):
    plan = plans[0]
    plan.folder.metrics.unlink()
    monkeypatch.setattr(training_run, "code_digest", lambda: "another")
    with pytest.raises(UserError, match=r"another environment \(code: [0-9a-f]{16} then, another now\)"):
        train_run(plan, dataset_of(plan))
    train_run(plan, dataset_of(plan), accept_environment=True)
    assert not read_section(plan.folder.environment, Environment).bit_identical


def test_a_run_that_began_before_the_code_was_recorded_goes_on(plans):
    plan = plans[0]
    found = read_section(plan.folder.environment, Environment)
    assert len(found.code) == 16
    began_as(plan, environment=found.model_copy(update={"code": ""}))
    plan.folder.metrics.unlink()
    said(plan)
    assert read_section(plan.folder.environment, Environment).bit_identical


@pytest.mark.parametrize("what", ["moved", "removed", "exchanged"])
@pytest.mark.parametrize("epoch", [1, 3])
def test_a_folder_that_is_moved_while_it_is_written_ends_the_run_and_is_not_made_again(tmp_path, what, epoch):
    plan = small_plan(tmp_path / "runs")
    path = plan.folder.path

    def act(row, _):
        if row["epoch"] == epoch:
            shutil.rmtree(path) if what == "removed" else path.rename(tmp_path / "elsewhere")
            if what == "exchanged":
                path.mkdir()

    with pytest.raises(LostFolderError, match="was moved or removed while the run was trained"):
        train_run(plan, dataset_of(plan), Listener(epoch_done=act))
    assert not (list(path.iterdir()) if what == "exchanged" else path.exists())
    if what == "moved":
        (tmp_path / "elsewhere").rename(path)
        assert train_run(plan, dataset_of(plan)).state == "finished"


def test_a_moved_folder_gets_no_status_of_a_failure_either(tmp_path, monkeypatch):
    plan = small_plan(tmp_path / "runs")
    commit = training_run.save_checkpoint

    def moving(*arguments, **options):
        plan.folder.path.rename(tmp_path / "elsewhere")
        return commit(*arguments, **options)

    monkeypatch.setattr(training_run, "save_checkpoint", moving)
    end = job(plan)
    assert end.exit_code == 1
    assert "was moved or removed" in end.message
    assert not plan.folder.status.exists()


def test_a_process_without_the_lock_writes_no_failure_over_the_holders_run(plans, monkeypatch):
    plan = plans[0]
    told = json.loads(plan.folder.status.read_text())
    plan.folder.status.write_text(json.dumps({**told, "state": "running", "own_digest": ""}))
    before = plan.folder.status.read_bytes()
    monkeypatch.setattr(training_run, "train_run", None)  # whatever it dies of
    with owned_module.owned(plan.folder):
        assert job(plan).exit_code == 1
        assert plan.folder.status.read_bytes() == before
    assert job(plan).exit_code == 1
    assert read_section(plan.folder.status, Status).state == "failed"


class KilledError(BaseException):
    pass


@pytest.mark.parametrize("place", range(9))
def test_a_kill_anywhere_inside_fresh_is_put_right_by_the_same_command_and_by_the_one_without_it(
    kept, plans, tmp_path, monkeypatch, place
):
    rename, count = owned_module.rename_anew, []

    def killed(source, target):
        if len(count) == place:
            raise KilledError
        count.append(source)
        rename(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(owned_module, "rename_anew", killed)
        try:
            train_run(plans[0], dataset_of(plans[0]), fresh=True)
        except KilledError:
            pass
        else:
            assert place >= len(count)
    copy = small_plan(tmp_path / "copy")
    shutil.copytree(plans[0].folder.path, copy.folder.path)
    train_run(plans[0], dataset_of(plans[0]))
    train_run(copy, dataset_of(copy), fresh=True)
    for plan in (plans[0], copy):
        assert results(plan) == results(kept[1][0])
        assert read_section(plan.folder.record, RunRecord).seed == 0
