"""Where jobs can be carried out, by the name that ``--on`` gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from tinyexp.errors import UserError, listed, unknown
from tinyexp.launch.executor import Executor
from tinyexp.launch.job import Job

ENGINES: Mapping[str, str] = {
    "local": "tinyexp.launch.local:local_executor",
    "slurm": "tinyexp.launch.slurm.executor:slurm_executor",
    "ray": "tinyexp.launch.ray.place:ray_executor",
}
"""Each name's function from :class:`Placement` to an executor; what it needs is loaded with it."""
REHEARSALS: Mapping[str, str] = {
    "slurm": "tinyexp.launch.slurm.executor:rehearsal",
}
"""The engines of which ``--dry-run`` can show what they would be given, each with its function from placement and jobs to a text."""


@dataclass(frozen=True)
class Placement:
    """Where and how jobs are to be carried out."""

    on: str = "local"
    """A name of :data:`ENGINES`."""
    jobs: int = 1
    """Runs side by side at most."""
    jobs_asked: int = 0
    """The same where the user said it; 0 where it is left to the engine."""
    runs: Path = Path("runs")
    """The folder in which all profiles' runs are kept."""
    sbatch: tuple[str, ...] = ()
    """The user's own options of ``sbatch``."""
    dry_run: bool = False
    """Show what would be submitted, and submit nothing."""
    ray_address: str = ""
    """HOST:PORT of a Ray cluster; empty for $RAY_ADDRESS, or the one that runs here."""
    ray_cpus: float = 1.0
    """Processors that a run takes of a Ray node; fractions are shared."""
    ray_gpus: float | None = None
    """GPUs, likewise; None for what the experiment says."""


_OPTIONS = {"sbatch": "slurm", "ray_address": "ray", "ray_cpus": "ray", "ray_gpus": "ray"}
"""Options of one engine."""
_USUAL = Placement()


def executor_for(placement: Placement) -> Executor:
    """The executor of a placement.

    Raises
    ------
    UserError
        There is no such engine, what it needs is not there, or something was said that it cannot take.
    """
    require_fitting(placement)
    executor: Executor = _function(ENGINES[placement.on])(placement)
    return executor


def rehearse(placement: Placement, jobs: Sequence[Job]) -> str:
    """What would be submitted.

    Raises
    ------
    UserError
        As for :func:`executor_for`, or the engine submits nothing that could be shown.
    """
    require_fitting(placement)
    text: str = _function(REHEARSALS[placement.on])(placement, jobs)
    return text


def require_fitting(placement: Placement) -> None:
    """Raise UserError where there is no such engine, or an option means nothing to it."""
    if placement.on not in ENGINES:
        raise unknown("--on", "engine", placement.on, ENGINES)
    for name, engine in _OPTIONS.items():
        if placement.on != engine and getattr(placement, name) != getattr(_USUAL, name):
            option = name.replace("_", "-")
            raise UserError(f"--{option}: is for --on {engine}. Add that, or leave it out.")
    if placement.dry_run and placement.on not in REHEARSALS:
        raise UserError(
            f"--dry-run: --on {placement.on} submits nothing that could be shown. Give it with --on {listed(REHEARSALS)}."
        )


def _function(named: str) -> Callable[..., Any]:
    module, _, name = named.partition(":")
    function: Callable[..., Any] = getattr(import_module(module), name)
    return function
