"""The one class that knows where a run keeps what.

``runs/<profile>/<experiment>/<seed>-<identity8>/``. The checkpoint is the truth; everything else in
the folder is a projection of it and can be made again.
"""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tinyexp.errors import DamagedError, UnreadableError, UserError
from tinyexp.files import entries, read_bounded

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_FOLDER_NAME = re.compile(r"^\d{1,10}-[0-9a-f]{8}$")

CHECKPOINT_NAME = re.compile(r"^epoch-(\d{6,})-step-(\d{8,})\.ckpt$")
RECORD_NAMES = ("run.json", "environment.json", "metrics.csv", "predictions.npz", "status.json")
"""What a run's result consists of: no weights, no clock."""
TIMING = "timing.csv"
"""What it cost on the machine where it was trained. A report carries it with the records; no two runs have the same."""
_ANY = (*RECORD_NAMES, "checkpoints")
_HEADER_BYTES = 100_000
"""No table without a row has more."""


@dataclass(frozen=True)
class RunFolder:
    """The paths of one run."""

    path: Path

    @property
    def record(self) -> Path:
        """What was asked for: the resolved experiment, the seed, the identity."""
        return self.path / "run.json"

    @property
    def environment(self) -> Path:
        """What it was trained with."""
        return self.path / "environment.json"

    @property
    def checkpoints(self) -> Path:
        """The folder of checkpoints, the last two kept."""
        return self.path / "checkpoints"

    @property
    def position(self) -> tuple[int, int]:
        """How far the newest checkpoint is: the epoch under way, from 1, and its steps that are done; zeros without one."""
        found = (CHECKPOINT_NAME.match(path.name) for path in entries(self.checkpoints))
        return max(((int(name[1]), int(name[2])) for name in found if name), default=(0, 0))

    @property
    def metrics(self) -> Path:
        """A row an epoch; no clock in it."""
        return self.path / "metrics.csv"

    @property
    def timing(self) -> Path:
        """Wall-clock seconds, a row an epoch."""
        return self.path / TIMING

    @property
    def predictions(self) -> Path:
        """What the net said of each test image after the last epoch."""
        return self.path / "predictions.npz"

    @property
    def status(self) -> Path:
        """How far it came."""
        return self.path / "status.json"

    @property
    def log(self) -> Path:
        """What the run said, for people."""
        return self.path / "log.txt"

    @property
    def lock(self) -> Path:
        """Held by the process that trains the run."""
        return self.path / ".lock"

    @property
    def order(self) -> tuple[str, str, int, str]:
        """Sorts runs by profile, experiment, seed and identity."""
        seed, _, identity = self.path.name.partition("-")
        return self.path.parts[-3], self.path.parts[-2], int(seed), identity

    @property
    def name(self) -> str:
        """``profile/experiment/seed-identity8``, as messages and records name a run."""
        return "/".join(self.path.parts[-3:])


def run_folder(runs: Path, profile: str, experiment: str, seed: int, identity: str) -> RunFolder:
    """The folder of one run below ``runs``; it need not exist."""
    return RunFolder(runs / profile / experiment / f"{seed}-{identity[:8]}")


def no_folder(runs: Path) -> UserError:
    """The error for a folder of runs that is not there: nothing was trained yet, or the runs lie elsewhere."""
    where = "" if runs.is_absolute() else f" in {Path.cwd()}"
    command = shlex.join(["tinyexp", "run-all", "--runs", str(runs)])
    return UserError(
        f"{runs}: there is no such folder{where}. Train first: `{command}`; or name the folder that has your runs: --runs FOLDER."
    )


def find_runs(runs: Path, *, begun: bool = False) -> Iterator[RunFolder]:
    """The runs below ``runs``, in the order of profile, experiment, seed and identity.

    Parameters
    ----------
    begun
        Those too that :func:`is_just_begun` is true of.

    Raises
    ------
    DamagedError
        A folder above the runs cannot be listed.
    """
    found = _holding(runs, {"run.json"})
    yield from found if begun else (folder for folder in found if not is_just_begun(folder))


def is_just_begun(folder: RunFolder) -> bool:
    """Whether a run is being begun, or was ended before it wrote its first status: nothing can be lost with that, as it has no result yet."""
    if os.path.lexists(folder.status) or not os.path.isfile(folder.record):  # noqa: PTH113 - nothing raised where it may not look
        return False
    try:
        tables = [
            read_bounded(path, _HEADER_BYTES)
            for path in (folder.metrics, folder.timing)
            if os.path.lexists(path)
        ]
        further = os.path.lexists(folder.predictions) or entries(folder.checkpoints)
    except (DamagedError, OSError):
        return False
    return not further and all(len(table.splitlines()) <= 1 for table in tables)


def is_run_name(name: str) -> bool:
    """Whether a folder is called as runs are: seed and eight digits of the identity."""
    return bool(_FOLDER_NAME.match(name))


def find_folders(runs: Path) -> list[RunFolder]:
    """As :func:`find_runs`, and those in which a run.json should be and is not."""
    return _holding(runs, {*_ANY})


def _holding(runs: Path, names: Collection[str]) -> list[RunFolder]:
    """The folders that are called as runs are and have a file of one of these names, or cannot be looked into."""
    above = [experiment for profile in _folders(runs) for experiment in _folders(profile)]
    found = [path for experiment in above for path in _folders(experiment) if is_run_name(path.name)]
    return sorted(
        (RunFolder(path) for path in found if _has_any(path, names)), key=lambda folder: folder.order
    )


def _folders(folder: Path) -> list[Path]:
    return [path for path in entries(folder) if os.path.isdir(path)]  # noqa: PTH112 - Path.is_dir raises where it may not look


def _has_any(folder: Path, names: Collection[str]) -> bool:
    try:
        return any(path.name in names for path in entries(folder))
    except UnreadableError:
        return True
