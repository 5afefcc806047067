"""The command line as a user starts it: a process of its own."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import click
import warm

from tinyexp.cli import main


def tinyexp(*words: str, timeout: float = 300, **options: Any) -> subprocess.CompletedProcess[str]:
    """Carry out ``tinyexp WORDS``; options are those of ``subprocess.run``, and the exit code is the caller's to look at."""
    command = [sys.executable, "-m", "tinyexp", *words]
    return warm.run(command, capture_output=True, text=True, check=False, timeout=timeout, **options)


def command_of(name: str) -> Any:
    """A command of tinyexp, in this process."""
    command = main.get_command(click.Context(main), name)
    assert command is not None, f"there is no {name}"
    return command
