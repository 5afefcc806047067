"""A report of what is there says what is not, and which command supplies it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from page_reader import Page, markdown_text, numbers
from records_maker import SHAPES, Shape, make_run, make_runs

from tinyexp.report.render import write_report


def rendered(tmp_path: Path) -> tuple[str, str, dict[str, object]]:
    """The text of the html page, the summary, and the values."""
    write_report(tmp_path / "runs", tmp_path / "out")
    source = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    summary = (tmp_path / "out" / "summary.md").read_text(encoding="utf-8")
    text = re.sub(r"\s+", " ", Page(source).text.replace("\u00a0", " "))
    assert numbers(markdown_text(summary)) <= numbers(Page(source).text)
    values = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))["values"]
    return text, summary.replace("\u00a0", " "), values


def test_an_experiment_without_runs_is_named_with_its_command(tmp_path: Path) -> None:
    make_runs(tmp_path / "runs", ["tiny-design1", "tiny-design2", "imagenet-design1"])
    text, summary, values = rendered(tmp_path)
    command = "tinyexp run imagenet-resnet18 --profile embedded --seed 0 --seed 1 --seed 2"
    assert "ResNet-18 has no finished run in profile embedded" in text
    assert command in text
    assert command in summary
    assert values["missing"] == ["imagenet-resnet18"]


def test_one_seed_speaks_of_two_networks_and_not_of_designs(tmp_path: Path) -> None:
    make_runs(tmp_path / "runs", ["tiny-design1", "tiny-design2"], seeds=[4])
    text, summary, values = rendered(tmp_path)
    assert "Too few seeds to tell whether Design 1 beats Design 2" in text
    assert "not the designs" in text
    assert "exact McNemar test" in summary
    assert "There is one seed, so there is no band." in text
    assert values["verdict"] == {"kind": "too_few_seeds", "study": "why-design1-beat-design2"}


def test_two_seeds_are_too_few_whatever_they_show(tmp_path: Path) -> None:
    make_runs(tmp_path / "runs", ["tiny-design1", "tiny-design2"], seeds=[0, 1])
    text, _, _ = rendered(tmp_path)
    assert "Too few seeds" in text


def test_runs_that_did_not_finish_are_named_and_give_no_result(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    make_runs(runs, ["tiny-design1", "tiny-design2"])
    make_run(runs, "tiny-design1", 3, state="diverged", epochs_done=4, message="train_loss is nan in step 17")
    make_run(runs, "tiny-design2", 3, state="interrupted", epochs_done=2)
    make_run(runs, "imagenet-design1", 0, state="failed", epochs_done=0, message="no space left")
    text, summary, values = rendered(tmp_path)
    for page in (text, markdown_text(summary)):
        assert (
            "Design 1, seed 3: diverged: its loss became infinite or not a number after 4 of 12 epochs."
            in page
        )
        assert "It said: train_loss is nan in step 17" in page
        assert "Design 2, seed 3: was interrupted after 2 of 12 epochs." in page
        assert "It said: no space left" in page
    assert "tinyexp run tiny-design1 --profile embedded --seed 3" in text
    assert values["studies"][0]["comparison"]["seeds"] == [0, 1, 2]  # type: ignore[index]


def test_no_finished_run_is_a_report_too(tmp_path: Path) -> None:
    make_run(tmp_path / "runs", "tiny-design1", 0, state="running", epochs_done=1)
    text, summary, values = rendered(tmp_path)
    assert "No run has finished yet" in text
    assert "tinyexp run tiny-design1 --profile embedded --seed 0" in summary
    assert values["verdict"] == {"kind": "nothing_finished", "study": "why-design1-beat-design2"}
    assert not (tmp_path / "out" / "figures").exists()


def test_an_experiment_whose_runs_all_failed_is_missing_in_its_study(tmp_path: Path) -> None:
    make_runs(tmp_path / "runs", ["tiny-design1"])
    make_run(tmp_path / "runs", "tiny-design2", 0, state="failed", epochs_done=1)
    text, _, values = rendered(tmp_path)
    assert values["verdict"] == {"kind": "missing", "study": "why-design1-beat-design2"}
    assert "Design 2 has no finished run in profile embedded." in text


def test_a_seed_that_only_one_of_the_two_has_is_named(tmp_path: Path) -> None:
    make_runs(tmp_path / "runs", ["tiny-design1"], seeds=range(4))
    make_runs(tmp_path / "runs", ["tiny-design2"], seeds=range(3))
    text, _, _ = rendered(tmp_path)
    assert "Left out, because only one of the two finished with it: seed 3." in text
    assert "Design 2: no run with seed 3." in text


def test_runs_of_other_lengths_are_not_compared(tmp_path: Path) -> None:
    make_runs(tmp_path / "runs", ["tiny-design1"])
    make_runs(tmp_path / "runs", ["tiny-design2"], overrides={"training.stop_after": 5})
    text, _, values = rendered(tmp_path)
    assert "cannot be compared" in text
    assert (
        "belong to no factor, and would be confounded with all of them: training.stop_after (5, 12)" in text
    )
    assert values["studies"][0]["problem"]  # type: ignore[index]


def test_equal_designs_are_not_told_apart(tmp_path: Path) -> None:
    alike = Shape(test=0.5, train=0.5, clean=0.55, pace=0.3, spread=0.02)
    for name in ("tiny-design1", "tiny-design2"):
        make_runs(tmp_path / "runs", [name], seeds=range(4), shape=alike)
    text, _, values = rendered(tmp_path)
    assert values["verdict"]["kind"] != "beats"  # type: ignore[index]
    assert "that the two are equally good" in text


def test_six_seeds_are_confirmed_by_the_exact_test(tmp_path: Path) -> None:
    make_runs(tmp_path / "runs", ["tiny-design1", "tiny-design2"], seeds=range(6))
    text, _, _ = rendered(tmp_path)
    assert "The sign-flip test, which assumes least, gives p = 0.031." in text
    assert "cannot confirm" not in text
    assert "a thin line one seed" not in text, "above five seeds there is only the band"


def test_a_reported_figure_is_drawn_only_where_it_can_be_compared(tmp_path: Path) -> None:
    near = Shape(test=0.441, train=0.4, clean=0.5, pace=0.2, spread=0.002)
    make_runs(tmp_path / "runs", ["tiny-design1"], profile="paper", shape=near)
    text, _, _ = rendered(tmp_path)
    assert "1 of 1 reported figure is reproduced" in text
    assert (tmp_path / "out" / "figures" / "reported-accuracy.svg").is_file()
    assert "Nothing departs from the source" in text


def test_an_override_is_a_deviation_and_stands_in_the_commands(tmp_path: Path) -> None:
    for name in ("tiny-design1", "tiny-design2"):
        make_runs(tmp_path / "runs", [name], overrides={"model.dropout": 0.25})
    text, _, _ = rendered(tmp_path)
    assert (
        "tinyexp run-all --profile embedded --seeds 3 --plan none --set model.dropout=0.25 --only 'tiny-*'"
        in text
    )
    assert "dropout 0.5 0.25 Design 1 and Design 2" in text or "dropout 0.5 0.25 all" in text


def test_long_runs_draw_at_most_150_points_a_line(tmp_path: Path) -> None:
    make_runs(
        tmp_path / "runs", ["tiny-design1"], overrides={"training.epochs": 400, "training.stop_after": 400}
    )
    rendered(tmp_path)
    figure = (tmp_path / "out" / "figures" / "why-design1-beat-design2-test-accuracy.svg").read_text(
        encoding="utf-8"
    )
    lengths = [len(re.findall("[ML]", path)) for path in re.findall(r' d="([^"]*)"', figure)]
    assert 140 < max(length for length in lengths if length % 2 == 0) <= 2 * 150


@pytest.mark.parametrize("name", SHAPES)
def test_a_single_experiment_is_a_report(tmp_path: Path, name: str) -> None:
    make_run(tmp_path / "runs", name, 0)
    text, _, values = rendered(tmp_path)
    study = "why-design1-beat-design2" if name.startswith("tiny") else "deeper-on-imagenet"
    assert values["verdict"] == {"kind": "missing", "study": study}
    assert "To train what is missing: tinyexp run" in text
