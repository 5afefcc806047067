"""Logs of Lightning's and Fabric's CSVLogger, held against what was given to them, and their traps one by one."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from truth import check_against_truth, logs_of, truth_of

from tinyexp.errors import UserError
from tinyexp.logs.ends import NO_END
from tinyexp.logs.folder import Folder, Unit
from tinyexp.logs.readers.lightning import ALONE, EVALUATED, ONLY_STEPS, READER
from tinyexp.logs.readers.versions import MID_EPOCH
from tinyexp.logs.rows import AGAIN
from tinyexp.logs.walk import read_paths

RUNS = [(trainer, run) for trainer in ("lightning", "fabric") for run in truth_of(trainer)]


@pytest.fixture(scope="module")
def real():
    return {trainer: logs_of(trainer, READER) for trainer in ("lightning", "fabric")}


def one_row_an_epoch(run):
    """A run's truth with the values of one epoch in one row; a test after the last step stands at that step."""
    found = {}
    for row in run["rows"]:
        key = ("step", row["step"]) if row["epoch"] is None else ("epoch", row["epoch"])
        had = found.setdefault(key, {**row, "values": {}})
        had["values"].update(row["values"])
    return {**run, "rows": list(found.values())}


@pytest.mark.parametrize(
    ("trainer", "run"), RUNS, ids=lambda value: value["run"] if isinstance(value, dict) else value
)
def test_every_real_run_has_the_values_that_were_logged(real, trainer, run):
    log = real[trainer][run["run"]]
    check_against_truth(log, one_row_an_epoch(run))
    told = {row["epoch"] for row in run["rows"] if row["epoch"] is not None}
    # A step of Fabric's may be an epoch or a batch, which only a column epoch says.
    assert {one for one in log.epoch if one is not None} == (set() if ONLY_STEPS in log.notes else told)
    assert (ONLY_STEPS in log.notes) == (
        trainer == "fabric" and run["run"].split("/")[0] in ("logs", "resumed", "fixed")
    )
    if run["settings_in_log"]:
        assert log.settings["seed"] == run["seed"]


def test_each_real_run_is_found_once_and_a_resumed_one_under_its_last_version(real):
    for trainer, logs in real.items():
        assert set(logs) == {run["run"] for run in truth_of(trainer)}
    log = real["lightning"]["resumed/version_1"]
    assert [path.parent.name for path in log.files] == ["version_0"] * 2 + ["version_1"] * 2
    assert [(one.what, one.rows) for one in log.repairs] == [(AGAIN, 1)]
    assert (
        "version_1 goes on with version_0: their settings are equal, and it begins where that one ended."
        in log.notes
    )
    assert log.rows_read == 21


def test_early_epochs_that_are_gone_are_told(real):
    assert any("begins at step 27" in note for note in real["lightning"]["fixed/seed1"].notes)


def test_an_evaluation_after_the_training_has_the_epochs_of_its_end(real):
    log = real["lightning"]["sparse/version_0"]
    assert (log.epoch[-1], log.metrics["test_acc"][-1], log.metrics["train_acc"][-1]) == (5, 0.65625, 0.75)
    assert EVALUATED in log.notes


@pytest.fixture
def versions(tmp_path):
    """Writes versions, each a text with or without settings, and gives what is read of them, by folder."""

    def read(*texts, settings="lr: 0.1\n", name="version_{}"):
        for number, text in enumerate(texts):
            path = tmp_path / name.format(number)
            path.mkdir()
            (path / "metrics.csv").write_text(text)
            if settings:
                (path / "hparams.yaml").write_text(settings)
        return logs_of("", READER, tmp_path)

    return read


def log_of(first, end, every=4, length=8):
    """A log with a step row every few steps and a validation at the end of each epoch."""
    lines = ["epoch,step,train_loss,val_acc"]
    for step in range(first, end):
        if (step + 1) % every == 0:
            lines.append(f"{step // length},{step},{step / 8},")
        if (step + 1) % length == 0:
            lines.append(f"{step // length},{step},,{step / 64}")
    return "\n".join(lines) + "\n"


def test_a_validation_in_mid_epoch_is_at_no_epoch(versions):
    text = "epoch,step,val_acc\n" + "".join(f"{step // 8},{step},{step / 64}\n" for step in range(3, 40, 4))
    (log,) = versions(text).values()
    assert log.epoch == [None, 1, None, 2, None, 3, None, 4, None, 5]


def test_a_killed_run_has_no_end_of_its_last_epoch(versions):
    text = "epoch,step,val_acc\n" + "".join(f"{step // 8},{step},{step / 64}\n" for step in range(3, 36, 4))
    (log,) = versions(text).values()
    assert log.epoch == [None, 1, None, 2, None, 3, None, 4, None]


def test_a_validation_every_few_batches_that_never_meets_the_end_of_an_epoch_is_at_no_epoch(versions):
    text = "epoch,step,val_acc\n" + "".join(f"{step // 8},{step},{step / 64}\n" for step in range(9, 60, 10))
    (log,) = versions(text).values()
    assert log.epoch == [None] * len(log.step)
    assert NO_END in log.notes


def test_epochs_of_different_lengths_end_with_what_is_of_a_whole_epoch(versions):
    rows = "0,3,1,\n0,6,,2\n1,9,1,\n1,13,,2\n2,17,1,\n2,22,,2\n3,25,1,\n"
    (log,) = versions(f"epoch,step,train_loss_step,train_loss_epoch\n{rows}").values()
    assert log.epoch == [None, 1, None, 2, None, 3, None]


def test_of_two_epochs_of_different_lengths_the_second_may_not_have_ended(versions):
    (log,) = versions("epoch,step,val_acc\n0,7,.5\n1,12,.6\n").values()
    assert log.epoch == [1, None]


@pytest.mark.parametrize(
    ("tail", "epochs"),
    [
        ("4,32,,0.25,\n4,32,,,0.5\n", {"test_acc": 4, "val_acc": None}),  # since 1.6
        ("3,32,,0.25,\n3,32,,,0.5\n", {"test_acc": 4, "val_acc": None}),  # before
        ("4,29,,0.25,\n4,29,,,0.5\n", {"test_acc": None, "val_acc": None}),  # max_steps ended it in mid-epoch
    ],
)
def test_what_is_evaluated_after_the_training_takes_no_ones_place(versions, tail, epochs):
    text = log_of(0, 32) if "32" in tail else log_of(0, 29) + "3,28,1,\n"
    text = "\n".join(f"{line}," for line in text.splitlines()).replace("val_acc,", "val_acc,test_acc")
    (log,) = versions(f"{text}\n{tail}").values()
    for name, epoch in epochs.items():
        assert log.epoch[log.metrics[name].index({"test_acc": 0.5, "val_acc": 0.25}[name])] == epoch
    ended = 4 if "32" in tail else 3
    assert [one for one in log.epoch if one is not None] == list(range(1, ended + 1))
    assert log.metrics["val_acc"][log.epoch.index(ended)] == (8 * ended - 1) / 64
    assert EVALUATED in log.notes


def test_a_test_set_that_is_looked_at_in_every_epoch_is_a_metric_like_others(versions):
    text = log_of(0, 24).replace("val_acc", "test_acc")
    (log,) = versions(text).values()
    assert log.epoch == [None, 1, None, 2, None, 3]
    assert EVALUATED not in log.notes


def test_a_version_with_a_test_alone_has_no_epoch(versions):
    (log,) = versions("epoch,step,test_acc\n0,0,0.5\n").values()
    assert (log.epoch, log.step, log.metrics) == ([None], [0], {"test_acc": [0.5]})
    assert ALONE in log.notes


@pytest.mark.parametrize(
    "text", ["epoch,step,test_acc\n0,0,0.5\n", "epoch,step,val_acc,val_loss\n0,0,0.5,1\n"]
)
def test_an_evaluation_alone_is_no_run_and_is_left_out_with_its_values(versions, tmp_path, text):
    versions(log_of(0, 40), text)
    reading = read_paths([tmp_path])
    assert list(reading.names) == ["version_0"]
    assert [one.where.name for one in reading.left_out] == ["version_1"]
    assert "is an evaluation without a training, and no run: " in reading.left_out[0].why
    assert "_acc 0.5" in reading.left_out[0].why
    # Asked for by itself, it is read.
    assert len(read_paths([tmp_path / "version_1"]).runs) == 1


def test_a_run_that_ends_in_the_middle_of_an_epoch_says_so(real, versions):
    killed = real["lightning"]["killed/version_0"]
    assert MID_EPOCH.format(step=27) in killed.notes
    told = [
        run for run, log in real["lightning"].items() if any("middle of an epoch" in one for one in log.notes)
    ]
    assert told == ["killed/version_0"]
    (whole,) = versions(log_of(0, 40)).values()
    assert whole.notes == ()


def test_what_is_said_of_the_end_of_a_version_is_not_said_of_the_whole(versions):
    (log,) = versions(log_of(0, 20), log_of(16, 40)).values()
    assert not any("middle of an epoch" in note for note in log.notes)


def test_columns_may_have_a_prefix(versions):
    text = log_of(0, 16).replace("epoch", "net-epoch").replace("train", "net-train").replace("val", "net-val")
    (log,) = versions(text).values()
    assert log.epoch == [None, 1, None, 2]
    assert list(log.metrics) == ["net-train_loss", "net-val_acc"]


def test_a_run_that_was_resumed_twice_is_one(versions):
    logs = versions(log_of(0, 20), log_of(16, 36), log_of(32, 48))
    (log,) = logs.values()
    assert list(logs) == ["version_2"]
    assert [one for one in log.epoch if one is not None] == [1, 2, 3, 4, 5, 6]
    assert log.step == list(range(3, 48, 4))


def test_a_version_that_begins_at_the_start_is_a_run_of_its_own(versions):
    assert list(versions(log_of(0, 40), log_of(0, 20), log_of(0, 40))) == [
        "version_0",
        "version_1",
        "version_2",
    ]


def test_a_version_that_may_go_on_with_two_others_goes_on_with_none_and_that_is_told(versions):
    logs = versions(log_of(0, 20), log_of(0, 20), log_of(16, 40))
    assert list(logs) == ["version_0", "version_1", "version_2"]
    assert any("version_0, version_1, which are equally likely" in note for note in logs["version_2"].notes)


def test_a_version_goes_on_with_the_one_that_ended_where_it_begins(versions):
    logs = versions(log_of(0, 40), log_of(0, 20), log_of(16, 40))
    assert list(logs) == ["version_0", "version_2"]
    assert [path.parent.name for path in logs["version_2"].files[::2]] == ["version_1", "version_2"]


def test_versions_with_other_settings_are_other_runs(versions, tmp_path):
    versions(log_of(0, 20), settings="seed: 1\n")
    logs = versions(log_of(16, 40), settings="seed: 2\n", name="version_{}1")
    assert set(logs) == {"version_0", "version_01"}


def test_steps_that_only_count_rows_since_the_last_flush_are_counted_on_and_that_is_told(versions):
    text = "acc,step\n" + "".join(f"{row / 10},{row % 10}\n" for row in range(25))
    (log,) = versions(text, settings="").values()
    assert log.metrics["acc"] == [row / 10 for row in range(25)]
    assert log.step == list(range(25))
    assert [one.rows for one in log.repairs] == [15]


def test_epochs_that_a_user_logged_count_from_0_or_from_1_as_their_steps_show(versions):
    rows = [(epoch, 8 * epoch + 7) for epoch in (1, 3, 5)]
    logs = versions(
        "epoch,loss,step\n" + "".join(f"{epoch},1,{step}\n" for epoch, step in rows),
        "epoch,loss,step\n" + "".join(f"{epoch + 1},1,{step}\n" for epoch, step in rows),
        settings="",
    )
    assert [log.epoch for log in logs.values()] == [[2, 4, 6], [2, 4, 6]]


@pytest.mark.parametrize(
    ("folder", "text", "found"),
    [
        ("version_0", "step,acc,loss\n1,1,1\n", True),
        ("seed1", "acc,step,val/loss\n1,1,1\n", True),
        ("seed1", "step,loss,acc\n1,1,1\n", False),
        ("version_0", "epoch,acc\n1,1\n", False),
    ],
)
def test_a_metrics_csv_is_the_loggers_by_its_folder_or_its_sorted_columns(tmp_path, folder, text, found):
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "metrics.csv").write_text(text)
    assert len(READER.find(Folder(tmp_path / folder))) == found


def test_settings_that_cannot_be_read_cost_no_run(versions):
    (log,) = versions(log_of(0, 16), settings="a: [\n").values()
    assert log.settings == {}
    assert any("hparams.yaml" in note for note in log.notes)


CLI = """seed_everything: 7
trainer:
  max_epochs: 3
  logger:
    class_path: CSVLogger
    init_args: {save_dir: there, name: x}
  callbacks:
  - class_path: lightning.pytorch.callbacks.ModelCheckpoint
    init_args: {dirpath: here}
  - class_path: SWA
    init_args: {swa_lrs: 0.1}
model:
  class_path: Net
  init_args:
    lr: 0.1
data:
  init_args:
    batch_size: 8
ckpt_path: null
"""


@pytest.mark.parametrize("place", ["version_0", "."])
def test_the_settings_of_a_command_line_are_read_with_their_seed(versions, tmp_path, place):
    (tmp_path / "config.yaml").write_text(CLI)
    versions(log_of(0, 40), settings="{}\n")
    if place != ".":
        (tmp_path / "config.yaml").rename(tmp_path / place / "config.yaml")
    (log,) = logs_of("", READER, tmp_path).values()
    assert log.settings["seed_everything"] == 7
    assert log.settings["model.init_args.lr"] == 0.1
    assert log.settings["data.init_args.batch_size"] == 8
    assert log.settings["trainer.callbacks"] == [{"class_path": "SWA", "init_args": {"swa_lrs": 0.1}}]
    assert not any("logger" in key for key in log.settings)
    assert tmp_path / place / "config.yaml" in log.files


def test_what_the_logger_kept_goes_before_the_command_line(versions, tmp_path):
    (tmp_path / "version_0").mkdir()
    (tmp_path / "version_0" / "config.yaml").write_text(CLI)
    (tmp_path / "version_0" / "hparams.yaml").write_text("lr: 0.1\n_instantiator: cli\n")
    (tmp_path / "version_0" / "metrics.csv").write_text(log_of(0, 40))
    (log,) = logs_of("", READER, tmp_path).values()
    assert log.settings["lr"] == 0.1
    assert "model.init_args.lr" not in log.settings, "which would stand there twice"
    assert log.settings["seed_everything"] == 7


def test_a_command_line_above_several_versions_is_of_one_of_them_and_not_used(versions, tmp_path):
    (tmp_path / "config.yaml").write_text(CLI)
    logs = versions(log_of(0, 40), log_of(0, 40), settings="")
    assert all(not log.settings for log in logs.values())
    assert all(any("config.yaml" in note for note in log.notes) for log in logs.values())


def test_a_config_of_something_else_is_no_command_line(versions, tmp_path):
    (tmp_path / "config.yaml").write_text("seed: 7\nwidth: 3\n")
    (log,) = versions(log_of(0, 40), settings="").values()
    assert (log.settings, log.notes) == ({}, ())


CELLS = st.sampled_from(["0", "1", "2", "3", "7", "0.5", "nan", "inf", "-1", "", "x", '"', "\0"])
LINES = st.lists(st.lists(CELLS, min_size=4, max_size=5).map(",".join), max_size=8).map("\n".join)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(LINES, min_size=1, max_size=3),
    st.sampled_from(["epoch,step,test_acc,val_loss", "a,b,loss_epoch,step"]),
)
def test_any_versions_are_read_or_refused(tmp_path, texts, head):
    logs = []
    for number, text in enumerate(texts):
        path = tmp_path / f"version_{number}"
        path.mkdir(exist_ok=True)
        (path / "metrics.csv").write_text(f"{head}\n{text}\n", newline="")
        try:
            logs += READER.read(Unit(path, (path / "metrics.csv",)))
        except UserError as error:
            assert str(path) in str(error)  # noqa: PT017 - whether it is raised is not the question
    for log in READER.join(logs):
        assert {len(column) for column in (log.epoch, log.step, *log.metrics.values())} == {len(log.epoch)}
        assert None not in log.step
