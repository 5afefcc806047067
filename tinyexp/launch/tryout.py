"""One run in a folder that is thrown away: does it train, and what is read from its log?"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinyexp import stopping
from tinyexp.analysis.design import experiment_point
from tinyexp.analysis.study import load_study, study_names
from tinyexp.config.experiment import Experiment
from tinyexp.errors import TinyexpError, UserError
from tinyexp.launch.prepare import prepare
from tinyexp.launch.progress import measured
from tinyexp.launch.study_metrics import not_measured
from tinyexp.runs.metrics import read_metrics
from tinyexp.runs.records import INDEX_COLUMNS, NO_METRICS, headline
from tinyexp.terminal import counted
from tinyexp.trainers.base import Listener, Row, trainer_of


@dataclass(frozen=True)
class Tried:
    """What a tried run left."""

    sentence: str
    table: list[dict[str, Any]]
    """A row a column of its metrics: name, what it was read as, first, last, lowest and highest value."""
    notes: tuple[str, ...]
    """What it lacks of what is asked of it elsewhere, a sentence or more each."""


def try_run(experiment: Experiment, seed: int, data_folder: Path, tell: Callable[[str], None]) -> Tried:
    """Train one run and read its records; nothing of it is kept, unless it fails and its error names a file there.

    Raises
    ------
    TinyexpError
        As training does; the message has what the run said.
    """

    def epoch_done(row: Row, _timing: Row) -> None:
        metric = headline(row)
        index = next(name for name in INDEX_COLUMNS if name in row)
        tell(f"{index} {row[index]:g}: {measured(metric, row[metric] if metric else None)}")

    with stopping.heeded() as asked, thrown_away() as place:
        [plan] = prepare([experiment_point(experiment, (seed,))], place, data_folder)
        listener = Listener(epoch_done=epoch_done, warn=tell, stop_code=asked)
        trainer_of(experiment.trainer).train(
            plan, data_folder, listener, fresh=False, accept_environment=False
        )
        rows = read_metrics(plan.folder.metrics)
    names = list(rows[0])
    metrics = [name for name in names if name not in NO_METRICS]
    return Tried(
        f"{experiment.name} seed {seed}: {counted(len(rows), 'row')} by {names[0]}, {counted(len(metrics), 'metric')}."
        " Nothing was kept.",
        [_told(name, [row[name] for row in rows]) for name in names],
        _not_measured(experiment.name, [name for name in names if name not in NO_METRICS]),
    )


@contextlib.contextmanager
def thrown_away() -> Iterator[Path]:
    """A folder that is gone afterwards, unless an error sends its reader there."""
    place = Path(tempfile.mkdtemp(prefix="tinyexp-try-"))
    is_named = False
    try:
        yield place
    except TinyexpError as error:
        is_named = str(place) in str(error)
        raise
    finally:
        if not is_named:
            shutil.rmtree(place, ignore_errors=True)


def _not_measured(experiment: str, metrics: list[str]) -> tuple[str, ...]:
    """Of each study over an experiment whose metric its log does not have, a sentence that says so."""
    told = []
    for name in study_names():
        with contextlib.suppress(UserError):  # what is wrong with a study is said where it is asked for
            study = load_study(name)
            if experiment in study.experiments and (sentence := not_measured(study, metrics)):
                told.append(sentence)
    return tuple(told)


def _told(name: str, values: list[float | None]) -> dict[str, Any]:
    known = [value for value in values if value is not None]
    what = "index" if name in INDEX_COLUMNS else "setting" if name in NO_METRICS else "metric"
    missing = f", {len(values) - len(known)} empty" if len(known) < len(values) else ""
    numbers = {
        "first": values[0],
        "last": values[-1],
        "lowest": min(known, default=None),
        "highest": max(known, default=None),
    }
    return {"column": name, "read_as": f"{what}{missing}"} | {
        key: None if value is None else f"{value:.6g}" for key, value in numbers.items()
    }
