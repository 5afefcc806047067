"""After its fraction ``run-all`` trains the factors that stand out alone too, whatever was ended, or became, of such a run before."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tinyexp import decide
from tinyexp.analysis.design import DesignPoint
from tinyexp.errors import TinyexpError, UnreadableError, UserError
from tinyexp.launch.session import Request
from tinyexp.runs.folder import RunFolder

KEPT = Path(__file__).parents[2] / "reports" / "embedded" / "runs"


@pytest.fixture(scope="module")
def alone() -> tuple[DesignPoint, ...]:
    """The factors that were named when these runs were trained, and their runs."""
    results = decide.results_of(request_for(KEPT), ["why-design1-beat-design2"])
    return results[0].design.confirmations


def request_for(runs: Path) -> Request:
    return Request(names=(), runs=runs, profile="embedded")


def named(runs: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[set[tuple[str, tuple[int, ...]]], int, str]:
    """The points that are to be trained and their seeds, the exit code, and what was said."""
    asked, told = set(), []

    def train_points(request, points):
        asked.update((point.name, tuple(point.planned_seeds)) for point in points)
        return [], 0

    monkeypatch.setattr(decide, "train_points", train_points)
    _, code = decide.confirm_named(request_for(runs), told.append)
    return asked, code, " ".join(told)


def a_file_less(name: str) -> Callable[[RunFolder], None]:
    return lambda folder: (folder.path / name).unlink()


def not_begun(folder: RunFolder) -> None:
    shutil.rmtree(folder.path)


def just_begun(folder: RunFolder) -> None:
    for path in (folder.status, folder.predictions, folder.metrics):
        path.unlink()


def changed(folder: RunFolder) -> None:
    folder.metrics.write_text(folder.metrics.read_text().replace("0.", "1.", 1))


@pytest.mark.parametrize(
    "spoil",
    [
        None,
        not_begun,
        just_begun,
        changed,
        a_file_less("status.json"),
        a_file_less("run.json"),
        a_file_less("metrics.csv"),
        a_file_less("predictions.npz"),
    ],
)
def test_what_became_of_a_run_of_a_factor_alone_keeps_no_factor_from_being_named(
    tmp_path, monkeypatch, alone, spoil
):
    runs = shutil.copytree(KEPT, tmp_path / "runs")
    if spoil:
        spoil(RunFolder(runs / alone[0].runs[0].folder.path.relative_to(KEPT)))
    asked, code, _ = named(runs, monkeypatch)
    assert len(alone) == 2
    assert (asked, code) == ({(point.name, (0, 1, 2)) for point in alone}, 0)


@pytest.mark.parametrize(("error", "code"), [(UnreadableError("not now"), 1), (UserError("too few"), 0)])
def test_what_keeps_every_factor_from_being_named_is_told(tmp_path, monkeypatch, error, code):
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(decide, "results_of", fail)
    assert isinstance(error, TinyexpError)
    asked, ended, told = named(tmp_path, monkeypatch)
    assert (asked, ended) == (set(), code)
    assert str(error) in told
