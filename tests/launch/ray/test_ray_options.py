"""What is said of Ray on the command line: refused before anything is trained where it could not be done."""

from pathlib import Path

import pytest
from small_runs import small_plan
from stand_in_cluster import jobs_in

from tinyexp.errors import UserError
from tinyexp.launch.engines import Placement, executor_for
from tinyexp.launch.job import Job
from tinyexp.launch.ray.place import _gpus


def test_a_gpu_is_asked_for_where_the_experiment_names_one(tmp_path):
    assert _gpus(jobs_in(tmp_path)[0]) == 0.0
    assert _gpus(Job(small_plan(tmp_path, execution__device="cuda"), Path("data"))) == 1.0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"ray_address": "ray://head:10001"}, "ray job submit"),
        ({"ray_address": "local"}, "give HOST:PORT"),
        ({"ray_gpus": 1.5}, "Give 2, or less than 1"),
    ],
)
def test_what_ray_could_not_do_is_refused_before_anything_is_trained(tmp_path, options, words, monkeypatch):
    monkeypatch.setattr("tinyexp.launch.ray.place.require", lambda *names, purpose: None)
    with pytest.raises(UserError, match=words):
        executor_for(Placement("ray", runs=tmp_path, **options))
    assert not list(tmp_path.iterdir())


def test_an_option_of_ray_without_ray_is_refused(tmp_path):
    with pytest.raises(UserError, match="--ray-gpus: is for --on ray"):
        executor_for(Placement(runs=tmp_path, ray_gpus=0.5))


def test_without_ray_it_is_said_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setattr("tinyexp.extras.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install 'tinyexp\[ray\]'"):
        executor_for(Placement("ray", runs=tmp_path))
