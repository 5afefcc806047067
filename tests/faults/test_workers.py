"""A worker that ends or hangs: a message that names the work, no row half-written, and a run that can be resumed."""

from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import warm
from PIL import Image
from small_runs import results, run_command, small_plan, trained

from tinyexp.errors import TinyexpError, UserError
from tinyexp.launch.job import Job, run_job
from tinyexp.trainers.vision.data.build import open_dataset
from tinyexp.trainers.vision.data.loader import TrainBatches
from tinyexp.trainers.vision.data.processes import lost_ones_told
from tinyexp.trainers.vision.data.sources import ArrayImages, Dataset
from tinyexp.trainers.vision.settings import vision_settings
from tinyexp.trainers.vision.training.run import train_run

BY = {
    "threads": {"execution__workers": 2},
    "processes": {"execution__workers": 2, "execution__transforms": "torchvision"},
}


class Faulty:
    """A source some image of which does something when it is read, from the first time on or the nth."""

    def __init__(self, inner: ArrayImages, index: int, act: object) -> None:
        self._inner, self._index, self._act = inner, index, act

    @property
    def labels(self) -> np.ndarray:
        return self._inner.labels

    def __len__(self) -> int:
        return len(self._inner)

    def image(self, index: int) -> Image.Image:
        if index == self._index:
            self._act()
        return self._inner.image(index)

    def pixels(self, indices: np.ndarray) -> object:
        if self._index in indices:
            self._act()
        return self._inner.pixels(indices)

    def describe(self, index: int) -> str:
        return self._inner.describe(index)


def train_with(tmp_path: Path, act: object, **overrides: object) -> None:
    """Train a small run one training image of which is faulty."""
    plan = small_plan(tmp_path, **overrides)
    whole = open_dataset(vision_settings(plan.experiment).data, Path("data"))
    source = Faulty(whole.train, 7, act)
    data = Dataset(**{**vars(whole), "train": source})
    train_run(plan, data)


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return results(trained(tmp_path_factory.mktemp("untouched")))


@pytest.mark.parametrize("by", BY)
def test_a_worker_that_hangs_is_an_error_that_names_the_batch_and_the_run_goes_on_later(
    tmp_path: Path, untouched: dict[str, bytes], by: str
) -> None:
    free, parent = threading.Event(), os.getpid()

    def hang() -> None:
        if os.getpid() == parent:
            free.wait(30)
        else:
            time.sleep(30)  # the loader ends its processes

    try:
        with pytest.raises(TinyexpError, match=r"epoch 1: a batch of 1\d images, the first of them .* 0.5 s"):
            train_with(tmp_path, hang, execution__timeout_seconds=0.5, **BY[by])
    finally:
        free.set()
    assert results(trained(tmp_path)) == untouched


def test_a_worker_process_that_is_killed_is_an_error_that_names_the_batch(
    tmp_path: Path, untouched: dict[str, bytes]
) -> None:
    parent = os.getpid()

    def die() -> None:
        assert os.getpid() != parent
        os.kill(os.getpid(), signal.SIGKILL)

    with pytest.raises(TinyexpError, match=r"epoch 1: .* was lost: a process that prepares batches ended"):
        train_with(tmp_path, die, **BY["processes"])
    assert small_plan(tmp_path).folder.metrics.read_text().count("\n") == 1, (
        "no row of an epoch that was not done"
    )
    assert results(trained(tmp_path)) == untouched


@pytest.mark.parametrize(
    ("said", "how"),
    [
        ("DataLoader worker (pid 7) is killed by signal: Killed. ", "killed by signal: Killed"),
        ("DataLoader worker (pid 7) exited unexpectedly with exit code 1. Details are lost.", "exit code 1"),
        ("DataLoader worker (pid(s) 7, 8) exited unexpectedly", "exited unexpectedly"),
    ],
)
def test_a_worker_process_that_ends_at_any_moment_of_training_is_told_as_that(
    tmp_path: Path, said: str, how: str
) -> None:
    """torch raises it from a handler of the signal that a child ended: in a step more often than where a batch is waited for."""

    def raise_in_a_step() -> int:
        raise RuntimeError(said)

    plan = small_plan(tmp_path)
    end = run_job(Job(plan, Path("data")), raise_in_a_step)
    assert end.exit_code == 1
    assert end.message.startswith(f"a process that prepares batches ended ({how}), as where memory is short.")
    assert "The same command goes on from the last commit" in end.message
    with pytest.raises(RuntimeError, match="of another kind"), lost_ones_told():
        raise RuntimeError("of another kind")


@pytest.mark.parametrize("by", BY)
def test_what_a_worker_says_of_an_image_arrives_as_it_was_said(tmp_path: Path, by: str) -> None:
    def refuse() -> None:
        raise UserError("train/a/1.png: cannot be decoded. Replace this file by a good copy.")

    with pytest.raises(
        UserError, match=r"^train/a/1.png: cannot be decoded. Replace this file by a good copy.$"
    ):
        train_with(tmp_path, refuse, **BY[by])


@pytest.mark.parametrize("kind", [ZeroDivisionError, RuntimeError])
@pytest.mark.parametrize("by", BY)
def test_a_programs_own_error_in_a_worker_keeps_its_traceback(
    tmp_path: Path, by: str, kind: type[Exception]
) -> None:
    def fail() -> None:
        raise kind

    with pytest.raises(kind):
        train_with(tmp_path, fail, **BY[by])


@pytest.mark.slow
def test_a_command_whose_worker_has_a_hanging_thread_ends(tmp_path: Path) -> None:
    """The thread cannot be ended; its process can. `sitecustomize` is what a worker loads before anything else."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys, threading, time, importlib.abc\n"
        "class Hook(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name == 'tinyexp.trainers.vision.training.run':\n"
        "            import tinyexp.trainers.vision.data.sources as sources\n"
        "            read = sources.ArrayImages.pixels\n"
        "            def pixels(self, indices):\n"
        "                if threading.current_thread() is not threading.main_thread():\n"
        "                    time.sleep(3600)\n"
        "                return read(self, indices)\n"
        "            sources.ArrayImages.pixels = pixels\n"
        "sys.meta_path.insert(0, Hook())\n"
    )
    late = ("--set", "execution.workers=1", "--set", "execution.timeout_seconds=0.5")
    command = run_command(tmp_path / "runs", *late)
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join((str(tmp_path), os.environ.get("PYTHONPATH", ""))),
    }
    done = warm.run(command, env=environment, check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert "was not ready after 0.5 s (execution.timeout_seconds)" in done.stdout + done.stderr


def test_batches_come_where_the_folder_for_temporary_files_has_a_long_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, untouched: dict[str, bytes]
) -> None:
    """Their sockets lie in it, whose paths may have a hundred bytes: each batch was lost without a word, for ten minutes."""
    long = tmp_path / ("t" * 220)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    monkeypatch.setitem(multiprocessing.current_process()._config, "tempdir", None)
    train_with(tmp_path / "runs", lambda: None, **BY["processes"])
    assert tempfile.gettempdir() == str(long)
    assert small_plan(tmp_path / "runs").folder.metrics.read_text().count("\n") == 4


def test_a_batch_that_cannot_be_sent_is_an_error_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise OSError("AF_UNIX path too long")

    monkeypatch.setattr("multiprocessing.resource_sharer._ResourceSharer.register", fail)
    began = time.monotonic()
    with pytest.raises(TinyexpError, match=r"epoch 1: .* was lost: a process that prepares batches ended"):
        train_with(tmp_path, lambda: None, **BY["processes"])
    assert time.monotonic() - began < 60, "the limit is ten minutes"
    assert "tinyexp: a batch could not be sent: OSError: AF_UNIX path too long" in capfd.readouterr().err


def test_waiting_for_ever_is_a_choice(tmp_path: Path) -> None:
    plan = small_plan(tmp_path, execution__workers=2, execution__timeout_seconds=0)
    data = open_dataset(vision_settings(plan.experiment).data, Path("data"))
    assert len(list(TrainBatches(data.train, vision_settings(plan.experiment), 0, 2).epoch(1))) == 4
