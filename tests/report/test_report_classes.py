"""What the networks do differently: the section on classes and images, its numbers, its pictures of test images."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from page_reader import Page
from records_maker import make_run, make_runs, write_status

from tinyexp.config.load import load_experiment
from tinyexp.errors import DamagedError
from tinyexp.files import write_text
from tinyexp.report.check import examine
from tinyexp.report.render import write_report
from tinyexp.runs.folder import RunFolder
from tinyexp.runs.records import (
    Predictions,
    Status,
    read_predictions,
    write_predictions,
)
from tinyexp.trainers.vision.data.build import open_dataset
from tinyexp.trainers.vision.data.catalogue import FASHION_CLASSES as CLASSES
from tinyexp.trainers.vision.settings import vision_settings

PAIR = ("tiny-design1", "tiny-design2")
WHY = "why-design1-beat-design2"


def changed(folder: RunFolder, change: Callable[[Predictions], Predictions]) -> None:
    """A run with other predictions, and the accuracy that they give."""
    told = change(read_predictions(folder))
    write_predictions(folder.predictions, told)
    rows = folder.metrics.read_text(encoding="utf-8").splitlines()
    columns, last = rows[0].split(","), rows[-1].split(",")
    last[columns.index("test_accuracy")] = repr(float((told.label == told.predicted).mean()))
    if told.in_top5 is not None:
        last[columns.index("test_top5_accuracy")] = repr(float(told.in_top5.mean()))
    write_text(folder.metrics, "\n".join([*rows[:-1], ",".join(last), ""]))
    done = json.loads(folder.status.read_text(encoding="utf-8"))["epochs_done"]
    write_status(folder, Status(state="finished", epochs_done=done, epochs=done))


def only_one_class(told: Predictions) -> Predictions:
    """Wrong on nine of ten images of class 3, and right on all others."""
    wrong = (told.label == 3) & (np.arange(len(told.label)) % 100 != 3)
    return replace(told, predicted=np.where(wrong, 7, told.label).astype(np.int32))


def all_right(told: Predictions) -> Predictions:
    return replace(told, predicted=told.label.copy())


def planted(runs: Path, seeds: range = range(3), fingerprint: str = "") -> None:
    """Design 1 is right but for a few, design 2 wrong on one class."""
    make_runs(runs, PAIR, seeds, fingerprint=fingerprint)
    for folder in runs.glob("*/tiny-design*/*"):
        run = RunFolder(folder)
        seed = int(folder.name.partition("-")[0])

        def few_wrong(told: Predictions, seed: int = seed) -> Predictions:
            predicted = told.predicted.copy()
            predicted[10 * seed + 5 : 10 * seed + 5 + seed + 1] = 9
            return replace(told, predicted=predicted.astype(np.int32))

        right = only_one_class if "design2" in folder.parent.name else all_right
        changed(run, lambda told, right=right, few=few_wrong: few(right(told)))


def section(out: Path) -> str:
    """The text of the section on classes; empty where there is none."""
    html = (out / "report.html").read_text(encoding="utf-8")
    found = re.search(rf'<section id="{WHY}-classes".*?</section>', html, re.DOTALL)
    return re.sub(r"\s+", " ", Page(found[0]).text.replace("\u00a0", " ")) if found else ""


def study(out: Path) -> dict[str, Any]:
    values = json.loads((out / "report.json").read_text(encoding="utf-8"))["values"]
    return next(one for one in values["studies"] if one["study"] == WHY)


def test_the_class_that_carries_the_gap_is_named_first(tmp_path: Path) -> None:
    planted(tmp_path / "runs")
    write_report(tmp_path / "runs", tmp_path / "out")
    told, found = section(tmp_path / "out"), study(tmp_path / "out")["by_class"]
    name = CLASSES[3]
    assert f"One class, {name}, accounts for 9.0 of the 9.0 points" in told
    assert f"Design 1 gets 100.0 % of the 100 test images of {name} right, Design 2 10.0 %." in told
    assert f"The largest shift: Design 2 takes 90.0 % of {name} for {CLASSES[7]}, Design 1 0.0 %." in told
    assert found["classes"][0]["place"] == 3
    assert found["only_a"] == 90
    assert sum(one["share"] for one in found["classes"]) == pytest.approx(found["difference"], abs=1e-9)
    first_screen = Page((tmp_path / "out" / "report.html").read_text(encoding="utf-8")).text.replace(
        "\u00a0", " "
    )
    assert f"One class, {name}, accounts for 9.0 of the 9.0 points: Design 1 gets 100.0 %" in first_screen
    assert "is clearly ahead on none" not in told


def test_a_class_on_which_the_other_design_is_ahead_is_told(tmp_path: Path) -> None:
    planted(tmp_path / "runs")

    def worse_on_one(told: Predictions) -> Predictions:
        wrong = (told.label == 6) & (np.arange(len(told.label)) % 4 > 0)
        return replace(told, predicted=np.where(wrong, 2, told.predicted).astype(np.int32))

    for folder in (tmp_path / "runs").glob("*/tiny-design1/*"):
        changed(RunFolder(folder), worse_on_one)
    write_report(tmp_path / "runs", tmp_path / "out")
    assert f"The other way round, Design 2 is clearly ahead on {CLASSES[6]}." in section(tmp_path / "out")


def test_one_run_of_each_shows_no_image_and_no_interval(tmp_path: Path) -> None:
    planted(tmp_path / "runs", range(1))
    write_report(tmp_path / "runs", tmp_path / "out")
    told = section(tmp_path / "out")
    assert "Class by class, from one run of each: another seed may change it" in told
    assert "One run gives no interval." in told
    assert "the other way round" not in told
    assert all(one["low"] is None for one in study(tmp_path / "out")["by_class"]["classes"])


def test_designs_that_differ_by_chance_are_told_so(tmp_path: Path) -> None:
    make_runs(tmp_path / "runs", PAIR)
    for folder in (tmp_path / "runs").glob("*/tiny-design*/*"):
        draw = np.random.default_rng(int(folder.name.partition("-")[2], 16))

        def some_wrong(told: Predictions, draw: np.random.Generator = draw) -> Predictions:
            wrong = draw.random(len(told.label)) < 0.3
            return replace(
                told, predicted=np.where(wrong, (told.label + 1) % 10, told.label).astype(np.int32)
            )

        changed(RunFolder(folder), some_wrong)
    write_report(tmp_path / "runs", tmp_path / "out")
    assert re.search(r"No single class tells Design \d from Design \d", section(tmp_path / "out"))


def test_without_predictions_there_is_no_report(tmp_path: Path) -> None:
    folders = make_runs(tmp_path / "runs", PAIR)
    folders[0].predictions.unlink()
    done = json.loads(folders[0].status.read_text(encoding="utf-8"))["epochs_done"]
    write_status(folders[0], Status(state="finished", epochs_done=done, epochs=done))
    with pytest.raises(DamagedError, match=r"predictions\.npz is missing"):
        write_report(tmp_path / "runs", tmp_path / "out")


def test_the_records_name_the_classes_and_hostile_names_come_out_harmless(tmp_path: Path) -> None:
    planted(tmp_path / "runs")
    names = ("<script>alert(1)</script>", "a|b", "`c`", "](x)", *map(str, range(6)))
    for folder in (tmp_path / "runs").glob("*/tiny-design*/*"):
        changed(RunFolder(folder), lambda told: replace(told, classes=names))
    write_report(tmp_path / "runs", tmp_path / "out")
    html = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "<script" not in html
    assert "One class, ](x), accounts for" in section(tmp_path / "out")
    markdown = (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    assert "<script" not in markdown
    assert study(tmp_path / "out")["class_names"] == list(names)


def real_images(runs: Path) -> None:
    """The runs' data are the built-in part of Fashion-MNIST."""
    data = vision_settings(load_experiment("tiny-design1", "embedded")).data
    planted(runs, fingerprint=open_dataset(data, runs).fingerprint)


def test_images_are_shown_kept_and_shown_again_without_the_data(tmp_path: Path) -> None:
    real_images(tmp_path / "runs")
    write_report(tmp_path / "runs", tmp_path / "out", data_folder=tmp_path / "no-data")
    html = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    shown = re.findall(
        r'<img src="data:image/png;base64,[A-Za-z0-9+/=]+" alt="Test image ([\d,]+): ([^"]+)"', html
    )
    # Of the images of class 3 the first that only design 1 gets right, in the order of the test images.
    assert shown == [(place, CLASSES[3]) for place in ("13", "23", "33")]
    assert "Up to three of each kind are shown" in section(tmp_path / "out")
    assert examine(tmp_path / "out").found == ()
    write_report(tmp_path / "out" / "runs", tmp_path / "again")
    assert (tmp_path / "again" / "report.html").read_bytes() == html.encode()
    write_report(tmp_path / "out" / "runs", tmp_path / "out")
    assert (tmp_path / "out" / "report.html").read_bytes() == html.encode()


def test_an_edited_image_is_found(tmp_path: Path) -> None:
    real_images(tmp_path / "runs")
    write_report(tmp_path / "runs", tmp_path / "out", data_folder=tmp_path)
    [kept] = (tmp_path / "out" / "runs").glob("*/*.images.npz")
    content = bytearray(kept.read_bytes())
    arrays = dict(np.load(kept))
    arrays["pixels"] = 255 - arrays["pixels"]
    np.savez(kept, **arrays)
    assert kept.read_bytes() != content
    assert any("report.html" in line for line in examine(tmp_path / "out").found)
    kept.write_bytes(bytes(content[: len(content) // 2]))
    assert any("images.npz" in line for line in examine(tmp_path / "out").found)


def test_images_that_are_not_at_hand_are_told_with_what_to_do(tmp_path: Path) -> None:
    planted(tmp_path / "runs")  # of data that nobody has
    write_report(tmp_path / "runs", tmp_path / "out", data_folder=tmp_path)
    assert "the data were not at hand when this report was made" in section(tmp_path / "out")
    assert not list((tmp_path / "out" / "runs").glob("*/*.images.npz"))


def test_images_whose_licence_forbids_copies_are_not_shown(tmp_path: Path) -> None:
    for name in PAIR:
        for seed in range(3):
            folder = make_run(tmp_path / "runs", name, seed, profile="paper")
            changed(folder, only_one_class if name == "tiny-design2" else all_right)
    for seed, folder in enumerate((tmp_path / "runs").glob("*/tiny-design*/*")):
        changed(
            RunFolder(folder),
            lambda told, seed=seed: replace(
                told, predicted=np.roll(told.predicted, 0) + (np.arange(1000) == seed).astype(np.int32)
            ),
        )
    write_report(tmp_path / "runs", tmp_path / "out", data_folder=tmp_path)
    assert (
        "The images themselves are not shown: the licence of Tiny ImageNet does not allow copies (no licence is stated)."
        in section(tmp_path / "out")
    )
