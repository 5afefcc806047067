"""``--on ray``: from what the user asked for to an executor; see :mod:`tinyexp.launch.engines`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from tinyexp.errors import UserError
from tinyexp.extras import require
from tinyexp.launch.engines import Placement
from tinyexp.launch.job import Job
from tinyexp.launch.ray.executor import RayExecutor
from tinyexp.launch.ray.seam import Need
from tinyexp.terminal import say

_QUIET: Mapping[str, str] = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is sent to anybody
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "1",  # a run that asked for no GPU sees none; unset, Ray warns
    # What a node says of a worker that it lost goes to standard output, where results alone stand: the executor tells of it.
    "RAY_DEDUP_LOGS": "1",
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".*",
}
"""Read by Ray when it is loaded."""


def ray_executor(placement: Placement) -> RayExecutor:
    """The executor of a cluster that is running.

    Raises
    ------
    UserError
        Ray is not installed, no cluster answers, or the address is one that cannot be used.
    """
    require("ray", "ray", purpose="--on ray")
    for option, amount in (("--ray-cpus", placement.ray_cpus), ("--ray-gpus", placement.ray_gpus or 0.0)):
        if amount > 1 and not float(amount).is_integer():
            raise UserError(
                f"{option} {amount:g}: more than one is counted in whole ones. Give {amount:.0f}, or less than 1."
            )
    address = placement.ray_address or os.environ.get("RAY_ADDRESS") or "auto"
    if address == "local" or "://" in address:
        raise UserError(
            f"--ray-address {address}: give HOST:PORT of a cluster that this machine belongs to, or leave it out. From a machine "
            "outside start tinyexp on the cluster, as with `ray job submit`."
        )
    os.environ.update({name: value for name, value in _QUIET.items() if name not in os.environ})
    from tinyexp.launch.ray.cluster import RayCluster  # noqa: PLC0415 - Ray is loaded only where it is wanted

    def need(job: Job) -> Need:
        gpus = _gpus(job) if placement.ray_gpus is None else placement.ray_gpus
        return Need(placement.ray_cpus, gpus)

    return RayExecutor(
        RayCluster(address),
        placement.runs,
        need,
        jobs=placement.jobs_asked,
        usual=Need(placement.ray_cpus, placement.ray_gpus or 0.0),
        say=lambda line: say(f"tinyexp: {line}", err=True),
    )


def _gpus(job: Job) -> float:
    """One where the experiment is to be trained on one."""
    execution: Any = job.plan.experiment.settings.get("execution")
    return 1.0 if isinstance(execution, dict) and execution.get("device") == "cuda" else 0.0
