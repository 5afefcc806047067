"""Trying in a process of its own what can end the process: native code, on this processor, with the user's settings.

A library's kernel may crash, or write beside its memory, for shapes that nobody tried on this type of processor. In
the process that trains, that would be the end of a run, or worse, a wrong number. So it is tried before, by a child
whose death is an answer. Linux's C library is asked to check its heap meanwhile (``MALLOC_CHECK_``), so that writing
beside an allocation ends the child even where the damage would have gone unnoticed.

An answer holds for as long as packages, processor and switches stay as they are, and is kept under the user's
cache folder; where that cannot be written to, the trial is made again each time.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from tinyexp.files import read_bounded, sha256_of_json
from tinyexp.processor import kind

Outcome = Literal["works", "fails", "ends the process", "unknown"]

_VERSION = 2
"""Raised when a trial or this file changes what an answer means."""
_CRASHES = frozenset(
    getattr(signal, name)
    for name in ("SIGABRT", "SIGBUS", "SIGFPE", "SIGILL", "SIGSEGV", "SIGSYS", "SIGTRAP")
    if hasattr(signal, name)
)
"""What native code dies of. Other signals come from outside, as from a user or for want of memory."""
_WINDOWS_CRASH = 0xC0000000
_PATIENCE_S = 600.0
_MAX_ANSWER_BYTES = 10_000
_HEAP_CHECK = "libc_malloc_debug.so.0"


@dataclass(frozen=True)
class Trial:
    """A function to call, by ``module:name``, with a text; it gives a reason, empty where all is well."""

    function: str
    argument: str
    packages: tuple[str, ...]
    """Whose versions decide the answer."""

    @property
    def key(self) -> str:
        """The digest of everything that the answer depends on."""
        versions = {name: _version(name) for name in (*self.packages, "tinyexp")}
        return sha256_of_json(
            {
                "version": _VERSION,
                "function": self.function,
                "argument": self.argument,
                "versions": versions,
                "kind": kind(),
            }
        )


@dataclass(frozen=True)
class Answer:
    """How a trial came out."""

    outcome: Outcome
    reason: str = ""
    """Of a failure: a clause such as ``ended by SIGSEGV``."""


def answers(trials: Sequence[Trial], before: Callable[[int], None] = lambda _count: None) -> list[Answer]:
    """The answers to trials, from the cache or by trying; never raises for what a trial does.

    Parameters
    ----------
    before
        Called with the number of trials that have to be made, where there are any: it takes seconds.
    """
    found = {trial: answer for trial in dict.fromkeys(trials) if (answer := _cached(trial)) is not None}
    missing = [trial for trial in dict.fromkeys(trials) if trial not in found]
    if missing:
        before(len(missing))
    while missing:
        made = _made(missing)
        for trial, answer in zip(missing, made, strict=False):
            found[trial] = answer
            _keep(trial, answer)
        missing = missing[len(made) :]
    return [found[trial] for trial in trials]


def serve() -> None:
    """The child: makes the trials that standard input lists, and says before and after each how it stands."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource  # noqa: PLC0415 - not on every system

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash is expected, and its core of no use
    for function, argument in json.load(sys.stdin):
        print("begun", flush=True)  # noqa: T201 - this is how the parent is told
        try:
            module, _, name = function.partition(":")
            reason = str(getattr(importlib.import_module(module), name)(argument))
        except Exception as error:  # noqa: BLE001 - any failure that leaves the process alive is no crash
            print(json.dumps({"raised": f"{type(error).__name__}: {error}"}), flush=True)  # noqa: T201
        else:
            print(json.dumps({"reason": reason}), flush=True)  # noqa: T201


def _made(trials: Sequence[Trial]) -> list[Answer]:
    """The answers that one child gives: of all trials, or up to the one that ended it; at least one."""
    asked = json.dumps([(trial.function, trial.argument) for trial in trials])
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "tinyexp.selfcheck"],
            input=asked,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_PATIENCE_S,
            env=_child_environment(),
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return [Answer("unknown", f"it could not be tried ({type(error).__name__})")] * len(trials)
    lines = done.stdout.splitlines()
    given = [_answer(line) for line in lines if line.startswith("{")]
    if len(given) == len(trials):
        return given
    if lines and lines[-1] == "begun" and _crashed(done.returncode):
        return [*given, Answer("ends the process", _how(done.returncode))]
    return [*given, *[Answer("unknown", "it could not be tried")] * (len(trials) - len(given))]


def _answer(line: str) -> Answer:
    said = json.loads(line)
    if "raised" in said:
        # Such as too little memory: the run itself will say it better, and there it is no crash.
        return Answer("unknown", str(said["raised"]))
    return Answer("fails", str(said["reason"])) if said["reason"] else Answer("works")


def _crashed(code: int) -> bool:
    return -code in _CRASHES or code >= _WINDOWS_CRASH


def _how(code: int) -> str:
    return f"ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code:#x}"


def _child_environment() -> dict[str, str]:
    environment = dict(os.environ)
    environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    # The child must neither be ended at a named place of a commit, nor write a log of them.
    for name in ("TINYEXP_END_AT", "TINYEXP_COMMIT_LOG", "PYTHONFAULTHANDLER"):
        environment.pop(name, None)
    if sys.platform == "linux":
        environment["LD_PRELOAD"] = " ".join(filter(None, (_HEAP_CHECK, environment.get("LD_PRELOAD"))))
        environment["MALLOC_CHECK_"] = "3"
    return environment


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"


def cache_folder() -> Path | None:
    """Where answers are kept: ``$XDG_CACHE_HOME/tinyexp`` or ``~/.cache/tinyexp``; None where there is no home."""
    named = os.environ.get("XDG_CACHE_HOME")
    try:
        return (Path(named) if named else Path.home() / ".cache") / "tinyexp" / "selfcheck"
    except RuntimeError:
        return None


def _cached(trial: Trial) -> Answer | None:
    folder = cache_folder()
    if folder is None:
        return None
    try:
        found = json.loads(read_bounded(folder / f"{trial.key}.json", _MAX_ANSWER_BYTES))
        outcome, reason = found["outcome"], found["reason"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None
    if outcome not in {"works", "fails", "ends the process"} or not isinstance(reason, str):
        return None
    return Answer(outcome, reason)


def _keep(trial: Trial, answer: Answer) -> None:
    folder = cache_folder()
    if folder is None or answer.outcome == "unknown":
        return
    text = json.dumps({"outcome": answer.outcome, "reason": answer.reason, "function": trial.function})
    # Not as records are written: what is lost here is tried again.
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        aside = folder / f"{trial.key}.{os.getpid()}"
        aside.write_text(text + "\n", encoding="utf-8")
        aside.replace(folder / f"{trial.key}.json")


if __name__ == "__main__":
    serve()
