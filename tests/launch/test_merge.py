"""Folders of runs that were trained apart become one: whole runs, each once, and what does not fit is named."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import sys
from pathlib import Path

import filelock
import pytest
import warm
from click.testing import CliRunner
from refusals import refuse
from small_runs import results, small_plan, trained

from tinyexp.cli import main
from tinyexp.errors import InterruptedRunError, UserError
from tinyexp.launch.job import Job, run_job
from tinyexp.launch.merge import merge, sentence
from tinyexp.runs.asked import read_asked, write_asked
from tinyexp.runs.records import Status, read_section, write_section
from tinyexp.trainers.vision.training.run import Listener

KILLED = """
import sys
from pathlib import Path
from tinyexp.launch.merge import merge
merge([Path(sys.argv[1])], Path(sys.argv[2]))
"""


def interrupted(runs: Path, seed: int, epochs: int):
    """A run that was asked to stop after so many epochs."""
    done = []
    listener = Listener(
        epoch_done=lambda row, _: done.append(row), stop_code=lambda: 143 if len(done) >= epochs else 0
    )
    with pytest.raises(InterruptedRunError):
        trained(runs, seed=seed, listener=listener)
    return small_plan(runs, seed=seed)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two shards: a finished run each, and of a third run one epoch in the first, two in the second."""
    folder = tmp_path_factory.mktemp("made")
    for name, seed, epochs in (("a", 0, 1), ("b", 1, 2)):
        trained(folder / name, seed=seed)
        interrupted(folder / name, 2, epochs)
    return folder


@pytest.fixture
def shards(made, tmp_path):
    return [Path(shutil.copytree(made / name, tmp_path / name)) for name in ("a", "b")]


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in {".lock", ".owner"}
    }


def whats(outcomes):
    return [one.what for one in outcomes]


def run_folder_of(runs: Path, seed: int) -> Path:
    return small_plan(runs, seed=seed).folder.path


def test_each_run_is_copied_once_and_from_where_it_came_furthest(shards, tmp_path):
    into = tmp_path / "runs"
    outcomes = merge(shards, into)
    assert sorted(whats(outcomes)) == ["copied", "copied", "copied", "went_on"]
    assert sentence(outcomes) == "4 runs: 3 copied, 1 further on than before"
    assert read_section(small_plan(into, seed=2).folder.status, Status).epochs_done == 2
    for seed, shard in enumerate(shards):
        assert results(small_plan(into, seed=seed)) == results(small_plan(shard, seed=seed))


def test_a_run_that_was_merged_in_its_course_goes_on_to_the_same_bits(shards, tmp_path):
    merge(shards, tmp_path / "runs")
    plan = small_plan(tmp_path / "runs", seed=2)
    assert run_job(Job(plan, Path("data"))).exit_code == 0
    assert results(plan) == results(trained(tmp_path / "untouched", seed=2))


def test_merging_again_and_in_any_order_changes_nothing(shards, tmp_path):
    merge(shards, tmp_path / "runs")
    before = files_of(tmp_path / "runs")
    again = merge([*shards, *shards[::-1]], tmp_path / "runs")
    assert set(whats(again)) == {"there", "behind"}
    assert files_of(tmp_path / "runs") == before
    merge(shards[::-1], tmp_path / "other")
    assert files_of(tmp_path / "other") == before


def test_sources_are_only_read(shards, tmp_path):
    before = [files_of(shard) for shard in shards]
    merge(shards, tmp_path / "runs")
    assert [files_of(shard) for shard in shards] == before


def test_a_damaged_run_is_named_and_the_others_are_merged(shards, tmp_path):
    metrics = run_folder_of(shards[0], 0) / "metrics.csv"
    metrics.write_bytes(metrics.read_bytes().replace(b"1", b"2", 1))
    told = CliRunner().invoke(main, ["merge", *map(str, shards), "--into", str(tmp_path / "runs")])
    assert told.exit_code == 1
    assert "4 runs: 2 copied, 1 further on than before, 1 not merged." in told.stdout
    assert (
        f"{run_folder_of(shards[0], 0)}: is not merged. {metrics}: is not what the run wrote" in told.stderr
    )
    assert not run_folder_of(tmp_path / "runs", 0).exists()


def test_a_damaged_run_in_the_target_is_left_and_named(shards, tmp_path):
    merge(shards, tmp_path / "runs")
    environment = run_folder_of(tmp_path / "runs", 0) / "environment.json"
    environment.write_text("{}")
    outcomes = merge(shards, tmp_path / "runs")
    [problem] = [one for one in outcomes if one.is_problem]
    assert (problem.what, environment.read_text()) == ("damaged", "{}")
    assert "Remove that folder, then merge again" in problem.why
    shutil.rmtree(environment.parent)
    assert not any(one.is_problem for one in merge(shards, tmp_path / "runs"))


def altered(folder: Path, name: str, edit) -> None:
    """Change a record such that its digest agrees: what another training would have left."""
    import hashlib

    path = folder / name
    path.write_bytes(edit(path.read_bytes()))
    status = read_section(folder / "status.json", Status)
    digests = {**status.digests, name: hashlib.sha256(path.read_bytes()).hexdigest()}
    write_section(folder / "status.json", status.model_copy(update={"digests": digests}))


def other_loss(content: bytes) -> bytes:
    """Another loss in the first row: no other record says it."""
    head, first, *rest = content.decode().splitlines(keepends=True)
    cells = first.split(",")
    column = head.split(",").index("train_loss")
    cells[column] = str(float(cells[column]) + 1)
    return "".join([head, ",".join(cells), *rest]).encode()


@pytest.mark.parametrize("seed", [0, 2])
def test_two_records_of_one_identity_that_differ_are_both_left_and_named(shards, tmp_path, seed):
    into = tmp_path / "runs"
    merge(shards, into)
    altered(run_folder_of(into, seed), "metrics.csv", other_loss)
    before = files_of(into)
    [problem, *more] = [one for one in merge(shards, into) if one.is_problem]
    assert problem.what == "contradicts"
    assert "metrics.csv differs" in problem.why
    assert "Remove the one that is wrong, then merge again" in problem.why
    assert len(more) == (seed == 2)  # both shards have some epochs of it
    assert files_of(into) == before


def test_a_run_that_is_being_trained_is_left_for_later(shards, tmp_path):
    folder = small_plan(shards[0], seed=0).folder
    with filelock.FileLock(folder.lock):
        [problem] = [one for one in merge(shards[:1], tmp_path / "runs") if one.is_problem]
    assert problem.what == "in_use"
    assert "Merge again when that has ended" in problem.why
    assert sorted(whats(merge(shards[:1], tmp_path / "runs"))) == ["copied", "there"]


def test_a_target_that_is_being_trained_is_left_alone(shards, tmp_path, monkeypatch):
    monkeypatch.setattr("tinyexp.trainers.owned.LOCK_SECONDS", 0.1)
    into = tmp_path / "runs"
    merge(shards[:1], into)
    before = files_of(into)
    with filelock.FileLock(small_plan(into, seed=2).folder.lock):
        [problem] = [one for one in merge(shards[1:], into) if one.is_problem]
    assert (problem.what, "Wait for it, or stop it" in problem.why) == ("in_use", True)
    assert {name: value for name, value in files_of(into).items() if name in before} == before


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("status.json", errno.EMFILE),
        ("run.json", errno.EIO),
        ("log.txt", errno.EACCES),
        ("checkpoints", errno.EACCES),
        ("before-fresh-1", errno.EACCES),
        (".", errno.EACCES),
    ],
)
def test_what_cannot_be_read_is_named_and_never_left_out_in_silence(
    shards, tmp_path, monkeypatch, name, number
):
    source = run_folder_of(shards[0], 0)
    (source / "before-fresh-1").mkdir()
    shutil.copy(source / "metrics.csv", source / "before-fresh-1")
    if name == "status.json":  # all that says that it was begun
        shutil.rmtree(source / "checkpoints")
    with monkeypatch.context() as patched:
        refuse(patched, source / name, number)
        told = CliRunner().invoke(main, ["merge", *map(str, shards), "--into", str(tmp_path / "runs")])
    assert told.exit_code == 1
    assert "1 not merged" in told.stdout
    assert os.strerror(number) in told.stderr
    assert run_folder_of(tmp_path / "runs", 1).exists(), "the others are merged"
    merge(shards, tmp_path / "runs")
    merge(shards, tmp_path / "wanted")
    assert files_of(tmp_path / "runs") == files_of(tmp_path / "wanted")


@pytest.mark.parametrize("name", ["status.json", "metrics.csv"])
def test_nobody_is_told_to_remove_what_only_cannot_be_read(shards, tmp_path, monkeypatch, name):
    merge(shards, tmp_path / "runs")
    refuse(monkeypatch, run_folder_of(tmp_path / "runs", 0) / name, errno.EMFILE)
    [problem] = [one for one in merge(shards, tmp_path / "runs") if one.is_problem]
    assert problem.what == "unreadable"
    assert "Remove that folder" not in problem.why


@pytest.mark.parametrize(
    "place", ["copy begun", "*.ckpt done", "metrics.csv written", "copy made", "status.json written"]
)
def test_killed_anywhere_it_is_put_right_by_the_same_command(shards, tmp_path, place):
    wanted, into = tmp_path / "wanted", tmp_path / "runs"
    merge(shards, wanted)
    merge(shards[:1], into)
    ended = warm.run(
        [sys.executable, "-c", KILLED, str(shards[1]), str(into)],
        env=os.environ | {"TINYEXP_END_AT": f"{place}@1"},
        check=False,
    )
    assert ended.returncode == -signal.SIGKILL
    assert not any(one.is_problem for one in merge(shards, into))
    assert files_of(into) == files_of(wanted)


def test_killed_in_a_folder_below_it_leaves_nothing_there(shards, tmp_path):
    into, aside = tmp_path / "runs", run_folder_of(shards[1], 1) / "before-fresh-1"
    aside.mkdir()
    shutil.copy(aside.parent / "metrics.csv", aside)
    environment = os.environ | {"TINYEXP_END_AT": "metrics.csv written@1"}
    program = [sys.executable, "-c", KILLED, str(shards[1]), str(into)]
    assert warm.run(program, env=environment, check=False).returncode == -signal.SIGKILL
    assert list(into.rglob("before-fresh-1/.*.tmp"))
    merge(shards[1:], into)
    assert not list(into.rglob(".*.tmp"))


def test_killed_while_it_replaces_an_earlier_state_the_run_does_not_say_how_far_it_is(shards, tmp_path):
    """Nobody takes the earlier status for that of the records that have come already."""
    into = tmp_path / "runs"
    merge(shards[:1], into)
    warm.run(
        [sys.executable, "-c", KILLED, str(shards[1]), str(into)],
        env=os.environ | {"TINYEXP_END_AT": "copy made@2"},
        check=False,
    )
    folder = small_plan(into, seed=2).folder
    assert folder.position > small_plan(shards[0], seed=2).folder.position
    assert not folder.status.exists()


def test_a_shard_that_was_killed_before_its_first_commit_has_nothing_to_give(shards, tmp_path):
    folder = run_folder_of(shards[0], 2)
    (folder / "status.json").unlink()
    shutil.rmtree(folder / "checkpoints")
    assert sorted(whats(merge(shards[:1], tmp_path / "runs"))) == ["copied", "empty"]


def test_a_shard_that_was_killed_between_checkpoint_and_records_loses_nothing(shards, tmp_path):
    """Its records are behind its checkpoint; training goes on from that."""
    folder = run_folder_of(shards[1], 2)
    metrics = folder / "metrics.csv"
    metrics.write_bytes(b"".join(metrics.read_bytes().splitlines(keepends=True)[:-1]))
    assert not any(one.is_problem for one in merge(shards[1:], tmp_path / "runs"))
    plan = small_plan(tmp_path / "runs", seed=2)
    assert run_job(Job(plan, Path("data"))).exit_code == 0
    assert results(plan) == results(trained(tmp_path / "untouched", seed=2))


def test_what_the_shards_were_asked_for_is_asked_of_the_whole(shards, tmp_path):
    names = [small_plan(shard, seed=seed).folder.name for shard, seed in zip(shards, (0, 1), strict=True)]
    for shard, name in zip(shards, names, strict=True):
        write_asked(shard / "embedded", [name])
    merge(shards, tmp_path / "runs")
    assert read_asked(tmp_path / "runs" / "embedded") == tuple(names)


def test_a_study_that_was_changed_between_shards_is_told(shards, tmp_path):
    for shard, margin in zip(shards, ("0.01", "0.02"), strict=True):
        (shard / "embedded" / "why.study.json").write_text(margin)
    [problem] = [one for one in merge(shards, tmp_path / "runs") if one.is_problem]
    assert "the study was changed between the two" in problem.why
    assert (tmp_path / "runs" / "embedded" / "why.study.json").read_text() == "0.01"


def test_links_are_not_followed(shards, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("mine")
    (run_folder_of(shards[0], 0) / "extra.txt").symlink_to(secret)
    merge(shards, tmp_path / "runs")
    assert not (run_folder_of(tmp_path / "runs", 0) / "extra.txt").exists()


def test_what_cannot_be_merged_is_said_before_anything_is(shards, tmp_path):
    (tmp_path / "empty").mkdir()
    into = tmp_path / "runs"
    for sources, words in (
        ([shards[0], tmp_path / "missing"], "there is no such folder"),
        ([shards[0], tmp_path / "empty"], "has no runs of tinyexp"),
    ):
        with pytest.raises(UserError, match=words):
            merge(sources, into)
        assert not into.exists()
    with pytest.raises(UserError, match="is what is merged into"):
        merge(shards, shards[0])
    told = CliRunner().invoke(main, ["merge", str(tmp_path / "missing"), "--into", str(into)])
    assert told.exit_code == 2
