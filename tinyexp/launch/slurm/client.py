"""SLURM's own programs, called as a user would. Each call has a time limit, and says whether asking again may help."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tinyexp.errors import TinyexpError

PROGRAMS = ("sbatch", "squeue", "scancel", "scontrol")
DEFAULT_MAX_ARRAY = 1001
"""SLURM's own."""
_TIMEOUT_S = 60.0
_PASSING = re.compile(
    r"unable to contact|timed out|temporarily|connection (refused|reset)|zero bytes|communication|backup controller|try again",
    re.IGNORECASE,
)
"""What slurmctld's absence sounds like, against what is wrong with the question."""
_ENDED = re.compile(r"invalid job id|already completing or completed|job/step already", re.IGNORECASE)
_MISLEADING = re.compile(
    r"(SQUEUE|SCANCEL|SACCT|SCONTROL)_.*"
    r"|SBATCH_(ARRAY_INX|JOB_NAME|OUTPUT|ERROR|INPUT|OPEN_MODE|WAIT|CHDIR)|SLURM_RESTART_COUNT"
)
"""Variables by which these programs would do something else than they are asked to."""


class SlurmError(TinyexpError):
    """A program of SLURM failed; ``passing`` where it may answer later."""

    def __init__(self, reason: str, *, passing: bool) -> None:
        super().__init__(reason)
        self.passing = passing


@dataclass(frozen=True)
class Queued:
    """A task that SLURM has."""

    array: str
    """The array job's number."""
    state: str
    """As squeue names it: PENDING, RUNNING, COMPLETING, ..."""


def submit(script: Path) -> str:
    """Submit an array; gives its number."""
    # The script's folder is the working directory, so that no path has to stand in an option.
    lines = call("sbatch", "--parsable", script.name, folder=script.parent).split()
    return lines[-1].partition(";")[0] if lines else ""


def queued(names: Sequence[str]) -> dict[tuple[str, int], Queued]:
    """The tasks of these jobs that wait, run or are about to end, in one call; by the job's name and the task's index."""
    told = call("squeue", "--noheader", "--array", f"--name={','.join(names)}", "--format=%F %K %T %j")
    found = {}
    for line in told.splitlines():
        array, index, state, name = (line.split(maxsplit=3) + [""] * 4)[:4]
        if index.isdecimal():
            found[name.strip(), int(index)] = Queued(array, state)
    return found


def cancel(tasks: Mapping[str, Iterable[int]]) -> None:
    """Cancel tasks, by array; those that have ended are no error."""
    words = [f"{array}_[{_ranges(indices)}]" for array, indices in tasks.items()]
    _unless_ended("scancel", *words)


def cancel_all(name: str) -> None:
    """Cancel all that is called so."""
    _unless_ended("scancel", f"--name={name}")


def requeue(task: str) -> None:
    """Have a running task begin again."""
    call("scontrol", "requeue", task)


def state_of(task: str) -> str:
    """The state of one task; empty where SLURM knows it no longer."""
    [*found] = _records(_unless_ended("scontrol", "--oneliner", "show", "job", task))
    return found[0].get("JobState", "") if found else ""


def endings(array: str) -> dict[int, str]:
    """What SLURM still knows of how the tasks of an array ended, in words; from its accounts where it has any."""
    try:
        records = _records(_unless_ended("scontrol", "--oneliner", "show", "job", array))
        found = {
            int(one["ArrayTaskId"]): _words(one["JobState"], one.get("ExitCode", ""))
            for one in records
            if one.get("ArrayTaskId", "").isdecimal()
        }
        return found or _accounted(array)
    except SlurmError:
        return {}


def max_array() -> int:
    """How many tasks an array may have."""
    found = re.search(r"^MaxArraySize\s*=\s*(\d+)", call("scontrol", "show", "config"), re.MULTILINE)
    return max(1, int(found[1])) if found else DEFAULT_MAX_ARRAY


def call(*words: str, folder: Path | None = None) -> str:
    """What a program of SLURM answers.

    Raises
    ------
    SlurmError
        It failed, gave no answer within a minute, or could not be started.
    """
    environment = {name: value for name, value in os.environ.items() if not _MISLEADING.fullmatch(name)}
    try:
        # A session of its own: an interrupt from the terminal is the launcher's to hear.
        done = subprocess.run(  # noqa: S603 - its words are ours, and no shell reads them
            words,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=False,
            start_new_session=True,
        )
    except subprocess.TimeoutExpired as error:
        raise SlurmError(f"{words[0]}: no answer in {_TIMEOUT_S:.0f} s", passing=True) from error
    except OSError as error:
        raise SlurmError(f"{words[0]}: cannot be started ({error.strerror})", passing=True) from error
    if done.returncode == 0:
        return done.stdout.decode(errors="replace")
    said = " ".join(done.stderr.decode(errors="replace").split()) or f"ended with code {done.returncode}"
    raise SlurmError(
        said if said.startswith(words[0]) else f"{words[0]}: {said}",
        passing=done.returncode < 0 or bool(_PASSING.search(said)),
    )


def _unless_ended(*words: str) -> str:
    try:
        return call(*words)
    except SlurmError as error:
        if _ENDED.search(str(error)):
            return ""
        raise


def _records(told: str) -> list[dict[str, str]]:
    """Lines of ``scontrol --oneliner``, each as its keys and values; a value ends at a space."""
    return [dict(re.findall(r"(\w+)=(\S*)", line)) for line in told.splitlines() if line.strip()]


def _accounted(array: str) -> dict[int, str]:
    # Without a beginning sacct looks no further back than midnight.
    told = call("sacct", "-n", "-P", "-X", "-S", "now-30days", "-j", array, "-o", "JobID,State,ExitCode")
    rows = [line.split("|") for line in told.splitlines() if line.count("|") == 2]
    return {
        int(index): _words(state, code)
        for name, state, code in rows
        if (index := name.rpartition("_")[2]).isdecimal()
    }


def _words(state: str, code: str) -> str:
    """As in ``SLURM says OUT_OF_MEMORY, code 0:125``."""
    return f"SLURM says {state}" + (f", code {code}" if code else "")


def _ranges(indices: Iterable[int]) -> str:
    """As SLURM writes many of them.

    >>> _ranges([7, 0, 1, 2])
    '0-2,7'
    """
    parts: list[list[int]] = []
    for index in sorted(indices):
        if parts and parts[-1][-1] == index - 1:
            parts[-1][1:] = [index]
        else:
            parts.append([index])
    return ",".join("-".join(map(str, part)) for part in parts)
