"""Training steps on one GPU, by the trainer's own step: time, memory, what exact repetition costs, and what the loader leaves idle.

Figures of a GPU are absolute and of the card that is named. Design 1 at the source's batch of 256 images of 64 px and ResNet-18 at 64
of 128 px, in each precision. All points take turns, a round is dropped, and one is measured twice as control. The peer is the same
step as torch is by default: any kernel, the fastest tried out first. ``idle`` is the share of an epoch's wall time that would go were
the batches on the GPU already.

    python benchmarks/gpu.py          a line of JSON; about four minutes
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median

import torch
from step_cost import spread

from tinyexp.config.load import load_experiment
from tinyexp.trainers.vision.data.loader import TrainBatches
from tinyexp.trainers.vision.data.sources import ArrayImages
from tinyexp.trainers.vision.models.cost import multiply_adds
from tinyexp.trainers.vision.settings import VisionSettings, vision_settings
from tinyexp.trainers.vision.training.begin import initial_state
from tinyexp.trainers.vision.training.device import accelerator_of, fabric_for
from tinyexp.trainers.vision.training.loop import training_step
from tinyexp.trainers.vision.training.moving import on_device
from tinyexp.trainers.vision.training.ranks import Ranks

NETS = ("tiny-design1", "tiny-design2", "imagenet-resnet18")
PRECISIONS = ("32-true", "tf32", "bf16-mixed")
STEPS, ROUNDS = 10, 9
EPOCH_S, EPOCH_ROUNDS = 1.0, 3
WORKERS = (2, 4)


@dataclass
class Point:
    """A net in a precision, ready to take steps."""

    net: str
    precision: str
    spec: VisionSettings

    def __post_init__(self) -> None:
        self.fabric = fabric_for(self.spec, "cuda")
        self.state = initial_state(self.spec, 0, self.fabric)
        self.state.model.train()
        side, batch = self.spec.input.image_size, self.spec.training.batch_size
        self.images = torch.randn(batch, 3, side, side, device="cuda")
        self.labels = torch.arange(batch, device="cuda") % self.spec.model.classes

    def step(self, images: torch.Tensor, labels: torch.Tensor) -> None:
        """As the loop takes it."""
        training_step(self.state, images, labels, len(labels), self.spec, 0, self.fabric, Ranks())

    def resident(self) -> None:
        """Steps on one batch that is there."""
        for _ in range(STEPS):
            self.step(self.images, self.labels)


def seconds(run: Callable[[], object]) -> float:
    """By the clock, until the GPU has done all of it."""
    torch.cuda.synchronize()
    before = time.perf_counter()
    run()
    torch.cuda.synchronize()
    return time.perf_counter() - before


@contextlib.contextmanager
def any_kernel() -> Iterator[None]:
    """torch as it is by default with ``cudnn.benchmark``: no promise of equal bits."""
    torch.use_deterministic_algorithms(mode=False)
    torch.backends.cudnn.benchmark = True
    yield
    torch.use_deterministic_algorithms(mode=True)
    torch.backends.cudnn.benchmark = False


def point(net: str, precision: str) -> Point:
    """As in the source, but for the precision."""
    changes = {"training.precision": precision, "execution.device": "cuda"}
    return Point(net, precision, vision_settings(load_experiment(net, "paper", changes)))


def steps() -> tuple[list[dict], float]:
    """A row a net and precision, and the control."""
    points = [point(net, precision) for net in NETS for precision in PRECISIONS]
    times: list[list[float]] = [[] for _ in points]
    free: list[list[float]] = [[] for _ in points]
    peaks, control = [0.0] * len(points), []
    for round_number in range(ROUNDS + 1):
        for place, one in enumerate(points):
            fabric_for(one.spec, "cuda")  # its precision
            torch.cuda.reset_peak_memory_stats()
            before = torch.cuda.memory_allocated()
            took = seconds(one.resident)
            peaks[place] = (torch.cuda.max_memory_allocated() - before) / 1e6
            with any_kernel():
                faster = seconds(one.resident)
            if round_number:
                times[place].append(1e3 * took / STEPS)
                free[place].append(took / faster)
                if place == 0:
                    control.append(seconds(one.resident) / took)
    rows = []
    for one, found, ratios, peak in zip(points, times, free, peaks, strict=True):
        batch, middle = one.spec.training.batch_size, median(found)
        rows.append(
            {
                "net": one.net,
                "precision": one.precision,
                "batch": batch,
                "ms_a_step": spread(found, 2),
                "images_per_s": round(1e3 * batch / middle),
                "tflop_per_s": round(6 * multiply_adds(one.spec) * batch / middle / 1e9, 1),
                "time_by_any_kernel": spread(ratios, 2),
                "memory_mb": round(peak),
            }
        )
    return rows, median(control)


def feeding(net: str, precision: str) -> list[dict]:
    """A row a number of workers: epochs through the loader beside steps on one batch."""
    one = point(net, precision)
    batch, side = one.spec.training.batch_size, 64 if "tiny" in net else 160
    one.resident()
    length = round(EPOCH_S * STEPS / seconds(one.resident))
    count = batch * length
    numbers = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (count, side, side, 3), dtype=torch.uint8, generator=numbers)
    source = ArrayImages("random", pixels.numpy(), (torch.arange(count) % one.spec.model.classes).numpy())
    epochs = iter(range(1, 10**9))

    def with_loader(batches: TrainBatches) -> None:
        for images, labels in on_device(batches.epoch(next(epochs)), one.fabric.device):
            one.step(images, labels)

    def on_one_batch() -> None:
        for _ in range(length):
            one.step(one.images, one.labels)

    loaders = [TrainBatches(source, one.spec, 0, workers) for workers in WORKERS]
    found: list[list[float]] = [[] for _ in WORKERS]
    alone: list[float] = []
    for round_number in range(EPOCH_ROUNDS + 1):
        for times, batches in zip(found, loaders, strict=True):
            resident, fed = seconds(on_one_batch), seconds(lambda batches=batches: with_loader(batches))
            if round_number:
                times.append(1 - resident / fed)
                alone.append(1e3 * resident / length)
    return [
        {
            "net": net,
            "precision": precision,
            "workers": workers,
            "idle": spread(times, 3),
            "steps": length,
            "ms_a_resident_step": round(median(alone), 2),
        }
        for workers, times in zip(WORKERS, found, strict=True)
    ]


def main() -> None:
    if not torch.cuda.is_available():
        print(json.dumps({"benchmark": "gpu", "left_out": "no GPU that torch can use"}))
        return
    torch.set_num_threads(1)
    rows, control = steps()
    fed = [
        row
        for net, precision in (
            ("tiny-design1", "32-true"),
            ("tiny-design1", "tf32"),
            ("tiny-design1", "bf16-mixed"),
            ("tiny-design2", "bf16-mixed"),
            ("imagenet-resnet18", "32-true"),
        )
        for row in feeding(net, precision)
    ]
    print(
        json.dumps(
            {
                "benchmark": "gpu",
                "card": accelerator_of("cuda"),
                "torch": torch.__version__,
                "steps": rows,
                "feeding": fed,
                "control": round(control, 3),
                "valid": 0.9 <= control <= 1.1,
                "rounds": ROUNDS,
                "load": round(os.getloadavg()[0], 2),
                "processors": os.cpu_count(),
            }
        )
    )


if __name__ == "__main__":
    main()
