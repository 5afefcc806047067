"""What an array's script starts: ``python -m tinyexp.launch.slurm.task FOLDER INDEX``, the process that SLURM signals.

Loading what a run needs takes seconds; a signal that comes meanwhile must not end the process.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import FrameType

from tinyexp import stopping


class StopRequest:
    """Set by a signal that asks to stop; the run in training commits and leaves at its next step."""

    def __init__(self) -> None:
        self.code = 0

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        self.code = stopping.code_of(number)


def main() -> int:
    """Carry out one task; gives the exit code."""
    stop = StopRequest()
    stopping.hear(stop)
    from tinyexp.launch.slurm.attempt import attempt  # noqa: PLC0415 - after the signal's handler

    folder, index = sys.argv[1:]
    return attempt(Path(folder), int(index), lambda: stop.code)


if __name__ == "__main__":
    sys.exit(main())
