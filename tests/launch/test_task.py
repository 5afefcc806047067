"""A job that is written as JSON and read again trains the same bits."""

from dataclasses import replace
from pathlib import Path

from small_runs import results, small_plan, trained

from tinyexp.config.metric import MetricTable
from tinyexp.launch.job import Job, run_job
from tinyexp.launch.task import Task


def test_a_job_read_from_json_trains_what_the_job_trains(tmp_path):
    direct = trained(tmp_path / "direct")
    plan = small_plan(tmp_path / "planned", execution__checkpoint_steps=1)
    text = Task.of(Job(plan, Path("data"), accept_environment=True)).model_dump_json()
    job = Task.model_validate_json(text).job(tmp_path / "elsewhere")
    assert (job.plan.experiment, job.plan.record) == (plan.experiment, plan.record)
    assert (job.data_folder, job.accept_environment, job.fresh) == (Path("data"), True, False)
    assert run_job(job).exit_code == 0
    assert results(job.plan) == results(direct)


def test_a_job_read_from_json_knows_what_its_experiment_says_of_metrics(tmp_path):
    plan = small_plan(tmp_path)
    table = MetricTable(direction="lower", unit="plain", low=0.0)
    experiment = plan.experiment.model_copy(update={"metrics": {"energy": table}})
    told = replace(plan, experiment=experiment)
    text = Task.of(Job(told, Path("data"))).model_dump_json()
    assert Task.model_validate_json(text).job(tmp_path).plan.experiment.metrics == {"energy": table}


def test_a_task_that_was_begun_does_not_begin_anew_again(tmp_path):
    task = Task.of(Job(small_plan(tmp_path), Path("data"), fresh=True))
    assert task.job(tmp_path).fresh
    assert not task.job(tmp_path, again=True).fresh
