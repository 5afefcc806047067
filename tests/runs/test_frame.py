"""Many runs as one table, and nothing silent about a record that is damaged."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_runs import WATCHED, small_plan, trained

from tinyexp.errors import DamagedError, TinyexpError, UserError
from tinyexp.runs import frame as frame_module
from tinyexp.runs.environment import describe_environment
from tinyexp.runs.folder import RunFolder, find_runs, run_folder
from tinyexp.runs.frame import load_runs
from tinyexp.runs.overview import overview
from tinyexp.runs.recorded import read_runs
from tinyexp.runs.records import (
    Predictions,
    RunRecord,
    Status,
    read_predictions,
    read_section,
    table_text,
    write_predictions,
    write_section,
)
from tinyexp.trainers.vision.columns import METRIC_COLUMNS


def record_a_run(runs, seed=0, epochs=3, name="tiny-design1"):
    """Records as a run leaves them, with made-up metrics; gives its folder."""
    plan = small_plan(runs, name, seed)
    folder = plan.folder
    write_section(folder.record, plan.record)
    environment = describe_environment(
        cpu_capability="AVX2", device="cpu", threads=1, memory_format="channels_last", arithmetic="0" * 16
    )
    write_section(folder.environment, environment)
    rows = [
        {
            column: (epoch if column in ("epoch", "step", "images_seen") else epoch / 7 + seed)
            for column in METRIC_COLUMNS
        }
        | {"val_loss": None}
        for epoch in range(1, epochs + 1)
    ]
    folder.metrics.write_text(table_text(METRIC_COLUMNS, rows))
    write_section(folder.status, Status(state="finished", epochs_done=epochs, epochs=epochs))
    return folder


def test_the_frame_has_a_row_per_run_and_epoch_with_exact_values(tmp_path):
    for seed in (10, 2):
        record_a_run(tmp_path, seed)
    record_a_run(tmp_path, 0, epochs=2, name="tiny-design2")
    frame = load_runs(tmp_path)
    assert frame[["experiment", "seed", "epoch"]].to_numpy().tolist() == [
        *[["tiny-design1", seed, epoch] for seed in (2, 10) for epoch in (1, 2, 3)],
        ["tiny-design2", 0, 1],
        ["tiny-design2", 0, 2],
    ]
    assert frame.loc[0, "test_loss"] == 1 / 7 + 2
    assert frame["val_loss"].isna().all()
    assert frame["seed"].dtype == np.int64
    assert (frame["state"] == "finished").all()


def test_the_frame_equals_that_of_one_parse_a_file(tmp_path):
    folders = [record_a_run(tmp_path, seed) for seed in range(3)]
    each = pd.concat([pd.read_csv(folder.metrics) for folder in folders], ignore_index=True)
    pd.testing.assert_frame_equal(load_runs(tmp_path)[list(METRIC_COLUMNS)], each)


def test_floats_survive_the_file_to_the_last_bit(tmp_path):
    values = [0.1, 1 / 3, 5e-324, 1.7976931348623157e308, 2.0]
    text = table_text(("x",), [{"x": value} for value in values])
    assert [float(line) for line in text.splitlines()[1:]] == values


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda text: text[:-3], "ends inside a line"),
        (lambda text: text.replace("train_loss", "trian_loss"), "has other columns"),
        (lambda text: text.replace("\n2,", "\n7,"), "has epoch 7.0 in row 2"),
        (lambda text: "\n".join(text.splitlines()[:-1]) + "\n", "has 2 rows where status.json has 3"),
        (
            lambda text: text.replace("\n2,2,2,", "\n2,2,2,lots"),
            "has no number in row 2, column learning_rate",
        ),
        (lambda text: text + "\n", "has 0 values in row 4"),
    ],
)
def test_a_damaged_table_is_refused_and_named(tmp_path, spoil, words):
    record_a_run(tmp_path, 0)
    folder = record_a_run(tmp_path, 1)
    folder.metrics.write_text(spoil(folder.metrics.read_text()))
    with pytest.raises(DamagedError, match=words) as caught:
        load_runs(tmp_path)
    assert folder.path.name in str(caught.value)


def test_a_missing_table_is_refused_unless_no_epoch_was_done(tmp_path):
    folder = record_a_run(tmp_path)
    folder.metrics.unlink()
    with pytest.raises(DamagedError, match=r"metrics\.csv: cannot be read"):
        load_runs(tmp_path)
    write_section(folder.status, Status(state="failed", epochs_done=0, epochs=3, message="no memory"))
    assert load_runs(tmp_path).empty


def test_a_folder_that_is_not_there_is_the_users_mistake(tmp_path):
    with pytest.raises(UserError, match="tinyexp run-all"):
        read_runs(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["run.json", "status.json", "environment.json"])
def test_a_damaged_record_is_named_and_the_overview_goes_on(tmp_path, name):
    folder = record_a_run(tmp_path)
    (folder.path / name).write_text('{"x": 1}')
    with pytest.raises(DamagedError, match=f"{name}: is not a record of this version"):
        read_runs(tmp_path)
    assert len(overview(tmp_path)) == 1


@given(st.binary(max_size=200))
def test_arbitrary_bytes_in_a_record_are_a_message_and_no_traceback(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("record") / "run.json"
    path.write_bytes(content)
    with pytest.raises(DamagedError):
        read_section(path, RunRecord)


@given(st.binary(max_size=200))
def test_arbitrary_bytes_as_predictions_are_a_message_and_no_traceback(tmp_path_factory, content):
    folder = RunFolder(tmp_path_factory.mktemp("record"))
    folder.predictions.write_bytes(content)
    with pytest.raises(DamagedError):
        read_predictions(folder)


def test_predictions_come_back_and_equal_arrays_are_equal_bytes(tmp_path):
    said = Predictions(np.array([1, 2], np.int32), np.array([1, 0], np.int32), np.array([True, False]))
    write_predictions(tmp_path / "predictions.npz", said)
    first = (tmp_path / "predictions.npz").read_bytes()
    write_predictions(tmp_path / "predictions.npz", said)
    assert (tmp_path / "predictions.npz").read_bytes() == first
    assert np.array_equal(read_predictions(RunFolder(tmp_path)).predicted, said.predicted)


def test_a_pickle_in_predictions_is_not_read(tmp_path):
    np.savez(tmp_path / "predictions.npz", label=np.array([{}], dtype=object))
    with pytest.raises(DamagedError):
        read_predictions(RunFolder(tmp_path))


def test_folders_of_other_shapes_are_no_runs(tmp_path):
    folder = run_folder(tmp_path, "embedded", "a", 3, "0" * 64)
    for path in (folder.record, folder.status):
        write_section(path, Status(state="running", epochs_done=0, epochs=1))
    (tmp_path / "embedded" / "a" / "notes").mkdir()
    (tmp_path / "embedded" / "a" / "notes" / "run.json").write_text("{}")
    assert [found.name for found in find_runs(tmp_path)] == ["embedded/a/3-00000000"]


def test_an_unreadable_folder_never_ends_in_a_traceback(tmp_path):
    (tmp_path / "p" / "e" / "0-00000000" / "run.json").mkdir(parents=True)
    with pytest.raises(TinyexpError):
        read_runs(tmp_path)


def test_files_read_in_several_parses_give_the_same_table(tmp_path, monkeypatch):
    for seed in range(5):
        record_a_run(tmp_path, seed)
    whole = load_runs(tmp_path)
    monkeypatch.setattr(frame_module, "_AT_ONCE", 2)
    pd.testing.assert_frame_equal(load_runs(tmp_path), whole, check_exact=True)
    assert len(whole) > 0


def test_the_table_is_that_of_one_parse_a_file(tmp_path):
    runs = [record_a_run(tmp_path, seed) for seed in range(3)]
    single = [
        pd.read_csv(folder.metrics, dtype={"epoch": np.int64}, **frame_module._EXACT) for folder in runs
    ]
    together = pd.concat(single, ignore_index=True)
    measured = load_runs(tmp_path)[list(together.columns)]
    pd.testing.assert_frame_equal(measured, together, check_exact=True, check_dtype=False)


def test_equal_experiments_are_kept_once(tmp_path):
    for seed in range(3):
        record_a_run(tmp_path, seed)
    runs = read_runs(tmp_path)
    assert len({id(run.record.experiment) for run in runs}) == 1
    assert [run.record.seed for run in runs] == [0, 1, 2]


@pytest.mark.parametrize("cell", ["x", " ", "nan", "inf", "700", "-1", "9" * 400, ""])
def test_a_last_accuracy_that_is_none_is_left_out_of_the_overview(tmp_path, cell):
    folder = record_a_run(tmp_path)
    lines = folder.metrics.read_text().splitlines()
    cells = lines[-1].split(",")
    cells[METRIC_COLUMNS.index("test_accuracy")] = cell
    folder.metrics.write_text("\n".join([*lines[:-1], ",".join(cells)]) + "\n")
    assert overview(tmp_path)[0]["value"] is None


def test_a_number_beyond_every_float_is_refused_and_named(tmp_path):
    folder = record_a_run(tmp_path)
    folder.metrics.write_text(folder.metrics.read_text().replace("\n2,", f"\n{'9' * 400},"))
    with pytest.raises(DamagedError, match=r"metrics\.csv"):
        load_runs(tmp_path)


@pytest.mark.parametrize("name", ["../../../secret.json", "/etc/hostname", "x" * 300, "a\x00.csv", "secret"])
def test_a_digest_is_never_of_a_file_outside_the_run(tmp_path, name):
    folder = record_a_run(tmp_path / "runs")
    status = read_section(folder.status, Status).model_dump(mode="json") | {"digests": {name: "0" * 64}}
    folder.status.write_text(json.dumps(status))
    with pytest.raises(DamagedError, match=r"status\.json: is not a record of this version: digests"):
        read_runs(tmp_path / "runs")
    assert overview(tmp_path / "runs")[0]["state"] == "damaged"


def test_a_row_of_many_cells_too_many_is_refused_without_a_warning(tmp_path):
    folder = record_a_run(tmp_path)
    header, first, *rest = folder.metrics.read_text().splitlines()
    for count in range(1, 20):
        folder.metrics.write_text("\n".join([header, first[:9] * count + first, *rest]) + "\n")
        with pytest.raises(DamagedError, match=r"metrics\.csv"):
            load_runs(tmp_path)


def test_a_frame_says_which_epoch_a_run_that_stops_early_is_taken_at(tmp_path):
    plans = [trained(tmp_path, **WATCHED), trained(tmp_path, data__dataset="patterns")]
    frame = load_runs(tmp_path)
    taken = frame.groupby("identity")["taken_epoch"].unique()
    accuracies = frame.loc[frame["identity"] == plans[0].record.identity, "val_accuracy"].tolist()
    assert taken[plans[0].record.identity].tolist() == [accuracies.index(max(accuracies)) + 1]
    assert np.isnan(taken[plans[1].record.identity]).all()
    assert "taken_epoch" not in load_runs(_only(plans[1], tmp_path))


def _only(plan, runs):
    """A folder of runs with this one alone."""
    target = runs.parent / "only" / "/".join(plan.folder.path.parts[-3:])
    shutil.copytree(plan.folder.path, target)
    return runs.parent / "only"


def test_a_frame_says_what_runs_cost_as_far_as_they_recorded_it(tmp_path):
    recorded = trained(tmp_path, data__dataset="patterns")
    other = trained(tmp_path, seed=1, data__dataset="patterns")
    other.folder.timing.unlink()
    costs = load_runs(tmp_path).groupby("identity")[["train_seconds", "peak_memory_mb"]].first()
    assert (costs.loc[recorded.record.identity] >= 0).all()
    assert costs.loc[other.record.identity].isna().all()
