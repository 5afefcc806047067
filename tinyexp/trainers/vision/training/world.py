"""Which of a run's processes this one is, by what started it: torchrun, SLURM's srun, or the run's first process itself.

A run of one process looks at none of this: it stays one inside torchrun or a SLURM job. Loads no torch.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from tinyexp.errors import UserError
from tinyexp.trainers.vision.settings import VisionSettings

_FIRST_HOST = re.compile(r"([^\[,]+)(?:\[(\w+))?")
_PORTS = range(15_000, 25_000)


@dataclass(frozen=True)
class World:
    """A process among those that train a run together."""

    rank: int
    """From 0; rank 0 does everything that is said and written."""
    size: int
    local_rank: int
    """Among those of this machine: the number of its device."""
    address: str
    port: int
    serves: bool
    """Whether rank 0 opens the port; torchrun's agent has done so already."""
    attempt: str = "0"
    """Tells apart what torchrun starts again."""


def launched(environment: Mapping[str, str] | None = None) -> World | None:
    """The world that a launcher started this process into; None where none did.

    A SLURM step of one task is none: such is any shell inside a job.
    """
    variables = os.environ if environment is None else environment
    try:
        if "TORCHELASTIC_RUN_ID" in variables:
            return _by_torchrun(variables)
        if int(variables.get("SLURM_STEP_NUM_TASKS", "1")) > 1:
            return _by_slurm(variables)
    except (KeyError, ValueError) as error:
        raise UserError(
            f"the variables of torchrun or SLURM are not whole ({type(error).__name__}: {error}), so that it is not known which"
            " process of the run this is. Start it by the whole command, or unset them."
        ) from error
    return None


def _by_torchrun(variables: Mapping[str, str]) -> World:
    return World(
        rank=int(variables["RANK"]),
        size=int(variables["WORLD_SIZE"]),
        local_rank=int(variables["LOCAL_RANK"]),
        address=variables["MASTER_ADDR"],
        port=int(variables["MASTER_PORT"]),
        serves=variables.get("TORCHELASTIC_USE_AGENT_STORE") != "True",
        attempt=variables.get("TORCHELASTIC_RESTART_COUNT", "0"),
    )


def _by_slurm(variables: Mapping[str, str]) -> World:
    step = f"{variables['SLURM_JOB_ID']}.{variables['SLURM_STEP_ID']}"
    place = int.from_bytes(hashlib.sha256(step.encode()).digest()[:4], "big") % len(_PORTS)
    return World(
        rank=int(variables["SLURM_PROCID"]),
        size=int(variables["SLURM_STEP_NUM_TASKS"]),
        local_rank=int(variables["SLURM_LOCALID"]),
        address=variables.get("MASTER_ADDR") or _first_host(variables["SLURM_STEP_NODELIST"]),
        port=int(variables.get("MASTER_PORT") or _PORTS[place]),
        serves=True,
        attempt=variables.get("SLURM_RESTART_COUNT", "0"),
    )


def _first_host(nodes: str) -> str:
    """The first of SLURM's list of hosts.

    >>> _first_host("gpu[07-09,12],login"), _first_host("a,b")
    ('gpu07', 'a')
    """
    found = _FIRST_HOST.match(nodes)
    if found is None:
        raise ValueError(f"no host in {nodes!r}")
    return found.group(1) + (found.group(2) or "")


def started(spec: VisionSettings, environment: Mapping[str, str] | None = None) -> World | None:
    """The world of a run that a launcher started; None where this process is to start the others itself, if there are any.

    Raises
    ------
    UserError
        Another number of processes was started than the settings ask for, or several machines and no launcher.
    """
    if spec.world_size == 1:
        return None
    found, execution = launched(environment), spec.execution
    asked = f"execution.devices = {execution.devices} and execution.nodes = {execution.nodes} ask for {spec.world_size} processes"
    if found is None and execution.nodes > 1:
        raise UserError(
            f"{asked} on several machines, and no launcher started this one. Use {_fitting(spec)}."
        )
    if found is not None and found.size != spec.world_size:
        raise UserError(
            f"{asked}, and {found.size} {'was' if found.size == 1 else 'were'} started. Use {_fitting(spec)}; or leave the"
            " settings as they are of what was started."
        )
    return found


def _fitting(spec: VisionSettings) -> str:
    devices, nodes = spec.execution.devices, spec.execution.nodes
    asked = f"tinyexp run ... --set execution.devices={devices} --set execution.nodes={nodes}"
    torchrun = f"`torchrun --nnodes {nodes} --nproc-per-node {devices} -m {asked}`"
    srun = f"`srun --nodes {nodes} --ntasks {devices * nodes} --ntasks-per-node {devices} {asked}`"
    return f"{torchrun} or {srun}" + (f", or `{asked}` alone" if nodes == 1 else "")
