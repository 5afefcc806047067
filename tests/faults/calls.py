"""Each call to the system that a small command makes fails in turn, as SQLite is tested; prints what did not end well.

Run as a program of its own under the library of failing_calls.c, ``calls.py WORK FOLDER EVERY``: it carries the command out once,
which loads all there is to load, and forks a child for every try. Each error fails at every EVERYth of the calls that it fits, once and
then for good, until none is left. A try ends with the bits of an untouched command or with an error in words; the same command afterwards,
with nothing failing, always ends with those bits, and leaves nothing else.
"""

from __future__ import annotations

import contextlib
import errno
import faulthandler
import functools
import hashlib
import json
import os
import re
import shutil
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from failing_calls import SHORT, Calls
from in_process import InProcess

from tinyexp import lease
from tinyexp.cli import main
from tinyexp.launch import session

ERRORS = {
    "ENOSPC": errno.ENOSPC,
    "EIO": errno.EIO,
    "EMFILE": errno.EMFILE,
    "EACCES": errno.EACCES,
    "ENOMEM": errno.ENOMEM,
    "half": SHORT,
}
BY_THE_CLOCK = ("timing.csv", "output.txt", ".owner", ".lock", ".tinyexp-owner.json")
"""Files that are there, and whose bytes are not compared."""
NOT_COMPARED = re.compile(r"(^|/)(log\.txt$|\.lease$|ended-\d+/|\.out\.report-\w+/(\.tinyexp-owner\.json)?$)")
"""Words for people, which are lost where they cannot be written; a lease that could not be removed, which the next takes over; what a command had done that was
tried again, which is kept; a report's folder for working in that was made and not yet marked, in the microseconds between."""
GOES_NEXT_TIME = re.compile(r"\.out\.report-.* is left$")
"""What is left of the report before, where it could not be removed: the next report removes it, which is looked at."""
_PATIENCE_S = 8.0
"""No try takes longer."""
Contents = dict[str, bytes]


def contents(folder: Path) -> Contents:
    """All files and folders; of those that depend on the clock the names, and of checkpoints the last two, as older ones go with the next."""
    found: Contents = {}
    older = {path for place in folder.rglob("checkpoints") for path in sorted(place.glob("*.ckpt"))[:-2]}
    for path in sorted({*folder.rglob("*")} - older):
        name = str(path.relative_to(folder))
        if NOT_COMPARED.search(f"{name}/" if path.is_dir() else name):
            continue
        if path.is_dir():
            found[f"{name}/"] = b""
        else:
            found[name] = b"" if path.name in BY_THE_CLOCK else _bytes_of(path)
    return found


def _bytes_of(path: Path) -> bytes:
    if path.suffix != ".ckpt":
        return path.read_bytes()
    from tinyexp.trainers.vision.training.checkpoint import load_checkpoint

    state = load_checkpoint(path)
    digest = hashlib.sha256()
    for name, value in sorted(state["model"].items()):
        digest.update(name.encode() + value.numpy().tobytes())
    for _, entry in sorted(state["optimizer"]["state"].items()):
        digest.update(entry["momentum_buffer"].numpy().tobytes())
    return digest.digest()


@dataclass(frozen=True)
class Work:
    """A command, and what it starts from."""

    arguments: Sequence[str]
    made: Callable[[Path], None]
    """Makes what the command works on in an empty folder."""
    anew: Sequence[str] = ()
    """What has it do all of it again."""
    replaced: str = ""
    """A folder that it puts another in the place of: whatever fails, one of the two is there, and whole."""


@dataclass(frozen=True)
class Ended:
    """How a try ended."""

    code: int
    said: str
    failed: str = ""
    """The call that failed, and of what; empty where there were not so many."""


@dataclass
class Loop:
    """A command, tried again and again in one folder."""

    work: Work
    folder: Path
    calls: Calls = field(default_factory=Calls)
    problems: list[str] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        lease.STALE_S, lease._LOOK_S = 0.5, 0.05  # an empty lease that could not be removed is waited for
        self.place, self.begun = self.folder / "place", self.folder / "begun"
        self.begun.mkdir(parents=True)
        self.work.made(self.begun)
        self.again()
        os.chdir(self.place)
        session.executor_for = lambda placement: InProcess()
        code = carried_out(self.work.arguments)  # in this process, for what it loads
        assert code == 0, f"the untouched command ended with {code}"
        os.chdir(self.folder)
        self.again()
        assert self.tried().code == 0
        self.untouched = contents(self.place)
        self.replaced = [contents(place / self.work.replaced) for place in (self.begun, self.place)]
        self.known: dict[str, str] = {}

    def every(self, step: int) -> None:
        """All errors, at the first call and every ``step`` calls further on."""
        for name in ERRORS:
            for for_good in (False, True):
                number = 1 + (step // 2 if for_good else 0)
                while self.one(name, number, for_good=for_good):
                    number += step
                tries = sum(self.outcomes.values())
                sys.stderr.write(
                    f"{name}{' for good' if for_good else ''}: all {number - 1} calls; {tries} tries so far, "
                    f"{len(self.problems)} problems\n"
                )

    def one(self, name: str, number: int, *, for_good: bool) -> bool:
        """One try and what follows it; False where the command makes fewer calls."""
        self.again()
        ended = self.tried(ERRORS[name], number, for_good=for_good)
        if not ended.failed:
            return False
        title = f"{name}{' for good' if for_good else ''} at {number}, {ended.failed}"
        self.outcomes[f"{name}: {'ended well' if ended.code == 0 else 'an error in words'}"] += 1
        self.problems += [f"{title}: {problem}" for problem in self._judged(ended)]
        return True

    def tried(self, error: int = SHORT, number: int = 0, *, for_good: bool = False) -> Ended:
        """The command in a child, of which one call fails, or none."""
        told, said = self.folder / "told", self.folder / "said"

        def work() -> None:
            self.calls.below(self.place)
            os.chdir(self.place)
            _forget()
            self.calls.arm(error, number, for_good=for_good)
            code = carried_out(self.work.arguments)
            failed = self.calls.failed
            self.calls.arm(error, 0)
            told.write_text(json.dumps([code, failed]))

        code = _in_child(work, said)
        words = said.read_text(errors="replace")
        if code:
            return Ended(70, f"{words}\nended with {code}", "what cannot be known")
        ended, failed = json.loads(told.read_text())
        return Ended(ended, words, failed)

    def _judged(self, ended: Ended) -> Iterator[str]:
        if ended.code not in (0, 1, 2) or "Traceback" in ended.said:
            yield f"ended with {ended.code}: {ended.said[-1500:]}"
        elif ended.code and "tinyexp: " not in ended.said and "error" not in ended.said:
            yield f"ended with {ended.code} and said: {ended.said[-500:]}"
        if ended.code == 0:
            yield from (
                f"ended well, and {difference}"
                for difference in self._differences()
                if not GOES_NEXT_TIME.match(difference)
            )
        elif self.work.replaced and contents(self.place / self.work.replaced) not in self.replaced:
            yield f"{self.work.replaced} is neither the old nor the new one"
        yield from (f"{problem} -- it had said: {ended.said[-600:]}" for problem in self.carried_on())

    def carried_on(self) -> Iterator[str]:
        """The same command with nothing failing; from a state that was met before it is known what becomes of it."""
        state = hashlib.sha256(repr(sorted(self._state())).encode()).hexdigest()
        if state not in self.known:
            again = self.tried()
            found = (
                [f"the same command again ended with {again.code}: {again.said[-800:]}"] if again.code else []
            )
            self.known[state] = "; ".join(found or list(self._differences()))
        if self.known[state]:
            yield f"afterwards {self.known[state]}"

    def logged(self, log: Path) -> None:
        """The command once more, with every change that it makes written into a log."""

        def work() -> None:
            self.calls.below(self.place)
            os.chdir(self.place)
            self.calls.log(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666))
            assert carried_out(self.work.arguments) == 0

        assert _in_child(work, self.folder / "said") == 0, (self.folder / "said").read_text()

    def on_a_plain_disk(self, *, locks: bool) -> Iterator[str]:
        """The command on a disk that knows no rights, links or exchange, and again over what it made; yields what differs."""

        def work() -> None:
            self.calls.below(self.place)
            self.calls.plain_disk(locks=locks)
            os.chdir(self.place)
            code = carried_out([*self.work.arguments, *again])
            assert code == 0, f"ended with {code}"

        self.again()
        for again in ((), self.work.anew):
            code = _in_child(work, self.folder / "said")
            said = (self.folder / "said").read_text()
            if code or "Traceback" in said:
                yield f"{' '.join(again) or 'the first time'}: ended with {code}: {said[-1500:]}"
            if not again:
                yield from self._differences()

    def _differences(self) -> Iterator[str]:
        try:
            now = contents(self.place)
        except Exception as error:  # noqa: BLE001 - what cannot be read differs
            yield f"{error}"
            return
        for name in sorted(now.keys() | self.untouched.keys()):
            if name not in now:
                yield f"{name} is missing"
            elif name not in self.untouched:
                yield f"{name} is left"
            elif now[name] != self.untouched[name]:
                yield f"{name} differs"

    def _state(self) -> Iterator[tuple[str, bytes]]:
        for path in self.place.rglob("*"):
            yield str(path.relative_to(self.place)), path.read_bytes() if path.is_file() else b""

    def again(self) -> None:
        """Put the folder back as it was."""
        shutil.rmtree(self.place, ignore_errors=True)
        shutil.copytree(self.begun, self.place)


def carried_out(arguments: Sequence[str]) -> int:
    try:
        main.main([*arguments], prog_name="tinyexp")
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def _forget() -> None:
    """What was read once is read again, so that this can fail too; not what is compiled or belongs to the machine."""
    for name, module in list(sys.modules.items()):
        if name.startswith(
            ("tinyexp.config", "tinyexp.analysis", "tinyexp.runs", "tinyexp.report", "tinyexp.resources")
        ):
            for value in list(vars(module).values()):
                if isinstance(value, functools._lru_cache_wrapper):
                    value.cache_clear()


def _in_child(work: Callable[[], None], said: Path) -> int:
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        words = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        os.dup2(words, 1)
        os.dup2(words, 2)
        faulthandler.dump_traceback_later(_PATIENCE_S, exit=True)
        try:
            work()
        except BaseException:  # noqa: BLE001 - a child must not go on as its parent
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(70)
        sys.stdout.flush()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


TRAINER = """#!/bin/sh
printf 'epoch,train_loss,test_loss\\n1,0.%s1,0.%s3\\n2,0.%s01,0.%s2\\n' "$1" "$1" "$1" "$1" > "$2/metrics.csv"
"""
EXPERIMENT = """
title = "Mine"
trainer = "command"
[command]
run = "/bin/sh train.sh {seed}{rate} {folder}"
metrics = "metrics.csv"
inputs = ["train.sh"]
[settings]
rate = 5
"""


def a_command(folder: Path) -> None:
    """An experiment whose trainer is a script of two lines."""
    (folder / "experiments").mkdir()
    (folder / "experiments" / "mine.toml").write_text(EXPERIMENT)
    (folder / "train.sh").write_text(TRAINER)


def two_shards(folder: Path) -> None:
    """Two folders of runs of it."""
    a_command(folder)
    here = Path.cwd()
    os.chdir(folder)
    session.executor_for = lambda placement: InProcess()
    with (
        Path(os.devnull).open("w") as nowhere,
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
    ):
        for seed in ("0", "1"):
            assert carried_out(["run", "mine", "--seed", seed, "--runs", f"shard-{seed}"]) == 0
    os.chdir(here)
    for clock in folder.rglob(".lock"):
        clock.unlink()


def invented_runs(folder: Path) -> None:
    """Runs of two designs, and a report of half of them. Pictures, which no call below the folder goes into, are drawn once."""
    import drawn_once  # noqa: F401 - by being loaded
    from records_maker import make_runs

    for seeds in ((0,), (0, 1)):
        make_runs(folder / "runs", ("tiny-design1", "tiny-design2"), seeds)
        if seeds == (0,):
            with contextlib.chdir(folder):
                assert carried_out(["report", "--out", "out"]) == 0


def images(folder: Path) -> None:
    """A data folder with twelve and six images in it."""
    from data_folders import make_tiny_imagenet

    make_tiny_imagenet(folder / "data" / "tiny-imagenet-200")


def vision() -> Work:
    """A small run of the vision trainer, which commits inside epochs and at their ends."""
    from small_runs import SMALL

    settings = {**SMALL, "training.stop_after": 2, "execution.checkpoint_steps": 3}
    said = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
    return Work(("run", "tiny-design1", *said), lambda _: None, anew=("--fresh",))


WORKS: dict[str, Callable[[], Work]] = {
    "command": lambda: Work(("run", "mine"), a_command, anew=("--fresh",)),
    "run-all": lambda: Work(("run-all", "--seeds", "2", "--jobs", "1"), a_command),
    "vision": vision,
    "report": lambda: Work(("report", "--out", "out"), invented_runs, replaced="out"),
    "pack": lambda: Work(("data", "pack", "tiny-imagenet", "--data-folder", "data"), images),
    "merge": lambda: Work(("merge", "shard-0", "shard-1", "--into", "runs"), two_shards),
}

if __name__ == "__main__":
    loop = Loop(WORKS[sys.argv[1]](), Path(sys.argv[2]))
    if sys.argv[3] in ("plain", "without-locks"):
        loop.problems += loop.on_a_plain_disk(locks=sys.argv[3] == "plain")
    else:
        loop.every(int(sys.argv[3]))
    told: dict[str, Any] = {
        "tries": sum(loop.outcomes.values()),
        "outcomes": loop.outcomes,
        "problems": loop.problems,
    }
    sys.stdout.write("\n" + json.dumps(told) + "\n")
