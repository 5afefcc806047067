"""What a shell completes: names of experiments, studies, profiles, engines and data sets.

It is asked at every press of the tab key, so it reads the names of files and loads neither pydantic nor a trainer. Whatever the
folder is like, it raises nothing and says nothing: a message would stand in the middle of the line that somebody types.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import click

ENGINES = ("local", "slurm", "ray")
"""The names of ``tinyexp.launch.engines.ENGINES``, which is not loaded for them."""


def complete_experiment(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    from tinyexp.config.names import SOURCE

    del ctx, param
    return _beginning(incomplete, (name for name in _in_experiments(".") if name != SOURCE))


def complete_study(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    del ctx, param
    return _beginning(incomplete, _in_experiments("studies"))


def complete_profile(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """The profiles that can be trained."""
    from tinyexp.config.names import NO_PROFILE

    del ctx, param
    return _beginning(incomplete, _in_experiments("profiles") or [NO_PROFILE])


def complete_trained_profile(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """The profiles that have runs in the folder that ``--runs`` names: also those of imported logs."""
    from tinyexp.config.names import NAME

    del param
    try:
        folders = [path.name for path in Path(ctx.params.get("runs") or "runs").iterdir() if path.is_dir()]
    except OSError:
        return []
    return _beginning(incomplete, sorted(name for name in folders if re.fullmatch(NAME, name)))


def complete_engine(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    del ctx, param
    return _beginning(incomplete, ENGINES)


def complete_data_set(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    from tinyexp.trainers.vision.data.catalogue import CATALOGUE

    del ctx, param
    return _beginning(incomplete, CATALOGUE)


def _in_experiments(below: str) -> list[str]:
    from tinyexp.config.names import usable_names
    from tinyexp.resources import experiments_folder

    try:
        return usable_names(experiments_folder() / below)
    except OSError:  # a folder that may not be read, or was removed under the shell
        return []


def _beginning(incomplete: str, names: Iterable[str]) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]
