"""Memory and time of a training step against the number of images in it and their side, and the law that they follow.

Design 1 at a stated share of its width, over batches at one size and over sizes at one batch; beside it points of other widths
and of ResNet-18. ``memory_mb`` is what ``peak_memory_mb`` in a run's ``timing.csv`` is, by the same class: the most that was held
during the steps beyond what was held before them. On a CPU that is more than the tensors: what is freed below a size of 32 MB the C
library keeps for later. So a second process measures the same under a C library that gives every large piece back at once
(``in_use_mb``; glibc's MALLOC_MMAP_THRESHOLD_, see ``man 3 mallopt``). ``kept_mb`` is arithmetic: what the backward pass needs of
the images, from shapes alone (``kept_maps.py``). Time is processor time of one thread. All points take turns, and the first
round is dropped. The control is one point, measured twice in each round.

``law`` is fitted by least squares of relative deviations to design 1's points: memory = a + b x batch x side^2, and time of an
image = c + d x side^2 at one batch. About three minutes of one core.
"""

from __future__ import annotations

from fair import PACKAGES, one_thread

one_thread()

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from statistics import median

import numpy as np
from kept_maps import kept_bytes

WIDTH = 0.25
BATCHES, SIDES = (8, 16, 32, 64, 128, 256), (32, 48, 64, 96, 128)
BATCH, SIDE = 32, 64
"""What stays while the other is varied."""
STEPS, ROUNDS, ROUNDS_IN_USE = 3, 5, 2
GIVEN_BACK_FROM = 1_000_000
"""Bytes; smaller pieces are no feature maps."""


@dataclass(frozen=True)
class Point:
    """A net at a size, and a batch."""

    experiment: str
    width: float
    batch: int
    side: int


DESIGN1 = [
    *(Point("tiny-design1", WIDTH, batch, SIDE) for batch in BATCHES),
    *(Point("tiny-design1", WIDTH, BATCH, side) for side in SIDES if side != SIDE),
]
OTHERS = [
    Point("tiny-design1", 0.5, BATCH, SIDE),
    Point("tiny-design1", 1.0, BATCH, SIDE),
    *(Point("imagenet-resnet18", WIDTH, batch, side) for batch, side in ((16, 128), (64, 128), (64, 64))),
]
POINTS = [*DESIGN1, *OTHERS]
CONTROL = Point("tiny-design1", WIDTH, 64, SIDE)


def fitted(x: Sequence[float], y: Sequence[float]) -> tuple[float, float, float]:
    """Constant and slope of a line, by least squares of relative deviations, and the largest of these.

    >>> [round(one, 9) for one in fitted([1, 2, 4], [5, 7, 11])]
    [3.0, 2.0, 0.0]
    """
    weights = 1 / np.asarray(y, float)
    rows = np.stack([weights, np.asarray(x, float) * weights], axis=1)
    constant, slope = np.linalg.lstsq(rows, np.ones(len(rows)), rcond=None)[0]
    return float(constant), float(slope), float(np.abs(rows @ [constant, slope] - 1).max())


def law(rows: Sequence[dict]) -> dict:
    """How design 1's rows grow; ``off`` is the largest relative deviation of a measured value from the line."""
    found: dict = {}
    pixels = [row["batch"] * row["side"] ** 2 for row in rows]
    for name in ("memory_mb", "in_use_mb"):
        constant, slope, off = fitted(pixels, [row[name]["median"] for row in rows])
        found[name] = {
            "constant": round(constant, 1),
            "bytes_a_pixel": round(slope * 1e6),
            "off": round(off, 3),
        }
    by_side = [row for row in rows if row["batch"] == BATCH]
    base, each, off = fitted(
        [row["side"] ** 2 for row in by_side], [row["ms_an_image"]["median"] for row in by_side]
    )
    found["ms_an_image"] = {
        "constant": round(base, 2),
        "ns_a_pixel": round(each * 1e6),
        "off": round(off, 3),
    }
    at_side = {row["batch"]: row["ms_an_image"]["median"] for row in rows if row["side"] == SIDE}
    found["ms_an_image_by_that_at_batch_32"] = {
        batch: round(value / at_side[BATCH], 2) for batch, value in at_side.items()
    }
    return found


def spread(values: Sequence[float], digits: int) -> dict[str, float]:
    """As every benchmark tells it."""
    return {name: round(of(values), digits) for name, of in (("min", min), ("median", median), ("max", max))}


def told(row: dict, spec, in_use: Sequence[float]) -> dict:
    """A point's row with what its tensors take, and what its shapes say."""
    kept = row["batch"] * kept_bytes(spec) / 1e6
    return {
        "net": row["experiment"],
        "width": row["width"],
        "batch": row["batch"],
        "side": row["side"],
        "memory_mb": spread(row["memory"], 1),
        "in_use_mb": spread(in_use, 1),
        "kept_mb": round(kept, 1),
        "memory_by_kept": round(median(row["memory"]) / kept, 2),
        "in_use_by_kept": round(median(in_use) / kept, 2),
        "ms_an_image": spread(row["milliseconds"], 2),
    }


def settings_of(point: Point):
    """The experiment at this size."""
    from tinyexp.config.load import load_experiment
    from tinyexp.trainers.vision.settings import vision_settings

    changes = {"model.width": point.width, "input.image_size": point.side}
    return vision_settings(load_experiment(point.experiment, "paper", changes))


def kept_bytes_a_pixel() -> int:
    """What the slope of the memory in use would be, were nothing in use but what the backward pass needs."""
    return round(kept_bytes(settings_of(Point("tiny-design1", WIDTH, 1, SIDE))) / SIDE**2)


def measured(rounds: int) -> tuple[list[dict], list[float]]:
    """Megabytes and milliseconds an image of all points, a value a round, and the ratios of the control."""
    import torch
    from step import stepper

    from tinyexp.trainers.vision.training.peak import PeakMemory

    torch.set_num_threads(1)
    specs = [settings_of(point) for point in POINTS]
    steps = [stepper(spec) for spec in specs]
    peak = PeakMemory("cpu")

    def once(place: int) -> tuple[float, float]:
        """Of some steps on a batch that is made anew, as in a run."""
        point, step = POINTS[place], steps[place]
        peak.begin()
        images = torch.randn(point.batch, 3, point.side, point.side)
        labels = torch.arange(point.batch) % specs[place].model.classes
        before = time.process_time()
        for _ in range(STEPS):
            step(images, labels)
        took = time.process_time() - before
        megabytes = peak.megabytes()
        assert megabytes is not None, "main() has asked for it"
        return megabytes, 1e3 * took / (STEPS * point.batch)

    rows: list[dict] = [asdict(point) | {"memory": [], "milliseconds": []} for point in POINTS]
    control = []
    for round_number in range(rounds + 1):
        for place, row in enumerate(rows):
            megabytes, milliseconds = once(place)
            if round_number:  # the first one makes momenta and loads kernels
                row["memory"].append(megabytes)
                row["milliseconds"].append(milliseconds)
                if POINTS[place] == CONTROL:
                    control.append(once(place)[1] / milliseconds)
    return rows, control


def memory_in_use() -> list[list[float]]:
    """Megabytes of all points in a process whose C library keeps nothing large."""
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": str(GIVEN_BACK_FROM)}
    done = subprocess.run(
        [sys.executable, __file__, "memory"], check=True, env=environment, stdout=subprocess.PIPE
    )
    return json.loads(done.stdout)


def forgets_a_peak() -> bool:
    """Whether this system can say what was held at most since a moment, as Linux can."""
    from tinyexp.trainers.vision.training.peak import PeakMemory

    peak = PeakMemory("cpu")
    peak.begin()
    return peak.megabytes() is not None


def main() -> None:
    if not forgets_a_peak():
        print(json.dumps({"benchmark": "step-cost", "left_out": "this system forgets no peak of memory"}))
        return
    found, ratios = measured(ROUNDS)
    rows = [
        told(row, settings_of(point), in_use)
        for row, point, in_use in zip(found, POINTS, memory_in_use(), strict=True)
    ]
    control = median(ratios)
    print(
        json.dumps(
            {
                "benchmark": "step-cost",
                "points": rows,
                "law": law(rows[: len(DESIGN1)]) | {"kept_bytes_a_pixel": kept_bytes_a_pixel()},
                "control": round(control, 3),
                "valid": 0.9 <= control <= 1.1,
                "steps": STEPS,
                "rounds": ROUNDS,
                "load": round(os.getloadavg()[0], 2),
                "machine": f"{platform.machine()}, {os.cpu_count()} processors",
                "versions": {package: version(package) for package in PACKAGES},
            }
        )
    )


if __name__ == "__main__":
    if sys.argv[1:] == ["memory"]:
        print(json.dumps([row["memory"] for row in measured(ROUNDS_IN_USE)[0]]))
    else:
        main()
