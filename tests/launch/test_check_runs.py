"""``tinyexp check`` on runs: each file that is not what was written is named, and a sound folder passes."""

import hashlib
import json
import os
import shutil
import subprocess
import sys

import pytest
from click.testing import CliRunner
from small_runs import SMALL, trained

from tinyexp.cli import main
from tinyexp.errors import DamagedError, UserError
from tinyexp.files import sha256_of_file
from tinyexp.launch.session import Request, run_session
from tinyexp.launch.verify import verify
from tinyexp.runs.asked import NAME, write_asked
from tinyexp.runs.folder import RunFolder, find_runs, is_just_begun
from tinyexp.runs.recorded import read_runs
from tinyexp.runs.records import (
    Predictions,
    Status,
    read_predictions,
    read_section,
    write_predictions,
    write_section,
)
from tinyexp.trainers.owned import owned
from tinyexp.trainers.vision.training.checkpoint import checkpoints, load_checkpoint, save_checkpoint

RECORDS = ("run.json", "environment.json", "metrics.csv", "predictions.npz", "status.json")


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kept") / "runs"
    trained(folder)
    return folder


@pytest.fixture
def runs(kept, tmp_path):
    return shutil.copytree(kept, tmp_path / "runs")


@pytest.fixture
def run(runs):
    return next(find_runs(runs))


def check(folder):
    return CliRunner().invoke(main, ["check", str(folder)])


def test_for_programs_it_says_and_ends_with_the_same(runs, run):
    for code in (0, 1):
        done = CliRunner().invoke(main, ["check", str(runs), "--json"])
        told = json.loads(done.stdout)
        assert (done.exit_code, told["sound"], bool(told["found"])) == (code, code == 0, code == 1)
        run.metrics.write_text(run.metrics.read_text() + "\n")


def names(folder):
    return [str(finding.path.relative_to(folder)) for finding in verify(folder).found]


def signed(run):
    """The digests put right, as one would who wants an edit to go unnoticed."""
    status = read_section(run.status, Status)
    digests = {name: sha256_of_file(run.path / name) for name in status.digests}
    write_section(run.status, status.model_copy(update={"digests": digests}))


def test_a_sound_folder_and_a_sound_run_pass_with_one_sentence(runs, run):
    for folder in (runs, run.path):
        result = check(folder)
        assert result.exit_code == 0
        assert (
            result.stdout
            == f"{folder}: 1 run, every record as it was written, every checkpoint whole (of 1).\n"
        )
        assert not result.stderr


def test_runs_that_other_code_trained_are_told_of_and_are_sound(runs, run, monkeypatch):
    assert not check(runs).stderr
    monkeypatch.setattr("tinyexp.launch.verify.code_digest", lambda: "0" * 16)
    result = check(runs)
    assert result.exit_code == 0
    assert result.stderr.startswith(
        "tinyexp: 1 of the runs were trained by other code of the trainer than is installed here. Whether"
    )


def test_a_run_is_found_by_a_relative_name_too(run, monkeypatch):
    monkeypatch.chdir(run.path)
    assert check(".").exit_code == 0


@pytest.mark.parametrize("name", RECORDS)
@pytest.mark.parametrize("place", [0, 20, -2])
def test_a_changed_byte_in_a_record_is_found_by_name(runs, run, name, place):
    path = run.path / name
    content = bytearray(path.read_bytes())
    content[place] ^= 4
    path.write_bytes(content)
    result = check(runs)
    assert result.exit_code == 1
    assert f"{path}: " in result.stdout
    assert "Run the command that trained them again" in result.stderr


@pytest.mark.parametrize("name", RECORDS)
def test_a_missing_record_is_found_by_name(runs, run, name):
    (run.path / name).unlink()
    found = [line for line in check(runs).stdout.splitlines() if line.startswith(f"{run.path / name}: ")]
    assert len(found) == 1
    assert "is missing" in found[0] or "cannot be read (No such file" in found[0]


@pytest.fixture
def begun(runs, run):
    """A second run that was killed between its record and its first status, which would have said ``running``."""
    folder = RunFolder(run.path.with_name("7-0123abcd"))
    folder.path.mkdir()
    for path in (run.record, run.environment):
        shutil.copy(path, folder.path)
    folder.metrics.write_text(run.metrics.read_text().splitlines()[0] + "\n")
    return folder


def test_a_run_that_was_killed_before_its_first_status_stands_in_nobodys_way(runs, run, begun):
    done = check(runs)
    assert (done.exit_code, "1 run" in done.stdout) == (0, True), done.stdout
    assert [one.folder.path for one in read_runs(runs)] == [run.path]
    assert [one.path for one in find_runs(runs, begun=True)] == [run.path, begun.path]
    assert "damaged" not in CliRunner().invoke(main, ["status", "--runs", str(runs)]).stdout
    assert check(begun.path).exit_code == 1, "asked of it alone, there is no run"


def test_a_pipe_in_the_place_of_its_table_holds_nobody_up(begun, within_bounds):
    begun.metrics.unlink()
    os.mkfifo(begun.metrics)
    assert not is_just_begun(begun)


def test_the_first_run_that_is_just_being_begun_is_no_fault(runs, run, begun):
    shutil.rmtree(run.path)
    write_asked(begun.path.parents[1], [begun.name])
    assert check(runs).exit_code == 1, "nobody trains it: it is missing"
    with owned(begun):
        done = check(runs)
    assert (done.exit_code, "not begun" in done.stderr) == (0, True), done.output


@pytest.mark.parametrize("name", ["checkpoints", "metrics.csv", "predictions.npz"])
def test_a_run_that_has_come_further_and_lost_its_status_is_damaged(runs, run, begun, name):
    copied = shutil.copytree if name == "checkpoints" else shutil.copy
    copied(run.path / name, begun.path / name)
    assert f"{begun.status}: " in check(runs).stdout
    with pytest.raises(DamagedError, match=r"status\.json"):
        read_runs(runs)


def test_an_edited_table_is_found_and_put_right_by_the_same_command(runs, run):
    whole = run.metrics.read_bytes()
    run.metrics.write_bytes(whole.replace(b"0.", b"1.", 1))
    assert names(run.path) == ["metrics.csv"]
    trained(runs)
    assert run.metrics.read_bytes() == whole
    assert verify(runs).found == ()


def test_an_edit_with_its_digest_put_right_differs_from_the_checkpoint(runs, run):
    rows = run.metrics.read_text().splitlines()
    cells = rows[2].split(",")
    cells[5] = "0.123"
    rows[2] = ",".join(cells)
    run.metrics.write_text("\n".join(rows) + "\n")
    signed(run)
    (finding,) = verify(runs).found
    assert str(finding) == f"{run.metrics}: has other rows than {checkpoints(run.checkpoints)[-1].name}."


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda text: "\n".join(text.splitlines()[:-1]) + "\n", "has 2 rows, and status.json says 3 epochs"),
        (lambda text: text + text.splitlines()[-1] + "\n", "has epoch 3.0 in row 4"),
        (lambda text: text[:-3], "ends inside a line"),
        (lambda text: text.replace("epoch", "epok", 1), "has other columns than tinyexp writes"),
        (lambda text: text.replace("\n1,", "\nx,", 1), "has no number in row 1, column epoch"),
        (lambda text: text.replace("\n2,", "\n2,,", 1), "has 15 values in row 2 and not 14"),
        (lambda text: text.replace("\n2,", "\nnan,", 1), "has nan in row 2, column epoch"),
        (lambda text: text + '"', "ends inside a line"),
        (lambda _: "", "has other columns"),
    ],
)
def test_a_table_that_is_none_is_said_even_with_its_digest_put_right(runs, run, spoil, words):
    run.metrics.write_text(spoil(run.metrics.read_text()))
    signed(run)
    assert f"{run.metrics}: {words}" in " ".join(map(str, verify(runs).found))


def test_predictions_of_another_accuracy_are_found_even_with_their_digest_put_right(runs, run):
    told = read_predictions(run)
    wrong = told.label != told.predicted
    predicted = told.predicted.copy()
    predicted[wrong.nonzero()[0][0]] = told.label[wrong.nonzero()[0][0]]
    write_predictions(run.predictions, Predictions(told.label, predicted, told.in_top5))
    signed(run)
    (finding,) = verify(runs).found
    assert finding.path == run.predictions
    assert finding.what.startswith("gives test_accuracy 0.")


def test_predictions_for_fewer_images_are_found(runs, run):
    told = read_predictions(run)
    write_predictions(run.predictions, Predictions(told.label[:10], told.predicted[:10], told.in_top5[:10]))
    signed(run)
    assert "is of 10 images, and run.json says 30" in " ".join(map(str, verify(runs).found))


@pytest.mark.parametrize(
    ("key", "value"),
    [("seed", 1), ("numerics_version", 2), ("configuration", "0" * 64), ("identity", "0" * 64)],
)
def test_a_record_whose_content_gives_another_identity_is_found(runs, run, key, value):
    told = json.loads(run.record.read_text())
    told[key] = value
    run.record.write_text(json.dumps(told))
    signed(run)
    assert run.record in [finding.path for finding in verify(runs).found]


def test_a_changed_key_of_the_spec_is_found_even_with_its_digest_put_right(runs, run):
    told = json.loads(run.record.read_text())
    told["experiment"]["settings"]["optimizer"]["learning_rate"] = 0.02
    run.record.write_text(json.dumps(told))
    signed(run)
    words = " ".join(finding.what for finding in verify(runs).found)
    assert "and its content gives" in words
    assert "another configuration" in words


@pytest.mark.parametrize("name", ["1-{}", "0-00000000"])
def test_a_folder_of_another_name_is_found(runs, run, name):
    moved = run.path.with_name(name.format(run.path.name.partition("-")[2]))
    run.path.rename(moved)
    (finding,) = verify(runs).found
    assert finding.path == moved
    assert finding.what == f"holds the run embedded/tiny-design1/{run.path.name}."


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("damage", ["flip", "cut", "empty"])
def test_a_damaged_checkpoint_is_found_by_name(runs, run, which, damage):
    path = checkpoints(run.checkpoints)[which]
    content = path.read_bytes()
    middle = len(content) // 2
    path.write_bytes(
        {
            "flip": content[:middle] + bytes((content[middle] ^ 1,)) + content[middle + 1 :],
            "cut": content[:middle],
            "empty": b"",
        }[damage]
    )
    result = check(runs)
    assert result.exit_code == 1
    assert (
        result.stdout == f"{path}: is truncated or damaged; its SHA-256 is not the one it was written with.\n"
    )
    assert path.exists(), "nothing is set aside by looking"


def test_a_checkpoint_of_another_form_is_found(runs, run):
    newest = checkpoints(run.checkpoints)[-1]
    state = load_checkpoint(newest)
    save_checkpoint(run.checkpoints, {**state, "rows": 5}, epoch=4, step=0)
    assert "its rows cannot be read" in " ".join(map(str, verify(runs).found))


def test_a_run_that_was_stopped_between_checkpoint_and_records_is_sound(runs, run):
    lines = run.metrics.read_bytes().splitlines(keepends=True)
    run.metrics.write_bytes(b"".join(lines[:-1]))
    status = read_section(run.status, Status)
    digest = hashlib.sha256(run.metrics.read_bytes()).hexdigest()
    digests = {**status.digests, "metrics.csv": digest}
    del digests["predictions.npz"]
    run.predictions.unlink()
    update = {"state": "running", "epochs_done": 2, "digests": digests}
    write_section(run.status, status.model_copy(update=update))
    assert verify(runs).found == ()


def test_a_run_that_was_killed_between_its_table_and_its_status_is_sound(runs, run):
    digests = {**read_section(run.status, Status).digests, "metrics.csv": "0" * 64}
    del digests["predictions.npz"]
    run.predictions.unlink()
    update = {"state": "running", "epochs_done": 2, "digests": digests}
    write_section(run.status, read_section(run.status, Status).model_copy(update=update))
    assert verify(runs).found == ()
    run.metrics.write_bytes(run.metrics.read_bytes().replace(b"0.", b"1.", 1))
    assert names(run.path) == ["metrics.csv"]
    run.metrics.unlink()
    assert names(run.path) == ["metrics.csv"]


def test_records_without_checkpoints_are_checked_too(runs, run):
    shutil.rmtree(run.checkpoints)
    assert check(runs).stdout == f"{runs}: 1 run, every record as it was written.\n"
    run.metrics.write_bytes(b"")
    result = check(runs)
    assert result.exit_code == 1
    assert "There are no checkpoints to rebuild from" in result.stderr


def test_a_run_that_run_all_was_to_train_and_that_is_missing_is_named(tmp_path):
    runs = tmp_path / "runs"
    run_session(
        Request(
            "embedded",
            only=["tiny*"],
            seeds=[0],
            overrides=SMALL,
            plan="none",
            jobs=1,
            runs=runs,
            data_folder=tmp_path,
        )
    )
    assert len(json.loads((runs / "embedded" / NAME).read_text())["runs"]) == 2
    assert verify(runs).runs == 2
    assert verify(runs).found == ()
    gone = next(folder for folder in find_runs(runs) if "design2" in folder.name)
    shutil.rmtree(gone.path)
    result = check(runs)
    assert result.exit_code == 1
    assert result.stdout == f"{gone.path}: is missing.\n"
    assert "a missing run is trained" in result.stderr
    (runs / "embedded" / NAME).write_text("[]")
    assert names(runs) == [f"embedded/{NAME}"]


def test_line_ends_that_git_rewrote_are_named_with_the_cure_and_a_run_keeps_git_from_it(runs, run):
    assert (run.path / ".gitattributes").read_text() == "* -text\n"
    run.metrics.write_bytes(run.metrics.read_bytes().replace(b"\n", b"\r\n"))
    result = check(runs)
    assert result.exit_code == 1
    assert f"{run.metrics}: differs only in line ends.\n" in result.stdout
    assert "core.autocrlf" in result.stderr
    assert ".gitattributes" in result.stderr


def test_attributes_for_git_that_the_user_wrote_stay_as_they_are(runs, run):
    (run.path / ".gitattributes").write_text("*.csv text\n")
    run.metrics.unlink()
    trained(runs)
    assert (run.path / ".gitattributes").read_text() == "*.csv text\n"


def test_a_folder_without_runs_is_the_users_mistake(tmp_path):
    for folder in (tmp_path, tmp_path / "absent"):
        with pytest.raises(UserError, match="neither a run nor a report"):
            verify(folder)
    assert check(tmp_path).exit_code == 2


def test_an_empty_run_folder_is_no_run(runs):
    (runs / "embedded" / "tiny-design1" / "7-00000000").mkdir()
    assert verify(runs).runs == 1


def test_a_run_that_failed_before_it_began_is_sound(tmp_path, run):
    place = RunFolder(tmp_path / "other" / run.path.parent.parent.name / run.path.parent.name / run.path.name)
    place.path.mkdir(parents=True)
    shutil.copy(run.record, place.record)
    write_section(place.status, Status(state="failed", epochs_done=0, epochs=3, message="no room"))
    assert verify(tmp_path / "other").found == ()


def test_torch_is_loaded_only_where_there_are_checkpoints(runs, run):
    code = (
        "import sys; from pathlib import Path; from tinyexp.launch.verify import verify;"
        "verify(Path(sys.argv[1])); print('torch' in sys.modules)"
    )
    for expected in ("True", "False"):
        done = subprocess.run(
            [sys.executable, "-c", code, str(runs)], capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == expected
        shutil.rmtree(run.checkpoints, ignore_errors=True)
