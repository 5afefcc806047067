"""Where jobs can be carried out, by the name that ``--on`` gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from tinyexp.errors import UserError, unknown
from tinyexp.launch.executor import Executor

ENGINES: Mapping[str, str] = {
    "local": "tinyexp.launch.local:local_executor",
    "ray": "tinyexp.launch.ray.place:ray_executor",
}
"""Each name's function from :class:`Placement` to an executor; what it needs is loaded with it."""


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
    ray_address: str = ""
    """HOST:PORT of a Ray cluster; empty for $RAY_ADDRESS, or the one that runs here."""
    ray_cpus: float = 1.0
    """Processors that a run takes of a Ray node; fractions are shared."""
    ray_gpus: float | None = None
    """GPUs, likewise; None for what the experiment says."""

    def said_of_ray(self) -> list[str]:
        """The options that are Ray's and were given."""
        usual = Placement()
        names = ("ray_address", "ray_cpus", "ray_gpus")
        return [
            f"--{name.replace('_', '-')}" for name in names if getattr(self, name) != getattr(usual, name)
        ]


def executor_for(placement: Placement) -> Executor:
    """The executor of a placement.

    Raises
    ------
    UserError
        There is no such engine, what it needs is not there, or something was said that it cannot take.
    """
    if placement.on not in ENGINES:
        raise unknown("--on", "engine", placement.on, ENGINES)
    if placement.on != "ray" and (said := placement.said_of_ray()):
        raise UserError(f"{said[0]}: is for --on ray. Add that, or leave it out.")
    module, _, name = ENGINES[placement.on].partition(":")
    executor: Executor = getattr(import_module(module), name)(placement)
    return executor
