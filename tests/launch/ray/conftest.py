"""Fixtures of the tests of the executor for Ray."""

import pytest


@pytest.fixture
def apart(tmp_path, monkeypatch):
    """Nodes do not see the folder of runs, and send an archive after every commit."""
    (tmp_path / "node").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "node"))
    monkeypatch.setenv("TINYEXP_RAY_RUNS", str(tmp_path / "elsewhere"))
    monkeypatch.setattr("tinyexp.launch.ray.node.ARCHIVE_S", 0.0)
    monkeypatch.setattr("tinyexp.launch.ray.node._SHARE", 0)
    monkeypatch.setattr("tinyexp.launch.ray.node.LOOK_S", 0.01)
