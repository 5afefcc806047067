"""The device of a process, and the part of Lightning Fabric that a run uses: precision, and moving tensors."""

from __future__ import annotations

import os

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments.lightning import LightningEnvironment

from tinyexp.errors import UserError
from tinyexp.trainers.vision.settings import VisionSettings


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
    return Fabric(
        accelerator=device,
        devices=[local_rank] if device == "cuda" else 1,
        precision=spec.training.precision,
        plugins=[LightningEnvironment()],
    )
