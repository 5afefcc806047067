"""The script of an array job. Nothing hostile can stand in an option: only its body, where a shell quotes, names a path."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tinyexp.errors import UserError, listed
from tinyexp.launch.slurm.submission import Submission

_OURS: Mapping[str, str] = {
    "--array": "-a",
    "--chdir": "-D",
    "--dependency": "-d",
    "--error": "-e",
    "--job-name": "-J",
    "--open-mode": "",
    "--output": "-o",
    "--parsable": "",
    "--wait": "-W",
    "--wrap": "",
}
"""What tinyexp sets itself, with the short form."""


def require_options(options: Sequence[str]) -> None:
    """Raise UserError where one of ``--sbatch`` is no option of sbatch, or is set by tinyexp."""
    for option in options:
        where = f"--sbatch {shlex.quote(option)}"
        if not option.startswith("-") or not option.isprintable():
            raise UserError(
                f"{where}: is no option of sbatch on one line. Give it as in --sbatch=--partition=gpu, one option each time."
            )
        name = option.partition("=")[0]
        if name in _OURS or any(
            short and option.startswith(short) for short in _OURS.values() if option[1] != "-"
        ):
            raise UserError(f"{where}: tinyexp sets {listed(_OURS)} itself. Leave it out.")


def script_text(
    submission: Submission, count: int, at_once: int, options: Sequence[str] = (), after: str = ""
) -> str:
    """The script over so many tasks.

    Parameters
    ----------
    at_once
        Tasks side by side at most.
    options
        The user's, which come last and so have the last word.
    after
        The array whose end it waits for.
    """
    ours = [
        f"--job-name={submission.name}",
        f"--array=0-{count - 1}%{min(at_once, count)}",
        "--output=%a.log",  # below the folder in which sbatch is called
        "--open-mode=append",
        "--requeue",
        # Two minutes before the time limit, and when it is preempted: to the batch step, which is Python.
        "--signal=B:TERM@120",
        *([f"--dependency=afterany:{after}"] if after else []),
    ]
    lines = [f"#SBATCH {option}" for option in [*ours, *map(_quoted, options)]]
    python, folder = shlex.quote(sys.executable), shlex.quote(str(submission.folder))
    body = [
        f"cd -- {shlex.quote(str(Path.cwd()))} || exit 1",
        f'exec {python} -m tinyexp.launch.slurm.task {folder} "$SLURM_ARRAY_TASK_ID"',
    ]
    return "\n".join(["#!/bin/bash", *lines, "", *body, ""])


def _quoted(option: str) -> str:
    """As sbatch reads it again: ``--comment='two words'``."""
    name, equals, value = option.partition("=")
    return f"{name}{equals}{shlex.quote(value)}" if equals else shlex.quote(option)
