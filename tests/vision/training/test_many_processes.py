"""One run shared by several processes: it repeats to the bit, is named by how many they are, and is refused where they do not fit."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import warm
from many_processes import EVALUATED, TWO, TWO_SET, commanded, environment, left_over
from small_runs import SET, results, run_command, small_plan, trained
from thinned import thinned

from tinyexp.analysis.design import experiment_point
from tinyexp.config.load import load_experiment
from tinyexp.errors import DivergedError, TinyexpError, UserError
from tinyexp.launch.engines import Placement
from tinyexp.launch.job import Job
from tinyexp.launch.placing import placed
from tinyexp.launch.prepare import prepare
from tinyexp.runs.records import RunRecord, Status, read_section
from tinyexp.trainers.vision.data.build import open_dataset
from tinyexp.trainers.vision.data.loader import EvaluationBatches, TrainBatches
from tinyexp.trainers.vision.data.slices import slice_problem
from tinyexp.trainers.vision.settings import vision_settings
from tinyexp.trainers.vision.training import run as training_run
from tinyexp.trainers.vision.training.world import started

TORCHRUN = {
    "TORCHELASTIC_RUN_ID": "x",
    "MASTER_ADDR": "127.0.0.1",
    "MASTER_PORT": "29511",
    "LOCAL_RANK": "0",
    "WORLD_SIZE": "3",
}


@pytest.fixture(scope="module")
def untouched(tmp_path_factory):
    return results(trained(tmp_path_factory.mktemp("untouched"), **TWO))


@pytest.fixture
def marked(tmp_path, monkeypatch):
    """Processes that this one starts are known as the test's."""
    for name, value in environment(tmp_path).items():
        monkeypatch.setenv(name, value)


def spec(**overrides):
    keys = {key.replace("__", "."): value for key, value in overrides.items()}
    return vision_settings(load_experiment("tiny-design1", "embedded", keys))


@pytest.mark.slow
def test_the_same_run_again_has_the_same_bits_with_other_commits_and_workers(tmp_path, untouched):
    again = trained(tmp_path, execution__checkpoint_steps=1, execution__workers=1, **TWO)
    assert results(again) == untouched


def test_a_gradient_is_that_of_the_whole_batch_and_each_process_drops_its_own_units(tmp_path):
    """See ``two_ranks``: each of the processes compares what it got with a step over the whole batch."""
    script = Path(__file__).with_name("two_ranks.py")
    both = [
        warm.Popen(
            [sys.executable, str(script), str(tmp_path / "store"), rank],
            env=environment(tmp_path),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in ("0", "1")
    ]
    for process in both:
        said, _ = process.communicate(timeout=300)
        assert process.returncode == 0, said
        assert said.splitlines()[-1] == "as in one process"


def test_each_image_is_taken_once_an_epoch_and_is_the_same_whoever_takes_it():
    """17 images in batches of 10 and 7, over three processes."""
    settings = spec(data__train_limit=17, training__batch_size=10)
    source = open_dataset(settings.data, Path("data")).train
    whole = list(TrainBatches(source, settings, 0, 0).epoch(2))
    parts = [list(TrainBatches(source, settings, 0, 0, rank=rank, size=3).epoch(2)) for rank in range(3)]
    assert len(whole) == 2
    for step, (images, labels) in enumerate(whole):
        for rank in range(3):
            assert torch.equal(parts[rank][step][0], images[rank::3])
            assert torch.equal(parts[rank][step][1], labels[rank::3])


def test_each_image_is_evaluated_once_and_all_processes_take_as_many_turns():
    settings = spec(data__test_limit=23, training__evaluation_batch_size=5)
    source = open_dataset(settings.data, Path("data")).test
    parts = [EvaluationBatches(source, settings, 0, rank=rank, size=3) for rank in range(3)]
    assert sorted(place for part in parts for place in part.places.tolist()) == list(range(23))
    assert {len(list(part)) + part.idle for part in parts} == {2}


def test_how_many_processes_is_part_of_the_identity_and_where_they_are_is_not(tmp_path):
    names = {
        (devices, nodes): small_plan(tmp_path, execution__devices=devices, execution__nodes=nodes).record
        for devices, nodes in ((1, 1), (2, 1), (1, 2), (3, 1))
    }
    assert names[2, 1] == names[1, 2]
    assert len({record.identity for record in names.values()}) == 3
    assert "processes" not in names[1, 1].experiment.settings["training"]
    assert names[1, 2].experiment.settings["training"]["processes"] == 2
    assert [change.key for change in names[2, 1].experiment.deviations if "processes" in change.key]


def test_a_record_is_read_again_with_its_number_of_processes(tmp_path):
    record = small_plan(tmp_path, **TWO).record
    again = RunRecord.model_validate_json(record.model_dump_json())
    assert again == record
    assert vision_settings(again.experiment).world_size == 2


def test_a_number_of_processes_that_is_not_that_of_devices_and_nodes_is_refused():
    with pytest.raises(
        UserError, match=r"'training\.processes' is 3, and execution\.devices times execution\.nodes is 2"
    ):
        spec(training__processes=3, **TWO)


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        (
            TORCHRUN | {"RANK": "0"},
            "ask for 2 processes, and 3 were started. Use `torchrun --nnodes 1 --nproc-per-node 2",
        ),
        (TORCHRUN | {"RANK": "x"}, "the variables of torchrun or SLURM are not whole"),
    ],
)
def test_another_number_of_processes_than_was_started_is_refused_with_the_command_that_fits(
    environment, said
):
    with pytest.raises(UserError) as refused:
        started(spec(**TWO), environment)
    assert said in str(refused.value)
    assert started(spec(), environment) is None, "a run of one process looks at no variable"


def test_several_machines_need_a_launcher():
    with pytest.raises(
        UserError, match=r"no launcher started this one. Use `torchrun --nnodes 2 --nproc-per-node 1"
    ):
        started(spec(execution__nodes=2), {})
    assert started(spec(**TWO), {"SLURM_JOB_ID": "1", "SLURM_STEP_NUM_TASKS": "1"}) is None, (
        "a shell in a job"
    )


@pytest.mark.parametrize("rank", ["0", "1"])
def test_the_command_is_refused_under_torchrun_with_a_message_from_rank_0_alone(tmp_path, rank):
    done = commanded(tmp_path, **TORCHRUN, RANK=rank)
    assert done.returncode == 2
    assert ("2 processes, and 3 were started" in done.stderr) == (rank == "0")
    assert bool(done.stderr) == (rank == "0")
    assert not done.stdout


def test_batches_that_leave_a_process_less_than_two_images_are_refused_with_those_that_fit(tmp_path):
    assert slice_problem(60, 16, 2) == ""
    assert slice_problem(33, 16, 2).endswith(
        "Batch sizes that fit: 13, 14, 17, 18. Use --set training.batch_size=17."
    )
    assert "With fewer than 4 training images no batch size fits" in slice_problem(3, 16, 2)
    keys = {"data.train_limit": 35, "training.batch_size": 16, "execution.devices": 2}
    point = experiment_point(load_experiment("tiny-design1", "embedded", keys), (0,))
    with pytest.raises(UserError, match=r"tiny-design1: 35 training images .* leave a last batch of 3 for 2"):
        prepare([point], tmp_path, tmp_path)
    assert not list(tmp_path.iterdir())


def test_by_default_as_many_runs_stand_side_by_side_as_there_are_processors_for(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))

    def side_by_side(*devices, asked=0):
        plans = [small_plan(tmp_path, execution__devices=one) for one in devices]
        jobs = [Job(plan, Path("data")) for plan in plans] * 9
        return placed(Placement(), jobs, asked=asked, usual=0, by_name=True).jobs

    assert side_by_side(1) == 8
    assert side_by_side(1, 3) == 2
    assert side_by_side(64) == 1
    assert side_by_side(1, 3, asked=5) == 5


@pytest.mark.slow
def test_a_run_that_diverges_says_so_and_leaves_no_process(tmp_path, marked):
    with pytest.raises(DivergedError):
        trained(tmp_path, optimizer__learning_rate=1e30, **TWO)
    assert left_over(tmp_path) == []


@pytest.mark.slow
def test_what_rank_0_alone_meets_ends_all(tmp_path, marked, monkeypatch):
    def full(*_arguments, **_keywords):
        raise TinyexpError("no space left")

    monkeypatch.setattr(training_run, "save_checkpoint", full)
    with pytest.raises(TinyexpError, match="no space left"):
        trained(tmp_path, **TWO)
    assert left_over(tmp_path) == []


def torchrun(runs):
    """The command as docs/many-machines.md prints it."""
    page = (Path(__file__).parents[3] / "docs" / "many-machines.md").read_text(encoding="utf-8")
    [line] = [line for line in page.splitlines() if line.startswith("torchrun --nproc-per-node 2")]
    program, *words = line.split()
    options = [*SET, *TWO_SET, "--runs", str(runs), "--json"]
    return [str(Path(sys.executable).with_name(program)), *words, *options]


def by_torchrun(runs, **variables):
    """Train as the documents say."""
    command = torchrun(runs)
    if not shutil.which(command[0]):
        assert not os.environ.get("CI"), "torchrun comes with torch"
        pytest.skip("torchrun is not installed")
    return subprocess.run(
        command, env=environment(runs, **variables), capture_output=True, text=True, check=False, timeout=600
    )


@pytest.mark.slow
def test_torchrun_starts_it_as_the_documents_say_and_it_has_the_same_bits(tmp_path, untouched):
    done = by_torchrun(tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count('"state": "finished"') == 1, "rank 0 alone speaks"
    assert results(small_plan(tmp_path, **TWO)) == untouched


@pytest.mark.slow
@pytest.mark.parametrize(
    ("place", "state"),
    thinned(
        [("rank 1 gradients@6=TERM", "interrupted"), ("rank 1 gradients@6", "failed")],
        [],
        long=[("rank 1 gradients@6", "failed")],
    ),
)
def test_under_torchrun_what_ends_one_process_ends_all_and_the_same_command_goes_on(
    tmp_path, untouched, place, state
):
    ended = by_torchrun(tmp_path, TINYEXP_END_AT=place)
    assert ended.returncode != 0
    plan = small_plan(tmp_path, **TWO)
    assert read_section(plan.folder.status, Status).state == state, ended.stderr
    assert left_over(tmp_path) == []
    again = by_torchrun(tmp_path)
    assert again.returncode == 0, again.stderr
    assert results(plan) == untouched


@pytest.mark.slow
def test_srun_starts_it_on_two_nodes_and_it_has_the_same_bits(tmp_path, untouched):
    """Two processes with the variables that srun gives its tasks, both on this machine."""
    step = {
        "SLURM_JOB_ID": str(os.getpid()),
        "SLURM_STEP_ID": "0",
        "SLURM_STEP_NUM_TASKS": "2",
        "SLURM_LOCALID": "0",
        "SLURM_STEP_NODELIST": "localhost,another",
    }
    options = ["--set", "execution.nodes=2", *TWO_SET[2:], "--json"]
    command = run_command(tmp_path, *options)
    both = [
        warm.Popen(
            command,
            env=environment(tmp_path, **step, SLURM_PROCID=rank),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in ("1", "0")
    ]
    (silent, none), (said, error) = (process.communicate(timeout=600) for process in both)
    assert [process.returncode for process in both] == [0, 0], error
    assert (silent, none) == ("", "")
    assert '"state": "finished"' in said
    assert results(small_plan(tmp_path, execution__nodes=2, **EVALUATED)) == untouched
