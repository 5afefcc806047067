"""What `--on ray` costs besides training: jobs that a node finds finished go out with a run's files and come back with them.

Starts a cluster of its own on this machine, whose nodes do not share the folder of runs.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sysconfig
import tempfile
import time
from pathlib import Path

COUNTS = (10, 100, 1_000)
SMALL = {
    "model.width": 0.03,
    "data.train_limit": 60,
    "data.test_limit": 30,
    "data.holdout": 20,
    "training.batch_size": 16,
    "training.epochs": 2,
    "training.stop_after": 2,
}


def plans(runs, count):
    """Plans of so many runs of one small experiment."""
    from tinyexp.analysis.design import experiment_point
    from tinyexp.config.load import load_experiment
    from tinyexp.launch.prepare import prepare

    experiment = load_experiment("tiny-design1", "embedded", SMALL)
    return prepare([experiment_point(experiment, range(count))], runs, Path("data"))


def finished_state(folder):
    """The files of a run that was trained, as they travel."""
    from tinyexp.launch.job import Job, run_job
    from tinyexp.launch.ray.archive import packed

    [plan] = plans(folder, 1)
    assert run_job(Job(plan, Path("data"))).exit_code == 0
    return packed(plan.folder.path)


def seconds_of(folder, count, state, address):
    """Carry out so many jobs; gives the seconds, the files that came, and the bytes that went through the object store."""
    from tinyexp.launch.executor import RunEnded
    from tinyexp.launch.job import Job
    from tinyexp.launch.ray.cluster import RayCluster
    from tinyexp.launch.ray.executor import RayExecutor
    from tinyexp.launch.ray.seam import Need

    travelled = 0

    class Counting(RayCluster):
        """Every order takes the finished run along, so that nothing is left to train."""

        def start(self, order, _, need):
            nonlocal travelled
            travelled += len(state)
            return super().start(order, state, need)

        def heard(self, streams, wait_s):
            nonlocal travelled
            said = super().heard(streams, wait_s)
            travelled += sum(len(one[1]) for _, one in said if isinstance(one, tuple))
            return said

    runs = folder / str(count)
    chosen = plans(runs, count)
    executor = RayExecutor(Counting(address), runs, lambda _: Need(), say=print)
    began = time.perf_counter()
    left = {executor.submit(Job(plan, Path("data"))) for plan in chosen}
    while left:
        for event in executor.poll(0.05):
            assert event == RunEnded(event.handle, 0), event
            left.remove(event.handle)
    seconds = time.perf_counter() - began
    executor.close()
    return seconds, sum(path.is_file() for path in runs.rglob("*")), travelled


@contextlib.contextmanager
def ray_cluster():
    """A cluster on this machine, of two processors, whose nodes do not share the folder of runs: its address, its process, where nodes keep runs."""
    folder = Path(tempfile.mkdtemp(prefix="mj"))
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{one.getsockname()[1]}"
    words = [
        str(Path(sysconfig.get_path("scripts")) / "ray"),
        "start",
        "--head",
        "--block",
        "--disable-usage-stats",
    ]
    words += ["--port", address.partition(":")[2], "--node-ip-address=127.0.0.1", "--include-dashboard=false"]
    words += ["--num-cpus=2", "--object-store-memory=80000000", f"--temp-dir={folder / 'r'}"]
    elsewhere = folder / "elsewhere"
    variables = os.environ | {"TINYEXP_RAY_RUNS": str(elsewhere)}
    with tempfile.TemporaryFile() as said:
        cluster = subprocess.Popen(words, env=variables, stdout=said, stderr=said)
        try:
            time.sleep(10)  # the first job waits for what is not up yet
            yield address, cluster.pid, elsewhere
        finally:
            cluster.terminate()
            cluster.wait()
            shutil.rmtree(folder, ignore_errors=True)


def main():
    with ray_cluster() as (address, _, _), tempfile.TemporaryDirectory() as folder:
        state = finished_state(Path(folder) / "trained")
        rows = {}
        for count in COUNTS:
            seconds, files, travelled = seconds_of(Path(folder), count, state, address)
            rows[count] = {
                "seconds": round(seconds, 2),
                "seconds_a_job": round(seconds / count, 4),
                "files": files,
                "object_store_bytes": travelled,
            }
        print(json.dumps({"benchmark": "many_jobs_ray", "jobs": rows}))


if __name__ == "__main__":
    main()
