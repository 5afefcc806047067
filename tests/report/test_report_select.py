"""A report is of one profile and, for each experiment, of one configuration."""

from __future__ import annotations

from pathlib import Path

import pytest
from records_maker import make_run, make_runs

from tinyexp.errors import UserError
from tinyexp.report.render import write_report
from tinyexp.report.select import select_runs
from tinyexp.runs.recorded import read_runs

KERNELS = {"model.kernels": [5, 5, 5, 5, 5]}


def test_several_profiles_must_be_chosen_from(tmp_path: Path) -> None:
    make_run(tmp_path, "tiny-design1", 0)
    make_run(tmp_path, "tiny-design1", 0, profile="desk")
    with pytest.raises(UserError, match=r"several profiles \(desk, embedded\)"):
        select_runs(read_runs(tmp_path))
    selection = select_runs(read_runs(tmp_path), "desk")
    assert (selection.profile, len(selection.runs), len(selection.left_out)) == ("desk", 1, 1)


def test_an_unknown_profile_is_named_with_the_nearest(tmp_path: Path) -> None:
    make_run(tmp_path, "tiny-design1", 0)
    with pytest.raises(UserError, match="Did you mean 'embedded'"):
        select_runs(read_runs(tmp_path), "embeded")


def test_no_runs_are_a_mistake_that_is_explained(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="tinyexp run-all"):
        select_runs(read_runs(tmp_path))


def test_the_files_own_configuration_is_taken_among_several(tmp_path: Path) -> None:
    make_runs(tmp_path, ["tiny-design1"])
    make_runs(tmp_path, ["tiny-design1"], overrides=KERNELS)
    selection = select_runs(read_runs(tmp_path))
    assert all(not run.record.experiment.overrides for run in selection.runs)
    assert len(selection.left_out) == 3


def test_overrides_choose_where_they_fit_and_leave_the_rest(tmp_path: Path) -> None:
    make_runs(tmp_path, ["tiny-design1", "tiny-design2", "imagenet-resnet18"])
    make_runs(tmp_path, ["tiny-design1"], overrides=KERNELS)
    chosen = {one.name: one for one in select_runs(read_runs(tmp_path), None, KERNELS).chosen}
    assert chosen["tiny-design1"].experiment.overrides == KERNELS
    assert chosen["imagenet-resnet18"].experiment.overrides == {}


def test_an_override_that_nothing_was_trained_with_is_a_mistake(tmp_path: Path) -> None:
    make_runs(tmp_path, ["tiny-design1"])
    with pytest.raises(UserError, match="no run of profile 'embedded' was trained with it"):
        select_runs(read_runs(tmp_path), None, {"model.dropout": 0.1})


def test_an_override_that_does_not_exist_is_a_mistake(tmp_path: Path) -> None:
    make_runs(tmp_path, ["tiny-design1"])
    with pytest.raises(UserError, match="unknown key"):
        select_runs(read_runs(tmp_path), None, {"model.dropot": 0.1})


def test_configurations_that_no_file_describes_must_be_chosen_from(tmp_path: Path) -> None:
    for dropout in (0.1, 0.2):
        make_runs(tmp_path, ["tiny-design1"], overrides={"model.dropout": dropout})
    with pytest.raises(UserError, match=r"several configurations") as caught:
        select_runs(read_runs(tmp_path))
    assert "--set model.dropout=0.1" in str(caught.value)
    assert "--set model.dropout=0.2" in str(caught.value)


def test_the_only_configuration_is_taken_though_the_file_has_another(tmp_path: Path) -> None:
    make_runs(tmp_path, ["tiny-design1"], overrides=KERNELS)
    assert len(select_runs(read_runs(tmp_path)).runs) == 3


def test_what_was_left_out_is_told_to_the_caller(tmp_path: Path) -> None:
    make_runs(tmp_path / "runs", ["tiny-design1"])
    make_run(tmp_path / "runs", "tiny-design1", 0, overrides=KERNELS)
    result = write_report(tmp_path / "runs", tmp_path / "out")
    assert len(result.left_out) == 1
    assert len(result.runs) == 3
