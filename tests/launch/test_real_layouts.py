"""The paper and desk profiles, cut by --set, on folders of real files in the layouts of the real data sets."""

import csv
import json
import os
import sys
from pathlib import Path

import pytest
import warm
from data_folders import inventory, make_imagenet, make_tiny_imagenet

FASHION = "/usr/share/datasets/fashion-mnist"


def run_all(runs, *options, **environment):
    command = [
        sys.executable,
        "-m",
        "tinyexp",
        "run-all",
        "--plan",
        "none",
        "--runs",
        str(runs),
        "--json",
        *options,
    ]
    done = warm.run(command, capture_output=True, text=True, check=False, env={**os.environ, **environment})
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def report(runs, out):
    """The summary of the report over these runs; the report is checked as well."""
    for command in (["report", "--runs", str(runs), "--out", str(out)], ["check", str(out)]):
        done = warm.run(
            [sys.executable, "-m", "tinyexp", *command], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr + done.stdout
    return (out / "summary.md").read_text()


def cut(**settings):
    return [
        part for key, value in settings.items() for part in ("--set", f"{key.replace('__', '.')}={value}")
    ]


@pytest.mark.slow
def test_a_run_on_tiny_imagenets_layout_learns_what_can_be_seen_so_the_labels_of_both_splits_agree(tmp_path):
    """Four classes that differ in what the eye sees; chance is 25 %. A mix-up of classes between train and val ends at or below it."""
    folder = make_tiny_imagenet(
        tmp_path / "tiny-imagenet-200", classes=4, train_per_class=48, val_per_class=24
    )
    before = inventory(folder)
    settings = cut(
        model__classes=4,
        model__width=0.1,
        training__batch_size=16,
        training__stop_after=8,
        input__image_size=32,
    )
    rows = run_all(
        tmp_path / "runs",
        "--profile",
        "paper",
        "--only",
        "tiny-*",
        "--seeds",
        "1",
        "--data-folder",
        str(tmp_path),
        *settings,
    )
    assert [row["experiment"] for row in rows] == ["tiny-design1", "tiny-design2"]
    for row in rows:
        assert row["value"] >= 0.75, row
    assert inventory(folder) == before
    said = report(tmp_path / "runs", tmp_path / "report")
    assert "Profile paper" in said
    assert str(tmp_path) not in said


@pytest.mark.slow
def test_the_paper_profile_trains_on_imagenets_layout_with_photos_that_are_not_square(tmp_path):
    make_imagenet(tmp_path / "imagenet", classes=3, train_per_class=8, val_per_class=4)
    settings = cut(model__classes=3, model__width=0.1, training__batch_size=8, training__stop_after=1)
    for reading in ("resize_short_center_crop", "resize_square"):
        rows = run_all(
            tmp_path / "runs",
            "--profile",
            "paper",
            "--only",
            "imagenet-*",
            "--seeds",
            "1",
            "--data-folder",
            str(tmp_path),
            *settings,
            "--set",
            f"readings.C9={reading}",
        )
        assert [row["state"] for row in rows] == ["finished", "finished"]
    assert (
        len({row.parent.name for row in (tmp_path / "runs").glob("*/*/*/metrics.csv")}) == 4
    )  # the readings are two runs


@pytest.mark.slow
@pytest.mark.skipif(
    not Path(FASHION).is_dir(), reason="Debian's package dataset-fashion-mnist is not installed"
)
def test_the_desk_profile_trains_on_fashion_mnist(tmp_path):
    settings = cut(
        training__stop_after=2,
        data__train_limit=1000,
        data__test_limit=500,
        model__width=0.1,
        training__batch_size=32,
    )
    rows = run_all(
        tmp_path / "runs",
        "--profile",
        "desk",
        "--only",
        "tiny-design2",
        "--seeds",
        "1",
        *settings,
        TINYEXP_DATA=str(tmp_path),
    )
    [row] = rows
    with (next((tmp_path / "runs").glob("*/*/*/metrics.csv"))).open() as file:
        epochs = list(csv.DictReader(file))
    assert len(epochs) == 2
    assert row["value"] > 0.3  # chance is 10 %
    assert "Profile desk" in report(tmp_path / "runs", tmp_path / "report")
