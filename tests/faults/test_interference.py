"""Others at the same run, changed records, another machine: refused, put right or marked, and always said."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import warm
from small_runs import began_as, results, run_command, small_plan, trained

from tinyexp.errors import InterruptedRunError, TinyexpError, UserError
from tinyexp.runs.plan import RunPlan
from tinyexp.runs.records import Environment, RunRecord, read_section
from tinyexp.trainers.vision.data.build import open_dataset
from tinyexp.trainers.vision.settings import vision_settings
from tinyexp.trainers.vision.training.run import Listener, train_run


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return results(trained(tmp_path_factory.mktemp("untouched")))


def halted(runs: Path) -> subprocess.Popen[str]:
    """A command whose run stands still inside its first commit."""
    environment = {**os.environ, "TINYEXP_END_AT": "*.ckpt written@1=STOP"}
    process = warm.Popen(
        run_command(runs),
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    folder, until = small_plan(runs).folder.checkpoints, time.monotonic() + 120
    while not list(folder.glob(".*.tmp")):
        if process.poll() is not None or time.monotonic() > until:
            os.killpg(process.pid, signal.SIGKILL)
            pytest.fail(f"no commit began: {process.communicate()[1]}")
        time.sleep(0.01)
    return process


def test_a_second_interrupt_ends_everything_at_once_and_the_state_is_good(
    tmp_path: Path, untouched: dict[str, bytes]
) -> None:
    process = halted(tmp_path)
    process.send_signal(signal.SIGINT)
    time.sleep(1)
    assert process.poll() is None, "the first one waits for the commit, which stands still"
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "To go on: tinyexp run tiny-design1" in said
    assert results(trained(tmp_path)) == untouched
    assert not list(tmp_path.rglob("*.tmp"))


def test_a_second_process_on_a_run_leaves_and_names_the_first(
    tmp_path: Path, untouched: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    process = halted(tmp_path)
    monkeypatch.setattr("tinyexp.trainers.owned.LOCK_SECONDS", 0.2)
    try:
        with pytest.raises(TinyexpError, match=r"is being trained by process \d+. Wait for it, or stop it."):
            trained(tmp_path)
    finally:
        os.killpg(process.pid, signal.SIGCONT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert results(small_plan(tmp_path)) == untouched


def torn(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def edited(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:-30] + b"9" + content[-29:])


CHANGES = pytest.mark.parametrize("change", [torn, edited, Path.unlink], ids=["torn", "edited", "deleted"])


@pytest.mark.parametrize("name", ["metrics.csv", "predictions.npz", "run.json", "environment.json"])
@CHANGES
def test_a_record_that_was_changed_is_written_anew_and_that_is_said(
    tmp_path: Path, untouched: dict[str, bytes], name: str, change: Callable[[Path], None]
) -> None:
    plan = trained(tmp_path)
    change(plan.folder.path / name)
    assert not plan.is_finished()
    said: list[str] = []
    assert results(trained(tmp_path, listener=Listener(warn=said.append))) == untouched
    assert (
        f"{name} had been changed or lost since the run finished; written anew from the checkpoint."
        in said[0]
    )


@CHANGES
def test_times_by_the_clock_are_nobodys_result(tmp_path: Path, change: Callable[[Path], None]) -> None:
    plan = trained(tmp_path)
    change(plan.folder.timing)
    assert plan.is_finished()


def changed_record(plan: RunPlan, **change: object) -> None:
    record = read_section(plan.folder.record, RunRecord)
    began_as(plan, record=record.model_copy(update={"identity": "0" * 64, **change}))


def test_another_code_data_or_spec_in_the_same_folder_is_refused_with_what_differs(tmp_path: Path) -> None:
    plan = trained(tmp_path)
    original = read_section(plan.folder.record, RunRecord)
    changed_record(plan, numerics_version=999)
    with pytest.raises(UserError, match="numerics version 999 then"):
        trained(tmp_path)
    began_as(plan, record=original)
    changed_record(plan, data=original.data.model_copy(update={"fingerprint": "f" * 64}))
    with pytest.raises(UserError, match="the data are not the same"):
        trained(tmp_path)
    settings = original.experiment.settings
    other = original.experiment.model_copy(
        update={"settings": {**settings, "optimizer": {**settings["optimizer"], "learning_rate": 0.5}}}
    )
    began_as(plan, record=original)
    changed_record(plan, experiment=other)
    with pytest.raises(UserError, match=r"optimizer.learning_rate: 0.5 then, .* now.*--fresh"):
        trained(tmp_path)


OTHERS = {
    "cpu_capability": "ALTIVEC",
    "device": "cuda",
    "python": "2.7.18",
    "system": "Plan9",
    "machine": "mips",
    "packages.torch": "0.0.1",
    "packages.numpy": "0.0.1",
    "packages.pillow": "0.0.1",
}


def elsewhere(plan: RunPlan, key: str) -> None:
    """Have the run's record say that it began in another environment."""
    found = read_section(plan.folder.environment, Environment)
    part, _, entry = key.partition(".")
    value = {**found.packages, entry: OTHERS[key]} if entry else OTHERS[key]
    assert getattr(found, part) != value
    began_as(plan, environment=found.model_copy(update={part: value}))


@pytest.mark.parametrize("key", OTHERS)
def test_another_environment_is_refused_and_names_what_differs(tmp_path: Path, key: str) -> None:
    plan = trained(tmp_path)
    elsewhere(plan, key)
    with pytest.raises(
        UserError, match=rf"another environment \({key}: {OTHERS[key]} then.*--accept-environment"
    ):
        trained(tmp_path)


def test_a_run_that_went_on_elsewhere_is_marked_and_the_report_says_so(tmp_path: Path) -> None:
    with pytest.raises(InterruptedRunError):
        trained(tmp_path / "runs", listener=Listener(stop_code=lambda: 143))
    plan = small_plan(tmp_path / "runs")
    elsewhere(plan, "packages.torch")
    train_run(plan, open_dataset(vision_settings(plan.experiment).data, tmp_path), accept_environment=True)
    command = [sys.executable, "-m", "tinyexp", "report"]
    warm.run([*command, "--runs", str(tmp_path / "runs"), "--out", str(tmp_path / "out")], check=True)
    for page in ("report.html", "report.md"):
        text = (tmp_path / "out" / page).read_text().replace("&nbsp;", " ").replace("\N{NO-BREAK SPACE}", " ")
        assert "not bit-identical to an uninterrupted run" in text
