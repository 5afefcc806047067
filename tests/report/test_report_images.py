"""The second interval of a comparison, for new test images: on the page, in report.json, and where there is none."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from page_reader import Page
from records_maker import make_run, make_runs, write_status

from tinyexp.report.render import write_report
from tinyexp.runs.records import Status, read_predictions, write_predictions

WHY = "why-design1-beat-design2"


def rendered(tmp_path: Path) -> tuple[str, dict[str, Any]]:
    write_report(tmp_path / "runs", tmp_path / "out")
    page = Page((tmp_path / "out" / "report.html").read_text(encoding="utf-8")).text.replace("\u00a0", " ")
    values = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))["values"]
    return re.sub(r"\s+", " ", page), next(one for one in values["studies"] if one["study"] == WHY)


def test_a_comparison_tells_what_it_covers_of_new_images(tmp_path: Path) -> None:
    make_runs(tmp_path / "runs", ["tiny-design1", "tiny-design2"])
    text, study = rendered(tmp_path)
    found, compared = study["across_images"], study["comparison"]
    assert (found["images"], found["runs_a"], found["runs_b"]) == (1000, 3, 3)
    assert found["difference"] == pytest.approx(compared["mean"])
    assert re.search(
        r"The verdict's interval covers new seeds on these 1,000 test images\. For new images of the same kind as well, "
        r"the 95 % interval of Design 1 minus Design 2 is \+\d\d\.\d to \+\d\d\.\d points:",
        text,
    )


def test_one_seed_gives_none(tmp_path: Path) -> None:
    make_runs(tmp_path / "runs", ["tiny-design1", "tiny-design2"], seeds=[0])
    text, study = rendered(tmp_path)
    assert study["across_images"] is None
    assert "For new images of the same kind" not in text


def test_runs_on_other_images_give_none(tmp_path: Path) -> None:
    make_runs(tmp_path / "runs", ["tiny-design1", "tiny-design2"], seeds=range(2))
    folder = make_run(tmp_path / "runs", "tiny-design1", 2)
    make_run(tmp_path / "runs", "tiny-design2", 2)
    told = read_predictions(folder)
    rolled = {name: np.roll(getattr(told, name), 1) for name in ("label", "predicted", "in_top5")}
    write_predictions(folder.predictions, replace(told, **rolled))
    done = json.loads(folder.status.read_text(encoding="utf-8"))["epochs_done"]
    write_status(folder, Status(state="finished", epochs_done=done, epochs=done))
    text, study = rendered(tmp_path)
    assert study["across_images"] is None
    assert "Design 1 beats Design 2 by" in text
