"""Files of Weights & Biases, held against what was logged, and their traps one by one."""

from __future__ import annotations

import contextlib
import math
import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from truth import check_against_truth, logs_of, truth_of
from written import field, wandb_exit, wandb_framed, wandb_history, wandb_run, write_wandb

from tinyexp.errors import UserError
from tinyexp.logs.folder import Folder, Unit
from tinyexp.logs.readers.wandb import APART, COPIES, CUT, EMPTY, GAP, NO_EXIT, READER, RESTARTED
from tinyexp.logs.rows import AGAIN, TWICE

RUNS = truth_of("wandb")
FIRST, SECOND = "offline-run-20260101_000000-id", "offline-run-20260102_000000-id"


@pytest.fixture(scope="module")
def real():
    return logs_of("wandb", READER)


def only(folder):
    (log,) = logs_of("wandb", READER, folder).values()
    return log


def repairs(log):
    return {one.what: one.rows for one in log.repairs}


def written(folder, *rows, more=()):
    return write_wandb(
        folder, wandb_run({"lr": 0.1}), *(wandb_history(step, row) for step, row in enumerate(rows)), *more
    )


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run["run"])
def test_every_real_run_has_the_values_that_were_logged(real, run):
    check_against_truth(real[run["run"]], run)


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run["run"])
def test_epochs_and_steps_are_those_of_the_rows(real, run):
    log = real[run["run"]]
    assert log.epoch == [row["epoch"] for row in run["rows"]]
    assert log.step == [row["step"] for row in run["rows"]]


def test_a_resumed_run_in_two_folders_is_one(real):
    assert set(real) == {run["run"] for run in RUNS}
    (run,) = [run for run in RUNS if run["case"] == "resumed"]
    log = real[run["run"]]
    assert repairs(log) == {AGAIN: 2}
    assert RESTARTED in log.notes
    assert [path.parent.name for path in log.files] == [run["run"].split("/")[1], run["also"].split("/")[1]]


@pytest.mark.parametrize("run", [run for run in RUNS if run["settings_in_log"]], ids=lambda run: run["run"])
def test_settings_are_those_of_the_run(real, run):
    log = real[run["run"]]
    lr = {"base": 0.1, "slow": 0.02}[run["design_by_settings"]]
    assert log.settings == {"lr": lr, "seed": run["seed"], "model.width": 6, "model.depth": 1}
    assert log.name == f"{run['design']}-s{run['seed']}"


def test_killed_runs_are_told(real):
    cut, empty = (real[where] for where in sorted(real) if "killed" in where)
    assert repairs(cut) == {CUT: 1}
    assert NO_EXIT in cut.notes
    assert (cut.ended, empty.ended) == (False, False)
    assert EMPTY in empty.notes
    assert all(log.ended for where, log in real.items() if "killed" not in where)


def test_a_histogram_is_no_metric_and_named(real):
    (log,) = [log for where, log in real.items() if "custom" in where]
    assert set(log.metrics) == {"lr", "train/loss", "val/acc"}
    assert "left out, as they are no numbers: val/hist (histogram)." in log.notes


def test_what_is_no_number_is_named_and_what_json_cannot_write_is_one(tmp_path):
    row = {
        "inf": "Infinity",
        "nan": "NaN",
        "big": 2**70,
        "text": "word",
        "flag": True,
        "list": [1.0],
        "none": None,
        "picture": {"_type": "image-file", "width": 3},
        "nest": {"a": {"b": 1.5}},
    }
    written(tmp_path, row, more=[wandb_exit()])
    log = only(tmp_path)
    assert set(log.metrics) == {"inf", "nan", "big", "nest.a.b"}
    assert log.metrics["inf"] == [math.inf]
    assert log.metrics["big"] == [2.0**70]
    assert math.isnan(log.metrics["nan"][0])
    assert log.notes == (
        "left out, as they are no numbers: flag (yes or no), list (list or dict), picture (image-file), text (text).",
    )


def test_values_in_fields_of_their_type_are_read(tmp_path):
    """As wandb 0.31 writes them beside JSON, which counts less: it may have lost digits."""
    typed = [
        field(2, "a") + field(16, "0.3") + field(6, 0.1 + 0.2),
        field(2, "b") + field(2, "c") + field(5, 13),
        field(2, "d") + field(8, '{"e": 2}'),
        field(2, "f") + field(3, 0),
        field(2, "g") + field(4, 1),
        field(2, "h") + field(7, "text"),
    ]
    write_wandb(tmp_path, field(2, b"".join(field(1, one) for one in typed) + field(2, b"")), wandb_exit())
    log = only(tmp_path)
    assert log.metrics == {"a": [0.1 + 0.2], "b.c": [-7], "d.e": [2]}
    assert log.step == [0]


def test_settings_that_changed_or_were_taken_away_are_the_last(tmp_path):
    config = [
        field(5, field(1, field(2, "model") + field(2, "width") + field(16, "8"))),
        field(5, field(1, field(1, "lr") + field(16, "0.2"))),
        field(5, field(2, field(1, "old"))),
    ]
    write_wandb(
        tmp_path, wandb_run({"lr": 0.1, "old": 1, "_wandb": {"x": 1}}), *config, wandb_history(0, {"a": 1})
    )
    assert only(tmp_path).settings == {"lr": 0.2, "model.width": 8}


def test_settings_of_an_online_run_are_in_config_yaml_too(tmp_path):
    write_wandb(tmp_path, wandb_run({"lr": 0.1}), wandb_history(0, {"a": 1}))
    (tmp_path / "files").mkdir()
    config = tmp_path / "files" / "config.yaml"
    config.write_text(
        "wandb_version: 1\n_wandb:\n  value: {}\nlr:\n  desc: null\n  value: 0.3\nseed:\n  value: 4\n"
    )
    assert only(tmp_path).settings == {"lr": 0.1, "seed": 4}
    assert config in only(tmp_path).files
    config.write_text("lr: [1\n")
    assert only(tmp_path).settings == {"lr": 0.1}
    assert any("config.yaml" in note for note in only(tmp_path).notes)


def test_a_record_of_many_blocks_is_put_together(tmp_path):
    row = {f"metric{place}": place / 3 for place in range(9_000)}
    written(tmp_path, {"a": 1.0}, row, {"a": 2.0}, more=[wandb_exit()])
    log = only(tmp_path)
    assert log.metrics["a"] == [1, None, 2]
    assert all(log.metrics[name][1] == value for name, value in row.items())


def test_a_file_cut_at_any_byte_gives_the_whole_records_before(tmp_path):
    content = written(tmp_path / "all", *({"a": float(step)} for step in range(4))).read_bytes()
    path = tmp_path / "run-id.wandb"
    found = []
    for length in range(len(content) + 1):
        path.write_bytes(content[:length])
        (log,) = READER.read(Unit(tmp_path, (path,)))
        assert log.metrics.get("a", []) == [0, 1, 2, 3][: len(log.epoch)]
        found.append((len(log.epoch), bool(log.repairs)))
    assert found == sorted(found, key=lambda one: one[0])
    assert found.count((4, False)) == 1
    assert sum(not cut for _, cut in found) == 8 + 5


def test_any_byte_that_was_changed_is_told(tmp_path):
    content = bytearray(written(tmp_path, *({"a": float(step)} for step in range(3))).read_bytes())
    path = tmp_path / "run-id.wandb"
    for place in range(len(content)):
        for bit in range(place % 2, 8, 2):
            content[place] ^= 1 << bit
            path.write_bytes(content)
            with pytest.raises(UserError, match=r"run-id\.wandb: "):
                READER.read(Unit(tmp_path, (path,)))
            content[place] ^= 1 << bit


def test_zeros_that_a_file_system_left_at_the_end_are_a_cut(tmp_path):
    path = written(tmp_path, {"a": 1.0})
    path.write_bytes(path.read_bytes() + bytes(3_000))
    assert only(tmp_path).metrics == {"a": [1]}
    assert repairs(only(tmp_path)) == {CUT: 1}


def test_a_part_of_a_record_that_is_missing_is_told(tmp_path):
    content = wandb_framed([bytes(70_000), bytes(9)])
    (tmp_path / "run-id.wandb").write_bytes(content[:32_768] + content[65_536:])
    with pytest.raises(UserError):
        only(tmp_path)
    (tmp_path / "run-id.wandb").write_bytes(content[:7] + bytes(32_761) + content[32_768:])
    with pytest.raises(UserError):
        only(tmp_path)


def test_a_record_that_begins_within_another_is_told(tmp_path):
    whole = wandb_framed([bytes(70_000)])
    (tmp_path / "run-id.wandb").write_bytes(whole[:32_768] + wandb_framed([wandb_history(0, {"a": 1.0})])[7:])
    with pytest.raises(UserError, match="a part of a record is missing before byte 32,768"):
        only(tmp_path)


@pytest.mark.parametrize("left", range(9))
def test_a_block_with_no_room_for_a_frame_ends_in_zeros(tmp_path, left):
    """A record of the other kind, long enough that few bytes are left in the block."""
    filler = field(4, bytes(32_768 - 7 - 7 - 4 - left))
    write_wandb(tmp_path, filler, wandb_history(0, {"a": 1.0}), wandb_exit())
    assert (tmp_path / "run-id.wandb").stat().st_size > 32_768
    assert only(tmp_path).metrics == {"a": [1]}


def test_values_of_one_step_are_one_row_and_the_later_counts(tmp_path):
    rows = [wandb_history(3, {"a": 1.0, "b": 1.0}), wandb_history(3, {"a": 2.0, "c": 3.0})]
    write_wandb(tmp_path, *rows)
    assert only(tmp_path).metrics == {"a": [2], "b": [1], "c": [3]}
    assert repairs(only(tmp_path)) == {TWICE: 1}


def test_attempts_whose_steps_go_on_are_joined_without_an_epoch(tmp_path):
    write_wandb(
        tmp_path / FIRST, wandb_run({}, started=1), wandb_history(0, {"a": 1.0}), wandb_history(1, {"a": 2.0})
    )
    write_wandb(tmp_path / SECOND, wandb_run({}, started=2), wandb_history(2, {"a": 3.0}), wandb_exit(1))
    log = only(tmp_path)
    assert log.metrics == {"a": [1, 2, 3]}
    assert log.ended is False
    assert "the run ended with exit code 1." in log.notes


def test_attempts_whose_order_cannot_be_told_are_kept_apart(tmp_path):
    for day, folder in enumerate((FIRST, SECOND)):
        write_wandb(tmp_path / folder, wandb_run({}, started=day + 1), wandb_history(0, {"a": float(day)}))
    found = logs_of("wandb", READER, tmp_path)
    assert [log.metrics for log in found.values()] == [{"a": [0]}, {"a": [1]}]
    assert all(APART in log.notes for log in found.values())


def test_batches_of_an_epoch_that_was_trained_again_are_dropped(tmp_path):
    first = [{"loss": 1.0}, {"epoch": 1, "acc": 0.1}, {"loss": 2.0}, {"epoch": 2, "acc": 0.2}, {"loss": 3.0}]
    second = [{"loss": 4.0}, {"epoch": 2, "acc": 0.3}, {"loss": 5.0}, {"epoch": 3, "acc": 0.4}]
    for day, (folder, rows) in enumerate(((FIRST, first), (SECOND, second))):
        history = [wandb_history(step, row) for step, row in enumerate(rows)]
        write_wandb(tmp_path / folder, wandb_run({}, started=day + 1), *history)
    log = only(tmp_path)
    assert log.epoch == [None, 1, None, 2, None, 3]
    assert log.metrics == {"loss": [1, None, 4, None, 5, None], "acc": [None, 0.1, None, 0.3, None, 0.4]}
    assert repairs(log) == {AGAIN: 3}


def test_epochs_that_no_attempt_logged_are_told(tmp_path):
    for day, (folder, epochs) in enumerate(((FIRST, (0, 1)), (SECOND, (4, 5)))):
        history = [wandb_history(step, {"epoch": epoch, "a": 1.0}) for step, epoch in enumerate(epochs)]
        write_wandb(tmp_path / folder, wandb_run({}, started=day + 1), *history)
    assert only(tmp_path).epoch == [1, 2, 5, 6]
    assert GAP in only(tmp_path).notes


def test_equal_ids_in_two_projects_are_two_runs(tmp_path):
    for project, folder in (("p", FIRST), ("q", SECOND)):
        write_wandb(tmp_path / folder, wandb_run({}, project, started=1), wandb_history(0, {"a": 1.0}))
    assert len(logs_of("wandb", READER, tmp_path)) == 2


def test_a_copy_is_read_once_and_told_and_a_link_is_neither(tmp_path):
    write_wandb(tmp_path / FIRST, wandb_run({}, started=1), wandb_history(0, {"a": 1.0}))
    (tmp_path / "latest-run").symlink_to(FIRST)
    assert list(logs_of("wandb", READER, tmp_path)) == [FIRST]
    assert COPIES not in only(tmp_path).notes
    shutil.copytree(tmp_path / FIRST, tmp_path / SECOND)
    assert only(tmp_path).metrics == {"a": [1]}
    assert COPIES in only(tmp_path).notes


def test_files_in_a_folder_of_the_users_own_are_runs_by_their_names(tmp_path):
    for name in ("one", "two"):
        write_wandb(tmp_path, wandb_run({}), wandb_history(0, {"a": 1.0}), id=name)
    (tmp_path / "notes.wandb").write_text("none of W&B's")
    assert set(logs_of("wandb", READER, tmp_path)) == {"run-one.wandb", "run-two.wandb"}


def test_a_file_that_is_none_of_wandbs_is_refused(tmp_path):
    (tmp_path / "run-id.wandb").write_text("version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(UserError, match="does not begin as"):
        only(tmp_path)


@pytest.mark.parametrize(
    "record",
    [
        field(2, field(1, field(1, "a") + field(16, "{"))),
        field(2, field(1, field(1, "a") + field(16, "[" * 100_000))),
        field(2, field(1, field(1, "a") + field(16, "1"))),
        field(2, b"\x0a\xff"),
        field(17, field(1, b"\xff")),
        field(5, field(1, field(1, "a") + field(16, "1")))
        + field(5, field(1, field(2, "a") + field(2, "b") + field(16, "1"))),
    ],
)
def test_a_record_that_is_none_is_told(tmp_path, record):
    write_wandb(tmp_path, record)
    with pytest.raises(UserError, match="record 1 is no record of W&B"):
        only(tmp_path)


def test_two_values_with_one_name_are_told(tmp_path):
    written(tmp_path, {"a.b": 1, "a": {"b": 2}})
    with pytest.raises(UserError, match="step 0 is ambiguous"):
        only(tmp_path)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.binary(max_size=60), max_size=4), st.data())
def test_any_records_are_read_or_refused(tmp_path_factory, records, data):
    real = wandb_run({"lr": {"a": 1}}) + wandb_history(3, {"a": 1, "b": {"c": "NaN"}}) + wandb_exit(3)
    changed = bytearray(real)
    for _ in range(data.draw(st.integers(0, 3))):
        changed[data.draw(st.integers(0, len(real) - 1))] = data.draw(st.integers(0, 255))
    folder = tmp_path_factory.mktemp("any")
    path = write_wandb(folder, *records, real, bytes(changed))
    with contextlib.suppress(UserError):
        READER.join(READER.read(Unit(folder, (path,))))
    shutil.rmtree(folder)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(tmp_path_factory, content):
    folder = tmp_path_factory.mktemp("bytes")
    path = folder / "run-id.wandb"
    path.write_bytes(b":W&B\xe1\xbe\x00" + content)
    assert READER.find(Folder(folder))
    with contextlib.suppress(UserError):
        READER.read(Unit(folder, (path,)))
    shutil.rmtree(folder)
