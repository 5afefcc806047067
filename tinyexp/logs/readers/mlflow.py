"""MLflow: runs of its file store, ``mlruns/EXPERIMENT/RUN``, and of its database, ``mlflow.db``.

Seen: MLflow 3.17, both stores.

- A metric is a file of lines ``timestamp value step`` (older ones have no step; newer ones may have two words of a data
  set behind it); a name with slashes is a file in folders. The experiment's name is in the folder above.
- ``start_run(run_id=...)`` goes on in the same files: steps stand twice, and the later timestamp counts.
- Values that were logged without a step all have step 0, and have rows of their own. Steps of metrics may count different things.
- A killed run stays RUNNING. A deleted one stays where it is, and is left out. One without metrics may be the parent of others.
- The database has infinity as the largest number. Parameters are text in both: numbers are made numbers again.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from tinyexp.errors import UserError, listed
from tinyexp.logs.folder import Folder, Reader, Unit, read_text
from tinyexp.logs.log import Repair, RunLog
from tinyexp.logs.mlflow_db import MAGIC, is_mlflow, runs_in
from tinyexp.logs.mlflow_runs import Logged, MlflowRun, without_parents
from tinyexp.logs.yaml import read_yaml

META = "meta.yaml"
CUT = "cut in the middle at the end of a file, as a killed run leaves it: dropped"
_MAX_FILES = 100_000
_DATABASES = (".db", ".sqlite", ".sqlite3")
_IS_RUN = re.compile(rb"^run_(?:uu)?id:", re.MULTILINE)
_HAS_STAGE = re.compile(rb"^lifecycle_stage:", re.MULTILINE)
_STATUS = {"1": "RUNNING", "2": "SCHEDULED", "3": "FINISHED", "4": "FAILED", "5": "KILLED"}
_MAX_INTEGER = 2**62
_FIELDS = (2, 3, 5)
"""How many words a line of a metric may have."""


def find(folder: Folder) -> list[Unit]:
    """The run that a folder is, and databases in it."""
    if META in folder.files:
        head = folder.head(META)
        if _IS_RUN.search(head) and _HAS_STAGE.search(head):
            return [Unit(folder.path, (folder.path / META,), (folder.path,))]
    names = [
        name for name in folder.files if name.endswith(_DATABASES) and folder.head(name).startswith(MAGIC)
    ]
    paths = [folder.path / name for name in names]
    return [Unit(path, (path,)) for path in paths if is_mlflow(path)]


def read(unit: Unit) -> list[RunLog]:
    """Read a run, or all runs of a database."""
    path = unit.files[0]
    if path.name == META:
        return [_from_files(unit.where).told()]
    runs, deleted = runs_in(path)
    if not runs:
        gone = f": {len(deleted)} were deleted in MLflow ({listed(deleted[:10])})" if deleted else ""
        raise UserError(f"{path}: holds no run{gone}.")
    if deleted:
        runs[0].notes.append(
            f"runs of {path.name} that were deleted in MLflow are left out: {listed(deleted[:10])}."
        )
    return [run.told() for run in runs]


def _from_files(folder: Path) -> MlflowRun:
    meta = read_yaml(folder / META)
    above = folder.parent / META
    experiment = read_yaml(above) if above.is_file() else {}
    if "deleted" in (meta.get("lifecycle_stage"), experiment.get("lifecycle_stage")):
        raise UserError(
            f"{folder}: was deleted in MLflow, and is left out. `mlflow runs restore` brings it back."
        )
    run = MlflowRun(
        where=folder,
        files=(),
        name=str(meta.get("run_name") or ""),
        experiment=str(experiment.get("name") or ""),
        status=_STATUS.get(str(meta.get("status", "")), str(meta.get("status", ""))),
    )
    params, tags, metrics = (dict(_named(folder / kind)) for kind in ("params", "tags", "metrics"))
    run.params = {name: read_text(path) for name, path in params.items()}
    run.tags = {name: read_text(path) for name, path in tags.items()}
    run.metrics = {name: _values(path, run) for name, path in metrics.items()}
    settings = (above, *params.values()) if experiment else params.values()
    run.files = (folder / META, *settings, *metrics.values())
    return run


def _named(folder: Path) -> Iterator[tuple[str, Path]]:
    """The files below a folder, by name; those in folders have a name with slashes."""
    count = 0
    for path, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            count += 1
            if count > _MAX_FILES:
                raise UserError(f"{folder}: has more than {_MAX_FILES:,} files.")
            own = Path(path) / name
            yield own.relative_to(folder).as_posix(), own


def _values(path: Path, run: MlflowRun) -> list[Logged]:
    """The lines of a metric."""
    text = read_text(path)
    lines = text.split("\n")
    # Every line is written with its end. A run that ended cleanly cut none.
    unfinished = lines.pop()
    if unfinished.strip():
        if run.status == "FINISHED":
            lines.append(unfinished)
        else:
            run.repairs.append(Repair(CUT, 1))
    found = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            found.append(_logged(line.split()))
        except (ValueError, OverflowError) as error:
            raise UserError(
                f"{path}: line {number} is no value of a metric ('{line[:60]}'): 'timestamp value step' is. Copy the file "
                "again, or take the run out of the folder."
            ) from error
    return found


def _logged(words: list[str]) -> Logged:
    if len(words) not in _FIELDS or "_" in "".join(words[:3]):
        raise ValueError(words)
    time, step = int(words[0]), int(words[2]) if len(words) > 2 else 0
    if max(abs(time), abs(step)) > _MAX_INTEGER:
        raise ValueError(words)
    return Logged(time, float(words[1]), step)


READER = Reader(find, read, without_parents)
