"""Records that could mislead, and the page that they give: no winner that they do not carry."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from page_reader import Page
from records_maker import SHAPES, Shape, make_run, make_runs, make_study, with_status

from tinyexp.analysis.design import study_design
from tinyexp.analysis.study import load_study
from tinyexp.config.load import load_experiment
from tinyexp.report.check import examine
from tinyexp.report.render import write_report

pytestmark = pytest.mark.usefixtures("blank_pictures")
PAIR = ("tiny-design1", "tiny-design2")


def page(tmp_path: Path) -> tuple[str, str, dict[str, object]]:
    """The first screen, all of the page's text, and the leading study's values; the report checks clean."""
    write_report(tmp_path / "runs", tmp_path / "out")
    assert examine(tmp_path / "out").found == ()
    source = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    head, text = (
        re.sub(r"\s+", " ", Page(part).text.replace("\u00a0", " "))
        for part in (source.split("<section", maxsplit=1)[0], source)
    )
    told = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    return head, text, told["values"]["studies"][0]


def trained(runs: Path, name: str, ends: Iterable[float], **options: str) -> None:
    """Runs of one design that end at these accuracies, but for a little."""
    for seed, end in enumerate(ends):
        shape = Shape(test=end, train=end, clean=end, pace=0.6, spread=0.004)
        make_run(runs, name, seed, shape=shape, **options)


@pytest.mark.parametrize("state", ["diverged", "failed", "interrupted"])
def test_a_winner_half_of_whose_runs_gave_nothing_is_no_winner(tmp_path: Path, state: str) -> None:
    make_runs(tmp_path / "runs", PAIR, range(3))
    for seed in (3, 4, 5):
        make_run(tmp_path / "runs", "tiny-design1", seed, state=state, epochs_done=4)
        make_run(tmp_path / "runs", "tiny-design2", seed)
    head, _, study = page(tmp_path)
    assert "Design 1 beats Design 2 by" not in head
    assert "Too many runs gave no result to tell whether Design 1 beats Design 2" in head
    assert "different types of machine" not in head
    assert "The others could reverse that, so neither design is called better." in head
    words = {"diverged": "diverged", "failed": "failed", "interrupted": "was interrupted"}
    assert f"3 of 6 runs of Design 1 gave no result: seed 3 {words[state]}, seed 4 {words[state]}" in head
    assert study["comparison"]["reason"] == "lost_runs"  # type: ignore[index]


def test_a_design_that_collapses_in_one_run_of_ten_has_that_run_named_and_its_median_beside_the_mean(
    tmp_path: Path,
) -> None:
    trained(tmp_path / "runs", "tiny-design1", [0.8] * 5 + [0.1] + [0.8] * 4)
    trained(tmp_path / "runs", "tiny-design2", [0.76] * 10)
    overridden(tmp_path, "looks = [10]")
    head, text, study = page(tmp_path)
    assert re.search(
        r"Of Design 1, seed 5 \(\d+\.\d %\) lies far behind the other runs, whose median is (79|80|78)\.\d %\.",
        head,
    )
    assert "beats" not in head.split("What this does not show")[0]
    contender, baseline = (study["comparison"][f"{side}_runs"] for side in ("contender", "baseline"))  # type: ignore[index]
    assert contender["median"] > baseline["median"]
    assert contender["mean"] < baseline["mean"]
    for row in ("median", "worst"):
        assert re.search(rf"{row} \d+\.\d % \d+\.\d %", text)


def test_copies_under_six_seeds_are_not_compared_and_said_to_be_copies(tmp_path: Path) -> None:
    make_runs(tmp_path / "runs", ["tiny-design2"], range(6))
    one = make_run(tmp_path / "runs", "tiny-design1", 0)
    content = one.metrics.read_bytes()
    for seed in range(1, 6):
        copy = make_run(tmp_path / "runs", "tiny-design1", seed)
        copy.metrics.write_bytes(content)
        copy.predictions.write_bytes(one.predictions.read_bytes())
        with_status(copy)
    write_report(tmp_path / "runs", tmp_path / "out")
    told = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))["values"]
    assert told["verdict"]["kind"] == "not_comparable"
    assert (
        "seeds 0, 1, 2, 3, 4, 5 of 'tiny-design1' are equal to the last digit"
        in told["studies"][0]["problem"]
    )


def test_a_third_seed_that_contradicts_two_leaves_the_question_open(tmp_path: Path) -> None:
    trained(tmp_path / "runs", "tiny-design1", [0.80, 0.81, 0.55])
    trained(tmp_path / "runs", "tiny-design2", [0.70, 0.71, 0.70])
    head, _, study = page(tmp_path)
    assert "Too close to call: Design 1 \u2212 Design 2 = +1." in head
    assert study["comparison"]["winner"] is None  # type: ignore[index]


def test_between_looks_and_beyond_the_last_what_was_decided_stays(tmp_path: Path) -> None:
    make_runs(tmp_path / "runs", PAIR, range(6))
    _, _, before = page(tmp_path)
    for seed in (6, 7):  # had they counted, they would have turned it
        make_run(tmp_path / "runs", "tiny-design1", seed, shape=SHAPES["tiny-design2"])
        make_run(tmp_path / "runs", "tiny-design2", seed, shape=SHAPES["tiny-design1"])
    _, text, after = page(tmp_path)
    assert "seed 6 and seed 7 beyond the last look, so not part of the verdict" in text
    for key in ("verdict", "winner", "mean", "low", "high"):
        assert before["comparison"][key] == after["comparison"][key]  # type: ignore[index]


def overridden(tmp_path: Path, line: str) -> None:
    """Note the study as ``run-all`` would have with another number of seeds: what it names itself is left as it is."""
    looks = json.loads(line.split("=")[1])
    from tinyexp.analysis.frozen import FrozenStudy, decisions_of, frozen_path
    from tinyexp.analysis.study import load_study
    from tinyexp.runs.records import write_section

    study = load_study("why-design1-beat-design2")
    note = FrozenStudy(looks=tuple(looks), decisions=decisions_of(study))
    write_section(frozen_path(tmp_path / "runs" / "embedded", study.name), note)


def test_a_true_effect_of_half_the_margin_is_neither_supported_nor_refuted_but_below_the_margin(
    tmp_path: Path,
) -> None:
    base = Shape(test=0.4, train=0.5, clean=0.5, pace=0.6, spread=0.001)
    make_study(tmp_path / "runs", {"conv4-kernel": 0.005, "augmentation": 0.1}, range(5), base=base)
    _, text, _ = page(tmp_path)
    told = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))["values"]
    claims = {claim["claim"]: claim for study in told["studies"] for claim in study["claims"]}
    assert (claims["why-kernel"]["verdict"], claims["why-kernel"]["reason"]) == ("below_margin", "too_small")
    assert (
        "In the predicted direction but too small to matter The same sentence, if it means the conv" in text
    )
    assert re.search(
        r"Changing the kernel of the fourth convolution from 5 to 2 changes the test accuracy by \+0\.\d points .{,80} "
        r"The whole interval lies between zero and \+1\.0 point: as predicted in direction, too small to matter\.",
        text,
    )


@pytest.mark.parametrize(
    ("spread", "verdict"), [(0.02, "reproduced"), (0.035, "cannot_tell")], ids=["SD 2", "SD 3.5"]
)
def test_an_exact_reproduction_is_never_called_different(tmp_path: Path, spread: float, verdict: str) -> None:
    """The source's one run lies where one of twenty does; ours are drawn from the same distribution."""
    reported = load_experiment("tiny-design1", "paper").reported
    assert reported is not None
    middle = reported.test_accuracy - spread * (0.9 if verdict == "reproduced" else 1.6)
    for seed, away in enumerate((-1.3, -0.5, 0.0, 0.4, 1.4)):
        shape = Shape(test=middle + spread * away, train=0.4, clean=0.4, pace=0.6, spread=0.0005)
        make_run(tmp_path / "runs", "tiny-design1", seed, profile="paper", shape=shape)
    write_report(tmp_path / "runs", tmp_path / "out")
    told = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))["values"]
    (found,) = [one for one in told["reported"] if one["reported"] is not None and one["seeds"]]
    assert found["verdict"] == verdict
    assert found["run_low"] < found["reported"] < found["run_high"]
    source = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    words = {
        "reproduced": "Reproduced: the reported figure lies where one more run would",
        "cannot_tell": "Cannot tell yet:",
    }
    assert words[verdict] in Page(source).text


def test_a_sweep_that_falls_and_rises_supports_no_claim_that_it_rises(tmp_path: Path) -> None:
    """At .40, .20 and .44 the ends agree with the claim, and the middle says the opposite."""
    study = load_study("deeper-on-imagenet")
    experiments = {name: load_experiment(name, "embedded") for name in study.experiments}
    members = study_design(study, experiments, "none").members
    ends = {"imagenet-design1": 0.40, "imagenet-resnet10": 0.20, "imagenet-resnet18": 0.44}
    for name, end in ends.items():
        shape = Shape(test=end, train=end, clean=end, pace=2.0, spread=0.002)
        for seed in range(3):
            own = members[name].experiment
            make_run(tmp_path / "runs", own.name, seed, experiment=own, shape=shape, key=name)
    write_report(tmp_path / "runs", tmp_path / "out")
    told = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))["values"]
    claims = {claim["claim"]: claim for one in told["studies"] for claim in one["claims"]}
    assert claims["deeper-better"]["reason"] == "step_against"
    assert claims["deeper-better"]["verdict"] == "not_as_predicted_here"
    text = Page((tmp_path / "out" / "report.html").read_text(encoding="utf-8")).text
    assert "A step clearly goes the other way: its whole interval does." in text
