"""The same runs through SLURM's adapter, shards and Ray, and through the local executor, by processor time.

- ``slurm`` (beside the stand-in of its tests): both sides have a process for each run, so that what differs is what the adapter does:
  writing, asking, waiting for ends. Where a worker serves many runs the local executor loads torch once for all of them; a task of a
  cluster loads it for itself.
- ``shards``: two commands ``run-all --shard I/2`` with ``merge``, and one ``run-all --jobs 2``; whole commands, four runs.
- ``ray``: ``run-all --on ray`` on a cluster of two processors that is there before, and ``run-all --jobs 2``. The cluster's time is that of
  all its processes, its own upkeep included.

    python benchmarks/launching.py [slurm] [shards] [ray] [ROUNDS]
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from fair import Side, command, compare, one_thread, processor_time
from many_jobs_ray import ray_cluster

ROUNDS, SEEDS = 5, 2
ENGINES = ("slurm", "shards", "ray")
TRAIN = "train"
LOOK_S = 0.2
NAMES = ("tiny-design1", "tiny-design2")
SUBREAPER = 36
"""PR_SET_CHILD_SUBREAPER of prctl(2)."""


def train_by(engine: str, folder: Path) -> None:
    """Train both designs of the embedded profile, each in a process of its own."""
    from many_jobs import slurm

    from tinyexp.config.load import load_experiment
    from tinyexp.launch.drive import train
    from tinyexp.launch.job import Job
    from tinyexp.launch.local import LocalExecutor
    from tinyexp.launch.progress import PlainProgress
    from tinyexp.runs.plan import plan_run
    from tinyexp.trainers.base import trainer_of

    # The stand-in's tasks are nobody's children once it has answered: they become ours, and their time is counted.
    ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
    experiments = [load_experiment(name, "embedded") for name in NAMES]
    data = trainer_of("vision").inputs(experiments, Path("data"))
    plans = [plan_run(one, 0, record, folder / "runs") for one, record in zip(experiments, data, strict=True)]
    jobs = [Job(plan, Path("data")) for plan in plans]
    with contextlib.ExitStack() as stack:
        executor = LocalExecutor(len(jobs))
        if engine == "slurm":
            executor = stack.enter_context(slurm(folder, len(jobs), instant=False)).executor
        outcomes, code = train(jobs, executor, PlainProgress(len(jobs)))
    assert (code, {one.status.state for one in outcomes}) == (0, {"finished"})
    if engine == "slurm":  # the local executor has waited for its own
        with contextlib.suppress(ChildProcessError):
            while True:
                os.waitpid(-1, 0)


def run_all(folder: Path, *words: str) -> None:
    """Both designs of the embedded profile, so many seeds, by the command line."""
    asked = ["--profile", "embedded", "--only", "tiny-*", "--plan", "none", "--seeds", str(SEEDS), *words]
    tinyexp("run-all", *asked, "--runs", str(folder))


def tinyexp(*words: str) -> None:
    """Carry out a command, and end where it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "tinyexp", *words], capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"tinyexp {' '.join(words)}: exit {done.returncode}\n{done.stdout}{done.stderr}")


def locally(folder: Path) -> None:
    """By two workers of one command."""
    run_all(folder / "runs", "--jobs", "2")


def in_shards(folder: Path) -> None:
    """By two commands, one after the other as processor time does not mind, and what joins their folders."""
    for number in (1, 2):
        run_all(folder / f"shard-{number}", "--jobs", "1", "--shard", f"{number}/2")
    tinyexp("merge", str(folder / "shard-1"), str(folder / "shard-2"), "--into", str(folder / "runs"))


def on_ray(elsewhere: Path) -> Callable[[Path], None]:
    """By the cluster that ``RAY_ADDRESS`` names, whose nodes keep their copies of runs ``elsewhere``."""

    def run(folder: Path) -> None:
        shutil.rmtree(elsewhere, ignore_errors=True)  # else it would find them finished
        run_all(folder / "runs", "--on", "ray")

    return run


def whole(name: str, run: Callable[[Path], None]) -> Side:
    """Whole commands in a folder that is thrown away."""

    def once() -> None:
        with tempfile.TemporaryDirectory(prefix="tinyexp-bench-") as folder:
            run(Path(folder))

    return Side(name, once, SEEDS * len(NAMES))


def with_cluster(root: int) -> Callable[[Callable[[], object]], float]:
    """Processor time of a call, with that of a process and all below it.

    Ray's daemon waits for no child, so that nobody has the time of those that ended: they are looked at every so often, and what a
    process used after the last look is lost.
    """

    def measure(run: Callable[[], object]) -> float:
        before, seen, ended = seconds_below(root), {}, threading.Event()

        def look() -> None:
            while not ended.wait(LOOK_S):
                seen.update(seconds_below(root))

        looking = threading.Thread(target=look)
        looking.start()
        try:
            own = processor_time(run)
        finally:
            ended.set()
            looking.join()
        return own + sum(used - before.get(process, 0.0) for process, used in seen.items())

    return measure


def seconds_below(root: int) -> dict[int, float]:
    """Seconds of processor time of a process and of each of its living descendants."""
    parents, seconds = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            parents[int(folder.name)] = int(fields[1])
            seconds[int(folder.name)] = sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")
    found = {root}
    while more := {one for one, parent in parents.items() if parent in found} - found:
        found |= more
    return {one: seconds[one] for one in found if one in seconds}


def side(engine: str, name: str) -> Side:
    """The same in a process of its own, and a folder that is thrown away."""

    def run() -> None:
        folder = tempfile.mkdtemp(prefix="tinyexp-bench-")
        try:
            command(__file__, TRAIN, engine, folder)()
        finally:
            shutil.rmtree(folder)

    return Side(name, run, len(NAMES))


def main(engines: Sequence[str], rounds: int) -> None:
    """Compare each of these engines with the local executor."""
    goal = {"goal": 1.05, "at_most": True, "rounds": rounds}
    local = whole("run-all --jobs 2", locally)
    if "slurm" in engines:
        peer = side("local", "--on local, a worker a run")
        compare("launching-slurm", side("slurm", "--on slurm, beside a stand-in"), peer, **goal)
    if "shards" in engines:
        compare("launching-shards", whole("two shards, merged", in_shards), local, **goal)
    if "ray" in engines:
        with ray_cluster() as (address, process, elsewhere):
            os.environ["RAY_ADDRESS"] = address
            ours = whole("--on ray, two processors", on_ray(elsewhere))
            compare("launching-ray", ours, local, measure=with_cluster(process), **goal)


if __name__ == "__main__":
    one_thread()
    if sys.argv[1:2] == [TRAIN]:
        train_by(sys.argv[2], Path(sys.argv[3]))
    else:
        numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
        main([word for word in sys.argv[1:] if not word.isdigit()] or ENGINES, *(numbers or [ROUNDS]))
