"""Two nodes of Ray on this machine, each a process of its own that can be ended like a machine."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[3]
PATIENCE_S = 300.0
"""The machine may be busy; nothing here takes that long."""
_CONFIG = '{"health_check_initial_delay_ms": 2000, "health_check_period_ms": 1000, "health_check_failure_threshold": 5}'
_STORE = "--object-store-memory=80000000"


def require_ray() -> None:
    """Skip where Ray is not installed; in CI that is a failure."""
    if importlib.util.find_spec("ray") is None:
        if os.environ.get("CI"):
            pytest.fail("Ray is not installed: pip install 'tinyexp[ray]'")
        pytest.skip("Ray is not installed")


@dataclass
class Nodes:
    """A head node that shares this machine's folders, and one with a folder of runs of its own; a run fits on each."""

    folder: Path
    address: str
    started: dict[str, subprocess.Popen] = field(default_factory=dict)

    def start(self, name: str, *arguments: str, **variables: str) -> None:
        """Start a node, and wait until the cluster has it."""
        words = [str(Path(sysconfig.get_path("scripts")) / "ray"), "start", *arguments, "--block"]
        words += ["--num-cpus=1", "--disable-usage-stats", _STORE]
        with (self.folder / f"{name}.txt").open("wb") as told:
            self.started[name] = subprocess.Popen(
                words,
                stdout=told,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env=environment() | variables,
                cwd=self.folder,
                start_new_session=True,
            )
        self._wait_for(name)

    def start_second(self) -> None:
        """The node that shares nothing, and says that it has a GPU."""
        for path in (self.private, self.elsewhere):
            path.mkdir(exist_ok=True)
        self.start(
            "second",
            f"--address={self.address}",
            "--num-gpus=1",
            TINYEXP_RAY_RUNS=str(self.elsewhere),
            TMPDIR=str(self.private),
        )

    @property
    def private(self) -> Path:
        """Where the second node works."""
        return self.folder / "private"

    @property
    def elsewhere(self) -> Path:
        """What the second node takes for the folder of runs."""
        return self.folder / "elsewhere"

    def end(self, name: str) -> None:
        """End a node as a power cut would: its raylet first, then whatever it had started."""
        node = self.started.pop(name)
        for process in [*_raylets_below(node.pid), node.pid]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        self._wait_until_gone(node)

    def close(self) -> None:
        """Stop all nodes; nothing is left of them."""
        for node in [*self.started.values()][::-1]:
            node.terminate()
        for node in self.started.values():
            self._wait_until_gone(node)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _wait_for(self, name: str) -> None:
        said = self.folder / f"{name}.txt"
        end = time.monotonic() + PATIENCE_S
        while "Ray runtime started" not in said.read_text():
            assert self.started[name].poll() is None, said.read_text()
            assert time.monotonic() < end, said.read_text()
            time.sleep(0.2)

    def _wait_until_gone(self, node: subprocess.Popen) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            node.wait(30)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(node.pid, signal.SIGKILL)
        node.wait()
        for process in processes_of(node.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)


def environment() -> dict[str, str]:
    """Of nodes and commands: this checkout's tinyexp, and nothing that says where a cluster is."""
    left = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    return left | {"PYTHONPATH": str(PROJECT), "RAY_USAGE_STATS_ENABLED": "0"}


@contextlib.contextmanager
def two_nodes() -> Iterator[Nodes]:
    """A cluster for as long as the block lasts, in a folder whose name is short, as sockets lie in it."""
    folder = Path(tempfile.mkdtemp(prefix="tr", dir="/tmp"))
    port = _free_port()
    nodes = Nodes(folder, f"127.0.0.1:{port}")
    try:
        nodes.start(
            "head",
            "--head",
            f"--port={port}",
            "--node-ip-address=127.0.0.1",
            "--include-dashboard=false",
            f"--temp-dir={folder / 'r'}",
            f"--system-config={_CONFIG}",
        )
        nodes.start_second()
        yield nodes
    finally:
        nodes.close()


def command(runs: Path, nodes: Nodes, *options: str) -> list[str]:
    """``run-all --on ray`` of two small designs."""
    from small_runs import SET

    return [
        sys.executable, "-m", "tinyexp", "run-all", "--only", "tiny-design*", "--plan", "none", *SET,
        "--runs", str(runs), "--on", "ray", "--ray-address", nodes.address, *options,
    ]  # fmt: skip


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _children() -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parent = int(entry.read_text().rpartition(")")[2].split()[1])
            found.setdefault(parent, []).append(int(entry.parent.name))
    return found


def processes_of(process: int) -> list[int]:
    """All that a process has started, and what those have."""
    children, found = _children(), [process]
    for one in found:
        found += children.get(one, [])
    return found[1:]


def _raylets_below(process: int) -> list[int]:
    """The raylet first: what it had started is not told to leave."""
    names = {one: _name(one) for one in processes_of(process)}
    return sorted(names, key=lambda one: "raylet" not in names[one])


def _name(process: int) -> str:
    try:
        return Path(f"/proc/{process}/comm").read_text().strip()
    except OSError:
        return ""
