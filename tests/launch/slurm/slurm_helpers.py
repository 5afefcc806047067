"""What tests of the SLURM executor share: a command that waits until it may go on, jobs of it, a stand-in SLURM as a test breaks it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import stand_in
import warm

from tinyexp.config.load import load_experiment
from tinyexp.launch.drive import train
from tinyexp.launch.engines import Placement
from tinyexp.launch.job import Job
from tinyexp.launch.progress import PlainProgress
from tinyexp.launch.slurm.executor import SlurmExecutor
from tinyexp.runs.plan import plan_run
from tinyexp.trainers.base import trainer_of

TRAIN = """
import argparse, os, sys, time
from pathlib import Path
parser = argparse.ArgumentParser()
for name in ("seed", "height", "out"):
    parser.add_argument(f"--{name}", required=True)
parser.add_argument("--resume", action="store_true")
asked = parser.parse_args()
log = Path(asked.out, "metrics.csv")
lines = log.read_text().splitlines() if asked.resume and log.exists() else ["epoch,test_loss"]
with Path("starts.log").open("a") as starts:
    starts.write(f"{asked.seed} {len(lines) - 1}\\n")
if float(asked.height) < 0:
    sys.exit("a negative height")
for epoch in range(len(lines), 4):
    while epoch == 3 and not Path("go").exists():
        time.sleep(0.02)
    lines.append(f"{epoch},{(float(asked.height) + int(asked.seed)) / epoch!r}")
    aside = log.with_suffix(".tmp")
    aside.write_text("\\n".join(lines) + "\\n")
    os.replace(aside, log)
"""
FILE = """
title = "Mine"
trainer = "command"
[command]
run = "{python} train.py --height {{height}} --seed {{seed}} --out {{folder}}"
resume = "{python} train.py --height {{height}} --seed {{seed}} --out {{folder}} --resume"
metrics = "metrics.csv"
[settings]
height = 0.5
"""
"""Two epochs at once, the third when there is a file ``go``. Each start is noted, with the epochs that it found."""


class Cluster:
    """The stand-in, as a test breaks it and looks at it."""

    def __init__(self, folder):
        self.folder = folder

    def calls(self, name=""):
        log = self.folder / "calls.log"
        lines = log.read_text().splitlines() if log.exists() else []
        return [line for line in lines if line.startswith(name)]

    def failing(self, name, words):
        (self.folder / f"fail-{name}").write_text(words)

    def mend(self, name):
        (self.folder / f"fail-{name}").unlink()

    def jobs(self):
        return json.loads((self.folder / "state.json").read_text())

    def states(self):
        return [task["state"] for job in self.jobs().values() for task in job["tasks"].values()]

    def signal(self, number, index, which=signal.SIGTERM):
        os.kill(self.jobs()[number]["tasks"][index]["pid"], which)

    def forget(self, number, index):
        """As after a crash of slurmctld: the task's process is gone, and nobody knows of it."""
        self.signal(number, index, signal.SIGKILL)
        with stand_in.Cluster(self.folder) as state:
            del state.jobs[number]["tasks"][index]

    def close(self):
        if (self.folder / "state.json").exists():
            for job in self.jobs().values():
                for task in job["tasks"].values():
                    if task["pid"] and not stand_in.is_gone(task["pid"]):
                        os.killpg(os.getpgid(task["pid"]), signal.SIGKILL)


def jobs_of(seeds, runs=Path("runs"), height=0.5, **options):
    experiment = load_experiment("mine", "default", {"height": height})
    [data] = trainer_of("command").inputs([experiment], Path("data"))
    return [Job(plan_run(experiment, seed, data, runs), Path("data"), **options) for seed in seeds]


def starts(place):
    """The seeds in the order in which they were begun, each with the epochs that it found."""
    path = place / "starts.log"
    return [tuple(map(int, line.split())) for line in path.read_text().splitlines()] if path.exists() else []


def wait_for(condition, seconds=120.0):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.05)
    return found


class Silent(PlainProgress):
    """Keeps what it is told."""

    def __init__(self):
        super().__init__(1)
        self.notes = []

    def note(self, message):
        self.notes.append(message)


def executor(heard=None, at_once=2, sbatch=()):
    placement = Placement("slurm", jobs=at_once, sbatch=sbatch)
    return SlurmExecutor(placement, heard.append if heard is not None else lambda _: None)


def carried_out(jobs, **options):
    return train(jobs, executor(**options), Silent())


def events_of(one, count=1):
    found = []
    wait_for(lambda: found.extend(one.poll(0.1)) or len(found) >= count)
    return found


def driver(*options, seeds=(0, 1)):
    """The command in a process of its own, without a terminal."""
    asked = [word for seed in seeds for word in ("--seed", str(seed))]
    return warm.Popen(
        [sys.executable, "-m", "tinyexp", "run", "mine", "--on", "slurm", *asked, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
