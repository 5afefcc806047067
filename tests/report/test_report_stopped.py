"""When runs stopped and when their rates moved: which epoch was taken, why, and that it is the one that counts."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from page_reader import sample
from records_maker import make_run, make_runs

from tinyexp.config.load import load_experiment
from tinyexp.report.build import build_view
from tinyexp.report.evidence import gather
from tinyexp.report.render import write_report
from tinyexp.report.select import select_runs
from tinyexp.report.view import Paragraph, ReportView, Section, Table
from tinyexp.runs.recorded import read_runs

LENGTH = {"data.holdout": 200, "training.epochs": 12, "training.stop_after": 12}
EARLY = {**LENGTH, "training.patience": 3}
PLATEAU = {**LENGTH, "optimizer.schedule": "plateau"}
Rows = list[dict[str, float]]


def held_out(values: Sequence[float], test: Sequence[float] = ()) -> Callable[[Rows], Rows]:
    """The rows of as many epochs, with these accuracies on held-out images."""

    def edited(rows: Rows) -> Rows:
        kept = rows[: len(values)]
        told = [{**row, "val_accuracy": value} for row, value in zip(kept, values, strict=True)]
        measured = (
            {"test_accuracy": value, "test_top5_accuracy": round(min(1.0, value + 0.3), 3)} for value in test
        )
        return [row | own for row, own in zip(told, measured, strict=True)] if test else told

    return edited


def rates(learning: Sequence[float], decay: Sequence[float]) -> Callable[[Rows], Rows]:
    def edited(rows: Rows) -> Rows:
        return [
            {**row, "learning_rate": rate, "weight_decay": weight}
            for row, rate, weight in zip(rows[: len(learning)], learning, decay, strict=True)
        ]

    return edited


STOPPED = (0.3, 0.4, 0.5, 0.6, 0.55, 0.5, 0.6)
"""Best after epoch 4, and three epochs that bring nothing better."""
TO_THE_END = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.81, 0.82, 0.83, 0.84)
ENDED = (*TO_THE_END[:-2], 0.1, 0.2)


def view_of(runs: Path) -> ReportView:
    return build_view(gather(select_runs(read_runs(runs))))


def stopped_of(view: ReportView) -> Section:
    return next(section for section in view.sections if section.id == "stopped")


def tables(section: Section) -> list[Table]:
    return [block for block in section.blocks if isinstance(block, Table)]


def lead_of(section: Section) -> str:
    [lead] = [block.text for block in section.blocks if isinstance(block, Paragraph)]
    return lead.replace("\u00a0", " ")


def cells(row: Sequence[str]) -> list[str]:
    return [cell.replace("\u00a0", " ") for cell in row]


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Design 1 stops early with one of its seeds; design 2 cannot."""
    experiment = load_experiment("tiny-design1", "embedded", EARLY)
    for seed, values in enumerate((STOPPED, TO_THE_END, ENDED)):
        make_run(tmp_path / "runs", "tiny-design1", seed, experiment=experiment, edit=held_out(values))
    make_runs(tmp_path / "runs", ["tiny-design2"])
    return tmp_path / "runs"


def test_each_run_has_the_epoch_taken_its_value_the_epochs_trained_and_why(runs: Path) -> None:
    section = stopped_of(view_of(runs))
    [table] = tables(section)
    assert table.columns == ("", "seed", "epoch taken", "validation accuracy there", "trained", "why")
    assert [cells(row)[1:] for row in table.rows] == [
        ["0", "4", "60.0 %", "7 of 12", "Stopped after epoch 7: 3 epochs brought nothing better than epoch 4."],
        ["1", "12", "84.0 %", "12 of 12", "Trained to the end: the last epoch was the best."],
        ["2", "10", "82.0 %", "12 of 12", "Trained to the end: 2 epochs brought nothing better than epoch 10, too few to stop."],
    ]  # fmt: skip
    assert section.heading.replace("\u00a0", " ") == "1 of 3 runs stopped early"


def test_runs_that_go_by_different_things_are_told_apart(tmp_path: Path) -> None:
    by_loss = {**EARLY, "training.watch": "val_loss"}
    for name, overrides in (("tiny-design1", EARLY), ("tiny-design2", by_loss)):
        experiment = load_experiment(name, "embedded", overrides)
        make_run(tmp_path / "runs", name, 0, experiment=experiment, edit=held_out(STOPPED))
    section = stopped_of(view_of(tmp_path / "runs"))
    lead = lead_of(section)
    assert (
        "Those of Design 1 go by the validation accuracy, on 200 training images that are held out." in lead
    )
    assert "Those of Design 2 go by the validation loss, on 200 training images that are held out." in lead
    [table] = tables(section)
    assert table.columns[3] == "watched value there"


def test_it_says_what_was_watched_and_that_no_test_image_took_part(runs: Path) -> None:
    lead = lead_of(stopped_of(view_of(runs)))
    assert lead.startswith(
        "These runs go by the validation accuracy, which is taken after each epoch on 200 training images that are held out."
    )
    assert "No test image takes part in when a run stops or its rates move." in lead
    assert "a run that may stop early is compared after the epoch taken" in lead
    assert "Mean curves go on past it" in lead


@pytest.fixture
def both(tmp_path: Path) -> Path:
    """Both designs may stop early, and do."""
    for name, best in (("tiny-design1", 0.9), ("tiny-design2", 0.8)):
        experiment = load_experiment(name, "embedded", EARLY)
        for seed in range(3):
            test = (0.2, 0.3, 0.4, best + 0.01 * seed, 0.5, 0.5, 0.5)
            make_run(tmp_path / "runs", name, seed, experiment=experiment, edit=held_out(STOPPED, test))
    return tmp_path / "runs"


def test_the_epoch_taken_is_what_is_compared_and_the_page_says_so_where_it_compares(both: Path) -> None:
    view = view_of(both)
    assert [fact.value.replace("\u00a0", " ") for fact in view.head.facts[:2]] == ["91.0 %", "81.0 %"]
    note = "Runs of Design 1 and Design 2 count with the epoch taken."
    assert note in [detail.replace("\u00a0", " ") for detail in view.head.verdict.details]


def test_the_epoch_taken_is_told_to_programs(runs: Path) -> None:
    write_report(runs, runs.parent / "out")
    told = json.loads((runs.parent / "out" / "report.json").read_text())["values"]["runs"]
    assert [run["taken_epoch"] for run in told] == [4, 12, 10, None, None, None]


def test_the_method_does_not_say_that_every_figure_is_of_the_last_epoch(runs: Path) -> None:
    write_report(runs, runs.parent / "out")
    page = (runs.parent / "out" / "report.md").read_text(encoding="utf-8")
    assert "and of a run that may stop early after the epoch that held-out images chose" in page
    assert "Every figure is taken after the last epoch. No" not in page


def test_a_claim_on_runs_that_stop_early_says_which_epoch_counts(both: Path) -> None:
    variant = load_experiment("tiny-design1", "embedded", {**EARLY, "input.normalize": False})
    for seed in range(3):
        make_run(both, "tiny-design1", seed, experiment=variant, edit=held_out(STOPPED), key="variant")
    write_report(both, both.parent / "out", overrides=EARLY)
    page = (both.parent / "out" / "report.md").read_text(encoding="utf-8").replace("\u00a0", " ")
    note = "Runs of Design 1 and Design 1 without normalization count with the epoch taken."
    assert page.count(note) == 1


def test_rates_that_moved_are_told_with_the_epochs_and_what_they_became(tmp_path: Path) -> None:
    experiment = load_experiment("tiny-design1", "embedded", PLATEAU)
    moved = rates([0.01] * 4 + [0.005] * 5 + [0.0025] * 3, [0.0005] * 4 + [0.001] * 5 + [0.002] * 3)
    for seed, edit in enumerate((moved, rates([0.01] * 12, [0.0005] * 12), moved)):
        make_run(tmp_path / "runs", "tiny-design1", seed, experiment=experiment, edit=edit)
    make_runs(tmp_path / "runs", ["tiny-design2"])
    section = stopped_of(view_of(tmp_path / "runs"))
    assert section.heading.replace("\u00a0", " ") == "The rates moved in 2 of 3 runs"
    [table] = tables(section)
    assert table.columns == ("", "seed", "moved after epoch", "learning rate", "weight decay")
    assert cells(table.rows[0])[1:] == [
        "0",
        "4 and 9",
        "0.01 \u2192 0.005 \u2192 0.0025",
        "0.0005 \u2192 0.001 \u2192 0.002",
    ]
    assert cells(table.rows[1])[1:] == ["1", "\u2013", "0.01", "0.0005"]
    assert "the epoch taken" not in lead_of(section)


def test_runs_that_never_stop_early_have_no_such_section() -> None:
    view = view_of(sample() / "out" / "runs")
    assert "stopped" not in [section.id for section in view.sections]


def test_a_training_that_stopped_early_cost_no_more_than_it_trained(both: Path) -> None:
    """Seven epochs, on the same network and images as runs that are trained to their end."""

    def training(view: ReportView) -> list[float]:
        [table] = tables(next(section for section in view.sections if section.id == "cost"))
        return [float(row[3]) for row in table.rows[:2]]

    whole = training(view_of(sample() / "out" / "runs"))
    epochs = load_experiment("tiny-design1", "embedded").settings["training"]["stop_after"]
    assert training(view_of(both)) == pytest.approx([7 / epochs * work for work in whole], rel=0.01)


def test_a_page_of_runs_that_may_all_stop_early_is_made(both: Path) -> None:
    """No run is left whose epochs must be those of the others."""
    assert len(tables(stopped_of(view_of(both)))[0].rows) == 6
