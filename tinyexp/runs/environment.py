"""What a run is trained with, as far as it can change a bit of the result."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

from tinyexp.config.difference import Difference, differences
from tinyexp.runs.records import Environment

PACKAGES = ("tinyexp", "torch", "torchvision", "numpy", "pillow", "lightning-fabric")


def describe_environment(*, cpu_capability: str, device: str, threads: int) -> Environment:
    """Versions and machine type; read from package metadata, so that nothing heavy is imported.

    Parameters
    ----------
    cpu_capability
        As ``torch.backends.cpu.get_cpu_capability()`` gives it.
    """
    return Environment(
        python=platform.python_version(),
        packages={name: _version(name) for name in PACKAGES},
        system=platform.system(),
        machine=platform.machine(),
        cpu_capability=cpu_capability,
        device=device,
        threads=threads,
    )


def environment_changes(before: Environment, now: Environment) -> tuple[Difference, ...]:
    """What is no longer as it was when the run began; tinyexp's own version has its numerics version instead."""
    return differences(
        before.model_dump(), now.model_dump(), ignore=("bit_identical", "packages.tinyexp", "threads")
    )


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"
