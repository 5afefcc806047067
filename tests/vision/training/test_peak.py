"""The memory of an epoch's steps: growth by what they need, whatever the process held before."""

import csv
import sys

import pytest
import torch
from small_runs import trained

from tinyexp.errors import InterruptedRunError
from tinyexp.runs.cost import RunCost, read_cost
from tinyexp.trainers.base import Listener
from tinyexp.trainers.vision.training import loop, peak
from tinyexp.trainers.vision.training.peak import PeakMemory

LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux forgets a peak")


def grown(megabytes):
    memory = PeakMemory("cpu")
    memory.begin()
    torch.ones(megabytes * 250_000)
    return memory.megabytes()


@LINUX
def test_what_is_given_back_at_once_counts_and_what_was_before_does_not():
    held = torch.ones(50_000_000)
    found = [grown(megabytes) for megabytes in (200, 100, 200)]
    assert [round(one, -2) for one in found] == [200, 100, 200]
    assert len(held)


def test_where_no_peak_can_be_forgotten_nothing_is_told(monkeypatch, tmp_path):
    monkeypatch.setattr(peak, "_CLEAR", tmp_path / "absent" / "clear_refs")
    assert grown(1) is None


def test_another_device_is_not_told_by_the_memory_of_this_process():
    memory = PeakMemory("mps")
    memory.begin()
    assert memory.megabytes() is None


@LINUX
def test_half_the_batch_needs_less(tmp_path):
    sizes = {
        batch: trained(tmp_path, data__train_limit=128, model__width=0.25, training__batch_size=batch)
        for batch in (64, 16)
    }
    large, small = (read_cost(sizes[batch].folder).peak_memory_mb for batch in (64, 16))
    assert small < 0.6 * large


@LINUX
def test_a_process_that_took_no_step_of_an_epoch_says_nothing_of_it(tmp_path, monkeypatch):
    """Ended in the evaluation after the second epoch's steps, a run goes on with evaluating."""
    asked, rows = [], []

    def evaluated(*arguments, before=loop.evaluate):
        if len(rows) == 1:
            asked.append(143)
        return before(*arguments)

    monkeypatch.setattr(loop, "evaluate", evaluated)
    listener = Listener(
        epoch_done=lambda row, _: rows.append(row), stop_code=lambda: asked[0] if asked else 0
    )
    with pytest.raises(InterruptedRunError):
        trained(tmp_path, listener=listener)
    monkeypatch.undo()
    plan = trained(tmp_path)
    told = list(csv.DictReader(plan.folder.timing.read_text().splitlines()))
    assert [bool(row["peak_memory_mb"]) for row in told] == [True, False, True]


def test_a_record_that_is_torn_or_is_not_there_says_nothing(tmp_path):
    plan = trained(tmp_path)
    assert read_cost(plan.folder).train_seconds > 0
    rows = list(csv.reader(plan.folder.timing.read_text().splitlines()))
    rows[1][1], rows[1][4] = "nan", "-5"
    plan.folder.timing.write_text("\n".join(",".join(row) for row in rows))
    assert read_cost(plan.folder).peak_memory_mb >= 0
    plan.folder.timing.write_bytes(b"\xff\xfe")
    assert str(read_cost(plan.folder)) == str(RunCost())
    plan.folder.timing.unlink()
    assert str(read_cost(plan.folder)) == str(RunCost())
