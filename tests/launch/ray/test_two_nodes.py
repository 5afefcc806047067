"""On a real cluster of two nodes, one of which shares no folder: runs are those of this process to the bit, whatever ends."""

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ray_nodes import PATIENCE_S, PROJECT, command, environment, processes_of, require_ray, two_nodes
from small_runs import results, small_plan, trained

from tinyexp.runs.records import Status, read_section

pytestmark = pytest.mark.slow
DESIGNS = ("tiny-design1", "tiny-design2")
EPOCHS = 150
LONG = ("--set", f"training.epochs={EPOCHS}", "--set", f"training.stop_after={EPOCHS}")
LONG_PLAN = {"training__epochs": EPOCHS, "training__stop_after": EPOCHS}
APART = ("--ray-gpus", "0.5")
"""Only the second node has a GPU, as far as it says, and the folder of runs is not there."""


@pytest.fixture(scope="module")
def nodes():
    require_ray()
    with two_nodes() as started:
        yield started


@pytest.fixture(autouse=True)
def nothing_left(nodes):
    """No task and no actor outlives its launcher."""
    yield
    wait_for(lambda: not ours(nodes), "tasks that end with their launcher")


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """What a run gives in this process."""
    known = {}

    def of(name, seed=0, **overrides):
        key = (name, seed, *overrides.values())
        if key not in known:
            known[key] = results(trained(tmp_path_factory.mktemp("expected"), name, seed, **overrides))
        return known[key]

    return of


def ours(nodes):
    """The processes of the cluster that carry out something of ours."""
    processes = [one for node in nodes.started.values() for one in processes_of(node.pid)]
    return [one for one in processes if re.search("ray::(tinyexp|Stops)", name_of(one))]


def name_of(process):
    """What a process calls itself; empty where it has ended."""
    try:
        return Path(f"/proc/{process}/cmdline").read_text()
    except OSError:
        return ""


def wait_for(come_about, what):
    end = time.monotonic() + PATIENCE_S
    while not come_about():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.05)


def start(runs, nodes, *options):
    return subprocess.Popen(
        command(runs, nodes, *options),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        cwd=runs.parent,
    )


def ended(process):
    """The exit code and what was said on standard output and error."""
    out, err = process.communicate(timeout=PATIENCE_S)
    return process.returncode, out, err


def epochs_of(plan):
    try:
        return json.loads(plan.folder.status.read_text())["epochs_done"]
    except (OSError, ValueError):
        return 0


def holder(plan):
    """The number of the process that has, or had, the run's folder here."""
    return int(re.search(r"process (\d+)", (plan.folder.path / ".owner").read_text())[1])


def run_apart(plans, process):
    """The run that is under way where nothing is shared: while it is, its folder here is the launcher's."""
    for plan in plans:
        if 0 < epochs_of(plan) < EPOCHS and holder(plan) == process.pid:
            return plan
    return None


def told_epochs(plan):
    return [int(one) for one in re.findall(r"^epoch (\d+):", plan.folder.log.read_text(), re.MULTILINE)]


def assert_trained_once(plan, expected, **overrides):
    record = plan.record
    assert results(plan) == expected(record.experiment.name, record.seed, **overrides)
    assert told_epochs(plan) == list(range(1, overrides.get("training__stop_after", 3) + 1))


def test_three_seeds_of_two_designs_on_both_nodes_are_equal_to_the_bit(nodes, tmp_path, expected):
    code, out, err = ended(start(tmp_path / "runs", nodes, "--seeds", "3", "--json"))
    assert code == 0, err
    assert [row["state"] for row in json.loads(out)] == ["finished"] * 6
    for name in DESIGNS:
        for seed in range(3):
            assert_trained_once(small_plan(tmp_path / "runs", name, seed), expected)
    assert not list((tmp_path / "runs").glob(".*"))


def test_a_run_on_the_node_that_shares_nothing_comes_back_whole(nodes, tmp_path, expected):
    process = start(tmp_path / "runs", nodes, "--seeds", "1", *APART)
    code, _, err = ended(process)
    assert code == 0, err
    for name in DESIGNS:
        assert_trained_once(plan := small_plan(tmp_path / "runs", name), expected)
        assert holder(plan) == process.pid
    assert not [*nodes.elsewhere.iterdir(), *nodes.private.glob(".tinyexp*")]


def test_no_more_runs_are_trained_at_once_than_there_is_room_for(nodes, tmp_path):
    """A task that asked whether to stop, and waited for the answer, lent its processor to a third run."""
    process, most = start(tmp_path / "runs", nodes, "--seeds", "3"), 0
    while process.poll() is None:
        most = max(most, sum("ray::tinyexp" in name for name in map(name_of, ours(nodes))))
        time.sleep(0.02)
    code, _, err = ended(process)
    assert code == 0, err
    assert most == len(nodes.started)


def test_a_node_that_ends_in_mid_run_costs_only_what_it_had_not_sent(nodes, tmp_path, expected):
    process = start(tmp_path / "runs", nodes, "--seeds", "1", *LONG)
    plans = [small_plan(tmp_path / "runs", name, **LONG_PLAN) for name in DESIGNS]
    try:
        wait_for(lambda: run_apart(plans, process), "a run on the second node")
        nodes.end("second")
        code, out, err = ended(process)
    finally:
        process.kill()
        nodes.start_second()
    assert code == 0, err
    assert "raylet" not in out  # results alone stand there
    assert "it goes on from the last commit that is here" in err
    for plan in plans:
        assert_trained_once(plan, expected, **LONG_PLAN)
        assert holder(plan) != process.pid  # in the end both were trained where the folder is shared


def test_a_launcher_that_is_killed_takes_its_tasks_along_and_goes_on_from_what_came_back(
    nodes, tmp_path, expected
):
    options = ("--seeds", "1", *LONG, *APART)
    process = start(tmp_path / "runs", nodes, *options)
    plan = small_plan(tmp_path / "runs", **LONG_PLAN)
    wait_for(lambda: 0 < epochs_of(plan) < EPOCHS, "a run under way")
    process.kill()
    process.communicate()
    came = epochs_of(plan)
    assert 0 < came < EPOCHS
    wait_for(lambda: not ours(nodes), "tasks that end with their launcher")
    code, _, err = ended(start(tmp_path / "runs", nodes, *options))
    assert code == 0, err
    for name in DESIGNS:
        assert_trained_once(small_plan(tmp_path / "runs", name, **LONG_PLAN), expected, **LONG_PLAN)


def test_two_launchers_at_once_train_no_run_twice(nodes, tmp_path, expected):
    both = [start(tmp_path / "runs", nodes, "--seeds", "1", *LONG) for _ in range(2)]
    ends = [ended(process) for process in both]
    assert {code for code, _, _ in ends} <= {0, 1}
    assert all(code == 0 or "is being trained by" in err for code, _, err in ends)
    for name in DESIGNS:
        assert_trained_once(small_plan(tmp_path / "runs", name, **LONG_PLAN), expected, **LONG_PLAN)


def test_an_interrupt_has_every_run_commit_and_the_same_command_goes_on(nodes, tmp_path, expected):
    options = ("--seeds", "1", *LONG)
    process = start(tmp_path / "runs", nodes, *options)
    plans = [small_plan(tmp_path / "runs", name, **LONG_PLAN) for name in DESIGNS]
    wait_for(lambda: run_apart(plans, process), "a run on the second node")
    apart = run_apart(plans, process)
    process.send_signal(signal.SIGINT)
    code, _, err = ended(process)
    assert code == 128 + signal.SIGINT, err
    assert "stopped, nothing is lost. To go on: tinyexp run-all" in err
    assert read_section(apart.folder.status, Status).state == "interrupted"
    code, _, err = ended(start(tmp_path / "runs", nodes, *options))
    assert code == 0, err
    for plan in plans:
        assert_trained_once(plan, expected, **LONG_PLAN)


def test_a_run_that_is_taken_back_leaves_its_node_as_it_was_and_free_for_others(nodes, tmp_path, expected):
    """As where what came back could not be written here; the launcher goes on with its other runs."""
    script = tmp_path / "take_back.py"
    script.write_text(TAKE_BACK)
    words = [sys.executable, str(script), nodes.address, str(tmp_path / "runs")]
    variables = environment() | {"PYTHONPATH": f"{PROJECT}:{PROJECT / 'tests'}"}
    done = subprocess.run(words, capture_output=True, text=True, env=variables, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["taken", "back", "RunEnded(handle=1,", "exit_code=0,", "message='')"]
    assert_trained_once(small_plan(tmp_path / "runs", "tiny-design2"), expected)
    assert not list(nodes.private.glob(".tinyexp*"))


TAKE_BACK = """
import sys
from pathlib import Path
from small_runs import small_plan
from tinyexp.launch.job import Job
from tinyexp.launch.ray.cluster import RayCluster
from tinyexp.launch.ray.executor import RayExecutor
from tinyexp.launch.ray.seam import Need
runs = Path(sys.argv[2])
own = RayExecutor(RayCluster(sys.argv[1]), runs, lambda job: Need(1.0, 0.5), say=print)
long = small_plan(runs, training__epochs=9000, training__stop_after=9000)
handle = own.submit(Job(long, Path("data")))
while not long.folder.checkpoints.is_dir():
    assert own.poll(0.05) == []
own._cluster.forget(own._out.pop(handle).stream)
print("taken back")
own.submit(Job(small_plan(runs, "tiny-design2"), Path("data")))
while not (events := own.poll(0.05)):
    pass
print(*events)
own.close()
"""


def test_where_no_cluster_answers_it_is_said_how_to_start_one(nodes, tmp_path):
    words = command(tmp_path / "runs", nodes, "--ray-address", "127.0.0.1:1")
    done = subprocess.run(words, capture_output=True, text=True, env=environment(), cwd=tmp_path, check=False)
    assert done.returncode == 2, done.stderr
    assert "ray start --head" in done.stderr
    assert "Traceback" not in done.stderr


TRAIN = """
import sys
from pathlib import Path
seed, out = int(sys.argv[2]), Path(sys.argv[4])
(out / "metrics.csv").write_text("epoch,loss\\n" + "".join(f"{epoch},{(seed + 1) / epoch!r}\\n" for epoch in (1, 2, 3)))
"""
EXPERIMENT = """
title = "Falling"
trainer = "command"
[command]
run = "{python} train.py --seed {{seed}} --out {{folder}}"
metrics = "metrics.csv"
inputs = ["train.py"]
"""


@pytest.fixture
def project(tmp_path):
    """A folder as a user of another trainer has it."""
    (tmp_path / "experiments").mkdir()
    (tmp_path / "train.py").write_text(TRAIN)
    (tmp_path / "experiments" / "falling.toml").write_text(EXPERIMENT.format(python=sys.executable))
    return tmp_path


def run_command_experiment(project, runs, *options):
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "tinyexp",
            "run",
            "falling",
            "--seed",
            "0",
            "--seed",
            "1",
            "--runs",
            runs,
            *options,
        ],
        capture_output=True,
        text=True,
        check=False,
        env=environment(),
        cwd=project,
    )


def test_a_command_is_carried_out_where_the_folder_is_shared_and_refused_where_it_is_not(nodes, project):
    engine = ("--on", "ray", "--ray-address", nodes.address, "--jobs", "1")
    for runs, options in (("far", engine), ("near", ())):
        done = run_command_experiment(project, runs, *options)
        assert done.returncode == 0, done.stderr
    names = ("run.json", "metrics.csv", "environment.json", "status.json")
    far, near = (
        {
            path.relative_to(project / runs): path.read_bytes()
            for name in names
            for path in (project / runs).glob(f"*/*/*/{name}")
        }
        for runs in ("far", "near")
    )
    assert len(near) == 2 * len(names)
    assert far == near
    apart = run_command_experiment(project, "apart", *engine, *APART)
    assert apart.returncode == 2
    assert "Put the project on a disk that all nodes share" in apart.stderr
