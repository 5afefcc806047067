"""Fixtures that several folders of tests share; lying here, it also puts this folder on the import path."""

from __future__ import annotations

import gc
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import data_server
import pytest
import spared
import warm
from bounds import bounded
from data_folders import make_tiny_imagenet, zipped
from data_server import Server
from hypothesis import HealthCheck, settings

# Machines that run tests are shared and slow at times: how long an example takes says nothing here.
settings.register_profile(
    "tinyexp", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
settings.load_profile("tinyexp")
warm.begin_workers_warm()
spared.leave_files_to_the_disk()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Thousands of tests last until the end: whoever looks for cycles that can go need not look through them again and again."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server with nothing on it; nobody waits between tries."""
    monkeypatch.setattr(time, "sleep", lambda _: None)
    with data_server.running() as server:
        yield server


@pytest.fixture
def tiny(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    """A server that has Tiny ImageNet, with a catalogue that knows this one: 3 classes, 12 + 6 images."""
    content = zipped(make_tiny_imagenet(tmp_path / "made" / "tiny-imagenet-200"))
    shutil.rmtree(tmp_path / "made")
    data_server.serve_as_tiny_imagenet(server, content, monkeypatch)
    return server


@pytest.fixture
def within_bounds() -> Iterator[None]:
    """Half a minute and three gigabytes: a test that waits for ever or fills the memory fails."""
    with bounded(more=2 << 30):
        yield


@pytest.fixture
def scipy_tails(monkeypatch: pytest.MonkeyPatch) -> None:
    """For simulations: scipy's tails, which `test_distributions.py` holds ours against. Ours have the same bits everywhere, and take time."""
    from scipy import special

    from tinyexp.analysis import effects, statistics

    monkeypatch.setattr(effects, "t_two_sided", lambda t, degrees: 2 * float(special.stdtr(degrees, -abs(t))))
    monkeypatch.setattr(effects, "f_upper", lambda f, above, below: float(special.fdtrc(above, below, f)))
    monkeypatch.setattr(statistics, "t_critical", lambda alpha, nu: -float(special.stdtrit(nu, alpha / 2)))
