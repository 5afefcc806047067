"""Reports of a great many runs: small, readable, and made within a gigabyte."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import pytest
from many_runs import EFFECTS, STUDIES_RUNS, make_many_runs
from page_reader import Page, contents
from records_maker import SHAPES, make_run, make_runs, make_study, write_status
from thinned import thinned

from tinyexp.config.load import load_experiment
from tinyexp.errors import DamagedError
from tinyexp.report.copies import copy_records
from tinyexp.report.labels import text_width
from tinyexp.report.measured import Measured
from tinyexp.report.multiples import fitted
from tinyexp.report.pages import SUMMARY_LIMIT
from tinyexp.report.render import write_report
from tinyexp.report.sections.compared_runs import MOST_SEEDS
from tinyexp.report.sections.many import MOST_CELLS
from tinyexp.report.select import select_runs
from tinyexp.report.svg import USUAL_SIZE
from tinyexp.resources import shipped
from tinyexp.runs.recorded import read_runs
from tinyexp.runs.records import Status

HTML_LIMIT = 2_000_000
MEMORY_LIMIT_KB = 1_000_000
_TEXT = re.compile(r"<text ([^>]*)>([^<]*)</text>")


MEASURED = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
"""Started from a small process: a child's peak begins with the size of its parent, which torch may have made large."""


def written(runs: Path, out: Path) -> int:
    """The report by a process of its own, and that process's peak memory in kB."""
    command = [sys.executable, "-m", "tinyexp", "report", "--runs", str(runs), "--out", str(out)]
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *command], check=True, stdout=subprocess.PIPE, text=True
    )
    return int(done.stdout.splitlines()[-1])


def assert_fits(out: Path) -> None:
    """The bounds of a report, however many runs it is of, and no text over another in any picture."""
    assert (out / "report.html").stat().st_size <= HTML_LIMIT
    assert len((out / "summary.md").read_text(encoding="utf-8")) <= SUMMARY_LIMIT
    pictures = sorted((out / "figures").iterdir())
    assert pictures
    for path in pictures:
        assert overlaps(path.read_text(encoding="utf-8")) == [], path.name


def overlaps(picture: str) -> list[tuple[str, str]]:
    """Pairs of texts in a picture that lie over each other; letters are three quarters of their size high."""
    boxes = []
    for told, text in texts_in(ET.fromstring(picture), {}):  # noqa: S314 - our own
        size, x, y = float(told.get("font-size", USUAL_SIZE)), float(told["x"]), float(told["y"])
        width = 0.9 * text_width(text, size)  # pages are shown in narrower fonts than the one measured
        left = x - {"start": 0, "middle": width / 2, "end": width}[told.get("text-anchor", "start")]
        boxes.append((text, left, left + width, y - 0.75 * size, y))
    return [
        (one[0], other[0])
        for one, other in combinations(boxes, 2)
        if one[1] < other[2] and other[1] < one[2] and one[3] < other[4] and other[3] < one[4]
    ]


def texts_in(element: ET.Element, inherited: dict[str, str]) -> Iterator[tuple[dict[str, str], str]]:
    """Every text of a picture with its attributes, those that a group around it gives among them."""
    told = inherited | element.attrib
    if element.tag.rpartition("}")[2] == "text":
        yield told, element.text or ""
    for child in element:
        yield from texts_in(child, told)


def test_texts_that_lie_over_each_other_are_noticed() -> None:
    """In a group that has them end where they stand, as well as by themselves."""
    near = '<text x="50" y="20">accuracy</text><text x="95" y="20">loss</text>'
    assert overlaps(f"<svg>{near}</svg>") == [("accuracy", "loss")]
    assert overlaps(f'<svg><g text-anchor="end">{near}</g></svg>') == []
    assert overlaps(f'<svg><g font-size="4">{near}</g></svg>') == []


@pytest.mark.slow
def test_some_two_hundred_long_runs_fit(tmp_path: Path) -> None:
    """All studies with two seeds, and more other experiments than are drawn."""
    made = make_many_runs(tmp_path / "runs", seeds=2, others=60, epochs=160)
    assert len(made) == 2 * (STUDIES_RUNS + 60)
    write_report(tmp_path / "runs", tmp_path / "out")
    assert_fits(tmp_path / "out")
    # A fifth of a thousand runs, with half of the figures' most and all of the tables by epoch.
    assert (tmp_path / "out" / "report.html").stat().st_size <= 0.6 * HTML_LIMIT


@pytest.mark.slow
@pytest.mark.parametrize(
    ("others", "seeds", "studies"),
    thinned(
        [(13, 20, True), (100, 10, False), (1000, 1, False)], [], long=[(13, 20, True), (100, 10, False)]
    ),
)
def test_a_thousand_runs_of_two_hundred_epochs_fit(
    tmp_path: Path, *, others: int, seeds: int, studies: bool
) -> None:
    made = make_many_runs(tmp_path / "runs", seeds=seeds, others=others, studies=studies)
    assert len(made) == 1_000
    assert written(tmp_path / "runs", tmp_path / "out") < MEMORY_LIMIT_KB
    assert_fits(tmp_path / "out")


def test_up_to_four_other_experiments_share_pictures_and_five_have_their_own(tmp_path: Path) -> None:
    for count, panels in ((4, ["others-test-accuracy", "others-train-accuracy"]), (5, ["others-cells-1"])):
        make_many_runs(tmp_path / f"runs-{count}", seeds=2, others=count, epochs=3, studies=False)
        write_report(tmp_path / f"runs-{count}", tmp_path / f"out-{count}")
        names = {path.stem for path in (tmp_path / f"out-{count}" / "figures").iterdir()}
        assert set(panels) <= names
        assert ("others-cells-1" in names) == (count == 5)


def test_of_very_many_the_highest_are_drawn_and_all_have_a_row(tmp_path: Path) -> None:
    make_many_runs(tmp_path / "runs", seeds=1, others=MOST_CELLS + 2, epochs=3, studies=False)
    write_report(tmp_path / "runs", tmp_path / "out")
    page = Page((tmp_path / "out" / "report.html").read_text(encoding="utf-8"))
    assert f"Drawn are the {MOST_CELLS} that end highest; the table has all {MOST_CELLS + 2}." in page.text
    cells = [path.read_text("utf-8") for path in (tmp_path / "out" / "figures").glob("others-cells-*.svg")]
    drawn = {text for cell in cells for _, text in _TEXT.findall(cell) if text.startswith("Learning rate")}
    assert len(drawn) == MOST_CELLS
    rows = re.findall(r"^\| Learning rate\s[\d.]+ \| 1 \| 3 \|", _markdown(tmp_path), re.MULTILINE)
    assert len(rows) == MOST_CELLS + 2


def _markdown(folder: Path) -> str:
    return (folder / "out" / "report.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_of_very_many_seeds_some_are_drawn_and_said_so(tmp_path: Path) -> None:
    make_runs(tmp_path / "runs", ("tiny-design1", "tiny-design2"), range(MOST_SEEDS + 60))
    looks = f"looks = [{MOST_SEEDS + 60}]\n"
    shutil.copytree(shipped("experiments"), tmp_path / "experiments")
    study = tmp_path / "experiments" / "studies" / "why-design1-beat-design2.toml"
    study.write_text(
        study.read_text(encoding="utf-8").replace("plan =", f"{looks}plan =", 1), encoding="utf-8"
    )
    with contextlib.chdir(tmp_path):
        write_report(tmp_path / "runs", tmp_path / "out")
    assert_fits(tmp_path / "out")
    name = "why-design1-beat-design2-runs.svg"
    picture = (tmp_path / "out" / "figures" / name).read_text(encoding="utf-8")
    assert picture.count("<title>Design") == 2 * MOST_SEEDS
    page = Page((tmp_path / "out" / "report.html").read_text(encoding="utf-8"))
    assert f"The picture shows {MOST_SEEDS} of the {MOST_SEEDS + 60} runs" in page.text
    assert len(re.findall(r"^\| seed \d+ \|", _markdown(tmp_path), re.MULTILINE)) >= MOST_SEEDS + 60


@pytest.mark.slow
def test_the_shares_of_many_seeds_are_bars_and_not_dots_on_dots(tmp_path: Path) -> None:
    for seeds, dots in ((8, True), (9, False)):
        place = tmp_path / str(seeds)
        make_study(place / "runs", EFFECTS, range(seeds))
        write_report(place / "runs", place / "out")
        page = Page((place / "out" / "report.html").read_text(encoding="utf-8"))
        assert ("rings are the seeds" in page.text) == dots
        assert ("reaches from the lowest to the highest seed, its thick part" in page.text) != dots
        picture = (place / "out" / "figures" / "why-design1-beat-design2-shares.svg").read_text("utf-8")
        assert ('stroke="currentColor" class="bg"' in picture) == dots


def test_a_label_that_is_too_wide_loses_its_middle() -> None:
    label = "the learning rate of the last layer, 0.0125"
    for room in (40, 80, 120, 160):
        shown = fitted(label, room)
        assert text_width(shown, 11.5) <= room
        assert shown.startswith("t")
        assert shown.endswith("5")
    assert fitted(label, 1_000) == label


def test_two_experiments_of_one_configuration_are_told_apart(tmp_path: Path) -> None:
    """A file that was copied under another name trains the same twice, under one identity."""
    make_runs(tmp_path / "runs", ("tiny-design1", "tiny-design2"))
    twin = load_experiment("tiny-design1").model_copy(update={"name": "twin"})
    for seed in range(3):
        make_run(tmp_path / "runs", "twin", seed, experiment=twin, shape=SHAPES["tiny-design1"])
    write_report(tmp_path / "runs", tmp_path / "out")
    assert "twin" in _markdown(tmp_path)
    found = select_runs(read_runs(tmp_path / "runs"))
    measured = Measured(found.runs, found.chosen)
    assert [len(measured.rows((name,))) for name in ("tiny-design1", "twin")] == [27, 27]


def test_an_edited_record_of_a_mixture_is_refused(tmp_path: Path) -> None:
    make_study(tmp_path / "runs", EFFECTS)
    mixed = [run for run in read_runs(tmp_path / "runs") if len(run.record.experiment.overrides) == 1]
    metrics = mixed[0].folder.metrics
    metrics.write_text(metrics.read_text().replace("0.", "0.9", 1))
    with pytest.raises(DamagedError, match=r"metrics\.csv is not what the run wrote.*--set"):
        write_report(tmp_path / "runs", tmp_path / "out")


def test_a_finished_run_that_was_removed_since_it_was_chosen_is_named(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "runs", "tiny-design1", 0)
    selection = select_runs(read_runs(tmp_path / "runs"))
    shutil.rmtree(folder.path)
    with pytest.raises(DamagedError, match=folder.path.name):
        copy_records(selection, tmp_path / "copies")


def test_what_changed_since_it_was_chosen_is_read_from_its_copy(tmp_path: Path) -> None:
    """A run that is being trained goes on while the report is written."""
    folder = make_run(tmp_path / "runs", "tiny-design1", 0, state="running", epochs_done=3)
    make_run(tmp_path / "runs", "tiny-design1", 1)
    selection = select_runs(read_runs(tmp_path / "runs"))
    write_status(folder, Status(state="running", epochs_done=4, epochs=9))
    copies = copy_records(selection, tmp_path / "copies")
    assert [run.status.epochs_done for run in copies] == [4, 9]
    assert copies == [
        run if run.status.state == "running" else copies[1] for run in read_runs(tmp_path / "copies")
    ]
    assert len(contents(tmp_path / "copies")) == 3 + 5
