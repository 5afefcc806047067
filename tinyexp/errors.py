"""Every failure that a user can meet, and the words for it.

A :class:`UserError` is the user's to mend and ends a command with exit code 2; the other errors are
named failures of a run or of a check and end it with exit code 1. What is ours to mend stays an
``AssertionError`` or whatever Python raises, with its traceback.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class TinyexpError(Exception):
    """Something has failed that the message names; ends a command with exit code 1.

    Parameters
    ----------
    reason
        What is wrong, as a sentence or more.
    path
        The file or folder that it is wrong with; the message begins with it.

    >>> str(TinyexpError("is missing.", Path("runs/run.json")))
    'runs/run.json: is missing.'
    """

    exit_code = 1

    def __init__(self, reason: str, path: Path | None = None) -> None:
        super().__init__(reason if path is None else f"{path}: {reason}")
        self.reason, self.path = reason, path


class UserError(TinyexpError):
    """Input that cannot be used. The message says where, what, the choices and the next step."""

    exit_code = 2


class MetricValuesError(UserError):
    """Values that a metric cannot have: beyond its bounds, percents where fractions are meant, or both together."""


class DivergedError(TinyexpError):
    """A loss became NaN or infinite; the run keeps the last state in which it was finite."""


class LockedError(TinyexpError):
    """Another process trains the run; its records are that process's to write."""


class LostFolderError(LockedError):
    """A run's folder was moved or removed while this process wrote in it; what has its name now is not this process's."""


class DamagedError(TinyexpError):
    """A file of ours is not what was written: truncated, changed, or of another kind."""


class UnreadableError(DamagedError):
    """A file that could not be read this time, as for want of a permission; of its content nothing is known."""


class InterruptedRunError(TinyexpError):
    """A signal asked the run to stop; its state is committed and it can be resumed."""

    def __init__(self, message: str, exit_code: int) -> None:
        """``exit_code`` is 130 after SIGINT and 143 after SIGTERM, as shells expect."""
        super().__init__(message)
        self.exit_code = exit_code


_CURES = {
    errno.ENOSPC: "Free some space",
    errno.EDQUOT: "Free some space",
    errno.EMFILE: "Let a process have more files open (`ulimit -n`)",
    errno.ENFILE: "Let processes have more files open",
    errno.ENOMEM: "Free some memory",
    errno.EACCES: "Look at its permissions",
    errno.EPERM: "Look at its permissions",
    errno.EROFS: "Make that disk writable",
}


def call_failed(error: OSError) -> TinyexpError:
    """What the system refused, in words: of which file, why, and what to do.

    >>> str(call_failed(OSError(errno.EMFILE, "Too many open files", "runs/run.json")))
    'runs/run.json: Too many open files. Let a process have more files open (`ulimit -n`), then give the same command again.'
    """
    where = " and ".join(
        os.fsdecode(name) for name in (error.filename, error.filename2) if isinstance(name, str | bytes)
    )
    cure = _CURES.get(error.errno or 0, "Look at the disk that it is on")
    said = error.strerror or str(error) or type(error).__name__
    return TinyexpError(f"{where or 'a file'}: {said}. {cure}, then give the same command again.")


def nearest(value: str, known: Iterable[str]) -> str:
    """The known name that ``value`` was probably meant to be, as a clause; empty if none is close.

    >>> nearest("widht", ["width", "depth"])
    " Did you mean 'width'?"
    >>> nearest("q", ["width", "depth"])
    ''
    """
    import difflib  # noqa: PLC0415 - only a mistake needs it

    close = difflib.get_close_matches(value, list(known), n=1)
    return f" Did you mean '{close[0]}'?" if close else ""


def listed(names: Iterable[str]) -> str:
    """Names as a reader wants them in a message: sorted as given, comma-separated."""
    return ", ".join(names) or "(none)"


def unknown(where: str, what: str, value: str, known: Iterable[str]) -> UserError:
    """The error for a name that is not one of the known ones."""
    names = list(known)
    return UserError(f"{where}: unknown {what} '{value}'. Known: {listed(names)}.{nearest(value, names)}")
