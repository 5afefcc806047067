"""What decides the bits besides the spec is recorded, and compared where a run goes on."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys

import pytest
import torch
from small_runs import began_as, small_plan

from tinyexp import processor
from tinyexp.errors import InterruptedRunError, UserError
from tinyexp.runs.records import Environment, read_section
from tinyexp.trainers.vision.data.build import open_dataset
from tinyexp.trainers.vision.settings import vision_settings
from tinyexp.trainers.vision.training import run as training_run
from tinyexp.trainers.vision.training.arithmetic import arithmetic_digest
from tinyexp.trainers.vision.training.run import Listener, train_run

# oneDNN reads its variables when it is first used, and only then: now, before a test takes them away.
arithmetic_digest("cpu", torch.get_num_threads())

VARIABLES = {
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "ATEN_CPU_CAPABILITY": "default",
    "MKL_CBWR": "COMPATIBLE",
    "OPENBLAS_CORETYPE": "Sandybridge",
    "NPY_DISABLE_CPU_FEATURES": "AVX2",
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA",
}


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """The folder of a run that was stopped after its first epoch, with no switch set."""
    with pytest.MonkeyPatch.context() as patch:
        for name in processor.SWITCHES:
            patch.delenv(name, raising=False)
        plan, epochs = small_plan(tmp_path_factory.mktemp("runs"), training__stop_after=2), []
        listener = Listener(
            epoch_done=lambda row, _: epochs.append(row["epoch"]), stop_code=lambda: 143 if epochs else 0
        )
        with pytest.raises(InterruptedRunError):
            train(plan, listener)
    return plan.folder.path


@pytest.fixture
def begun(stopped, tmp_path, monkeypatch):
    """A copy of it, to go on with."""
    for name in processor.SWITCHES:
        monkeypatch.delenv(name, raising=False)
    plan = small_plan(tmp_path, training__stop_after=2)
    shutil.copytree(stopped, plan.folder.path)
    return plan


def train(plan, listener=None, **options):
    return train_run(
        plan, open_dataset(vision_settings(plan.experiment).data, plan.folder.path), listener, **options
    )


def recorded(plan):
    return read_section(plan.folder.environment, Environment)


def test_the_record_names_processor_instructions_switches_layout_and_arithmetic(begun):
    told = recorded(begun)
    assert (told.processor, told.instructions) == processor.processor()
    assert told.switches == {}
    assert told.memory_format == "channels_last"
    assert told.arithmetic == arithmetic_digest("cpu", 1)
    assert told.bit_identical


@pytest.mark.parametrize("name", VARIABLES)
def test_going_on_under_another_switch_is_refused_or_marked(begun, monkeypatch, name):
    monkeypatch.setenv(name, VARIABLES[name])
    with pytest.raises(UserError, match=f"switches.{name}: \\(none\\) then, {VARIABLES[name]} now"):
        train(begun)
    assert recorded(begun).switches == {}
    assert train(begun, accept_environment=True).state == "finished"
    assert not recorded(begun).bit_identical
    assert recorded(begun).switches == {name: VARIABLES[name]}


def test_a_switch_that_is_no_longer_set_is_a_change_too(begun):
    before = recorded(begun).model_copy(update={"switches": {"MKL_CBWR": "COMPATIBLE"}})
    began_as(begun, environment=before)
    with pytest.raises(UserError, match=r"switches.MKL_CBWR: COMPATIBLE then, \(none\) now"):
        train(begun)


def test_going_on_on_another_processor_is_refused_with_what_it_lacks(begun, monkeypatch):
    here = processor.processor()
    less = " ".join(here.instructions.split()[1:])
    monkeypatch.setattr(
        "tinyexp.runs.environment.processor", lambda: processor.Processor("Another CPU", less)
    )
    with pytest.raises(UserError) as caught:
        train(begun)
    assert f"processor: {here.name} then, Another CPU now" in str(caught.value)
    if here.instructions:
        assert f"instructions: {here.instructions.split()[0]} then, none besides now" in str(caught.value)


def test_other_arithmetic_is_refused_though_nothing_else_is_known_to_differ(begun, monkeypatch):
    monkeypatch.setattr(training_run, "arithmetic_digest", lambda *_: "0" * 16)
    with pytest.raises(UserError, match=f"arithmetic: {recorded(begun).arithmetic} then, {'0' * 16} now"):
        train(begun)


def test_the_arithmetic_is_asked_of_the_threads_that_the_run_began_with(begun, monkeypatch):
    asked = []
    monkeypatch.setattr(
        training_run,
        "arithmetic_digest",
        lambda _, threads: asked.append((threads, torch.get_num_threads())) or recorded(begun).arithmetic,
    )
    other = small_plan(begun.folder.path.parents[2], training__stop_after=2, execution__threads=2)
    train(other)
    assert asked == [(1, 1)]


_DIGEST = """
import torch
from tinyexp.trainers.vision.training.arithmetic import arithmetic_digest
torch.set_num_threads(1)
print(arithmetic_digest("cpu", 1))
"""


@pytest.mark.slow
def test_the_digest_repeats_and_other_code_gives_another():
    def digest(**switches):
        done = subprocess.run(
            [sys.executable, "-c", _DIGEST],
            env=os.environ | switches,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    torch.set_num_threads(1)
    here = arithmetic_digest("cpu", 1)
    assert digest() == here
    if platform.machine() == "x86_64" and "avx2" in processor.processor().instructions.split():
        assert digest(ONEDNN_MAX_CPU_ISA="SSE41", ATEN_CPU_CAPABILITY="default") != here


def test_a_processor_is_read_from_what_linux_says_of_it():
    arm = "processor : 0\nFeatures : fp asimd sve2 bf16 crc32\nCPU implementer : 0x41\nCPU part : 0xd40\n"
    assert processor.parsed_cpu_info(arm) == processor.Processor("0x41-0xd40", "asimd bf16 sve2")
    assert processor.parsed_cpu_info("nothing of use") is None
    two = "model name : One\nflags : avx2 smep\n\nmodel name : Two\nflags : avx512f\n"
    assert processor.parsed_cpu_info(two) == processor.Processor("One", "avx2")


def test_records_from_before_these_were_asked_can_be_read(begun):
    old = {
        key: value
        for key, value in json.loads(begun.folder.environment.read_text()).items()
        if key not in {"processor", "instructions", "switches", "arithmetic", "memory_format"}
    }
    told = Environment.model_validate(old)
    assert (told.arithmetic, told.memory_format) == ("", None)
