"""What a node does with an order, without Ray: it refuses what it cannot do, and leaves itself as it was."""

import sys
from pathlib import Path

import pytest
from stand_in_cluster import StandIn, executor, jobs_in, launch

from tinyexp.analysis.design import experiment_point
from tinyexp.config.load import load_experiment
from tinyexp.launch.job import Job
from tinyexp.launch.prepare import prepare
from tinyexp.launch.ray.node import carry_out
from tinyexp.launch.ray.order import Word

COMMAND = """
title = "Mine"
trainer = "command"
[command]
run = "{python} train.py {{rate}} {{seed}} {{folder}}"
metrics = "metrics.csv"
inputs = ["train.py"]
[settings]
rate = 0.5
"""
TRAIN = """
import sys
rate, seed, folder = sys.argv[1:]
with open(folder + "/metrics.csv", "w") as log:
    log.write("epoch,loss\\n")
    log.writelines(f"{epoch},{float(rate) / (epoch + int(seed))}\\n" for epoch in range(1, 4))
"""


@pytest.fixture
def ordered(tmp_path, monkeypatch):
    """The order of a command's run, given in the project's folder; the node is in another one when it gets it."""
    project, elsewhere = tmp_path / "project", tmp_path / "elsewhere"
    (project / "experiments").mkdir(parents=True)
    elsewhere.mkdir()
    (project / "train.py").write_text(TRAIN)
    (project / "experiments" / "mine.toml").write_text(COMMAND.format(python=sys.executable))
    monkeypatch.chdir(project)
    [plan] = prepare([experiment_point(load_experiment("mine"), (1,))], project / "runs", Path("data"))
    cluster = StandIn()
    own = executor(project / "runs", cluster)
    try:
        handle = own.submit(Job(plan, Path("data")))
        while not cluster.orders:
            own.poll(0.02)
        own._out[handle].holding.release()  # as when the node says that it has the folder
        monkeypatch.chdir(elsewhere)
        yield cluster.orders[0]
    finally:
        own.close()


def carried_out(order):
    said = [
        Word.model_validate_json(text) for text, _ in carry_out(order.model_dump_json(), b"", lambda: False)
    ]
    return said[0], said[-1]


def test_a_command_runs_where_it_was_ordered_and_the_nodes_folder_is_as_before(tmp_path, ordered):
    began, ended = carried_out(ordered)
    assert (began.shared, ended.kind, ended.exit_code, ended.message) == (True, "ended", 0, "")
    [folder] = (tmp_path / "project" / "runs").glob("*/mine/1-*")
    assert (folder / "metrics.csv").read_text().splitlines()[1] == "1,0.25"
    assert Path.cwd() == tmp_path / "elsewhere"


def test_a_command_is_not_run_where_its_code_cannot_be_known_to_be(tmp_path, ordered, apart):
    [text], [archive] = zip(*carry_out(ordered.model_dump_json(), b"", lambda: False), strict=True)
    word = Word.model_validate_json(text)
    assert (word.kind, word.exit_code, archive) == ("ended", 2, b"")
    assert "Put the project on a disk that all nodes share" in word.message


def test_a_node_with_another_version_is_told_of(tmp_path, monkeypatch):
    monkeypatch.setattr("tinyexp.launch.ray.node.own_version", lambda: "9.9")
    [outcome], _ = launch(jobs_in(tmp_path / "runs"), StandIn())
    assert "has tinyexp 9.9" in outcome.status.message
    assert "Install the same version on all nodes." in outcome.status.message
