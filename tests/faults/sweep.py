"""A small run, killed at every place of every commit and elsewhere, and resumed; prints what did not come out the same.

Run as a program of its own, ``sweep.py FOLDER EVERY KIND GROUP...``: of the places each, or every eleventh and the like, of a run that is ``plain`` or
``watched``, which its held-out images steer. It loads torch once and forks a child for every training, which takes a fifth of a second;
a test process, whose libraries may have threads, must not be forked.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from small_runs import WATCHED, results, small_plan, trained

from tinyexp import failpoints
from tinyexp.errors import InterruptedRunError, TinyexpError
from tinyexp.runs.plan import RunPlan
from tinyexp.runs.recorded import read_runs
from tinyexp.trainers.vision.training import loop
from tinyexp.trainers.vision.training.checkpoint import checkpoints
from tinyexp.trainers.vision.training.run import Listener

STEPS = 3
"""Steps from commit to commit: four steps an epoch, so that commits fall inside epochs and at their ends."""


def in_child(work: Callable[[], None]) -> int:
    """Do something in a forked process; its exit code, negative where a signal ended it."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:  # noqa: BLE001 - a child must not go on as its parent
            traceback.print_exc()
            os._exit(70)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


class Sweep:
    """The untouched run, and the ways to end one."""

    def __init__(self, folder: Path, every: int, overrides: Mapping[str, object]) -> None:
        self.folder, self.every, self.overrides = folder, every, dict(overrides)
        self.places: list[str] = []
        trained(
            folder / "first", execution__checkpoint_steps=STEPS, **self.overrides
        )  # loads all there is to load
        failpoints.watch(self.places.append)
        self.untouched = results(
            trained(folder / "untouched", execution__checkpoint_steps=STEPS, **self.overrides)
        )
        failpoints.watch(None)
        self.untouched_files = self._files(folder / "untouched")

    def run(self, name: str) -> Path:
        return self.folder / name

    def plan(self, runs: Path) -> RunPlan:
        return small_plan(runs, **self.overrides)

    def train(self, runs: Path, number: int = -1, *, end: signal.Signals = signal.SIGKILL) -> int:
        """Train until the end, or until the place of this number is reached, where the signal comes."""

        def work() -> None:
            count = 0

            def watch(_place: str) -> None:
                nonlocal count
                if count == number:
                    os.kill(os.getpid(), end)
                count += 1

            failpoints.watch(watch)
            asked: list[int] = []
            signal.signal(signal.SIGTERM, lambda *_: asked.append(128 + signal.SIGTERM))
            try:
                trained(
                    runs,
                    listener=Listener(stop_code=lambda: asked[0] if asked else 0),
                    execution__checkpoint_steps=STEPS,
                    **self.overrides,
                )
            except InterruptedRunError as stopped:
                os._exit(stopped.exit_code)

        return in_child(work)

    def resumed(self, runs: Path, number: int) -> Iterator[str]:
        """Train what is left, with other workers and another interval; yields every difference to the untouched run."""

        def work() -> None:
            trained(
                runs,
                execution__workers=number % 3,
                execution__checkpoint_steps=1 + number % 4,
                **self.overrides,
            )

        code = in_child(work)
        if code:
            yield f"resuming ended with {code}"
            return
        got = results(self.plan(runs))
        yield from (f"{name} differs" for name, value in self.untouched.items() if got[name] != value)
        if extra := self._files(runs) ^ self.untouched_files:
            yield f"files left over or missing: {sorted(extra)}"

    def newest(self, runs: Path) -> str:
        found = checkpoints(self.plan(runs).folder.checkpoints)
        return found[-1].name if found else ""

    @staticmethod
    def _files(runs: Path) -> set[str]:
        """What lies in a run's folder, but for checkpoints, whose names tell when they were made."""
        below = {path.relative_to(runs) for path in runs.rglob("*") if path.is_file()}
        return {str(path) for path in below if path.suffix != ".ckpt"}


def at_every_place(sweep: Sweep) -> Iterator[str]:
    """SIGKILL at the places of all commits of the whole run."""
    for number, place in list(enumerate(sweep.places))[:: sweep.every]:
        runs, title = sweep.run(f"place-{number}"), f"killed at {number}, {place}"
        if (code := sweep.train(runs, number)) != -signal.SIGKILL:
            yield f"{title}: ended with {code}"
        try:
            read_runs(runs)
        except TinyexpError as error:
            yield f"{title}: no report can be made of what is there: {error}"
        named = [name for name in sweep.places[:number] if name.endswith((".ckpt named", ".ckpt done"))]
        at = place.split()[0] if place.endswith((".ckpt named", ".ckpt done")) else ""
        expected = at or (named[-1].split()[0] if named else "")
        if (newest := sweep.newest(runs)) != expected:
            yield f"{title}: the newest checkpoint is {newest}, not {expected}"
        yield from (f"{title}: {problem}" for problem in sweep.resumed(runs, number))


def in_every_evaluation(sweep: Sweep) -> Iterator[str]:
    """SIGKILL before each batch of each evaluation: three sets in each of three epochs."""
    evaluate = loop.evaluate
    for number in range(0, 9, sweep.every):
        runs, count = sweep.run(f"evaluation-{number}"), 0

        def killed(model, batches, device, between, ranks, number=number):  # type: ignore[no-untyped-def]
            def before_batch() -> None:
                nonlocal count
                if count == number:
                    os.kill(os.getpid(), signal.SIGKILL)
                count += 1
                between()

            return evaluate(model, batches, device, before_batch, ranks)

        loop.evaluate = killed
        code = sweep.train(runs)
        loop.evaluate = evaluate
        if code != -signal.SIGKILL:
            yield f"evaluation {number}: ended with {code}"
        yield from (f"evaluation {number}: {problem}" for problem in sweep.resumed(runs, number))


def while_resuming(sweep: Sweep) -> Iterator[str]:
    """SIGKILL in the middle, and then five times at the beginning of resuming, later each time."""
    middle = len(sweep.places) // 2
    for first in range(middle, middle + 8, sweep.every):
        runs = sweep.run(f"resuming-{first}")
        sweep.train(runs, first)
        before = sweep.newest(runs)
        for again in range(5):
            if (code := sweep.train(runs, 3 * again + first % 3)) != -signal.SIGKILL:
                yield f"{first}, resumed {again}: ended with {code}"
            if (now := sweep.newest(runs)) < before:
                yield f"{first}, resumed {again}: {before} was there, and now {now}"
            before = now
        yield from (f"{first}: {problem}" for problem in sweep.resumed(runs, first))


def asked_during_a_commit(sweep: Sweep) -> Iterator[str]:
    """SIGTERM inside the commit of each checkpoint: it is completed, and then the run leaves with 143."""
    last = [place.split()[0] for place in sweep.places if ".ckpt" in place][-1]
    for number, place in list(enumerate(sweep.places))[:: sweep.every]:
        name, moment = place.split()
        if not name.endswith(".ckpt") or moment == "done" or name == last:
            continue  # with the last epoch's commit the run is at its end, and ends as ever
        runs = sweep.run(f"asked-{number}")
        if (code := sweep.train(runs, number, end=signal.SIGTERM)) != 143:
            yield f"asked at {place}: ended with {code}"
        if (newest := sweep.newest(runs)) != name:  # a later one: it went on training
            yield f"asked at {place}: the newest checkpoint is {newest}"
        yield from (f"asked at {place}: {problem}" for problem in sweep.resumed(runs, number))


GROUPS = {
    function.__name__: function
    for function in (at_every_place, in_every_evaluation, while_resuming, asked_during_a_commit)
}

if __name__ == "__main__":
    folder, every, kind, *groups = sys.argv[1:]
    chosen = Sweep(Path(folder), int(every), WATCHED if kind == "watched" else {})
    problems = {group: list(GROUPS[group](chosen)) for group in groups}
    sys.stdout.write(json.dumps({"places": chosen.places, "problems": problems}) + "\n")
