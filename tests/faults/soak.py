"""Kills ``tinyexp run-all`` at random moments, many times over, and compares all it leaves with an untouched run.

    python tests/faults/soak.py --kills 200 --folder soak

Every start has other workers, jobs and checkpoint intervals. The whole process group is killed, or the launcher alone,
or one worker. What is compared, to the bit: records, weights and momenta of every run, and every file of the report. What is not:
``timing.csv``, which is taken away before the report is made, and the clocks in a checkpoint.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tinyexp.ownership import adopt
from tinyexp.runs.folder import RECORD_NAMES, find_runs

KINDS = ("everything", "launcher", "worker")


@dataclass
class Told:
    """What the soak found out."""

    kills: Counter[str] = field(default_factory=Counter)
    inside_a_commit: int = 0
    """Kills that met a process between the beginning and the end of a commit."""
    lost_s: list[float] = field(default_factory=list)
    """For each process that was training when it was killed: seconds since its last commit, or since it began the run."""
    passes: int = 0
    runs: int = 0
    mismatches: list[str] = field(default_factory=list)


class Soak:
    """One command, killed and given again until all is trained; and then from the start."""

    def __init__(
        self, folder: Path, arguments: Sequence[str], seed: int, delays: tuple[float, float]
    ) -> None:
        self.folder, self.arguments, self.delays = folder, list(arguments), delays
        self.random = random.Random(seed)  # noqa: S311 - moments, not secrets
        self.told = Told()
        self.log = folder / "commits.log"

    def untouched(self) -> Path:
        """Train everything without a disturbance."""
        runs = self.folder / "untouched"
        self._finished(runs)
        self._reported(runs)
        return runs

    def go_on(self, kills: int) -> Told:
        """Kill so many times; the last pass is then left to end, and compared."""
        untouched = self.untouched()
        while sum(self.told.kills.values()) < kills:
            runs = self.folder / f"pass-{self.told.passes + 1}"
            shutil.rmtree(runs, ignore_errors=True)
            while sum(self.told.kills.values()) < kills and not self._disturbed(runs):
                pass
            self._finished(runs)
            self._compare(untouched, runs)
            self.told.passes += 1
        return self.told

    def _command(self, runs: Path, *options: str) -> list[str]:
        return [sys.executable, "-m", "tinyexp", "run-all", *self.arguments, "--runs", str(runs), *options]

    def _finished(self, runs: Path) -> None:
        done = subprocess.run(self._command(runs), check=False, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"the command given again ended with {done.returncode}: {done.stderr[-2000:]}")

    def _disturbed(self, runs: Path) -> bool:
        """Start the command, otherwise each time, and kill; True where it got to its end, with nothing left to train."""
        pick = self.random.choice
        options = [
            *("--jobs", str(pick((1, 2, 3)))),
            *("--set", f"execution.workers={pick((0, 1, 2))}"),
            *("--set", f"execution.checkpoint_seconds={pick((0.1, 0.5, 60))}"),
            *("--set", f"execution.checkpoint_steps={pick((0, 1, 7))}"),
        ]
        self.log.unlink(missing_ok=True)
        process = subprocess.Popen(
            self._command(runs, *options),
            env={**os.environ, "TINYEXP_COMMIT_LOG": str(self.log)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        kind = ""
        while kind in {"", "worker"}:
            try:
                return process.wait(self.random.uniform(*self.delays)) == 0
            except subprocess.TimeoutExpired:
                kind = pick(KINDS)
                self._kill(process.pid, kind)
        process.wait()
        self._wait_for_the_group(process.pid)
        return False

    def _kill(self, launcher: int, kind: str) -> None:
        members = group_of(launcher)
        workers = [pid for pid in members if pid != launcher and self._lines(pid)]
        if kind == "worker" and not workers:
            return  # none has begun a run; another moment
        victims = {
            "everything": members,
            "launcher": [launcher],
            "worker": workers and [self.random.choice(workers)],
        }[kind]
        now = time.monotonic()
        for pid in victims:
            with contextlib.suppress(ProcessLookupError):  # it may have ended meanwhile
                os.kill(pid, signal.SIGKILL)
        ended = members if kind != "worker" else victims
        lines = {pid: found for pid in ended if (found := self._lines(pid))}
        self.told.kills[kind] += 1
        self.told.inside_a_commit += any(not found[-1][1].endswith(" done") for found in lines.values())
        self.told.lost_s += [
            now - since for found in lines.values() if (since := training_since(found)) is not None
        ]

    def _lines(self, pid: int) -> list[tuple[float, str]]:
        """Time and name of each place that a process reached."""
        if not self.log.exists():
            return []
        found = (line.split(" ", 2) for line in self.log.read_text().splitlines())
        return [(float(moment), place) for number, moment, place in found if int(number) == pid]

    @staticmethod
    def _wait_for_the_group(launcher: int) -> None:
        until = time.monotonic() + 60
        while group_of(launcher):
            if time.monotonic() > until:
                raise SystemExit("workers of a killed launcher are still there after a minute")
            time.sleep(0.05)

    def _reported(self, runs: Path) -> Path:
        out = runs.with_name(f"{runs.name}-report")
        command = [sys.executable, "-m", "tinyexp", "report", "--runs", str(runs), "--out", str(out)]
        subprocess.run(command, check=True, capture_output=True)
        return out

    def _compare(self, untouched: Path, runs: Path) -> None:
        wrong = self.told.mismatches
        pairs = list(zip(find_runs(untouched), find_runs(runs), strict=True))
        for one, other in pairs:
            self.told.runs += 1
            wrong += [
                f"{other.path}: {name}"
                for name in RECORD_NAMES
                if (one.path / name).read_bytes() != (other.path / name).read_bytes()
            ]
            wrong += [f"{other.path}: weights"] * (weights(one.checkpoints) != weights(other.checkpoints))
            wrong += [f"{path}: left over" for path in other.path.rglob("*.tmp")]
        for run in (folder for pair in pairs for folder in pair):
            run.timing.unlink(missing_ok=True)
        ours, theirs = (self._reported(folder) for folder in (untouched, runs))
        names = {
            path.relative_to(base) for base in (ours, theirs) for path in base.rglob("*") if path.is_file()
        }
        wrong += [
            f"{theirs / name}: report"
            for name in sorted(names)
            if not (theirs / name).is_file()
            or not (ours / name).is_file()
            or (ours / name).read_bytes() != (theirs / name).read_bytes()
        ]


def group_of(launcher: int) -> list[int]:
    """The processes of a group that are no zombies."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            state, _, group = (entry / "stat").read_text().rpartition(")")[2].split()[:3]
        except OSError:  # it has just ended
            continue
        if int(group) == launcher and state != "Z":
            found.append(int(entry.name))
    return found


def training_since(places: list[tuple[float, str]]) -> float | None:
    """When a process last was at a point from which nothing is lost; None where it was training nothing."""
    since = None
    for moment, place in places:
        if place == ".owner done" or place.endswith(".ckpt named"):
            since = moment
        if place == "predictions.npz done":
            since = None
    return since


def weights(checkpoints: Path) -> object:
    """Weights and momenta of the newest checkpoint, as bytes by name."""
    from tinyexp.trainers.vision.training.checkpoint import checkpoints as found
    from tinyexp.trainers.vision.training.checkpoint import load_checkpoint

    state = load_checkpoint(found(checkpoints)[-1])
    momenta = {number: entry["momentum_buffer"] for number, entry in state["optimizer"]["state"].items()}
    return {name: value.numpy().tobytes() for name, value in {**state["model"], **momenta}.items()}


def as_text(told: Told, seed: int) -> str:
    """One JSON object."""
    lost = sorted(told.lost_s) or [0.0]
    return json.dumps(
        {
            "kills": sum(told.kills.values()),
            "killed": dict(sorted(told.kills.items())),
            "inside_a_commit": told.inside_a_commit,
            "passes": told.passes,
            "runs_compared": told.runs,
            "mismatches": len(told.mismatches),
            "mismatched": told.mismatches[:20],
            "lost_s": {
                "median": round(lost[len(lost) // 2], 2),
                "max": round(lost[-1], 2),
                "processes": len(told.lost_s),
            },
            "seed": seed,
        }
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--least", type=float, default=2.0, help="seconds to a kill, at least")
    parser.add_argument("--most", type=float, default=22.0)
    parser.add_argument("arguments", nargs="*", help="of run-all, after --")
    options = parser.parse_args()
    options.folder.parent.mkdir(parents=True, exist_ok=True)
    adopt(
        options.folder, "soak", options.folder.name
    )  # what an earlier soak left in it is removed, and only of one
    soak = Soak(options.folder.resolve(), options.arguments, options.seed, (options.least, options.most))
    told = soak.go_on(options.kills)
    sys.stdout.write(as_text(told, options.seed) + "\n")
    sys.exit(1 if told.mismatches else 0)


if __name__ == "__main__":
    main()
