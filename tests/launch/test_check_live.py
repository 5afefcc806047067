"""``tinyexp check`` of runs that are being trained finds nothing wrong with healthy ones, and what is wrong all the same."""

from __future__ import annotations

import contextlib
import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_runs import small_plan, trained

from tinyexp import failpoints
from tinyexp.launch import verify as verify_module
from tinyexp.launch.verify import verify
from tinyexp.runs.asked import NAME, write_asked
from tinyexp.runs.plan import RunPlan
from tinyexp.trainers.owned import owned


@pytest.fixture
def plan(tmp_path: Path) -> RunPlan:
    return small_plan(tmp_path / "runs")


def places(plan: RunPlan) -> list[str]:
    """Every named place in the commits of a run."""
    passed: list[str] = []
    failpoints.watch(passed.append)
    trained(plan.folder.path.parents[2])
    failpoints.watch(None)
    return passed


@contextlib.contextmanager
def halted(plan: RunPlan, number: int) -> Iterator[threading.Event]:
    """A run that stands still at one place of a commit until the event is set; it holds its lock meanwhile."""
    reached, go_on, count = threading.Event(), threading.Event(), 0

    def watch(_place: str) -> None:
        nonlocal count
        if count == number:
            reached.set()
            go_on.wait()
        count += 1

    failpoints.watch(watch)
    thread = threading.Thread(target=trained, args=(plan.folder.path.parents[2],))
    thread.start()
    try:
        assert reached.wait(60)
        yield go_on
    finally:
        go_on.set()
        thread.join()
        failpoints.watch(None)


def test_a_run_that_stands_still_anywhere_in_a_commit_is_looked_at_until_it_goes_on(
    plan: RunPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look that falls between two records that belong together is repeated; here the run goes on after the first pause."""
    between = ("run.json named", "metrics.csv named", "predictions.npz named", "status.json begun")
    numbers = [number for number, place in enumerate(places(plan)) if place in between]
    alarms = repeated = 0
    for number in numbers[::2]:
        shutil.rmtree(tmp_path / "runs")
        with halted(plan, number) as go_on:
            pauses: list[float] = []

            def pause(seconds: float, go_on: threading.Event = go_on, pauses: list[float] = pauses) -> None:
                pauses.append(seconds)
                go_on.set()
                threading.Event().wait(0.05)

            with monkeypatch.context() as patch:
                patch.setattr(verify_module.time, "sleep", pause)
                alarms += len(verify(plan.folder.path).found)
            repeated += bool(pauses)
    assert alarms == 0
    assert repeated, "no look fell between two records, so that this showed nothing"


def test_what_is_wrong_with_a_run_that_is_trained_is_found_all_the_same(
    plan: RunPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify_module, "_PATIENCE_S", 0.3)
    trained(plan.folder.path.parents[2])
    told = json.loads(plan.folder.record.read_text())
    plan.folder.record.write_text(json.dumps({**told, "seed": 5}))
    with owned(plan.folder):
        assert plan.folder.record in [finding.path for finding in verify(plan.folder.path).found]


def test_runs_that_are_to_come_are_not_missing_while_others_are_trained(plan: RunPlan) -> None:
    runs = plan.folder.path.parents[2]
    trained(runs)
    write_asked(runs / "embedded", [plan.folder.name, "embedded/tiny-design2/0-00000000"])
    assert (runs / "embedded" / NAME).is_file()
    noted: list[str] = []
    with owned(plan.folder):
        assert verify(runs, noted.append).found == ()
    assert noted == ["1 of the runs that are to be trained have not begun; others are being trained."]
    assert [str(finding) for finding in verify(runs).found] == [
        f"{runs}/embedded/tiny-design2/0-00000000: is missing."
    ]
