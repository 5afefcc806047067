"""The summary appended to what a step of GitHub Actions shows of itself."""

from __future__ import annotations

import os
from pathlib import Path

from tinyexp.errors import UserError

VARIABLE = "GITHUB_STEP_SUMMARY"
MAX_BYTES = 1024 * 1024
"""GitHub's limit for one step; above it nothing of the step's summary is shown."""


def step_summary_file() -> Path:
    """The file that the runner names for this step.

    Raises
    ------
    UserError
        The variable is not set, or names no file that can be.
    """
    name = os.environ.get(VARIABLE, "")
    if not name:
        raise UserError(
            f"--step-summary: the environment variable {VARIABLE} is not set. GitHub Actions sets it in every step; "
            "elsewhere leave the option out, or name a file in it."
        )
    path = Path(name)
    if path.is_dir() or not path.parent.is_dir():
        raise UserError(f"--step-summary: {VARIABLE} = '{name}' names no file that can be written.")
    return path


def append_summary(summary: Path, file: Path, digest: str) -> None:
    """Append a report's summary and its digest to a step's summary; what is there already stays, and counts.

    Raises
    ------
    UserError
        The two together are more than GitHub shows of a step, or the file cannot be written. Nothing
        was appended.
    """
    content = summary.read_bytes() + f"\nSHA-256 of the whole report: `{digest}`\n".encode()
    try:
        there = file.read_bytes() if file.exists() else b""
        if there:  # a heading begins after an empty line
            content = b"\n" * (1 if there.endswith(b"\n") else 2) + content
        if len(there) + len(content) > MAX_BYTES:
            raise UserError(
                f"--step-summary: the step's summary has {len(there):,} bytes and {summary} {len(content):,} more; GitHub "
                f"shows at most {MAX_BYTES:,} of a step, so nothing was appended. Write the report in a step of its own."
            )
        with file.open("ab") as stream:
            stream.write(content)
    except OSError as error:
        raise UserError(
            f"--step-summary: {VARIABLE} = '{file}' cannot be written ({error.strerror}); the report itself is whole."
        ) from error
