"""On a GPU as on a processor: a run repeats to the bit, goes on to the same bits, and computes in what its spec says."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
import torch
import torch.distributed as dist
from small_runs import results, small_plan, trained

from tinyexp.config.load import load_experiment
from tinyexp.errors import UserError
from tinyexp.runs.records import Environment, read_section
from tinyexp.trainers.vision.data.build import open_dataset
from tinyexp.trainers.vision.settings import vision_settings
from tinyexp.trainers.vision.training.arithmetic import arithmetic_digest
from tinyexp.trainers.vision.training.begin import initial_state
from tinyexp.trainers.vision.training.device import fabric_for
from tinyexp.trainers.vision.training.loop import training_step
from tinyexp.trainers.vision.training.ranks import ManyRanks, Ranks
from tinyexp.trainers.vision.training.run import train_run

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")

CUDA = {"execution__device": "cuda"}
PRECISIONS = ("32-true", "tf32", "bf16-mixed", "16-mixed")
WIDE = {"model__width": 0.25, "training__batch_size": 32}
"""Enough channels for the kernels that large nets take."""

KILLED = """
import os, signal, sys
from pathlib import Path
import tinyexp.trainers.vision.training.run as run
from small_runs import trained
commits, save = 0, run.save_checkpoint
def save_and_die(*arguments, **keywords):
    global commits
    save(*arguments, **keywords)
    commits += 1
    if commits == 3:
        os.kill(os.getpid(), signal.SIGKILL)
run.save_checkpoint = save_and_die
trained(
    Path(sys.argv[1]), sys.argv[2], execution__device="cuda", execution__checkpoint_steps=1,
    training__precision=sys.argv[3], model__width=0.25, training__batch_size=32,
)
"""


def spec(**overrides):
    keys = {key.replace("__", "."): value for key, value in overrides.items()}
    return vision_settings(load_experiment("tiny-design1", "embedded", keys))


@pytest.mark.parametrize("precision", ["tf32", "16-mixed"])
def test_a_precision_of_gpus_is_refused_on_a_processor(tmp_path, precision):
    plan = small_plan(tmp_path, training__precision=precision)
    with pytest.raises(UserError, match=f"'{precision}' is of GPUs, and this run would train on 'cpu'"):
        train_run(plan, open_dataset(vision_settings(plan.experiment).data, tmp_path))


@needs_gpu
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", ["tiny-design1", "tiny-design2", "imagenet-resnet18"])
def test_a_run_repeats_to_the_bit_and_goes_on_to_the_same_bits_after_a_kill(tmp_path, name, precision):
    asked = {**CUDA, **WIDE, "training__precision": precision}
    untouched = results(trained(tmp_path / "once", name, **asked))
    assert results(trained(tmp_path / "twice", name, **asked)) == untouched
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path / "killed"), name, precision],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(["tests", os.environ.get("PYTHONPATH", "")])},
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    assert results(trained(tmp_path / "killed", name, **asked, execution__workers=2)) == untouched


READINGS = [
    ("tiny-design2", "C1", "resize32"),
    ("tiny-design2", "C1", "extra_pool"),
    ("tiny-design1", "C2", "conv4_kernel5"),
    ("tiny-design1", "C2", "variable_pools"),
    ("tiny-design2", "C4", "relu"),
    ("tiny-design1", "C3", "prose_order"),
    ("imagenet-resnet18", "C7", "resnet10"),
    ("imagenet-resnet18", "C8", "global_average"),
    ("tiny-design1", "", ""),
    ("tiny-design2", "", ""),
    ("imagenet-resnet18", "", ""),
    ("imagenet-design1", "", ""),
]


@needs_gpu
@pytest.mark.parametrize(("name", "conflict", "reading"), READINGS)
def test_every_net_of_the_source_has_deterministic_steps(name, conflict, reading):
    """Full width and size; an operation without a deterministic form raises."""
    changes = {"execution.device": "cuda", "training.batch_size": 8}
    changes |= {f"readings.{conflict}": reading} if conflict else {}
    asked = vision_settings(load_experiment(name, "paper", changes))
    images = torch.rand(8, 3, asked.input.image_size, asked.input.image_size, device="cuda")
    labels = torch.arange(8, device="cuda")

    def weights() -> list[bytes]:
        fabric = fabric_for(asked, "cuda")
        state = initial_state(asked, 0, fabric)
        for _ in range(3):
            training_step(state, images, labels, 8, asked, 0, fabric, Ranks())
        return [one.detach().cpu().numpy().tobytes() for one in state.model.parameters()]

    assert weights() == weights()


@needs_gpu
@pytest.mark.parametrize(("precision", "exact"), [("32-true", True), ("tf32", False)])
def test_single_precision_is_what_it_says(precision, exact):
    """Products of numbers of 24 bits: with ten of them the error is a thousand times as large."""
    fabric = fabric_for(spec(**CUDA, training__precision=precision), "cuda")
    numbers = torch.Generator().manual_seed(0)
    images, kernels = (torch.rand(shape, generator=numbers) for shape in ((8, 64, 16, 16), (64, 64, 3, 3)))
    left, right = (torch.rand(256, 256, generator=numbers) for _ in range(2))
    for product, operands in ((torch.nn.functional.conv2d, (images, kernels)), (torch.matmul, (left, right))):
        there = product(*(fabric.to_device(one) for one in operands)).cpu()
        true = product(*(one.double() for one in operands))
        error = float(((there - true) / true).abs().max())
        assert (error < 2e-6) == exact, (product.__name__, error)


@needs_gpu
def test_the_digest_of_a_machine_is_one_for_every_precision():
    found = set()
    for precision in PRECISIONS:
        fabric_for(spec(**CUDA, training__precision=precision), "cuda")
        arithmetic_digest.cache_clear()
        found.add(arithmetic_digest("cuda", 1))
    assert len(found) == 1


@needs_gpu
def test_the_gpu_and_what_drives_it_are_recorded(tmp_path):
    plan = trained(tmp_path, training__stop_after=1, **CUDA)
    environment = read_section(plan.folder.environment, Environment)
    assert environment.device == "cuda"
    assert environment.accelerator.startswith(torch.cuda.get_device_name())
    assert f"CUDA {torch.version.cuda}" in environment.accelerator
    header, row = plan.folder.timing.read_text().splitlines()
    assert float(dict(zip(header.split(","), row.split(","), strict=True))["peak_memory_mb"]) > 0


@needs_gpu
def test_more_processes_than_gpus_are_refused(tmp_path):
    there = torch.cuda.device_count()
    plan = small_plan(tmp_path, execution__devices=there + 1, **CUDA)
    with pytest.raises(UserError, match=f"this machine has {there} of 'cuda'"):
        train_run(plan, open_dataset(vision_settings(plan.experiment).data, tmp_path))


@needs_gpu
def test_what_processes_say_to_each_other_goes_by_nccl(tmp_path):
    """A group of one, as NCCL takes no two processes on one GPU: every message that a run sends, in its types."""
    torch.cuda.set_device(0)
    store = dist.FileStore(str(tmp_path / "store"), 1)
    dist.init_process_group("cpu:gloo,cuda:nccl", store=store, rank=0, world_size=1)
    try:
        ranks = ManyRanks()
        model = torch.nn.Sequential(torch.nn.Linear(5, 3), torch.nn.BatchNorm1d(3)).cuda()
        model(torch.rand(4, 5, device="cuda")).square().sum().backward()
        before = [one.grad.clone() for one in model.parameters()]
        ranks.sum_gradients(model)
        assert all(torch.equal(one.grad, old) for one, old in zip(model.parameters(), before, strict=True))
        loss, correct = ranks.sums(torch.tensor(0.5, device="cuda"), torch.tensor(3, device="cuda"))
        assert (float(loss), int(correct)) == (0.5, 3)
        assert ranks.agreed(7, commit=True) == (7, True)
        ranks.align(model)
        columns = [
            torch.rand(6, device="cuda").double(),
            torch.arange(6, device="cuda"),
            torch.ones(6, device="cuda") > 0,
        ]
        found = ranks.in_order(columns, list(range(6)), 6)
        assert all(torch.equal(one, own.cpu()) for one, own in zip(found, columns, strict=True))
    finally:
        dist.destroy_process_group()
