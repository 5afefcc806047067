"""A pipe, a folder, a link that leads round in a circle, or gigabytes in place of a file: refused at once, by name."""

import json
import os
import shutil
from functools import partial

import pytest
from small_runs import small_plan

from tinyexp.analysis.study import load_study
from tinyexp.config.load import load_experiment
from tinyexp.errors import TinyexpError
from tinyexp.files import append_text, read_bounded, read_json
from tinyexp.launch.speed import measured_speed
from tinyexp.launch.verify import verify
from tinyexp.ownership import owner_of, take_over
from tinyexp.resources import experiments_folder
from tinyexp.runs.environment import describe_environment
from tinyexp.runs.frame import metrics_frame
from tinyexp.runs.overview import overview
from tinyexp.runs.recorded import read_runs
from tinyexp.runs.records import Status, read_predictions, table_text, write_section
from tinyexp.trainers.command.process import run_command
from tinyexp.trainers.vision.columns import METRIC_COLUMNS
from tinyexp.trainers.vision.training.checkpoint import load_checkpoint, load_latest

HUGE = 3 << 30


def pipe(path):
    os.mkfifo(path)


def folder(path):
    path.mkdir()


def circle(path):
    path.symlink_to(path)


def device(path):
    path.symlink_to("/dev/zero")


def huge(path):
    """Three gigabytes that take no room on the disk."""
    with path.open("wb") as file:
        file.truncate(HUGE)


KINDS = [pipe, folder, circle, device, huge]


@pytest.fixture(autouse=True)
def _nothing_waits_or_fills_the_memory(within_bounds):
    """A reader that waits for a pipe, or that reads three gigabytes, fails here instead of for ever."""


@pytest.mark.parametrize("put", KINDS)
def test_what_is_no_ordinary_file_of_bounded_size_is_not_read(tmp_path, put):
    put(tmp_path / "file")
    with pytest.raises(OSError, match=r"ordinary file|folder|at most 1,000|symbolic links"):
        read_bounded(tmp_path / "file", 1000)


@pytest.mark.parametrize("put", KINDS)
@pytest.mark.parametrize(
    "name", ["run.json", "status.json", "environment.json", "metrics.csv", "timing.csv", "predictions.npz"]
)
def test_a_record_that_is_something_else_is_named(tmp_path, name, put):
    plan = small_plan(tmp_path)
    write_section(plan.folder.record, plan.record)
    write_section(
        plan.folder.environment,
        describe_environment(
            cpu_capability="AVX2", device="cpu", threads=1, memory_format="channels_last", arithmetic="0" * 16
        ),
    )
    row = dict.fromkeys(METRIC_COLUMNS, 0.5) | dict.fromkeys(("epoch", "step", "images_seen"), 1)
    plan.folder.metrics.write_text(table_text(METRIC_COLUMNS, [row]))
    write_section(plan.folder.status, Status(state="finished", epochs_done=1, epochs=1))
    path = plan.folder.path / name
    path.unlink(missing_ok=True)
    put(path)
    overview(tmp_path)
    measured_speed(tmp_path / "embedded")
    assert name == "timing.csv" or name in " ".join(map(str, verify(tmp_path).found))
    # A link in a circle leads nowhere: to the report there is no such run, or no environment.
    if name != "timing.csv" and not (put is circle and name in ("run.json", "environment.json")):
        with pytest.raises(TinyexpError, match=name):
            read_everything(tmp_path)


def read_everything(runs):
    """What a report reads of its runs."""
    found = read_runs(runs)
    metrics_frame(found)
    for run in found:
        read_predictions(run.folder)


@pytest.mark.parametrize("put", KINDS)
def test_a_checkpoint_that_is_something_else_is_named(tmp_path, put, monkeypatch):
    monkeypatch.setattr("tinyexp.trainers.vision.training.checkpoint.MAX_CHECKPOINT_BYTES", 1 << 20)
    path = tmp_path / "epoch-000001-step-00000000.ckpt"
    put(path)
    with pytest.raises(TinyexpError, match=f"{path.name}: cannot be read"):
        load_checkpoint(path)
    with pytest.raises(TinyexpError, match="every checkpoint is damaged"):
        load_latest(tmp_path, lambda _: None)


@pytest.mark.parametrize("put", KINDS)
@pytest.mark.parametrize("name", ["tiny-design1", "profiles/embedded", "studies/why-design1-beat-design2"])
def test_an_experiment_profile_or_study_that_is_something_else_is_named(tmp_path, name, put):
    own = shutil.copytree(experiments_folder(), tmp_path / "experiments")
    path = own / f"{name}.toml"
    path.unlink()
    put(path)
    load = (
        partial(load_study, path.stem)
        if name.startswith("studies")
        else partial(load_experiment, "tiny-design1")
    )
    with pytest.raises(TinyexpError, match=f"{path.name}: cannot be read"):
        load(folder=own)


@pytest.mark.parametrize("content", ["[" * 100_000, '{"a":' * 100_000, "1" * 10_000])
def test_json_nested_without_end_or_of_endless_digits_is_named(tmp_path, content):
    path = tmp_path / "report.json"
    path.write_text(content)
    with pytest.raises(TinyexpError, match=r"report\.json: is not valid JSON"):
        read_json(path)
    plan = small_plan(tmp_path)
    plan.folder.path.mkdir(parents=True)
    plan.folder.record.write_text(content)
    write_section(plan.folder.status, Status(state="running", epochs_done=0, epochs=3))
    with pytest.raises(TinyexpError, match=r"run\.json: is not a record of this version"):
        read_runs(tmp_path)


def test_folders_that_lead_round_in_a_circle_are_walked_once(tmp_path):
    plan = small_plan(tmp_path)
    write_section(plan.folder.record, plan.record)
    write_section(plan.folder.status, Status(state="running", epochs_done=0, epochs=1))
    for place in (tmp_path, tmp_path / "embedded", plan.folder.path.parent):
        (place / "round").symlink_to(tmp_path)
        (place / "itself").symlink_to("itself")
    assert len(read_runs(tmp_path)) == 1
    assert len(overview(tmp_path)) == 1


def test_a_recorded_net_that_cannot_be_is_passed_over_where_times_only_inform(tmp_path):
    plan = small_plan(tmp_path)
    write_section(plan.folder.record, plan.record)
    plan.folder.timing.write_text("epoch,train_s,evaluate_s,images_per_s\n1,1.0,1.0,1.0\n")
    assert measured_speed(tmp_path / "embedded").runs == 1
    told = json.loads(plan.folder.record.read_text())
    told["experiment"]["settings"]["model"]["kernels"] = [5, 5, 5, 5, 65_000]
    plan.folder.record.write_text(json.dumps(told))
    assert measured_speed(tmp_path / "embedded").runs == 0


def test_a_log_that_is_no_file_stops_the_run_by_name_and_holds_nobody_up(tmp_path):
    for place, put in enumerate((pipe, folder, circle, device)):
        path = tmp_path / f"log-{place}.txt"
        put(path)
        with pytest.raises(TinyexpError, match=f"{path.name}: cannot be written"):
            append_text(path, "line\n")
    append_text(tmp_path / "log.txt", "one\n")
    append_text(tmp_path / "log.txt", "two \udcff\n")
    assert (tmp_path / "log.txt").read_text() == "one\ntwo \\udcff\n"


def test_what_a_link_in_the_place_of_a_file_of_ours_leads_to_is_never_written(tmp_path):
    mine = tmp_path / "mine.txt"
    mine.write_text("mine")
    for name in ("log.txt", ".owner"):
        (tmp_path / name).symlink_to(mine)
    with pytest.raises(TinyexpError, match=r"log\.txt: cannot be written"):
        append_text(tmp_path / "log.txt", "line\n")
    with pytest.raises(TinyexpError, match=r"\.owner: cannot be written"):
        take_over(tmp_path / ".owner", [])
    assert mine.read_text() == "mine"


def test_a_command_whose_output_is_a_link_of_somebodys_is_not_run(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / "output.txt").symlink_to(tmp_path / "mine.txt")
    never = {"timeout_s": 0.0, "stop_wanted": lambda: False, "watch": lambda: None}
    with pytest.raises(
        TinyexpError, match=r"output\.txt: cannot be written \(it is a link, which is not followed\)"
    ):
        run_command(["echo", "x"], tmp_path / "output.txt", {}, **never)
    assert (tmp_path / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize("put", KINDS)
def test_the_name_of_an_owner_that_cannot_be_read_is_another_process(tmp_path, put):
    put(tmp_path / ".owner")
    assert owner_of(tmp_path / ".owner") == "another process"
    assert owner_of(tmp_path / "absent") == "another process"
