"""Logs of mmengine and mmcv, held against what the visualizer was given, and their traps one by one."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from truth import check_against_truth, logs_of, truth_of

from tinyexp.errors import UserError
from tinyexp.logs.folder import Folder
from tinyexp.logs.readers.mm_config import text_settings
from tinyexp.logs.readers.mmengine import READER

RUNS = truth_of("mmengine")
TIMES = ("time", "data_time", "val/time", "val/data_time")


@pytest.fixture(scope="module")
def real():
    return logs_of("mmengine", READER)


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run["run"])
def test_every_real_run_has_the_values_that_were_logged(real, run):
    log = real[run["run"]]
    rows = [
        {
            **row,
            "values": {
                **row["values"],
                **{f"val/{name}": value for name, value in row.get("val_values", {}).items()},
            },
        }
        for row in run["rows"]
    ]
    metrics = {name: column for name, column in log.metrics.items() if name not in TIMES}
    check_against_truth(replace(log, metrics=metrics), {**run, "rows": rows})
    assert log.epoch == [row["epoch"] for row in run["rows"]]
    assert log.step == [row["step"] for row in run["rows"]]


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run["run"])
def test_seed_and_settings_of_every_real_run_are_in_its_config(real, run):
    log = real[run["run"]]
    assert log.settings["randomness.seed"] == run["seed"]
    assert log.settings["optim_wrapper.optimizer.lr"] == (0.02 if run["design"] == "slow" else 0.1)
    assert log.name == run["run"].split("/")[-1]
    assert log.ended is (run["case"] != "killed")


def test_no_copy_is_a_run_of_its_own(real):
    assert set(real) == {run["run"] for run in RUNS}


def test_what_must_be_known_of_the_values_is_said(real):
    said = "\n".join(real["work_dirs/samename_s0"].notes)
    assert "means over the last 10" in said
    assert "'val/' in front" in said
    assert real["work_dirs/samename_s0"].metrics["val/loss"][0] == 1.336832880973816
    assert any("20261126_080529, 20261126_080536" in note for note in real["work_dirs/failed_s0"].notes)
    assert [repair.rows for repair in real["work_dirs/overlap_s2"].repairs] == [2]
    assert real["work_dirs/resume_s2"].repairs == ()


def lines(*records):
    return "".join(json.dumps(record) + "\n" for record in records)


def train(iteration, epoch=None, loss=None, **more):
    line = {
        "lr": 0.1,
        "loss": 1 / iteration if loss is None else loss,
        **({"epoch": epoch} if epoch else {}),
        **more,
    }
    return {**line, "iter": iteration, "step": iteration}


def val(step, acc=None, **more):
    return {"acc": step / 100 if acc is None else acc, **more, "step": step}


def start(work_dir, stamp, *records, config="", log=""):
    folder = work_dir / stamp / "vis_data"
    folder.mkdir(parents=True)
    (folder / "scalars.json").write_text(lines(*records))
    (folder / f"{stamp}.json").write_text(lines(*records))
    (folder / "config.py").write_text(config)
    (work_dir / stamp / f"{stamp}.log").write_text(log)


def read(folder):
    return [log for unit in READER.find(Folder(folder)) for log in READER.read(unit)]


FIRST, SECOND = "20260101_000000", "20260102_000000"


def test_lines_in_mid_epoch_have_a_part_of_an_epoch_and_validation_stands_at_the_end(tmp_path):
    epochs = [[*(train(391 * n + i, n + 1) for i in (100, 200, 300)), val(n + 1)] for n in range(2)]
    start(tmp_path, FIRST, *epochs[0], *epochs[1])
    (log,) = read(tmp_path)
    assert log.epoch == [100 / 391, 200 / 391, 300 / 391, 1, 491 / 391, 591 / 391, 691 / 391, 2]
    assert log.step == [100, 200, 300, None, 491, 591, 691, None]
    assert log.metrics["acc"] == [None, None, None, 0.01, None, None, None, 0.02]


def test_the_length_of_the_only_epoch_is_that_of_the_text_log_or_not_known(tmp_path):
    text = "2026/01/01 00:00:00 - mmengine - INFO - Epoch(train)  [1][ 50/100]  lr: 1e-1\n"
    start(tmp_path / "a", FIRST, train(50, 1), train(100, 1), val(1), log=text)
    start(tmp_path / "b", FIRST, train(50, 1), train(100, 1), val(1))
    (known,), (unknown,) = read(tmp_path / "a"), read(tmp_path / "b")
    assert (known.epoch, known.step) == ([0.5, 1], [50, 100])
    assert (unknown.epoch, unknown.step) == ([None, None, 1], [50, 100, None])


def test_validation_that_counts_iterations_stands_at_its_iteration(tmp_path):
    start(tmp_path, FIRST, train(50), train(100), val(100), train(150), train(200), val(200))
    (log,) = read(tmp_path)
    assert log.epoch == [None] * 4
    assert log.step == [50, 100, 150, 200]
    assert log.metrics["acc"] == [None, 1.0, None, 2.0]
    assert any("'step' counts iterations" in note for note in log.notes)


def test_validation_that_counts_nothing_loses_no_value(tmp_path):
    """Training by iterations with validation logged by epoch: mmengine never counts an epoch there."""
    start(tmp_path, FIRST, train(50), train(100), val(0, 0.3), train(150), train(200), val(0, 0.4))
    (log,) = read(tmp_path)
    assert log.step == [50, 100, 150, 200]
    assert log.metrics["acc"] == [None, 0.3, None, 0.4]
    assert any("do not say at which iteration" in note for note in log.notes)


def test_two_validations_after_one_line_of_training_are_two_rows(tmp_path):
    start(tmp_path, FIRST, train(50), val(0, 0.3), val(0, 0.4))
    (log,) = read(tmp_path)
    assert log.step == [50, 50]
    assert log.metrics["acc"] == [0.3, 0.4]


def test_times_of_validation_have_one_name_in_all_runs(tmp_path):
    start(tmp_path, FIRST, train(4, 1), val(1, time=0.5))
    (log,) = read(tmp_path)
    assert set(log.metrics) == {"lr", "loss", "acc", "val/time"}


def test_the_config_decides_where_iterations_are_epochs(tmp_path):
    config = "default_hooks = dict(logger=dict(log_metric_by_epoch=False))"
    records = [line for n in (1, 2, 3) for line in (train(n, n), val(n))]
    start(tmp_path / "a", FIRST, *records, config=config)
    start(tmp_path / "b", FIRST, *records)
    for name in "ab":
        (log,) = read(tmp_path / name)
        assert (log.epoch, log.step) == ([1, 2, 3], [1, 2, 3])
        assert log.metrics["acc"] == [0.01, 0.02, 0.03]


def test_the_oldest_version_has_no_iter_and_logs_times_of_validation_apart(tmp_path):
    records = []
    for n in (1, 2):
        records.append({"lr": 0.1, "loss": 1 / n, "time": 0.1, "epoch": n, "step": 4 * n})
        records += [val(n), {"time": 0.5, "step": 4 * n}]
    start(tmp_path, FIRST, *records)
    (log,) = read(tmp_path)
    assert (log.epoch, log.step) == ([1, 2], [4, 8])
    assert log.metrics["val/time"] == [0.5, 0.5]
    assert log.metrics["acc"] == [0.01, 0.02]


def test_names_with_a_hierarchy_stay_as_they_are(tmp_path):
    start(
        tmp_path,
        FIRST,
        {"train/lr": 0.1, "train/loss": 2.0, "epoch": 1, "iter": 4, "step": 4},
        {"val/acc": 5, "step": 1},
    )
    (log,) = read(tmp_path)
    assert set(log.metrics) == {"train/lr", "train/loss", "val/acc"}


def test_two_trainings_from_the_beginning_are_two_runs(tmp_path):
    start(tmp_path, FIRST, train(4, 1), val(1), config="randomness = dict(seed=1)")
    start(tmp_path, SECOND, train(4, 1), val(1), config="randomness = dict(seed=2)")
    logs = read(tmp_path)
    assert [log.where.name for log in logs] == [FIRST, SECOND]
    assert [log.settings["randomness.seed"] for log in logs] == [1, 2]


def test_a_later_attempt_may_have_other_settings_which_are_told(tmp_path):
    start(
        tmp_path,
        FIRST,
        train(4, 1),
        val(1),
        train(8, 2),
        val(2),
        train(12, 3),
        config="lr = 1\nresume = False",
    )
    start(tmp_path, SECOND, train(12, 3, 0.5), val(3), config="lr = 2\nresume = True")
    (log,) = read(tmp_path)
    assert (log.epoch, log.settings["lr"]) == ([1, 2, 3], 2)
    assert log.metrics["loss"][-1] == 0.5
    assert any("differ from the earlier one's: lr." in note for note in log.notes)


def test_a_run_by_iterations_goes_on(tmp_path):
    start(tmp_path, FIRST, train(50), train(100), train(150, loss=9.0))
    start(tmp_path, SECOND, train(150, loss=3.0), train(200))
    (log,) = read(tmp_path)
    assert log.step == [50, 100, 150, 200]
    assert log.metrics["loss"][2] == 3.0
    assert [repair.rows for repair in log.repairs] == [1]


def test_a_run_by_iterations_whose_lines_say_epoch_1_goes_on(tmp_path):
    start(tmp_path, FIRST, train(50, 1), train(100, 1), train(150, 1, 9.0), config="resume = False")
    start(tmp_path, SECOND, train(150, 1, 3.0), train(200, 1), config="resume = True")
    (log,) = read(tmp_path)
    assert (log.step, log.epoch) == ([50, 100, 150, 200], [None] * 4)
    assert log.metrics["loss"][2] == 3.0


def test_an_interval_of_logging_that_was_changed_is_no_resume(tmp_path):
    start(tmp_path, FIRST, train(2, 1), train(4, 1), config="resume = False")
    start(tmp_path, SECOND, train(4, 1), train(8, 2), config="resume = False")
    assert len(read(tmp_path)) == 2


def test_early_epochs_that_are_gone_are_told(tmp_path):
    start(tmp_path, SECOND, train(12, 3), val(3))
    (log,) = read(tmp_path)
    assert any("begins in epoch 3" in note for note in log.notes)


def test_starts_that_were_added_to_one_file_are_one_run(tmp_path):
    (tmp_path / "vis_data").mkdir()
    path = tmp_path / "vis_data" / "scalars.json"
    path.write_text(lines(train(4, 1), val(1), train(8, 2), train(4, 1, 0.5), val(1, 0.7)))
    (log,) = read(tmp_path)
    assert (log.epoch, log.step) == ([1], [4])
    assert log.metrics == {"lr": [0.1], "loss": [0.5], "acc": [0.7]}
    assert [repair.rows for repair in log.repairs] == [2]
    assert read(tmp_path / "vis_data")[0].epoch == log.epoch


def test_a_seed_that_was_drawn_stands_in_the_text_log(tmp_path):
    log_text = "Runtime environment:\n    dist_cfg: {}\n    seed: 77\n    Distributed: none\n"
    start(tmp_path, FIRST, train(4, 1), config="randomness = dict(seed=None)", log=log_text)
    (log,) = read(tmp_path)
    assert log.settings["seed"] == 77


def test_what_logged_nothing_is_named(tmp_path):
    (tmp_path / FIRST).mkdir()
    (tmp_path / FIRST / f"{FIRST}.log").touch()
    with pytest.raises(UserError, match=f"logged nothing.*{FIRST}"):
        read(tmp_path)
    (tmp_path / FIRST / "metrics.csv").touch()  # of somebody else
    assert READER.find(Folder(tmp_path)) == []


def test_a_last_line_that_was_cut_is_left_out_and_another_refused(tmp_path):
    start(tmp_path, FIRST, train(4, 1), val(1))
    path = tmp_path / FIRST / "vis_data" / "scalars.json"
    whole = path.read_text()
    path.write_text(whole[:-10])
    (log,) = read(tmp_path)
    assert log.rows_read == 1
    assert [repair.rows for repair in log.repairs] == [1]
    for broken, line in (
        (whole[:20] + "\n" + whole, 1),
        (whole + "[1]\n", 3),
        (whole + '{"iter": 1.5}\n', 3),
    ):
        path.write_text(broken)
        with pytest.raises(UserError, match=rf"scalars\.json: line {line}\b"):
            read(tmp_path)


def old(mode, epoch, iteration, **values):
    return {"mode": mode, "epoch": epoch, "iter": iteration, "lr": 0.1, **values}


META = {
    "env_info": "x",
    "seed": 5,
    "exp_name": "x.py",
    "config": "lr = 3\nrunner = dict(type='EpochBasedRunner', max_epochs=2)",
}


def by_epoch():
    for epoch in (1, 2):
        yield from (old("train", epoch, 50, loss=1 / epoch), old("train", epoch, 100, loss=0.5 / epoch))
        yield old("val", epoch, 7, top1=epoch * 10, loss=3)


def test_mmcv_by_epochs_with_its_text_log(tmp_path):
    (tmp_path / f"{FIRST}.log.json").write_text(lines(META, *by_epoch()))
    (tmp_path / f"{FIRST}.log").write_text("- mmdet - INFO - Epoch [1][50/120]\tlr: 1\n")
    (tmp_path / "tf_logs").mkdir()
    (unit,) = READER.find(Folder(tmp_path))
    assert unit.claimed == (tmp_path / "tf_logs",)
    (log,) = READER.read(unit)
    assert log.epoch == [50 / 120, 100 / 120, 1, 1 + 50 / 120, 1 + 100 / 120, 2]
    assert log.step == [None] * 6
    assert log.metrics["top1"] == [None, None, 10, None, None, 20]
    assert log.metrics["val/loss"] == [None, None, 3, None, None, 3]
    assert (log.settings["seed"], log.settings["lr"], log.ended) == (5, 3, True)


def test_mmcv_by_epochs_of_unknown_length_keeps_all_values(tmp_path):
    (tmp_path / "det_20200130_204655.log.json").write_text(lines(*by_epoch()))
    (log,) = read(tmp_path)
    assert log.where.name == "det_20200130_204655.log.json"
    assert log.epoch == [None, None, 1, None, None, 2]
    assert log.metrics["iter"] == [50, 100, None, 50, 100, None]


def test_mmcv_by_iterations(tmp_path):
    records = [
        old("train", 1, 50, loss=1),
        old("train", 2, 100, loss=2),
        old("val", 2, 7, aAcc=0.5),
        old("train", 3, 150, loss=3),
    ]
    (tmp_path / f"{FIRST}.log.json").write_text(lines({"env_info": "", "seed": 1}, *records))
    (log,) = read(tmp_path)
    assert log.step == [50, 100, 150]
    assert log.epoch == [None] * 3
    assert log.metrics["aAcc"] == [None, 0.5, None]


def test_a_log_that_was_taken_out_of_its_folder(tmp_path):
    (tmp_path / f"resnet_{FIRST}.json").write_text(lines(train(4, 1), val(1), train(8, 2), val(2)))
    (tmp_path / f"other_{FIRST}.json").write_text('{"epoch": 1}\n')
    (log,) = read(tmp_path)
    assert (log.where.name, log.epoch) == (f"resnet_{FIRST}.json", [1, 2])


def test_a_config_is_never_run(tmp_path):
    text = f"import os\nos.mkdir({str(tmp_path / 'made')!r})\na = dict(b=[1, -2.5, (True, None)], **x)\nc = {{'d': 'e'}}\n"
    notes = []
    assert text_settings(text + "f = dict(g=dict())\nh: int = 1\n", "x.py", notes) == {"c.d": "e", "f.g": {}}
    assert text_settings("a = list(b=1)", "x.py", []) == {}
    assert notes == ["settings that are no plain values were left out of x.py: a."]
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "(" * 90_000,
        "a = " + "-" * 90_000 + "1",
        "a = " + "1+" * 90_000 + "1",
        "a = x" + ".y" * 90_000,
        "a = 0x" + "9" * 90_000,
        "a=\0",
    ],
    ids=["brackets", "signs", "sums", "attributes", "digits", "nul"],
)
def test_a_hostile_config_is_a_note(text):
    notes = []
    assert text_settings(text, "x.py", notes) == {}
    assert len(notes) == 1


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xff",
        b"[" * 100_000,
        b'{"a": ' * 100_000,
        lines(*({f"m{n}": 1, "step": n} for n in range(8_000))).encode(),
    ],
)
def test_a_hostile_log_is_refused(tmp_path, content):
    start(tmp_path, FIRST)
    (tmp_path / FIRST / "vis_data" / "scalars.json").write_bytes(content + b"\n")
    with pytest.raises(UserError):
        read(tmp_path)


_INDICES = st.none() | st.integers(0, 9) | st.sampled_from([2**60, -1, 1.5, "x", True])
_RECORDS = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("epoch", "iter", "step"), _INDICES),
        "mode": st.sampled_from(["train", "val", 3]),
        "loss": st.floats() | st.integers() | st.text(max_size=2) | st.lists(st.none(), max_size=1),
        "time": st.floats(),
        "lr": st.just({"a": 1}),
    },
)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(_RECORDS, max_size=12),
    st.binary(max_size=5),
    st.sampled_from([f"{FIRST}/vis_data/scalars.json", f"{FIRST}.log.json"]),
)
def test_any_lines_are_read_or_refused(tmp_path_factory, records, rest, name):
    path = tmp_path_factory.mktemp("any") / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(lines(*records).encode() + rest)
    with contextlib.suppress(UserError):
        read(path.parents[2] if "vis_data" in name else path.parent)
