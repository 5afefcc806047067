"""A report that is written while runs are trained: when, by what, how often, and what becomes of it."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import warm

from tinyexp import report_beside
from tinyexp.errors import UserError
from tinyexp.report_beside import ReportBeside, report_command, require_place

WRITES = "print('out/report.html')"


def run(name: str) -> SimpleNamespace:
    """As much of a plan as is looked at."""
    return SimpleNamespace(folder=SimpleNamespace(path=Path(name)))


def beside(program: str) -> ReportBeside:
    return ReportBeside([sys.executable, "-c", program])


def told(beside: ReportBeside, seconds: float = 20.0) -> str:
    """The next line."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if line := beside.look():
            return line
        time.sleep(0.01)
    raise AssertionError("nothing was told")


def wait_for(holds: Callable[[], object]) -> None:
    until = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """A clock that goes on when it is told to."""
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(report_beside.time, "monotonic", lambda: clock.now)
    return clock


def lives(process: int) -> bool:
    """A process that has ended and that nobody asked about is gone, too."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_first_report_waits_for_the_runs_that_it_needs() -> None:
    report = beside(WRITES)
    first = [run("a0"), run("b0")]
    report.begin(first)
    for plan in (run("c0"), first[0]):
        report.ended(plan)
        assert report.look() == ""
        assert report._rendering is None
    report.ended(first[1])
    assert told(report) == "report of 3 runs so far: out/report.html"


def test_runs_that_were_finished_before_are_not_waited_for_by_a_second_training() -> None:
    report = beside(WRITES)
    report.begin([run("a0")])
    report.ended(run("a0"))
    report.begin([run("a0")])
    assert told(report) == "report of 1 run so far: out/report.html"


def test_where_no_study_leads_one_run_is_enough_and_none_is_too_few() -> None:
    report = beside(WRITES)
    report.begin([])
    report.look()
    assert report._rendering is None
    report.ended(run("a0"))
    assert "1 run " in told(report)


def test_the_next_report_comes_no_earlier_than_ten_times_the_duration_of_the_last(
    clock: SimpleNamespace,
) -> None:
    report = beside(WRITES)
    report.ended(run("a0"))
    report.look()
    assert report._rendering is not None
    report._rendering.process.wait()
    clock.now += 30
    assert "1 run " in report.look()
    report.ended(run("b0"))
    clock.now += 299
    report.look()
    assert report._rendering is None
    clock.now += 2
    report.look()
    assert report._rendering is not None
    report.close()


def test_without_more_runs_there_is_no_second_report(clock: SimpleNamespace) -> None:
    report = beside(WRITES)
    for _ in range(2):
        report.ended(run("a0"))
        report.look()
        if report._rendering is not None:
            report._rendering.process.wait()
            report.look()
        clock.now += 1000
    assert report.look() == ""
    assert report._rendering is None


def test_there_is_one_at_a_time_and_nobody_waits_for_it(tmp_path: Path) -> None:
    report = beside(f"open({str(tmp_path / 'begun')!r}, 'a').write('x'); import time; time.sleep(60)")
    began = time.monotonic()
    for number in range(5):
        report.ended(run(str(number)))
        assert report.look() == ""
    assert time.monotonic() - began < 2
    wait_for((tmp_path / "begun").exists)
    assert report.look() == ""
    report.close()
    assert (tmp_path / "begun").read_text() == "x"


def test_one_that_fails_is_told_in_one_line_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_beside, "_MIN_PAUSE_S", 0.0)
    monkeypatch.setattr(report_beside, "_PAUSE", 0)
    report = beside("import sys; print('a warning', file=sys.stderr); sys.exit('tinyexp: out: no room')")
    report.ended(run("a0"))
    assert told(report) == "no report yet, training goes on: out: no room"
    report.ended(run("b0"))
    with pytest.raises(AssertionError, match="nothing was told"):
        told(report, 2.0)
    assert report._written == 2, "it was tried again"


def test_what_cannot_be_started_is_told_too() -> None:
    report = ReportBeside(["/nowhere/python"])
    report.ended(run("a0"))
    assert "/nowhere/python: cannot be started" in told(report)


def test_a_gate_that_fails_in_between_is_no_failure_of_the_report() -> None:
    report = beside("import sys; print('out/report.html'); sys.exit(1)")
    report.ended(run("a0"))
    assert told(report) == "report of 1 run so far: out/report.html"


def test_however_much_it_prints_it_comes_to_its_end() -> None:
    report = beside("import sys; sys.stderr.write('x' * 1_000_000); print('out/report.html')")
    report.ended(run("a0"))
    assert told(report) == "report of 1 run so far: out/report.html"


def test_it_gives_way_to_training() -> None:
    own = os.getpriority(os.PRIO_PROCESS, 0)
    report = beside("import os; print(os.getpriority(os.PRIO_PROCESS, 0))")
    report.ended(run("a0"))
    assert told(report) == f"report of 1 run so far: {min(own + 5, 19)}"


SLEEPS = """
import os, sys, time
from pathlib import Path
place = Path({place!r})
(place / "process.tmp").write_text(str(os.getpid()))
try:
    (place / "process.tmp").rename(place / "process")
    time.sleep(60)
finally:
    (place / "cleared").touch()
"""


LAUNCHES = """
import sys, time
from types import SimpleNamespace
from tinyexp.report_beside import ReportBeside
report = ReportBeside([sys.executable, "-c", {program!r}])
report.ended(SimpleNamespace(folder=SimpleNamespace(path=1)))
report.look()
time.sleep(60)
"""


def test_closing_has_it_clear_away_and_leaves_no_process(tmp_path: Path) -> None:
    report = beside(SLEEPS.format(place=str(tmp_path)))
    report.ended(run("a0"))
    report.look()
    wait_for((tmp_path / "process").exists)
    report.close()
    assert (tmp_path / "cleared").exists()
    assert not lives(int((tmp_path / "process").read_text()))
    report.close()


def test_it_clears_away_also_where_a_shell_in_the_background_has_interrupts_ignored(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        test_closing_has_it_clear_away_and_leaves_no_process(tmp_path)
    finally:
        signal.signal(signal.SIGINT, before)


def test_it_ends_with_the_launcher_however_that_ends(tmp_path: Path) -> None:
    launcher = warm.Popen(
        [
            sys.executable,
            "-c",
            LAUNCHES.format(program=SLEEPS.format(place=str(tmp_path))),
        ]
    )
    wait_for((tmp_path / "process").exists)
    launcher.send_signal(signal.SIGKILL)
    launcher.wait()
    process = int((tmp_path / "process").read_text())
    wait_for(lambda: not lives(process))


def test_the_command_names_every_choice_in_one_word_each() -> None:
    words = report_command(Path("-out"), Path("my runs"), "desk", ["model.width=0.5"], Path("data"))
    assert words[1:] == [
        "-P",
        "-m",
        "tinyexp",
        "report",
        "--out=-out",
        "--runs=my runs",
        "--profile=desk",
        "--data-folder=data",
        "--set=model.width=0.5",
    ]


def test_a_place_in_which_no_report_can_be_is_refused_beforehand(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="is a file"):
        require_place(tmp_path / "file", tmp_path / "runs")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").touch()
    with pytest.raises(UserError, match=r"holds files that no report wrote \(thesis\.tex\)"):
        require_place(tmp_path / "full", tmp_path / "runs")
    for out in (tmp_path, tmp_path / "runs"):
        with pytest.raises(UserError, match=r"--report .*: the runs are kept in it .*--runs"):
            require_place(out, tmp_path / "runs")
    require_place(tmp_path / "new", tmp_path / "runs")
