"""The device of a process, and the part of Lightning Fabric that a run uses: precision, and moving tensors."""

from __future__ import annotations

import contextlib
import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments.lightning import LightningEnvironment

from tinyexp.errors import UserError
from tinyexp.trainers.vision.settings import VisionSettings
from tinyexp.trainers.vision.training.tensor_float import use_tensor_float

_DEVICES = {"tf32": ["cuda"], "16-mixed": ["cuda", "mps"]}
"""Precisions that not every device has. Fabric would take bfloat16 in place of half precision, and say so in passing."""
_DRIVER = Path("/proc/driver/nvidia/version")


def device_of(spec: VisionSettings) -> str:
    """The kind of device that a run is trained on; raises UserError where this machine has none."""
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    wanted = spec.execution.device
    if wanted == "auto":
        wanted = "cuda" if available["cuda"] else "cpu"
    if not available[wanted]:
        raise UserError(
            f"execution.device = '{wanted}' is not there on this machine. Use --set execution.device=auto."
        )
    precision = spec.training.precision
    if wanted not in _DEVICES.get(precision, [wanted]):
        raise UserError(
            f"training.precision = '{precision}' is of GPUs, and this run would train on '{wanted}'. Use --set"
            " training.precision=32-true or bf16-mixed, or --set execution.device=cuda where there is an NVIDIA GPU."
        )
    return wanted


def require_devices(spec: VisionSettings) -> None:
    """Raise UserError where the processes of one machine have not each a device of their own."""
    kind, asked = device_of(spec), spec.execution.devices
    there = {"cpu": asked, "cuda": torch.cuda.device_count(), "mps": 1}[kind]
    if there < asked:
        raise UserError(
            f"execution.devices = {asked}: this machine has {there} of '{kind}'. Use --set execution.devices={there}, or"
            " --set execution.device=cpu."
        )


def fabric_for(spec: VisionSettings, device: str, local_rank: int = 0) -> Fabric:
    """Fabric for this process alone; what processes of a run say to each other is :mod:`.ranks`' to say."""
    precision = spec.training.precision
    use_tensor_float(allowed=precision == "tf32")
    if device == "cuda":
        # Kernels without a deterministic form raise instead of changing a bit unnoticed.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(mode=True)
        torch.backends.cudnn.benchmark = False
        # A launcher may show each process its own GPU alone, as SLURM does by --gpus-per-task.
        local_rank = 0 if torch.cuda.device_count() == 1 else local_rank
        torch.cuda.set_device(local_rank)
    # To Fabric a run spans no processes. Left to guess, it takes over the tasks of a SLURM job that it happens to run in, and
    # warns wherever an `srun` is installed.
    with _quiet():
        return Fabric(
            accelerator=device,
            devices=[local_rank] if device == "cuda" else 1,
            precision="32-true" if precision == "tf32" else precision,
            plugins=[LightningEnvironment()],
        )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Fabric announces each precision, and on a GPU advises another one than was asked for."""
    log = logging.getLogger("lightning_fabric")
    before = log.level
    log.setLevel(logging.WARNING)
    try:
        yield
    finally:
        log.setLevel(before)


def accelerator_of(device: str) -> str:
    """The GPU that this process trains on, and the versions below torch that choose its kernels; empty on a processor.

    >>> accelerator_of("cpu")
    ''
    """
    if device != "cuda":
        return ""
    cudnn = torch.backends.cudnn.version()  # type: ignore[no-untyped-call]
    parts = [torch.cuda.get_device_name(), f"CUDA {torch.version.cuda}", f"cuDNN {cudnn}"]
    # The kernel's module says it; where a container hides that, a change of driver shows only where it changes arithmetic.
    if _DRIVER.exists() and (
        found := re.search(r"\b\d+\.\d+(\.\d+)?\b", _DRIVER.read_text(errors="replace"))
    ):
        parts.append(f"driver {found[0]}")
    return ", ".join(parts)
