"""One design against itself, really trained under other seeds: it does not beat itself more often than chance allows."""

from __future__ import annotations

import pandas as pd
import pytest
from scipy import stats

from tinyexp.analysis.comparison import compare
from tinyexp.analysis.design import experiment_point
from tinyexp.config.load import load_experiment
from tinyexp.launch.drive import train
from tinyexp.launch.job import Job
from tinyexp.launch.local import LocalExecutor
from tinyexp.launch.prepare import prepare
from tinyexp.launch.progress import PlainProgress
from tinyexp.runs.frame import load_runs

SEEDS = 3
LEARNS_AT_ONCE = {
    "model.width": 0.1,
    "model.kernels": [3, 3, 3, 3, 3],
    "model.padding": [1, 1, 1, 1, 1],
    "model.hidden_activation": "relu",
    "model.dropout": 0.0,
    "data.train_limit": 300,
    "data.test_limit": 200,
    "data.holdout": 0,
    "training.batch_size": 30,
    "training.stop_after": 5,
    "optimizer.learning_rate": 0.1,
}


@pytest.mark.slow
@pytest.mark.parametrize(("pairs", "allowed"), [(20, 3), pytest.param(40, 5, marks=pytest.mark.long)])
def test_a_design_does_not_beat_itself_more_often_than_chance_allows(tmp_path, pairs, allowed):
    """At margin 0 each comparison is wrong in 5 of 100; more than are allowed would be wrong by chance once in 60."""
    experiment = load_experiment("tiny-design2", "embedded", LEARNS_AT_ONCE)
    wanted = experiment_point(experiment, tuple(range(2 * pairs * SEEDS)))
    jobs = [Job(plan, tmp_path) for plan in prepare([wanted], tmp_path, tmp_path)]
    outcomes, code = train(jobs, LocalExecutor(2), PlainProgress(2))
    assert (code, len(outcomes)) == (0, 2 * pairs * SEEDS)
    frame = load_runs(tmp_path)
    last = frame[frame["epoch"] == 5]["test_accuracy"]
    assert last.mean() > 0.15, "it learns: guessing gives 10 %"
    assert last.std() > 0.01, "seeds differ"

    wins = {
        margin: sum(verdict(frame, pair, margin) == "beats" for pair in range(pairs))
        for margin in (0.0, 0.01)
    }
    print(  # noqa: T201 - the figure that this is about
        f"one design beats itself in {wins[0.0]} of {pairs} trained pairs at margin 0, in {wins[0.01]} at a point"
    )
    assert stats.binom.sf(allowed, pairs, 0.05) < 1 / 60
    assert wins[0.01] <= wins[0.0] <= allowed


def verdict(frame: pd.DataFrame, pair: int, margin: float) -> str:
    """Three seeds against three others, called the same three."""
    arms = []
    for arm in range(2):
        first = (2 * pair + arm) * SEEDS
        own = frame[frame["seed"].between(first, first + SEEDS - 1)]
        # Two experiments of one design have one configuration in common; a comparison looks at the names.
        arms.append(own.assign(seed=own["seed"] - first, experiment=f"arm {arm}"))
    return compare(pd.concat(arms), "arm 0", "arm 1", margin=margin).verdict
