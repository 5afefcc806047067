"""A command's run whose folder is moved meanwhile, or holds another seed's, is not taken for what it is not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tinyexp.config.load import load_experiment
from tinyexp.errors import LostFolderError
from tinyexp.runs.plan import RunPlan, plan_run
from tinyexp.runs.records import RunRecord, Status, read_section, write_section
from tinyexp.trainers.base import Listener
from tinyexp.trainers.command.trainer import TRAINER

TRAIN = """
import sys
from pathlib import Path
seed, out, goes_on = sys.argv[1], Path(sys.argv[2]), "--resume" in sys.argv
if Path("move").exists():
    out.parent.rename("elsewhere")
    out = Path("elsewhere") / out.name
Path("how.txt").write_text("resumed" if goes_on else "begun")
(out / "metrics.csv").write_text(f"epoch,test_loss\\n1,0.{seed}5\\n")
"""
FILE = """
title = "Mine"
trainer = "command"
[command]
run = "{python} train.py {{seed}} {{folder}}"
resume = "{python} train.py {{seed}} {{folder}} --resume"
metrics = "metrics.csv"
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "train.py").write_text(TRAIN)
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "mine.toml").write_text(FILE.format(python=sys.executable))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def planned(place: Path, seed: int = 0) -> RunPlan:
    experiment = load_experiment("mine", "default")
    (data,) = TRAINER.inputs([experiment], place)
    return plan_run(experiment, seed, data, place / "runs")


def train(plan: RunPlan) -> Status:
    return TRAINER.train(plan, Path(), Listener(), fresh=False, accept_environment=False)


def test_a_folder_that_is_moved_while_its_command_runs_ends_the_run_and_is_not_made_again(
    place: Path,
) -> None:
    (place / "move").touch()
    plan = planned(place)
    with pytest.raises(LostFolderError, match="was moved or removed while the run was trained"):
        train(plan)
    assert not plan.folder.path.exists()
    assert (place / "elsewhere" / "work" / "metrics.csv").is_file()


@pytest.mark.parametrize(("other", "how"), [(False, "resumed"), (True, "begun")])
def test_what_another_run_has_saved_is_not_gone_on_from(place: Path, other: bool, how: str) -> None:  # noqa: FBT001
    plan = planned(place)
    train(plan)
    status = read_section(plan.folder.status, Status)
    write_section(plan.folder.status, status.model_copy(update={"state": "interrupted"}))
    if other:
        write_section(plan.folder.record, planned(place, seed=1).record)
    train(plan)
    assert (place / "how.txt").read_text() == how
    assert read_section(plan.folder.record, RunRecord).seed == 0
