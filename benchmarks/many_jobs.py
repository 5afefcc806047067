"""What it takes to keep track of 10, 100 and 1,000 jobs, training left out: seconds, questions asked, files and bytes.

Each adapter is held against a stand-in for the scheduler, whose jobs end well in five waves. One JSON line for each
number of jobs; no peer, as what is measured is to stay small beside any training.
"""

from __future__ import annotations

import importlib.util
import json
import os
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from tinyexp.config.load import load_experiment
from tinyexp.launch.engines import Placement
from tinyexp.launch.executor import Executor
from tinyexp.launch.job import Job
from tinyexp.runs.plan import plan_run
from tinyexp.runs.records import DataRecord

COUNTS = (10, 100, 1_000)
WAVES = 5
"""So many times a part of the jobs ends, each time that the scheduler is asked."""
TESTS = Path(__file__).resolve().parent.parent / "tests"


@dataclass(frozen=True)
class Setting:
    """An executor beside its stand-in, and what it keeps."""

    executor: Executor
    kept: Path
    """The folder of its files."""
    asked: Callable[[], Mapping[str, int]]
    """How often each of the scheduler's programs was called."""


@contextmanager
def slurm(folder: Path, at_once: int, *, instant: bool = True) -> Iterator[Setting]:
    """The adapter of SLURM beside the stand-in of its tests."""
    from tinyexp.launch.slurm.executor import SlurmExecutor

    stand_in = loaded("stand_in", TESTS / "launch" / "slurm" / "stand_in.py")
    before = os.environ["PATH"]
    os.environ["PATH"] = f"{stand_in.install(folder / 'cluster')}{os.pathsep}{before}"
    if instant:
        (folder / "cluster" / "instant").touch()
    log = folder / "cluster" / "calls.log"
    try:
        yield Setting(
            SlurmExecutor(Placement("slurm", jobs=at_once), lambda _: None),
            folder / "runs" / "embedded" / ".slurm",
            lambda: Counter(line.split()[0] for line in log.read_text(encoding="utf-8").splitlines()),
        )
    finally:
        os.environ["PATH"] = before


ADAPTERS = {"slurm": slurm}


def loaded(name: str, path: Path) -> ModuleType:
    """A module of the tests."""
    found = importlib.util.spec_from_file_location(name, path)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def jobs_below(runs: Path, count: int) -> list[Job]:
    """So many seeds of one design; no data are opened."""
    experiment = load_experiment("tiny-design1", "embedded")
    data = DataRecord(fingerprint="0" * 64)
    return [Job(plan_run(experiment, seed, data, runs), Path("data")) for seed in range(count)]


def measured(name: str, count: int) -> dict[str, object]:
    """One adapter with so many jobs, from the first to the end of the last."""
    with tempfile.TemporaryDirectory(prefix="tinyexp-bench-") as place:
        folder = Path(place)
        jobs = jobs_below(folder / "runs", count)
        with ADAPTERS[name](folder, count // WAVES) as setting:
            began, used = time.perf_counter(), processor_s()
            left = {setting.executor.submit(job) for job in jobs}
            while left:
                left -= {event.handle for event in setting.executor.poll(0.05)}
            files = [path for path in setting.kept.rglob("*") if path.is_file()]
            size = sum(path.stat().st_size for path in files)
            setting.executor.close()
            seconds, used = time.perf_counter() - began, processor_s() - used
            calls = dict(setting.asked())
    return {
        "benchmark": "many-jobs",
        "adapter": name,
        "jobs": count,
        "seconds": round(seconds, 2),
        "processor_s": round(used, 2),
        "calls": calls,
        "files": len(files),
        "bytes": size,
        "bytes_a_job": round(size / count),
    }


def processor_s() -> float:
    """Seconds of processor time of this process alone."""
    spent = resource.getrusage(resource.RUSAGE_SELF)
    return spent.ru_utime + spent.ru_stime


if __name__ == "__main__":
    for adapter in sys.argv[1:] or ADAPTERS:
        for jobs in COUNTS:
            print(json.dumps(measured(adapter, jobs)), flush=True)
