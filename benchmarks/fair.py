"""Two ways to the same thing, timed fairly: interleaved, by processor time, with one side against itself as control.

A figure is a ratio to a named peer measured in the same run, since machines differ and are shared. A run whose
control leaves 0.9 to 1.1 is rejected.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from statistics import median
from typing import Any

ROUNDS = 9
PACKAGES = ("tinyexp", "torch", "torchvision", "numpy", "numba", "pillow")


@dataclass(frozen=True)
class Side:
    """One way: a call that does the work once, and how many pieces of work that is."""

    name: str
    run: Callable[[], object]
    pieces: int = 1


def repeated(run: Callable[[], object], times: int) -> Callable[[], None]:
    """The same several times over, so that both sides take long enough to time and find their own data in the cache."""

    def run_all() -> None:
        for _ in range(times):
            run()

    return run_all


def processor_time(run: Callable[[], object]) -> float:
    """Seconds of processor time of this process, all its threads, and the children that ended meanwhile."""
    before = time.process_time() + _children()
    run()
    return time.process_time() + _children() - before


def wall_time(run: Callable[[], object]) -> float:
    """Seconds by the clock, for work that runs side by side."""
    before = time.perf_counter()
    run()
    return time.perf_counter() - before


def compare(
    name: str,
    ours: Side,
    peer: Side,
    *,
    goal: float,
    rounds: int = ROUNDS,
    measure: Callable[[Callable[[], object]], float] = processor_time,
    at_most: bool = False,
    **notes: Any,
) -> dict[str, Any]:
    """Time both sides in turn and print one JSON line.

    Parameters
    ----------
    goal
        What the median should reach: how many times the peer's time ours is smaller, or with ``at_most``
        the share of the peer's time that ours may take.
    notes
        What else a reader should know, as in ``batch=256``.
    """
    times: dict[str, list[float]] = {"ours": [], "peer": [], "again": []}
    for round_number in range(rounds + 1):
        for key, side in (("ours", ours), ("peer", peer), ("again", ours)):
            seconds = measure(side.run) / side.pieces
            if round_number:  # the first one warms up
                times[key].append(seconds)
    pairs = list(zip(times["ours"], times["peer"], times["again"], strict=True))
    ratios = [one / other if at_most else other / one for one, other, _ in pairs]
    control = [again / one for one, _, again in pairs]
    result = {
        "benchmark": name,
        "ours": ours.name,
        "peer": peer.name,
        "ratio": _spread(ratios),
        "meaning": "ours / peer" if at_most else "peer / ours",
        "goal": ("at most " if at_most else "at least ") + f"{goal:g}",
        "reached": median(ratios) <= goal if at_most else median(ratios) >= goal,
        "control": _spread(control),
        "valid": 0.9 <= median(control) <= 1.1,
        "rounds": rounds,
        "ours_per_s": round(1 / median(times["ours"]), 2),
        "peer_per_s": round(1 / median(times["peer"]), 2),
        "load": round(os.getloadavg()[0], 2),
        "machine": f"{platform.machine()}, {os.cpu_count()} processors",
        "versions": {package: _version(package) for package in PACKAGES},
        **notes,
    }
    print(json.dumps(result))
    return result


def command(*arguments: str, **environment: str) -> Callable[[], object]:
    """A whole process as a side; its output is thrown away, a failure is not."""

    def run() -> None:
        subprocess.run(
            [sys.executable, *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **environment},
        )

    return run


def one_thread() -> None:
    """Pin this process to one thread in every library that counts; to be called before they are imported."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ[name] = "1"


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _spread(values: Sequence[float]) -> dict[str, float]:
    return {"min": round(min(values), 3), "median": round(median(values), 3), "max": round(max(values), 3)}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"
