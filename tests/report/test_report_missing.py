"""A report of what is there says what is not, and which command supplies it."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from page_reader import Page, markdown_text, numbers
from records_maker import SHAPES, Shape, make_run, make_runs

from tinyexp.analysis.reproduction import reproduce
from tinyexp.config.load import load_experiment
from tinyexp.report.render import write_report
from tinyexp.report.sections.limits import _trained_on
from tinyexp.report.sections.reported import _verdict
from tinyexp.runs.records import DataRecord


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
            "Design 1, seed 3: diverged: its loss became infinite or not a number after 4 of 9 epochs."
            in page
        )
        assert "It said: train_loss is nan in step 17" in page
        assert "Design 2, seed 3: was interrupted after 2 of 9 epochs." in page
        assert "It said: no space left" in page
    again = " ".join(f"--seed {seed}" for seed in range(4))
    assert f"tinyexp run tiny-design1 --profile embedded {again} --set optimizer.learning_rate=0.001" in text
    assert "A run that diverged would do so again under the same settings" in text
    assert values["studies"][0]["comparison"]["contender_runs"]["seeds"] == [0, 1, 2]  # type: ignore[index]


def test_no_finished_run_is_a_report_too(tmp_path: Path) -> None:
    make_run(tmp_path / "runs", "tiny-design1", 0, state="running", epochs_done=1)
    text, summary, values = rendered(tmp_path)
    assert "No run has finished yet" in text
    assert "tinyexp run tiny-design1 --profile embedded --seed 0" in summary
    assert values["verdict"] == {"kind": "nothing_finished", "study": "why-design1-beat-design2"}
    assert not (tmp_path / "out" / "figures").exists()


def test_what_diverged_is_not_advised_to_be_trained_as_it_was(tmp_path: Path) -> None:
    rate = "optimizer.learning_rate"
    make_run(
        tmp_path / "runs",
        "tiny-design1",
        0,
        state="diverged",
        epochs_done=1,
        overrides={rate: 5.0, "training.epochs": 30},
    )
    text, summary, _ = rendered(tmp_path)
    assert "What diverged would do so again under the same settings." in text
    for name in ("tiny-design1", "tiny-design2"):
        assert (
            f"tinyexp run {name} --profile embedded --seed 0 --set {rate}=0.5 --set training.epochs=30"
            in text
        )
    assert f"{rate}=5" not in summary.split("diverged", 1)[1].split("`")[1]


def test_what_is_missing_is_trained_as_the_others_were_and_into_their_folder(tmp_path: Path) -> None:
    runs = tmp_path / "my runs é" / "实验"
    make_runs(runs, ["tiny-design1"], overrides={"training.stop_after": 5})
    told = write_report(runs, tmp_path / "out").next_words
    command = re.search("To train what is missing: `(.*)`", told)
    assert command
    words = shlex.split(command[1])
    assert words[:5] == ["tinyexp", "run", "--runs", str(runs), "tiny-design2"]
    assert words[-2:] == ["--set", "training.stop_after=5"]
    page = (tmp_path / "out" / "report.md").read_text()
    assert str(runs) not in page, "a page is a function of the records alone"


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
    assert "Design 1: seed 3 not counted before the next look." in text
    ends = re.search(r"Design 1 ends at (.*?)\. Design 2 ends at (.*?)\. ", text)
    assert ends
    assert "the mean of 4 seeds" in ends[1], "its curve is of all, its figure above of three"
    assert ends[1].endswith("; the verdict counts 3 of them")
    assert "the mean of 3 seeds" in ends[2]
    assert "counts" not in ends[2]
    assert "Design 2: no run with seed 3." in text


def test_runs_of_other_lengths_are_not_compared(tmp_path: Path) -> None:
    make_runs(tmp_path / "runs", ["tiny-design1"])
    make_runs(tmp_path / "runs", ["tiny-design2"], overrides={"training.stop_after": 5})
    text, _, values = rendered(tmp_path)
    assert "cannot be compared" in text
    assert "belong to no factor, and would be confounded with all of them: training.stop_after (5, 9)" in text
    assert values["studies"][0]["problem"]  # type: ignore[index]


def test_equal_designs_are_not_told_apart(tmp_path: Path) -> None:
    alike = Shape(test=0.5, train=0.5, clean=0.55, pace=0.3, spread=0.02)
    for name in ("tiny-design1", "tiny-design2"):
        make_runs(tmp_path / "runs", [name], seeds=range(4), shape=alike)
    text, _, values = rendered(tmp_path)
    assert values["verdict"]["kind"] != "beats"  # type: ignore[index]
    assert "That the two are equally good" in text


def test_two_that_do_the_same_are_level_and_nothing_is_said_to_carry_a_difference(tmp_path: Path) -> None:
    alike = Shape(test=0.5, train=0.5, clean=0.55, pace=0.3, spread=0.001)
    for name in ("tiny-design1", "tiny-design2"):
        make_runs(tmp_path / "runs", [name], shape=alike, key="same")
    text, _, values = rendered(tmp_path)
    assert values["verdict"]["kind"] == "within_margin"  # type: ignore[index]
    assert re.search(r"of Design 1, in 9 pairs of runs (\d wins, )?\d ties", text)
    assert "What carries the difference was not measured." not in text


def test_a_pair_with_both_level_is_not_left_to_be_taken_for_the_other_sides(tmp_path: Path) -> None:
    shape = Shape(test=0.5, train=0.5, clean=0.55, pace=0.3, spread=0.02)
    for name in ("tiny-design1", "tiny-design2"):
        make_runs(tmp_path / "runs", [name], seeds=[0], shape=shape, key="same")
        make_runs(tmp_path / "runs", [name], seeds=range(1, 4), shape=shape)
    text, _, values = rendered(tmp_path)
    comparison = values["studies"][0]["comparison"]  # type: ignore[index]
    contender, baseline = (comparison[f"{side}_runs"]["measured"] for side in ("contender", "baseline"))
    pairs = [a - b for a in contender for b in baseline]
    assert pairs.count(0) == 1
    ahead = sum(one > 0 for one in pairs)
    behind = len(pairs) - ahead - 1
    wins = f"{ahead} win{'s' * (ahead != 1)}, 1 tie, {behind} loss{'es' * (behind != 1)}"
    assert f"of Design 1, in {len(pairs)} pairs of runs {wins}" in text


def test_a_design_whose_runs_all_diverged_is_told_on_the_first_screen(tmp_path: Path) -> None:
    make_runs(tmp_path / "runs", ["tiny-design1"])
    for seed in range(3):
        make_run(tmp_path / "runs", "tiny-design2", seed, state="diverged", epochs_done=2)
    make_run(tmp_path / "runs", "tiny-design2", 3, state="failed", epochs_done=0)
    rendered(tmp_path)
    source = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    head = Page(source.split("<section", maxsplit=1)[0]).text.replace("\u00a0", " ")
    assert "Of Design 2, 3 runs diverged and 1 run failed; each is named below." in head


def test_the_last_epoch_alone_is_not_called_the_epochs_to_the_end(tmp_path: Path) -> None:
    """One curve starts higher and is overtaken at the last of the epochs."""
    for name, pace in (("tiny-design1", 0.05), ("tiny-design2", 0.9)):
        shape = Shape(test=0.5, train=0.5, clean=0.55, pace=pace, spread=0.0)
        overtakes = {"test_accuracy": 0.61, "test_top5_accuracy": 0.91} if name == "tiny-design1" else {}
        make_run(
            tmp_path / "runs",
            name,
            0,
            shape=shape,
            key="same",
            edit=lambda rows, last=overtakes: [*rows[:-1], rows[-1] | last],
        )
    text, _, _ = rendered(tmp_path)
    assert "Design 1 is ahead on the test images at the last epoch, but not the one before" in text


def test_claims_without_a_verdict_are_folded_and_say_why(tmp_path: Path) -> None:
    make_runs(tmp_path / "runs", ["tiny-design1"])
    text, summary, _ = rendered(tmp_path)
    assert "claims of studies that were not trained: what is predicted, and what came of it" in text
    assert "Design 1 against design 2: of 6 claims of the source, 1 is refuted and 5 not tested" in text
    assert "<details><summary>5 claims not tested" in summary
    assert re.search(
        r"<details><summary>20 claims of studies that were not trained", summary.replace("\u00a0", " ")
    )
    assert text.count("An experiment it needs has no finished run.") >= 10


def test_six_seeds_are_confirmed_by_the_exact_test(tmp_path: Path) -> None:
    make_runs(tmp_path / "runs", ["tiny-design1", "tiny-design2"], seeds=range(6))
    text, _, _ = rendered(tmp_path)
    assert "The permutation test, which assumes least, gives p = 0.0022." in text
    assert "cannot confirm" not in text
    assert "a thin line one seed" not in text, "above five seeds there is only the band"


def test_a_reported_figure_is_drawn_only_where_it_can_be_compared(tmp_path: Path) -> None:
    near = Shape(test=0.441, train=0.4, clean=0.5, pace=0.2, spread=0.002)
    make_runs(tmp_path / "runs", ["tiny-design1"], profile="paper", shape=near)
    text, _, _ = rendered(tmp_path)
    assert "1 of 1 reported figure is reproduced" in text
    assert (
        "Reproduced: the reported figure lies where one more run would, and our mean is within 2.0 points of it."
        in text
    )
    assert (tmp_path / "out" / "figures" / "reported-accuracy.svg").is_file()
    assert "Nothing departs from the source" in text


@pytest.mark.parametrize(
    ("ends", "words"),
    [
        ((0.441, 0.442), "Cannot tell yet: 2 runs are too few; a verdict needs 3."),
        ((0.441, 0.441, 0.441), "Reproduced"),
        ((0.5, 0.5, 0.5), "Cannot tell yet: the runs are all equal, so they do not show where one more would lie; it takes 6 runs."),
        ((0.42, 0.5, 0.48), "Cannot tell yet: our mean is not within 2.0 points of the reported figure, which yet lies where one more run may."),
        ((0.455, 0.4555, 0.456), "Cannot tell yet: our mean is within 2.0 points of the reported figure, which yet lies outside of where one more run would."),
        ((0.6, 0.61, 0.62), "Differs: the reported figure lies outside of where one more run would, and our mean is not within 2.0 points of it."),
    ],
)  # fmt: skip
def test_why_a_reported_figure_is_open_or_differs_is_said(ends: tuple[float, ...], words: str) -> None:
    """At the scale of the source, and with the interval for one more run."""
    rows = [
        {"experiment": "tiny-design1", "seed": seed, "epoch": 65, "test_accuracy": value}
        for seed, value in enumerate(ends)
    ]
    found = reproduce(pd.DataFrame(rows), load_experiment("tiny-design1", "paper"))
    assert _verdict(found).replace("\u00a0", " ").startswith(words)


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


def test_images_that_hold_more_than_is_taken_are_told_with_their_number() -> None:
    data = DataRecord(fingerprint="0" * 64, train_images=90, reduced={"turned": 2, "looked_at": 90})
    point = SimpleNamespace(data=data)
    told = _trained_on(point).replace("\u00a0", " ")  # type: ignore[arg-type]
    assert told.endswith("Of 90 images looked at, 2 images with an EXIF orientation, which is not followed.")
    whole = SimpleNamespace(data=data.model_copy(update={"reduced": {}}))
    assert "looked at" not in _trained_on(whole)  # type: ignore[arg-type]
