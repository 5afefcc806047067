"""What a run is trained with, as far as it can change a bit of the result."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from tinyexp.config.difference import Difference, differences
from tinyexp.processor import processor, switches
from tinyexp.runs.records import Environment

PACKAGES = ("tinyexp", "torch", "torchvision", "numpy", "pillow", "lightning-fabric")


def describe_environment(
    packages: Iterable[str] = PACKAGES, variables: Mapping[str, str] | None = None, **of_training: Any
) -> Environment:
    """Versions, processor and switches; read without importing anything heavy.

    Parameters
    ----------
    variables
        Of a command, those that its file names; else those that choose the code of libraries.
    of_training
        What only the trainer knows, as :class:`Environment` has it: ``cpu_capability``, ``device``, ``threads``, ...
    """
    cpu = processor()
    known: dict[str, Any] = {"cpu_capability": "", "device": "", "threads": 0} | of_training
    return Environment(
        python=platform.python_version(),
        packages={name: _version(name) for name in packages},
        system=platform.system(),
        machine=platform.machine(),
        processor=cpu.name,
        instructions=cpu.instructions,
        switches=switches() if variables is None else dict(variables),
        **known,
    )


def environment_changes(before: Environment, now: Environment) -> tuple[Difference, ...]:
    """What is no longer as it was when the run began; tinyexp's own version has its numerics version instead."""
    found = differences(
        before.model_dump(), now.model_dump(), ignore=("bit_identical", "packages.tinyexp", "threads")
    )
    # A table without entries is a key of its own, and no change beside those of its entries.
    unsaid = {"switches"} if before.code and now.code else {"switches", "code"}
    changes = [change for change in found if change.key not in unsaid]
    return tuple(_shortened(change) if change.key == "instructions" else change for change in changes)


def machine_type(environment: Environment) -> tuple[str, ...]:
    """What runs must share for one seed to have one result: equal for two runs that can be expected to repeat each other's bits.

    The digest of the arithmetic where it was recorded, since processors of many names compute alike; else what torch chose.
    """
    computed = environment.arithmetic or f"{environment.machine} {environment.cpu_capability}"
    layout = environment.memory_format or ""
    return (
        environment.device,
        str(environment.threads),
        environment.packages.get("torch", ""),
        environment.code,
        layout,
        computed,
    )


def _shortened(change: Difference) -> Difference:
    """Of two long lists of instructions, those that only one has."""
    left, right = change.left.split(), change.right.split()
    alone = ([name for name in own if name not in other] for own, other in ((left, right), (right, left)))
    told = (" ".join(names) or "none besides" for names in alone)
    return Difference(change.key, *told)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"
