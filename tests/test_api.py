"""The public Python interface, as `docs/using-it.md` shows it."""

import pytest
import torch
from small_runs import SMALL

import tinyexp
from tinyexp.errors import UserError


def test_an_experiment_is_loaded_built_trained_compared_and_reported(tmp_path):
    for name in ("tiny-design1", "tiny-design2"):
        experiment = tinyexp.load_experiment(name, profile="embedded", overrides=SMALL)
        assert isinstance(tinyexp.build_model(experiment), torch.nn.Module)
        for seed in range(3):
            assert tinyexp.train(experiment, seed, runs=tmp_path / "runs").state == "finished"
    frame = tinyexp.load_runs(tmp_path / "runs")
    assert len(frame) == 2 * 3 * 3
    compared = tinyexp.compare(frame, "tiny-design1", "tiny-design2", margin=0.01)
    last = frame[frame["epoch"] == 3].pivot_table(index="seed", columns="experiment", values="test_accuracy")
    assert compared.mean == pytest.approx((last["tiny-design1"] - last["tiny-design2"]).mean())
    written = tinyexp.write_report(tmp_path / "runs", tmp_path / "report")
    assert "Design 1" in written.verdict
    assert (tmp_path / "report" / "report.html").exists()


def test_a_finished_run_is_not_trained_again(tmp_path):
    experiment = tinyexp.load_experiment("tiny-design2", overrides=SMALL)
    first = tinyexp.train(experiment, 0, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert tinyexp.train(experiment, 0, tmp_path) == first
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_an_experiment_is_frozen_and_a_wrong_name_is_told():
    experiment = tinyexp.load_experiment("tiny-design1")
    with pytest.raises(ValueError, match="frozen"):
        experiment.name = "other"
    with pytest.raises(UserError, match="Did you mean"):
        tinyexp.load_experiment("tiny-design")
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        tinyexp.trian  # noqa: B018
