"""A report is made of runs in which ``tinyexp check`` finds nothing: the same function looks at both."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from records_maker import make_runs, with_status

from tinyexp.errors import DamagedError
from tinyexp.launch.verify import verify
from tinyexp.report.render import write_report
from tinyexp.runs.folder import RunFolder
from tinyexp.runs.records import Status, read_section, write_section


def accuracy(run: RunFolder) -> None:
    rows = run.metrics.read_text().splitlines()
    cells = rows[-1].split(",")
    cells[rows[0].split(",").index("test_accuracy")] = "0.99"
    run.metrics.write_text("\n".join([*rows[:-1], ",".join(cells)]) + "\n")
    with_status(run)


def learning_rate(run: RunFolder) -> None:
    told = json.loads(run.record.read_text())
    told["experiment"]["settings"]["optimizer"]["learning_rate"] = 0.5
    run.record.write_text(json.dumps(told))
    with_status(run)


def emptied_digests(run: RunFolder) -> None:
    write_section(run.status, read_section(run.status, Status).model_copy(update={"digests": {}}))


def state(run: RunFolder) -> None:
    run.status.write_text(run.status.read_text().replace('"finished"', '"failed"'))


def exchanged(run: RunFolder) -> None:
    other = next(path for path in sorted(run.path.parent.iterdir()) if path != run.path)
    aside = run.path.with_name("aside")
    run.path.rename(aside)
    other.rename(run.path)
    aside.rename(other)


@pytest.mark.parametrize(
    ("alter", "words"),
    [
        (accuracy, r"predictions.npz gives test_accuracy 0\.\d+, and metrics.csv says 0.99"),
        (learning_rate, r"run.json says the identity \w+, and its content gives"),
        (emptied_digests, r"status.json has no SHA-256 of environment.json"),
        (state, r"status.json is not what the run wrote"),
        (exchanged, r"holds the run embedded/tiny-design1/"),
    ],
)
def test_what_check_refuses_no_report_is_made_of(
    tmp_path: Path, alter: Callable[[RunFolder], None], words: str
) -> None:
    first, *_ = make_runs(tmp_path / "runs", ["tiny-design1"])
    alter(first)
    assert verify(tmp_path / "runs").found
    with pytest.raises(DamagedError, match=words):
        write_report(tmp_path / "runs", tmp_path / "out")
    assert not (tmp_path / "out").exists()
