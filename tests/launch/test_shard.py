"""Shards share out the runs: each run is exactly one shard's, by what is planned alone."""

from __future__ import annotations

import pytest
from small_runs import small_plan

from tinyexp.errors import UserError
from tinyexp.launch.shard import Shard, parse_shard
from tinyexp.launch.speed import epoch_work


@pytest.fixture(scope="module")
def plans(tmp_path_factory):
    runs = tmp_path_factory.mktemp("runs")
    cheap = [small_plan(runs, "tiny-design1", seed) for seed in range(10)]
    return cheap + [small_plan(runs, "tiny-design1", seed, model__width=0.1) for seed in range(3)]


@pytest.mark.parametrize("count", [1, 2, 3, 5, 13, 20])
def test_every_run_is_exactly_one_shards(plans, count):
    shares = [Shard(index, count).of(plans) for index in range(1, count + 1)]
    identities = [plan.record.identity for share in shares for plan in share]
    assert sorted(identities) == sorted(plan.record.identity for plan in plans)


def test_a_share_rests_on_what_is_planned_and_not_on_its_order(plans):
    there = {plan.record.identity for plan in Shard(2, 3).of(plans)}
    assert {plan.record.identity for plan in Shard(2, 3).of(plans[::-1])} == there
    assert Shard(2, 3).of(plans) == [plan for plan in plans if plan.record.identity in there]


def test_long_runs_do_not_fall_to_one_shard(plans):
    costs = [
        sum(epoch_work(plan.record) * plan.epochs for plan in Shard(index, 3).of(plans))
        for index in (1, 2, 3)
    ]
    longest = max(epoch_work(plan.record) * plan.epochs for plan in plans)
    assert max(costs) - min(costs) <= longest


@pytest.mark.parametrize(
    ("text", "environment", "shard"),
    [
        ("2/3", {}, Shard(2, 3)),
        ("2/3", {"CI_NODE_INDEX": "1", "CI_NODE_TOTAL": "9"}, Shard(2, 3)),
        ("auto", {"SLURM_ARRAY_TASK_ID": "0", "SLURM_ARRAY_TASK_COUNT": "4"}, Shard(1, 4)),
        (
            "auto",
            {"SLURM_ARRAY_TASK_ID": "7", "SLURM_ARRAY_TASK_MIN": "3", "SLURM_ARRAY_TASK_COUNT": "8"},
            Shard(5, 8),
        ),
        (
            "auto",
            {
                "SLURM_ARRAY_TASK_ID": "20",
                "SLURM_ARRAY_TASK_MIN": "10",
                "SLURM_ARRAY_TASK_STEP": "5",
                "SLURM_ARRAY_TASK_COUNT": "3",
            },
            Shard(3, 3),
        ),
        ("auto", {"CI_NODE_INDEX": "3", "CI_NODE_TOTAL": "3"}, Shard(3, 3)),
        ("auto/5", {"JOB_COMPLETION_INDEX": "0"}, Shard(1, 5)),
        ("auto/3", {"CI_NODE_INDEX": "3", "CI_NODE_TOTAL": "3"}, Shard(3, 3)),
    ],
)
def test_the_numbers_are_given_or_taken_from_what_started_the_copies(text, environment, shard):
    assert parse_shard(text, environment) == shard


@pytest.mark.parametrize(
    ("text", "environment", "words"),
    [
        ("3", {}, "--shard 3: is not to be understood. Give I/N, as 1/3, 2/3 and 3/3"),
        ("a/b", {}, "is not to be understood"),
        ("", {}, "is not to be understood"),
        ("-1/3", {}, "is not to be understood"),
        ("0/3", {}, "0 is none of 1 to 3"),  # said of an index that was given, too
        ("4/3", {}, "4 is none of 1 to 3"),
        ("1/0", {}, "does not say of how many"),
        ("auto", {}, "neither SLURM_ARRAY_TASK_ID, CI_NODE_INDEX nor JOB_COMPLETION_INDEX"),
        ("auto", {"JOB_COMPLETION_INDEX": "x"}, "the environment has no index"),
        ("auto", {"JOB_COMPLETION_INDEX": "1"}, "does not say of how many. .* auto/N where only the index"),
        ("auto/4", {"CI_NODE_INDEX": "1", "CI_NODE_TOTAL": "3"}, "says that there are 3. Give --shard auto"),
        ("auto/2", {"JOB_COMPLETION_INDEX": "2"}, "3 is none of 1 to 2"),
    ],
)
def test_what_cannot_be_meant_is_said_with_what_to_give(text, environment, words):
    with pytest.raises(UserError, match=words):
        parse_shard(text, environment)
