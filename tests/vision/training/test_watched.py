"""What held-out images decide: when rates move, when a run stops, and which epoch is its result."""

import csv
import json

import pytest
from small_runs import WATCHED, results, small_plan, trained

from tinyexp.config.load import load_experiment
from tinyexp.errors import InterruptedRunError, UserError
from tinyexp.runs.records import read_predictions, result
from tinyexp.runs.verify import verify_records
from tinyexp.trainers.vision.settings import vision_settings
from tinyexp.trainers.vision.training.run import Listener
from tinyexp.trainers.vision.training.watched import PlateauRates, best_epoch, stops_early


def spec(**changes):
    keys = {key.replace("__", "."): value for key, value in changes.items()}
    return vision_settings(load_experiment("tiny-design1", "embedded", {"data.holdout": 200, **keys}))


def rows_of(*values, metric="val_accuracy"):
    return [{metric: value} for value in values]


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("runs"), **WATCHED)


def rows(plan):
    return list(csv.DictReader(plan.folder.metrics.read_text().splitlines()))


def accuracies(plan):
    return [float(row["val_accuracy"]) for row in rows(plan)]


def best_of(plan):
    """The first of the best epochs, from 1."""
    return accuracies(plan).index(max(accuracies(plan))) + 1


def test_a_run_stops_where_patience_epochs_brought_nothing_better(plan):
    assert len(rows(plan)) == best_of(plan) + 2 < 30
    status = json.loads(plan.folder.status.read_text())
    assert (status["state"], status["epochs_done"], status["epochs"]) == ("finished", len(rows(plan)), 30)
    assert status["message"].startswith(
        f"stopped early: val_accuracy was best after epoch {best_of(plan)}, and 2 epochs"
    )


def test_the_predictions_are_those_of_the_best_epoch_and_the_result_its_accuracy(tmp_path, plan):
    shorter = WATCHED | {"training__patience": 0, "training__stop_after": best_of(plan)}
    alone = trained(tmp_path, **shorter)
    assert alone.folder.predictions.read_bytes() == plan.folder.predictions.read_bytes()
    said = read_predictions(plan.folder)
    right = (said.label == said.predicted).mean()
    assert float(rows(plan)[best_of(plan) - 1]["test_accuracy"]) == right
    assert result(plan.folder, plan.experiment) == ("test_accuracy", right)


def test_the_rates_move_after_each_epoch_that_brought_nothing_better(plan):
    rates, best, expected = (0.1, 0.0005), -1.0, []
    for accuracy in accuracies(plan):
        expected.append(rates)
        if accuracy <= best:
            rates = rates[0] * 0.5, rates[1] * 2
        best = max(best, accuracy)
    moved = [(float(row["learning_rate"]), float(row["weight_decay"])) for row in rows(plan)]
    assert moved == expected
    assert len(set(moved)) > 1


def stopped(runs, asks):
    """Train until a stop has been asked for so many times."""
    heard = []

    def stop_code():
        heard.append(1)
        return 143 if len(heard) > asks else 0

    with pytest.raises(InterruptedRunError):
        trained(runs, listener=Listener(stop_code=stop_code), **WATCHED)


AN_EPOCH = 9
"""Asks: four after its steps, four in evaluations, one at its end."""


@pytest.mark.parametrize("asks", [12, 18, 22])
def test_a_resumed_run_has_the_same_rates_and_end(tmp_path, plan, asks):
    stopped(tmp_path, asks)
    assert results(trained(tmp_path, **WATCHED)) == results(plan)


def test_rates_that_are_not_replayed_are_noticed(tmp_path, plan, monkeypatch):
    """Stopped in the epoch after the first that brought nothing better: with the scheduler forgotten its rate would be the old one."""
    told = accuracies(plan)
    moved = next(epoch for epoch in range(1, len(told)) if told[epoch] <= max(told[:epoch])) + 1
    stopped(tmp_path, AN_EPOCH * moved + 2)
    monkeypatch.setattr(
        PlateauRates, "replay", lambda self, _rows, replay=PlateauRates.replay: replay(self, ())
    )
    assert results(trained(tmp_path, **WATCHED)) != results(plan)


def test_a_finished_run_that_stopped_early_is_left_as_it_is(plan):
    before = results(plan)
    trained(plan.folder.path.parents[2], **WATCHED)
    assert results(plan) == before


def test_the_first_of_equal_epochs_is_the_best():
    assert best_epoch(rows_of(0.4, 0.6, 0.6, 0.5), spec(training__patience=2)) == 2
    losses = rows_of(1.0, 0.7, 0.8, metric="val_loss")
    assert best_epoch(losses, spec(training__patience=2, training__watch="val_loss")) == 2


@pytest.mark.parametrize(
    ("values", "over"),
    [((0.4,), False), ((0.4, 0.3), False), ((0.4, 0.3, 0.4), True), ((0.4, 0.3, 0.5), False)],
)
def test_only_a_better_value_is_worth_waiting_for(values, over):
    assert stops_early(rows_of(*values), spec(training__patience=2)) is over


def test_without_patience_no_run_stops_early():
    assert not stops_early(rows_of(0.4, 0.3, 0.2, 0.1), spec())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"training.patience": 3, "data.holdout": 0},
            r"tiny-design1\.toml: 'training\.patience' goes by val_accuracy, and no images are held out",
        ),
        ({"optimizer.schedule": "plateau", "data.holdout": 0}, "'optimizer.schedule' goes by val_accuracy"),
        ({"optimizer.learning_rate_factor": 0.1}, "'learning_rate_factor' has no effect under schedule"),
        ({"training.watch": "test_accuracy"}, "test_accuracy"),
    ],
)
def test_settings_that_would_do_nothing_or_look_at_the_test_are_refused(changes, said):
    with pytest.raises(UserError, match=said):
        load_experiment("tiny-design1", "embedded", changes)


def test_what_nothing_watches_leaves_identities_as_they_were(tmp_path):
    plain = small_plan(tmp_path)
    assert small_plan(tmp_path, training__watch="val_loss").record.identity == plain.record.identity
    assert small_plan(tmp_path, training__patience=9).record.identity != plain.record.identity


def test_the_check_holds_the_predictions_against_the_epoch_that_counts(plan):
    assert verify_records(plan.folder) == []
