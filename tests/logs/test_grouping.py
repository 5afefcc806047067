"""A design is what agrees in everything but the seed; how it was told is kept, and nothing is guessed in silence."""

from __future__ import annotations

from pathlib import Path

import pytest

from tinyexp.errors import UserError
from tinyexp.logs.grouping import Grouping, grouped, seed_in, split_name
from tinyexp.logs.log import RunLog
from tinyexp.logs.walk import Reading


def reading(**runs: dict[str, object]) -> Reading:
    """Runs by name (``__`` for a slash) with their settings."""
    names = tuple(name.replace("__", "/") for name in runs)
    logs = tuple(
        RunLog("table", Path(name), (), [1.0], [None], {"loss": [0.5]}, 1, settings=settings)
        for name, settings in zip(names, runs.values(), strict=True)
    )
    return Reading(logs, names, (), 0)


def designs(grouping: Grouping) -> dict[str, list[int | None]]:
    return {name: [one.seed for one in own] for name, own in grouping.designs.items()}


def test_settings_tell_designs_apart_whatever_the_folders_are_called():
    runs = reading(
        x__0={"lr": 0.1, "seed": 0},
        x__1={"lr": 0.1, "seed": 1},
        x__2={"lr": 0.02, "seed": 0},
        x__3={"lr": 0.02, "seed": 1},
    )
    found = grouped(runs)
    assert designs(found) == {"lr=0.1": [0, 1], "lr=0.02": [0, 1]}
    assert {one.by for one in found.placed} == {"settings"}


def test_what_only_says_where_and_how_a_run_was_carried_out_names_no_design():
    runs = reading(
        base_s0={"lr": 0.1, "seed": 0, "output_dir": "a", "resume": "", "workers": 4, "run_name": "base_s0"},
        base_s1={
            "lr": 0.1,
            "seed": 1,
            "output_dir": "b",
            "resume": "last.pt",
            "workers": 8,
            "run_name": "base_s1",
        },
        wide_s0={"lr": 0.2, "seed": 0, "output_dir": "c", "resume": "", "workers": 4, "run_name": "wide_s0"},
    )
    assert designs(grouped(runs)) == {"base": [0, 1], "wide": [0]}


def test_a_resumed_run_of_another_folder_is_of_the_design_that_its_settings_name():
    runs = reading(
        base_s0={"lr": 0.1, "seed": 0}, base_again={"lr": 0.1, "seed": 1}, slow_s0={"lr": 0.02, "seed": 0}
    )
    assert designs(grouped(runs)) == {"base": [0, 1], "slow": [0]}


def test_without_settings_folders_and_names_tell():
    assert designs(grouped(reading(base__s0={}, base__s1={}, wide__s0={}, wide__s1={}))) == {
        "base": [0, 1],
        "wide": [0, 1],
    }


def test_a_number_that_only_numbers_is_no_seed():
    assert designs(grouped(reading(base__run_1={}, base__run_2={}))) == {"base": [None, None]}


def test_equal_settings_leave_it_to_the_folders_and_say_so():
    found = grouped(reading(a__s0={"lr": 0.1}, a__s1={"lr": 0.1}, b__s0={"lr": 0.1}))
    assert designs(found) == {"a": [0, 1], "b": [0]}
    assert "designs are told apart by folders and names" in " ".join(found.notes)


def test_a_setting_that_is_another_in_every_run_does_not_make_every_run_a_design():
    runs = reading(
        a__1={"lr": 0.1, "token": "q"},
        a__2={"lr": 0.1, "token": "w"},
        b__1={"lr": 0.1, "token": "e"},
        b__2={"lr": 0.1, "token": "r"},
    )
    found = grouped(runs)
    assert designs(found) == {"a": [None, None], "b": [None, None]}
    assert "No two runs agree in all settings (token)" in " ".join(found.notes)


def test_numbers_at_the_ends_of_names_are_asked_about_where_each_run_was_taken_for_a_design():
    found = grouped(reading(run_a0={}, run_a1={}, run_b0={}, run_b1={}))
    assert len(found.designs) == 4
    [note] = found.notes
    assert "run_a0, run_a1" in note
    pattern = note.partition("--by '")[2].partition("'")[0]
    again = grouped(reading(run_a0={}, run_a1={}, run_b0={}, run_b1={}), pattern)
    assert (designs(again), again.notes) == ({"run_a": [0, 1], "run_b": [0, 1]}, ())


@pytest.mark.parametrize("names", [("a0", "a1", "b0"), ("a0__seed1", "a1__seed1", "a0__seed2"), ("0", "1")])
def test_they_are_not_asked_about_where_they_cannot_be_seeds_of_all(names):
    assert "--by" not in " ".join(grouped(reading(**{name: {} for name in names})).notes)


def test_a_pattern_goes_before_everything_else():
    runs = reading(exp__big__7={"lr": 0.1, "seed": 0}, exp__big__8={"lr": 0.2, "seed": 0}, other={})
    found = grouped(runs, "{design}/{seed}")
    assert designs(found) == {"big": [7, 8]}
    assert found.notes == ("Left out, as --by does not fit: other.",)


def test_other_names_of_a_pattern_are_settings_and_name_the_design():
    found = grouped(reading(lr0_1_s0={}, lr0_2_s0={}), "lr{lr}_s{seed}")
    assert designs(found) == {"lr=0_1": [0], "lr=0_2": [0]}
    assert found.placed[0].settings == {"lr": "0_1"}


@pytest.mark.parametrize("pattern", ["no place", "{design}/{design}", "{design"])
def test_what_is_no_pattern_is_refused(pattern):
    with pytest.raises(UserError, match="is no pattern"):
        grouped(reading(a={}), pattern)


def test_a_pattern_that_fits_nothing_names_some_runs():
    with pytest.raises(UserError, match="fits none of the 1 runs, such as a"):
        grouped(reading(a={}), "{design}/seed{seed}")


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("base/seed_3", ("base", 3)),
        ("base-seed=3", ("base", 3)),
        ("seed3/base", ("base", 3)),
        ("resnet18/s12.csv", ("resnet18", 12)),
        ("resnet18/version_4", ("resnet18", None)),
        ("lightning_logs/version_0", ("", None)),
        ("wandb/offline-run-20261126_075431-abcdefgh", ("wandb", None)),
        ("net 3", ("net", None)),
        ("classes10", ("classes10", None)),
        ("multirun/2026-11-26/08-00-00/3", ("multirun", None)),
    ],
)
def test_a_name_is_taken_apart(name, found):
    assert split_name(name) == found


def test_of_several_seeds_the_one_nearest_to_the_top_counts():
    assert seed_in({"data.split.seed": 1, "trainer.seed": 2}) == (2, "trainer.seed")
    assert seed_in({"seed": True, "model": "x"}) == (None, "")


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("lr_1e-3/seed_1", ("lr_1e-3", 1)),
        ("lr_1e-4", ("lr_1e-4", None)),
        ("resnet-18/seed1", ("resnet-18", 1)),
        ("resnet-50/version_3", ("resnet-50", None)),
        ("resnet-50/run 2", ("resnet-50", None)),
        ("Nov26_09-21-51_vm_lr0.1_seed1", ("vm_lr0.1", 1)),
        ("20261126-092315-resnet10t-32", ("resnet10t", None)),
        ("wide/seed 4", ("wide", 4)),
    ],
)
def test_what_numbers_a_run_is_taken_out_once_and_the_rest_is_the_designs(name, found):
    assert split_name(name) == found


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("vit_s16_aug_seed0.csv", ("vit_s16_aug", 0)),
        ("resnet-s16-seed0", ("resnet-s16", 0)),
        ("net_v1_s0", ("net_v1", 0)),
        ("mixup-r2-s0", ("mixup-r2", 0)),
        ("run_1/seed0", ("run_1", 0)),
        ("seed0/16.csv", ("16", 0)),
        ("2024-05-01_a_seed0", ("a", 0)),
        ("a_seed0_20240501-120000", ("a", 0)),
        ("base/seed0/version_0", ("base", 0)),
    ],
)
def test_beside_a_seed_every_other_number_is_the_designs(name, found):
    assert split_name(name) == found


@pytest.mark.parametrize(
    "key",
    [
        "model.name",
        "model_name",
        "optimizer.name",
        "dataset_name",
        "loss.name",
        "model.version",
        "data.path",
        "experiment",
    ],
)
def test_a_name_of_what_is_trained_tells_designs_apart(key):
    runs = reading(x__0={key: "vit", "seed": 0}, x__1={key: "resnet", "seed": 0})
    assert len(grouped(runs).designs) == 2


@pytest.mark.parametrize(
    "key",
    [
        "name",
        "run_name",
        "run.name",
        "exp_name",
        "output_dir",
        "logger.path",
        "hostname",
        "timestamp",
        "resume",
        "wandb.group",
    ],
)
def test_a_name_of_the_run_or_its_place_does_not(key):
    runs = reading(x__0={key: "u", "lr": 0.1, "seed": 0}, x__1={key: "v", "lr": 0.1, "seed": 1})
    assert len(grouped(runs).designs) == 1
