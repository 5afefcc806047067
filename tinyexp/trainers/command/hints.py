"""What is said of a command that cannot start, or that left no log: what is there instead, and the next step."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tinyexp.errors import listed, nearest
from tinyexp.terminal import visible
from tinyexp.trainers.command.settings import CommandTable

_TABLES = (".csv", ".tsv", ".jsonl", ".json", ".ndjson")
_MAX_NAMED = 5


def program_fault(program: str) -> str:
    """Why a program cannot be started, as a sentence and the next step; empty where nothing is against it."""
    if shutil.which(program):
        return ""
    path = Path(program)
    python = f"python {program}"
    if os.sep not in program:
        is_script = path.is_file() and path.suffix == ".py"
        step = f"Is the file {program} meant? Write {python}." if is_script else "Correct it, or install it."
        return f"there is no program '{program}' on PATH. {step}"
    if path.is_file():
        step = (
            f"Write {python}, or `chmod +x {program}`."
            if path.suffix == ".py"
            else f"`chmod +x {program}` makes it one."
        )
        return f"{program} is no program: it is not executable. {step}"
    beside = [one.name for one in path.parent.iterdir() if one.is_file()] if path.parent.is_dir() else []
    where = "" if path.is_absolute() else f" below {Path.cwd()}"
    near = nearest(path.name, beside).replace("mean '", f"mean '{program.removesuffix(path.name)}")
    return f"there is no program '{program}'{where}. Correct it, or install it.{near}"


def instead_of_log(work: Path, command: CommandTable) -> str:
    """What a command that ended well left in place of its log, and what to change.

    Parameters
    ----------
    work
        The folder that ``{folder}`` stood for.
    """
    left = sorted(path.relative_to(work).as_posix() for path in work.rglob("*") if path.is_file())
    if not left and "{folder}" not in command.run:
        return (
            "It left nothing below {folder}, which command.run does not name: add it, as in --out {folder}."
        )
    shown = [visible(name, one_line=True) for name in left[:_MAX_NAMED]]
    more = f" and {len(left) - _MAX_NAMED} more" if len(left) > _MAX_NAMED else ""
    told = (
        f"Below {{folder}} there are: {listed(shown)}{more}." if left else "It left nothing below {folder}."
    )
    tables = [name for name in left if name.endswith(_TABLES)]
    if tables:
        name = visible(tables[0], one_line=True)
        return f'{told} In [command], write metrics = "{name}" if that is its log.'
    return f"{told} Have it write {command.metrics} there, or name in [command] metrics what it writes."
