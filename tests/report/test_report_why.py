"""What carries the gap, and the claims: what the page says of planted effects, and of what is not there."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path

import pytest
from page_reader import Page, markdown_text, numbers
from records_maker import SHAPES, Shape, make_run, make_runs, make_study, on_other_data, with_status

from tinyexp.analysis.design import confirmation_points, study_design
from tinyexp.analysis.study import load_study
from tinyexp.config.difference import Difference
from tinyexp.config.load import load_experiment
from tinyexp.config.metric import metric_of
from tinyexp.config.overlay import with_keys
from tinyexp.errors import UserError
from tinyexp.report.check import examine
from tinyexp.report.evidence import Evidence, StudyResult, gather
from tinyexp.report.render import write_report
from tinyexp.report.sections.designs import designs_section
from tinyexp.report.sections.switches import levels_of, moved_words, switch_words
from tinyexp.report.sections.why import why_line, why_section
from tinyexp.report.select import select_runs
from tinyexp.report.view import Table
from tinyexp.runs.recorded import read_runs

pytestmark = pytest.mark.usefixtures("blank_pictures")
WHY = "why-design1-beat-design2"
EFFECTS = {
    "augmentation": 0.16,
    "hidden-activation": 0.05,
    "conv4-kernel": -0.06,
    "design1-not-normalized": -0.12,
}


def rendered(tmp_path: Path) -> tuple[str, str, dict]:
    """The text of the page, that of the summary, and the leading study's values."""
    write_report(tmp_path / "runs", tmp_path / "out")
    source = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    summary = (tmp_path / "out" / "summary.md").read_text(encoding="utf-8")
    text = re.sub(r"\s+", " ", Page(source).text.replace("\u00a0", " "))
    for name in ("summary.md", "report.md"):
        page = (tmp_path / "out" / name).read_text(encoding="utf-8")
        assert numbers(markdown_text(page)) <= numbers(Page(source).text)
    values = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))["values"]
    study = next(one for one in values["studies"] if one["study"] == WHY)
    return text, markdown_text(summary).replace("\u00a0", " "), study


def verdicts(study: dict) -> dict[str, tuple[str, str]]:
    return {claim["claim"]: (claim["verdict"], claim["reason"]) for claim in study["claims"]}


def test_planted_effects_come_out_as_shares_with_verdicts_on_the_claims(tmp_path: Path) -> None:
    make_study(tmp_path / "runs", EFFECTS, seeds=range(6))
    text, summary, study = rendered(tmp_path)
    assert re.search(
        r"Switching augmentation on brings 1\d\.\d points of a gap of 1\d\.\d, the largest share", text
    )
    assert "16 mixtures of Design 2 and Design 1 were trained" in text
    assert re.search(r"of a gap of 1\d\.\d \(95 % interval 1\d\.\d to 1\d\.\d\), the largest share\.", text)
    assert (
        "With 6 seeds the sign-flip test cannot confirm any share: adjusted over 5 factors its p is 0.16 at best. 8 seeds could."
        in text
    )
    assert "All shares use one spread (25 degrees of freedom)" in text
    assert "its shares together in 5 % and its claims together in 5 %" in text
    assert "A share says what changed when a factor was switched" in text
    assert "That a factor is the cause" in text
    assert (
        "Not a factor here, because the two designs do not differ in it under the interpretations taken: normalization"
        in text
    )
    shares = {
        row["factor"]: row["share"]["estimate"]
        for row in study["attributions"]["test_accuracy"]["in_metric"]["shares"]
    }
    assert shares["augmentation"] == pytest.approx(0.16, abs=0.02)
    assert shares["conv4-kernel"] == pytest.approx(-0.06, abs=0.02)
    found = verdicts(study)
    assert found["why-augmentation"][0] == "as_predicted_here"
    assert found["why-normalization"][0] == "as_predicted_here"
    assert found["why-kernel"] == ("not_as_predicted_here", "prediction_fails")
    assert found["pools-vary"] == ("refuted", "prediction_fails"), "read off the model, at whatever scale"
    assert (
        "These runs depart from the source in data, size or length. So a verdict says what came out here"
        in text
    )
    assert "These verdicts share a 5 % risk of error: with 5 claims under test" in text
    for words in (
        "As predicted here",
        "Not as predicted here",
        "Refuted",
        "Pooling windows: 2, 2, 2, 2.",
        "Predicted:",
        "Came out:",
    ):
        assert words in text
        assert words in summary
    assert "Shares of the gap in test accuracy" in summary
    assert examine(tmp_path / "out").found == ()


def test_the_rows_of_the_table_add_up_to_the_gap_within_their_rounding(tmp_path: Path) -> None:
    make_study(tmp_path / "runs", EFFECTS)
    write_report(tmp_path / "runs", tmp_path / "out")
    page = (tmp_path / "out" / "report.md").read_text(encoding="utf-8").replace("\u2212", "-")
    table = page.split("Shares of the gap in test accuracy")[1].split("\n\n")[1]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    figures = {cells[0]: float(cells[4]) for cells in rows}
    gap = figures.pop("measured gap")
    assert len(figures) == 6
    assert sum(figures.values()) == pytest.approx(gap, abs=0.05 * 7)


def test_one_seed_gives_shares_without_intervals_and_says_so(tmp_path: Path) -> None:
    make_study(tmp_path / "runs", EFFECTS, seeds=[0])
    text, _, study = rendered(tmp_path)
    assert study["attributions"]["test_accuracy"]["in_metric"]["error"] == "none"
    assert "One seed gives no estimate of chance, so there are no intervals." in text
    assert "What each factor changed, without an estimate of chance" in text
    assert "not the designs" in text, "the sentence on two networks"
    assert verdicts(study)["why-augmentation"] == ("undecided_here", "no_error_estimate")
    assert "A verdict needs 3 or more of each." in text


def test_two_seeds_are_too_few_and_how_many_would_do_is_said(tmp_path: Path) -> None:
    make_study(tmp_path / "runs", EFFECTS, seeds=[0, 1])
    text, _, study = rendered(tmp_path)
    assert study["attributions"]["test_accuracy"]["in_metric"]["error"] == "pooled_over_runs"
    assert "Too few seeds to tell whether Design 1 beats Design 2" in text
    assert re.search(r"(About )?\d+( to \d+)?( or more)? runs of each in all should settle it", text)
    assert "Intervals rest on the spread of one run" in text


def test_three_seeds_carry_the_note_on_the_exact_test(tmp_path: Path) -> None:
    make_study(tmp_path / "runs", {"augmentation": 0.4})
    text, _, _ = rendered(tmp_path)
    assert (
        "The permutation test, which assumes least, cannot confirm this at 0.01 with 3 runs of each: its p is 0.1 at best. 5 of each could."
        in text
    )


@pytest.mark.parametrize(("seeds", "noted"), [(6, True), (8, False)])
def test_a_share_takes_more_seeds_to_confirm_than_the_comparison(
    tmp_path: Path, seeds: int, *, noted: bool
) -> None:
    make_study(tmp_path / "runs", EFFECTS, seeds=range(seeds))
    text, _, _ = rendered(tmp_path)
    assert "cannot confirm it" not in text
    assert ("cannot confirm any share" in text) is noted


def test_without_effects_no_share_is_called(tmp_path: Path) -> None:
    make_study(tmp_path / "runs", {})
    text, _, study = rendered(tmp_path)
    assert "No factor stands out: no share is clearly larger than 1.0 point" in text
    assert "the largest share" not in text
    assert verdicts(study)["why-augmentation"][0] == "undecided_here"


def test_a_factor_that_works_against_the_gap_refutes_that_it_carries_it(tmp_path: Path) -> None:
    make_study(tmp_path / "runs", {"augmentation": -0.12, "hidden-activation": 0.25}, seeds=range(6))
    text, _, study = rendered(tmp_path)
    assert verdicts(study)["why-augmentation"] == ("not_as_predicted_here", "works_against")
    assert (
        "More than half of the gap was predicted, but the whole interval lies on the other side of zero."
        in text
    )
    assert re.search(
        r"Changing the hidden activation from softmax to ReLU brings 2\d\.\d points of a gap of 1\d\.\d", text
    )


def test_of_a_gap_that_is_not_clear_nothing_is_called_the_largest_share(tmp_path: Path) -> None:
    """Two large shares that cancel: each moves the accuracy, and there is no gap to carry."""
    make_study(tmp_path / "runs", {"augmentation": 0.15, "hidden-activation": -0.145}, seeds=range(4))
    text, _, study = rendered(tmp_path)
    gap = study["attributions"]["test_accuracy"]["in_metric"]["gap"]
    assert gap["low"] < 0 < gap["high"]
    assert "the largest share" not in text
    assert re.search(
        r"Switching augmentation on brings 1\d\.\d points and changing the hidden activation from softmax to ReLU costs 1\d\.\d points",
        text,
    )
    assert verdicts(study)["why-augmentation"] == ("undecided_here", "gap_not_clear")


def test_where_the_baseline_wins_the_share_is_told_in_its_direction(tmp_path: Path) -> None:
    make_study(tmp_path / "runs", {"augmentation": -0.2}, seeds=range(6))
    text, _, study = rendered(tmp_path)
    assert "Design 2 beats Design 1 by" in text
    assert re.search(
        r"Switching augmentation on costs (18|19|20)\.\d of the (19|20)\.\d points \(95 % interval 1\d\.\d to (19|2\d)\.\d\)",
        text,
    )
    assert verdicts(study)["why-augmentation"] == ("not_as_predicted_here", "works_against")


def test_designs_alone_are_compared_and_the_missing_mixtures_named_with_their_command(tmp_path: Path) -> None:
    make_runs(tmp_path / "runs", ["tiny-design1", "tiny-design2"])
    text, summary, study = rendered(tmp_path)
    assert study["attributions"] == {}
    command = "tinyexp run-all --profile embedded --study why-design1-beat-design2 --seeds 3"
    for page in (text, summary):
        assert "What carries the difference was not measured" in page
        assert command in page
    assert "14 mixtures of them would show what each changes; none has a finished run." in text
    assert verdicts(study)["why-augmentation"] == ("not_tested", "attribution_missing")
    assert verdicts(study)["why-pooling"] == ("not_tested", "runs_missing")
    assert "That any one difference between the two is the cause: they were switched together." in text


def test_a_plan_that_is_trained_in_part_names_what_is_missing(tmp_path: Path) -> None:
    made = make_study(tmp_path / "runs", EFFECTS)
    lost = [folder for folder in made if folder.path.parent.name == "tiny-design2"][1]
    identity = json.loads(lost.record.read_text())["configuration"]
    for folder in made:
        if json.loads(folder.record.read_text())["configuration"] == identity:
            folder.record.unlink()
    text, _, study = rendered(tmp_path)
    found = study["attributions"]["test_accuracy"]
    assert (found["plan"]["kind"], found["runs"], found["seeds"]) == ("as-run", 45, [])
    assert "what was trained, since not every mixture of the plan was" in text
    assert "Not every mixture of the plan has a finished run; missing: Design 2 + " in text
    assert re.search("Augmentation[^:.]*: not yet trained alone, so an interaction may stand in for it", text)
    assert "tinyexp run-all" in text


def test_factors_that_the_runs_cannot_tell_apart_are_named_and_not_split(tmp_path: Path) -> None:
    """Of the mixtures those are there in which two widths are switched together, and so are the other two of their word."""
    made = make_study(tmp_path / "runs", EFFECTS)
    for folder in made:
        overrides = json.loads(folder.record.read_text())["experiment"]["overrides"]
        if ("model.channels" in overrides) != ("model.fc_width" in overrides):
            folder.record.unlink()
    text, _, study = rendered(tmp_path)
    groups = study["attributions"]["test_accuracy"]["in_metric"]["inseparable"]
    assert [group["factors"] for group in groups] == [
        ["augmentation", "hidden-activation"],
        ["conv1-width", "fc-width"],
    ]
    assert re.search(
        "Width of the first convolution and width of the hidden dense layer cannot be told apart by these runs; "
        r"together they moved .\d\.\d points",
        text,
    )
    row = "augmentation with hidden activation \u2013 \u2013 "
    assert re.search(row + r"\+1\d\.\d \+1\d\.\d", text), "a row of the table"


HIDING = ("hidden-activation", "conv1-width", "fc-width")
"""Its interaction cannot be told from augmentation in the fraction of this study."""


def make_hidden(runs: Path, *, alone: bool, size: float = 0.09, augmentation: float = 0.0) -> None:
    """The fraction of a study in which three factors interact; perhaps with augmentation alone as well."""
    study = load_study(WHY)
    design = study_design(study, {name: load_experiment(name, "embedded") for name in study.experiments})
    assert design.plan is not None
    factors = design.plan.factors
    more = confirmation_points(design, ["augmentation"]) if alone else ()
    base = SHAPES["tiny-design2"]
    for point in (*design.points, *more):
        on = dict(zip(factors, point.levels, strict=True))
        together = math.prod(2 * on[name] - 1 for name in HIDING)
        rise = size * together + augmentation * on["augmentation"]
        for seed in range(3):
            make_run(
                runs,
                point.experiment.name,
                seed,
                experiment=point.experiment,
                shape=replace(base, test=base.test + rise, spread=0.015),
                key=point.name,
            )


def test_an_inert_factor_is_told_as_not_yet_trained_alone_with_the_command(tmp_path: Path) -> None:
    make_hidden(tmp_path / "runs", alone=False)
    text, summary, _ = rendered(tmp_path)
    for page in (text, summary):
        assert re.search(
            r"Augmentation[^:.]*: not yet trained alone, so an interaction of three may stand in for it", page
        )
        assert "tinyexp run-all --profile embedded --study why-design1-beat-design2 --seeds 3" in page
    assert re.search(
        r"Not yet trained alone: augmentation.*, so an interaction of three may stand in for it\.", text
    )
    assert "moves it, not yet trained alone" in text


def test_an_inert_factor_that_was_trained_alone_is_not_named(tmp_path: Path) -> None:
    """Behind an interaction of three that moves eight spreads of one run."""
    make_hidden(tmp_path / "runs", alone=True)
    text, _, study = rendered(tmp_path)
    row = study["attributions"]["test_accuracy"]["in_metric"]["shares"][0]
    assert (row["verdict"], row["confirmation"]) == ("contradicted", "contradicted")
    assert verdicts(study)["why-augmentation"] == ("undecided_here", "contradicted_alone")
    assert "Switched alone it does not do what its share says" in text
    assert "switching augmentation on brings" not in text.lower()
    assert re.search(
        r"Augmentation: its share of \+1\d\.\d points is not called its own\. Switched alone it moved", text
    )
    assert "An interaction stands in for it: hidden activation with width of the first convolution" in text
    assert "not so when switched alone" in text
    assert examine(tmp_path / "out").found == ()
    again = select_runs(read_runs(tmp_path / "out" / "runs"))
    assert len(next(one for one in again.studies if one.study.name == WHY).confirmations) == 2


def test_a_factor_that_does_alone_what_its_share_says_is_told_so(tmp_path: Path) -> None:
    make_hidden(tmp_path / "runs", alone=True, size=0.0, augmentation=0.15)
    text, _, study = rendered(tmp_path)
    row = study["attributions"]["test_accuracy"]["in_metric"]["shares"][0]
    assert (row["verdict"], row["confirmation"]) == ("moves", "confirmed")
    assert re.search(r"Augmentation: switched alone it moved \+1\d\.\d points from Design 2", text)
    assert "moves it, alone too" in text
    assert "not yet trained alone" not in text


def with_factors(tmp_path: Path, effects: dict[str, float], **changed: object) -> tuple[str, str]:
    """Heading, words of the section and first line of the study with one factor said otherwise."""
    make_study(tmp_path / "runs", effects)
    evidence = gather(select_runs(read_runs(tmp_path / "runs")))
    result = next(one for one in evidence.results if one.study.name == WHY)
    factors = tuple(
        one.model_copy(update=changed) if one.name == "fc-width" else one for one in result.study.factors
    )
    study = result.study.model_copy(update={"factors": factors})
    result = replace(result, design=replace(result.design, study=study))
    section = why_section(evidence, result)
    assert section is not None
    return f"{section}".replace("\\xa0", " "), why_line(evidence, result).replace("\u00a0", " ")


def test_a_placebo_shows_the_size_of_nothing(tmp_path: Path) -> None:
    words, line = with_factors(tmp_path, EFFECTS, placebo=True)
    assert "width of the hidden dense layer (placebo)" in words
    assert re.search(
        "Width of the hidden dense layer is a placebo, which cannot matter: its .\\d\\.\\d points? shows",
        words,
    )
    assert "Something is wrong" not in words + line


def test_a_placebo_that_moves_says_that_something_is_wrong(tmp_path: Path) -> None:
    words, line = with_factors(tmp_path, {"fc-width": 0.15}, placebo=True)
    for said in (words, line):
        assert "Something is wrong: width of the hidden dense layer is a placebo, which cannot matter" in said
        assert "from 400 to 1,024" not in said, "it is not named among the factors"


def test_below_the_margin_a_factor_is_too_small_to_matter(tmp_path: Path) -> None:
    make_study(tmp_path / "runs", {}, seeds=range(10))
    text, _, study = rendered(tmp_path)
    shares = study["attributions"]["test_accuracy"]["in_metric"]["shares"]
    small = [row["verdict"] for row in shares].count("too_small")
    assert small > 0
    assert "too small to matter" in text
    assert "moves it" not in text


@pytest.mark.parametrize(
    ("left", "right", "words"),
    [
        (400, 1024, "changing the width of the hidden dense layer from 400 to 1,024"),
        ([5, 5, 2], [5, 3, 2], "changing the width of the hidden dense layer from 5 to 3"),
        ([1, 2], [3, 4], "switching width of the hidden dense layer to the setting of Design 1"),
        (True, False, "switching width of the hidden dense layer off"),
        (0, 0.5, "changing the width of the hidden dense layer from 0 to 0.5"),
        ("softmax", "relu", "changing the width of the hidden dense layer from softmax to ReLU"),
        ("(none)", 3, "switching width of the hidden dense layer to the setting of Design 1"),
    ],
)
def test_a_switch_is_told_with_its_levels(
    embedded: tuple[Evidence, StudyResult], left: object, right: object, words: str
) -> None:
    evidence, changed = switched_to(embedded, Difference("model.dropout", left, right))
    assert switch_words(evidence, changed, "fc-width").replace("\u00a0", " ") == words


def switched_to(embedded: tuple[Evidence, StudyResult], *changes: Difference) -> tuple[Evidence, StudyResult]:
    evidence, result = embedded
    switched = {**result.design.switched, "fc-width": changes}
    return evidence, replace(result, design=replace(result.design, switched=switched))


@pytest.mark.parametrize(
    ("changes", "levels"),
    [
        ((("model.hidden_activation", "softmax", "relu"),), ("softmax", "ReLU")),
        ((("model.fc_width", 400, 1024),), ("50 (400 × ⅛)", "128 (1,024 × ⅛)")),
        ((("model.channels", [64, 128], [128, 128]),), ("8 (64 × ⅛)", "16 (128 × ⅛)")),
        ((("model.channels", [64, 64], [128, 128]),), ("8, 8 (64, 64 × ⅛)", "16, 16 (128, 128 × ⅛)")),
        ((("model.kernels", [5, 5], [5, 2]),), ("5", "2")),
        (
            (("augmentation.flip_probability", 0.0, 0.5), ("augmentation.random_resized_crop", False, True)),
            ("off", "on"),
        ),
        ((("model.pool_kernels", 2, 3), ("model.pool_strides", 1, 2)), ("2 and 1", "3 and 2")),
        ((("model.fc_width", "(none)", 3),), ("as in Design 2", "as in Design 1")),
        ((), ("as in Design 2", "as in Design 1")),
    ],
)
def test_a_factor_has_its_two_levels_in_words_and_numbers_as_they_ran(
    embedded: tuple[Evidence, StudyResult],
    changes: tuple[tuple[str, object, object], ...],
    levels: tuple[str, str],
) -> None:
    evidence, changed = switched_to(embedded, *(Difference(*one) for one in changes))
    assert tuple(level.replace("\u00a0", " ") for level in levels_of(evidence, changed, "fc-width")) == levels


def test_settings_side_by_side_stand_as_they_ran(embedded: tuple[Evidence, StudyResult]) -> None:
    section = designs_section(*embedded)
    assert section is not None
    tables = [block for block in section.blocks if isinstance(block, Table)]
    rows = {
        row[-1]: [cell.replace("\u00a0", " ") for cell in row[1:-1]] for table in tables for row in table.rows
    }
    assert rows["model.fc_width"] == ["50 (400 × ⅛)", "128 (1,024 × ⅛)"]
    assert rows["model.channels"][1] == "16, 16, 16, 16, 16 (128, 128, 128, 128, 128 × ⅛)"
    assert rows["model.hidden_activation"] == ["softmax", "relu"]
    assert rows["model.width"] == ["0.125"]


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Evidence, StudyResult]:
    runs = tmp_path_factory.mktemp("runs")
    make_runs(runs, ["tiny-design1", "tiny-design2"], seeds=[0])
    evidence = gather(select_runs(read_runs(runs)))
    return evidence, next(one for one in evidence.results if one.study.name == WHY)


@pytest.mark.parametrize(
    ("metric", "share", "gap", "words"),
    [
        ("test_accuracy", -0.088, -0.106, "costs 8.8 of the 10.6 points"),
        ("test_accuracy", 0.03, -0.106, "brings 3.0 points"),
        ("test_accuracy", 0.03, None, "brings 3.0 points"),
        ("test_accuracy", 0.2, 0.1, "brings 20.0 points of a gap of 10.0"),
        ("test_loss", 0.35, 0.51, "raises the test loss by 0.350 of 0.510 nats"),
        ("test_loss", -0.35, None, "lowers the test loss by 0.350 nats"),
    ],
)
def test_what_moved_is_told_with_its_direction(
    metric: str, share: float, gap: float | None, words: str
) -> None:
    assert moved_words(metric_of(metric), share, gap).replace("\u00a0", " ") == words


def test_a_diverged_mixture_leaves_its_seed_out_and_is_named(tmp_path: Path) -> None:
    made = make_study(tmp_path / "runs", EFFECTS, seeds=range(4))
    mixture = next(
        folder
        for folder in made
        if "model.fc_width" in json.loads(folder.record.read_text())["experiment"]["overrides"]
    )
    with_status(mixture, state="diverged", message="the loss is nan")
    text, _, study = rendered(tmp_path)
    found = study["attributions"]["test_accuracy"]
    assert (found["seeds"], found["partial_seeds"]) == ([1, 2, 3], [0])
    assert "Left out, because not every mixture finished with it: seed 0." in text
    assert "the loss is nan" in text
    assert "width of the hidden dense layer" in text.split("the loss is nan")[0][-300:]


def test_mixtures_on_other_data_are_refused_by_name(tmp_path: Path) -> None:
    made = make_study(tmp_path / "runs", EFFECTS)
    for folder in made:
        record = json.loads(folder.record.read_text())
        if record["experiment"]["overrides"] and record["seed"] == 1:
            on_other_data(folder, "f" * 64)
    text, _, study = rendered(tmp_path)
    assert study["attributions"] == {}
    assert "more than one data fingerprint" in study["unattributed"]
    assert "ffffffff" in text
    assert "tiny-design2 + " in study["unattributed"]


def test_the_runs_of_mixtures_travel_with_the_report_and_are_found_again(tmp_path: Path) -> None:
    made = make_study(tmp_path / "runs", EFFECTS)
    write_report(tmp_path / "runs", tmp_path / "out")
    selection = select_runs(read_runs(tmp_path / "out" / "runs"))
    assert len(selection.runs) == len(made)
    assert selection.left_out == ()
    write_report(tmp_path / "out" / "runs", tmp_path / "again")
    for name in ("report.html", "report.md", "summary.md", "report.json"):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "out" / name).read_bytes()


def test_runs_that_no_study_asks_for_are_left_out(tmp_path: Path) -> None:
    make_study(tmp_path / "runs", EFFECTS)
    make_run(tmp_path / "runs", "tiny-design2", 0, overrides={"model.dropout": 0.1})
    assert len(select_runs(read_runs(tmp_path / "runs")).left_out) == 1


def test_mixtures_of_overridden_designs_are_found_without_naming_the_override(tmp_path: Path) -> None:
    """What `run-all --set` trained: every run has the override, and the mixtures more."""
    study = load_study(WHY)
    designs = {name: load_experiment(name, overrides={"model.dropout": 0.2}) for name in study.experiments}
    for part in study_design(study, designs).everything:
        for seed in range(3):
            make_run(tmp_path / "runs", part.experiment.name, seed, experiment=part.experiment, key=part.name)
    text, _, found = rendered(tmp_path)
    assert found["attributions"]["test_accuracy"]["runs"] == 48
    assert "tinyexp run-all --profile embedded --seeds 3 --set model.dropout=0.2 --only 'tiny-*'" in text
    assert examine(tmp_path / "out").found == ()


def test_a_confounded_study_is_told_on_the_page(tmp_path: Path) -> None:
    """As where one design was trained with an override that the other lacks."""
    for seed in range(3):
        make_run(tmp_path / "runs", "tiny-design1", seed, overrides={"optimizer.momentum": 0.5})
        make_run(tmp_path / "runs", "tiny-design2", seed)
    text, _, study = rendered(tmp_path)
    assert "belong to no factor" in study["unattributed"]
    assert study["comparison"] is None
    assert "Design 1 and Design 2 cannot be compared" in text
    assert "optimizer.momentum (0.9, 0.5)" in text


def test_two_designs_without_factors_are_not_compared_on_other_images(tmp_path: Path) -> None:
    make_runs(tmp_path / "runs", ["imagenet-resnet18"])
    make_runs(tmp_path / "runs", ["imagenet-design1"], overrides={"data.test_limit": 500})
    write_report(tmp_path / "runs", tmp_path / "out")
    values = json.loads((tmp_path / "out" / "report.json").read_text())["values"]
    study = next(one for one in values["studies"] if one["study"] == "deeper-on-imagenet")
    assert study["comparison"] is None
    assert "not trained and tested on the same images: data.test_limit (500, 1000)" in study["problem"]


def test_selection_refuses_configurations_that_are_not_each_others_base(tmp_path: Path) -> None:
    for overrides in ({"model.dropout": 0.1}, {"model.dropout": 0.2}):
        make_run(tmp_path, "tiny-design2", 0, overrides=overrides)
    with pytest.raises(UserError, match="several configurations"):
        select_runs(read_runs(tmp_path))


@pytest.mark.parametrize(
    ("middle", "profile", "words"),
    [
        (0.62, "embedded", "both claims of the source are as predicted here"),
        (0.30, "embedded", "both claims of the source are not as predicted here"),
        (0.62, "paper", "both claims of the source are supported"),
        (0.30, "paper", "both claims of the source are refuted"),
    ],
)
def test_a_deeper_net_is_claimed_along_three_nets_step_by_step(
    tmp_path: Path, middle: float, profile: str, words: str
) -> None:
    """The last is the highest in each case."""
    ten = with_keys(load_experiment("imagenet-resnet18", profile), {"model.blocks": [1, 1, 1, 1]}, "here")
    for seed in range(3):
        for experiment, key, end in (
            (load_experiment("imagenet-design1", profile), "one", 0.50),
            (ten, "ten", middle),
            (load_experiment("imagenet-resnet18", profile), "eighteen", 0.74),
        ):
            shape = Shape(test=end, train=end, clean=end, pace=0.3, spread=0.004)
            make_run(
                tmp_path / "runs",
                experiment.name,
                seed,
                experiment=experiment,
                profile=profile,
                shape=shape,
                key=key,
            )
    write_report(tmp_path / "runs", tmp_path / "out")
    text = Page((tmp_path / "out" / "report.html").read_text(encoding="utf-8")).text.replace("\u00a0", " ")
    assert "Along Five-convolution net, ResNet-10 and ResNet-18 the test accuracy changes by +" in text
    assert re.search(
        r"Step by step: from Five-convolution net to ResNet-10 [+\u2212]\d+\.\d points \(9[57.]+ % interval .*?\); from ResNet-10 to ResNet-18 \+\d",
        text,
    )
    assert words in text
    assert ("not whether the source is right" in text) == (profile == "embedded")
