"""TensorBoard events, held against what the writers were given, and their traps one by one."""

from __future__ import annotations

import contextlib
import math
import shutil
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from truth import FIXTURES, check_against_truth, logs_of, truth_of
from written import event, field, framed, hparams, scalar, start, tensor, write_events

from tinyexp.errors import UserError
from tinyexp.logs import series, tfalike, tfevents
from tinyexp.logs.folder import Folder, Unit
from tinyexp.logs.readers import tensorboard
from tinyexp.logs.readers.tensorboard import BESIDE, CUT, READER
from tinyexp.logs.rows import AGAIN, TWICE
from tinyexp.logs.series import NO_STEP, VOIDED

RUNS = truth_of("tensorboard")


@pytest.fixture(scope="module")
def real():
    return logs_of("tensorboard", READER)


def only(folder):
    """The one run below a folder."""
    (log,) = logs_of("tensorboard", READER, folder).values()
    return log


def rows(log):
    return {
        step: {name: column[place] for name, column in log.metrics.items() if column[place] is not None}
        for place, step in enumerate(log.step)
    }


def repairs(log):
    return {one.what: one.rows for one in log.repairs}


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run["run"])
def test_every_real_run_has_the_values_that_were_logged(real, run):
    check_against_truth(real[run["run"]], run, single=True)


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run["run"])
def test_rows_stand_at_the_steps_that_were_logged(real, run):
    assert real[run["run"]].step == sorted({row["step"] for row in run["rows"]})


@pytest.mark.parametrize("run", truth_of("tensorflow"), ids=lambda run: run["run"])
def test_every_real_run_of_tensorflow_and_keras_has_the_values_that_were_logged(run):
    log = only(FIXTURES / "tensorflow" / run["run"])
    check_against_truth(log, run, single=True)
    ends = [row["epoch"] for row in run["rows"] if row["epoch"] is not None]
    assert [epoch for epoch in log.epoch if epoch is not None] == ends
    assert repairs(log) == ({AGAIN: 4} if run["case"] == "resumed" else {})


def test_parts_of_a_run_are_no_runs_of_their_own(real):
    assert set(real) == {run["run"] for run in RUNS}


def test_double_precision_is_kept(real):
    (run,) = [run for run in RUNS if run["run"] == "mixed/run-0"]
    assert real["mixed/run-0"].metrics["acc/val"] == [row["values"]["acc/val"] for row in run["rows"]]


def test_settings_come_from_add_hparams_and_its_values_are_no_rows(real):
    log = real["runs/low_lr_seed1"]
    assert log.settings == {"lr": 0.02, "width": 8, "seed": 1, "opt": "sgd", "augment": 1}
    assert isinstance(log.settings["seed"], int)
    assert not any("hparam" in name for name in log.metrics)
    assert any("hparam/acc, hparam/loss" in note for note in log.notes)


def test_what_is_no_scalar_is_named(real):
    assert any("weights (histogram), notes/text_summary (text)" in note for note in real["mixed/run-0"].notes)


def test_repairs_of_killed_and_resumed_runs_are_told(real):
    assert repairs(real["cut/run-0"]) == {CUT: 1}
    assert repairs(real["overlap/run-0"]) == {AGAIN: 6}
    assert repairs(real["purged/run-0"]) == {VOIDED: 6}
    assert all(not real[run["run"]].repairs for run in RUNS if run["case"] == "finished")


def test_lightnings_epochs_are_those_completed_and_its_settings_are_read(real):
    log = real["lightning_logs/version_1"]
    assert [one for one in log.epoch if one] == [1, 2, 3, 4, 5]
    assert log.epoch[0] is None
    assert log.settings == {"lr": 0.2, "seed": 1}
    assert {"epoch", "hp_metric"}.isdisjoint(log.metrics)
    assert log.files[0].name == "hparams.yaml"


@pytest.mark.parametrize("at_once", [1, 2, 100])
def test_a_file_cut_at_any_byte_gives_the_whole_records_before(tmp_path, monkeypatch, at_once):
    monkeypatch.setattr(tfevents, "_AT_ONCE", at_once)
    content = write_events(
        tmp_path / "all", *(event(step, scalar("a", step)) for step in range(4))
    ).read_bytes()
    whole = [0]
    while whole[-1] < len(content):
        whole.append(whole[-1] + 16 + struct.unpack_from("<Q", content, whole[-1])[0])
    for length in range(len(content) + 1):
        (tmp_path / "events.out.tfevents.1").write_bytes(content[:length])
        (log,) = READER.read(Unit(tmp_path, (tmp_path / "events.out.tfevents.1",)))
        records = sum(end <= length for end in whole[1:])
        assert log.step == list(range(records - 1)) or records <= 1
        assert repairs(log) == ({} if length in whole else {CUT: 1})


def test_any_byte_that_was_changed_is_told(tmp_path):
    source = next((FIXTURES / "tensorboard" / "killed" / "run-0").iterdir())
    content = bytearray(source.read_bytes())
    path = tmp_path / "events.out.tfevents.1"
    for place in range(len(content)):
        content[place] ^= 1 << place % 8
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"tfevents\.1: record .* does not fit its checksum"):
            READER.read(Unit(tmp_path, (path,)))
        content[place] ^= 1 << place % 8


def test_zeros_that_a_file_system_left_at_the_end_are_a_cut(tmp_path):
    path = write_events(tmp_path, event(1, scalar("a", 1)))
    path.write_bytes(path.read_bytes() + bytes(300))
    assert rows(only(tmp_path)) == {1: {"a": 1}}
    assert repairs(only(tmp_path)) == {CUT: 1}


def test_files_count_in_the_order_of_their_seconds_not_of_their_names(tmp_path):
    write_events(tmp_path, event(1, scalar("a", 0.5), wall=20), stamp=10_000, wall=20)
    write_events(tmp_path, event(1, scalar("a", 0.25), wall=10), stamp=9_999, wall=10)
    assert rows(only(tmp_path)) == {1: {"a": 0.5}}
    assert repairs(only(tmp_path)) == {TWICE: 1}


def test_what_an_earlier_attempt_logged_behind_the_checkpoint_is_dropped(tmp_path):
    """The later attempt was killed before it came as far, and logs at other steps."""
    first = [event(step, scalar("loss", step), wall=step) for step in (10, 20, 30, 40)]
    write_events(tmp_path, *first, event(40, scalar("acc", 40), wall=40.5))
    write_events(
        tmp_path, *(event(step, scalar("loss", -step), wall=100 + step) for step in (25, 35)), wall=100
    )
    assert rows(only(tmp_path)) == {10: {"loss": 10}, 20: {"loss": 20}, 25: {"loss": -25}, 35: {"loss": -35}}
    assert repairs(only(tmp_path)) == {AGAIN: 2}


def test_steps_that_count_something_else_lose_nothing_to_a_resume(tmp_path):
    """Batches and epochs in one file: what the later attempt logged is all there, and earlier epochs too."""
    first = [event(batch, scalar("loss", batch), wall=batch) for batch in range(1, 31)]
    first += [event(epoch, scalar("acc", epoch), wall=10 * epoch + 0.5) for epoch in (1, 2, 3)]
    second = [event(batch, scalar("loss", -batch), wall=100 + batch) for batch in range(21, 41)]
    second += [event(epoch, scalar("acc", -epoch), wall=100 + 10 * epoch + 0.5) for epoch in (3, 4)]
    write_events(tmp_path, *sorted(first, key=lambda one: one[1:9][::-1]))
    write_events(tmp_path, *sorted(second, key=lambda one: one[1:9][::-1]), wall=100)
    log = only(tmp_path)
    assert [(step, value) for step, value in zip(log.step, log.metrics["acc"], strict=True) if value] == [
        (1, 1),
        (2, 2),
        (3, -3),
        (4, -4),
    ]
    assert [value for value in log.metrics["loss"] if value] == [*range(1, 21), *range(-21, -41, -1)]


def test_a_resume_that_goes_on_from_the_end_drops_nothing(tmp_path):
    write_events(tmp_path, event(1, scalar("a", 1), wall=1), event(2, scalar("a", 2), wall=2))
    write_events(tmp_path, event(3, scalar("a", 3), wall=12), wall=11)
    assert rows(only(tmp_path)) == {1: {"a": 1}, 2: {"a": 2}, 3: {"a": 3}}
    assert only(tmp_path).repairs == ()


def test_a_session_start_in_mid_file_voids_what_stands_before(tmp_path):
    values = [event(step, scalar("a", step), wall=step) for step in (1, 2, 3)]
    write_events(tmp_path, *values, start(2, wall=4), event(2, scalar("a", 9), wall=5))
    assert rows(only(tmp_path)) == {1: {"a": 1}, 2: {"a": 9}}
    assert repairs(only(tmp_path)) == {VOIDED: 2}


def test_of_several_session_starts_the_earliest_step_counts(tmp_path):
    values = [event(step, scalar("a", step), wall=step) for step in (1, 2, 3)]
    write_events(tmp_path, *values, start(2, wall=4), start(9, wall=4), event(9, scalar("a", 9), wall=5))
    assert rows(only(tmp_path)) == {1: {"a": 1}, 9: {"a": 9}}


def test_a_value_logged_twice_alike_is_no_repair(tmp_path):
    write_events(
        tmp_path,
        *(event(1, scalar(tag, value)) for tag, value in (("a", 1), ("b", math.nan)) for _ in range(2)),
    )
    assert only(tmp_path).repairs == ()
    assert only(tmp_path).metrics["a"] == [1]


def test_files_written_at_the_same_time_are_no_attempts_and_told(tmp_path):
    """Two writers of one folder, as of two processes."""
    write_events(tmp_path, *(event(step, scalar("a", step), wall=step) for step in (1, 2, 3)), stamp=1)
    write_events(tmp_path, event(1, scalar("a", 9), wall=2), stamp=2, wall=2)
    log = only(tmp_path)
    assert rows(log) == {1: {"a": 9}, 2: {"a": 2}, 3: {"a": 3}}
    assert repairs(log) == {TWICE: 1}
    assert BESIDE in log.notes


def test_values_without_a_step_are_all_kept_in_their_order(tmp_path):
    write_events(tmp_path, *(event(0, scalar("a", value)) for value in (3, 1, 2)), event(0, scalar("b", 5)))
    log = only(tmp_path)
    assert log.metrics == {"b": [5, None, None, None], "a": [None, 3, 1, 2]}
    assert NO_STEP in log.notes


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (field(1, 1) + field(4, struct.pack("<f", 0.1)), struct.unpack("<f", struct.pack("<f", 0.1))[0]),
        (field(1, 2) + field(4, struct.pack("<d", 0.1)), 0.1),
        (field(1, 19) + field(4, struct.pack("<e", 0.1)), 0.0999755859375),
        (field(1, 14) + field(4, struct.pack("<H", 0x3DCD)), 0.10009765625),
        (field(1, 3) + field(4, struct.pack("<i", -7)), -7),
        (field(1, 9) + field(4, struct.pack("<q", -7)), -7),
        (field(1, 1) + field(5, struct.pack("<f", 0.5)), 0.5),
        (field(1, 1) + field(5, 0.5, single=True), 0.5),
        (field(1, 2) + field(6, 0.1), 0.1),
        (field(1, 2) + field(2, field(2, field(1, 1))) + field(6, 0.1), 0.1),
        (field(1, 19) + field(13, b"\x80\x70"), 0.5),
        (field(1, 14) + field(13, 0x3F00), 0.5),
        (field(1, 3) + field(7, -7), -7),
        (field(1, 9) + field(10, b"\x07"), 7),
        (field(1, 10) + field(11, 1), 1),
        (field(1, 22) + field(16, 2**32 - 1), 2**32 - 1),
        (field(1, 1), 0),
    ],
)
def test_a_number_is_read_in_every_form_that_tensors_have(tmp_path, content, value):
    """Twice, as the second one is recognised by the first."""
    write_events(tmp_path, event(1, tensor("a", content)), event(2, tensor("a", content)))
    assert only(tmp_path).metrics == {"a": [value, value]}


def test_a_tensor_of_several_elements_is_no_scalar(tmp_path):
    several = field(1, 1) + field(2, field(2, field(1, 2))) + field(4, bytes(8))
    write_events(
        tmp_path, event(1, tensor("a", several), tensor("b", field(1, 7) + field(8, "x")), scalar("c", 1))
    )
    assert list(only(tmp_path).metrics) == ["c"]
    assert any("a (scalars), b (scalars)" in note for note in only(tmp_path).notes)


def test_what_is_for_another_plugin_is_no_scalar_though_it_is_said_but_once(tmp_path):
    one = field(1, 1) + field(5, 0.5, single=True)
    write_events(
        tmp_path,
        event(1, tensor("a", one, "curves")),
        event(2, tensor("a", one, "")),
        event(3, tensor("b", one, "")),
    )
    assert only(tmp_path).metrics == {"b": [0.5]}
    assert any("a (curves)" in note for note in only(tmp_path).notes)


def test_numbers_of_equal_bytes_around_them_are_kept_apart_by_tag(tmp_path):
    values = [
        event(step, scalar(tag, step), tensor(tag * 2, field(1, 2) + field(6, step / 3)))
        for step in range(1, 5)
        for tag in "ab"
    ]
    write_events(tmp_path, *values)
    log = only(tmp_path)
    assert log.metrics["a"] == log.metrics["b"] == [1, 2, 3, 4]
    assert log.metrics["aa"] == log.metrics["bb"] == [1 / 3, 2 / 3, 1, 4 / 3]


@pytest.mark.parametrize(("number", "kind"), [(3, "histogram"), (4, "image"), (5, "histogram"), (6, "audio")])
def test_what_is_no_number_is_told_by_its_kind_also_where_no_plugin_is_named(tmp_path, number, kind):
    write_events(tmp_path, event(1, scalar("a", 1), field(1, "seen") + field(number, field(1, 1.0))))
    assert any(f"seen ({kind})" in note for note in only(tmp_path).notes)


def many(count):
    """Records of several kinds, mixed, some of equal length though of other tags, places and types."""
    histogram = field(1, "h") + field(5, field(1, 1.0))
    for step in range(count):
        for tag in ("a", "b", "longer"):
            yield event(step, scalar(tag, step / 7), wall=step)
        yield event(step, tensor("t", field(1, 2) + field(6, step / 3)), wall=step)
        yield event(-step, tensor("n", field(1, 1) + field(4, struct.pack("<f", step))), wall=step)
        yield event(step << 50, scalar("s", step), scalar("two", step), wall=step)
        yield event(step, tensor("u", field(1, 2) + field(6, step / 3), ""), wall=step)
        yield event(step, histogram, wall=step)
        yield event(step, field(1, "i" * (step % 5)) + field(2, 1.5, single=True), wall=step)


def test_what_is_read_side_by_side_is_what_is_read_one_by_one(tmp_path, monkeypatch):
    path = write_events(tmp_path, *many(200))
    side_by_side = tfevents.read_events(path)
    monkeypatch.setattr(tfalike, "_FEWEST", 10**9)
    one_by_one = tfevents.read_events(path)
    assert side_by_side.others == one_by_one.others == {"h": "histogram"}
    (ours,), (theirs,) = side_by_side.attempts, one_by_one.attempts
    assert ours.series.keys() == theirs.series.keys()
    for name, values in ours.series.items():
        for column, other in zip(values, theirs.series[name], strict=True):
            assert column.tolist() == other.tolist(), name
    assert ours.series["t"].values.tolist() == [step / 3 for step in range(200)]
    assert ours.series["n"].steps.tolist() == [-step for step in range(200)]


def test_records_that_differ_where_anothers_number_stands_are_not_mixed_up(tmp_path, monkeypatch):
    """One kind has its tag where the other has its number; and hashes may be equal by chance."""
    values = []
    for step in range(1, 100):
        values += [event(step, scalar("some/tag", step))]
        values += [event(step, field(2, 0.5, single=True) + field(1, f"tag/{name * 4}")) for name in "ab"]
    write_events(tmp_path, *values)
    for hashes in (tfalike._hashes, lambda frames: np.zeros(len(frames), dtype=np.int64)):
        monkeypatch.setattr(tfalike, "_hashes", hashes)
        log = only(tmp_path)
        assert log.metrics == {
            "some/tag": list(range(1, 100)),
            "tag/aaaa": [0.5] * 99,
            "tag/bbbb": [0.5] * 99,
        }


def test_most_records_are_read_side_by_side(tmp_path, monkeypatch):
    singles = []
    parse = tfevents.value_in
    path = write_events(
        tmp_path, *(event(step, scalar(tag, step)) for step in range(300) for tag in ("a", "b"))
    )
    monkeypatch.setattr(tfevents, "value_in", lambda body: singles.append(body) or parse(body))
    tfevents.read_events(path)
    assert len(singles) < 40


def test_negative_and_large_steps_are_as_logged(tmp_path):
    write_events(tmp_path, *(event(step, scalar("a", 1)) for step in (-1, 2**40)))
    assert only(tmp_path).step == [-1, 2**40]


def test_kerass_epochs_are_counted_from_one_and_kept_from_batches(tmp_path):
    loss = field(1, 1) + field(4, struct.pack("<f", 0.5))
    for part in ("train", "validation"):
        write_events(tmp_path / part, *(event(epoch, tensor("epoch_loss", loss)) for epoch in range(3)))
    write_events(tmp_path / "train", *(event(batch, tensor("batch_loss", loss)) for batch in range(1, 4)))
    log = only(tmp_path)
    assert log.epoch == [1, 2, 3, None, None, None]
    assert log.step == [0, 1, 2, 1, 2, 3]
    assert log.metrics["validation/epoch_loss"] == [0.5, 0.5, 0.5, None, None, None]
    assert log.metrics["train/batch_loss"] == [None, None, None, 0.5, 0.5, 0.5]


def test_a_folder_named_test_among_other_runs_is_a_run(tmp_path):
    for name in ("test", "first", "second"):
        write_events(tmp_path / name, event(1, scalar("a", 1)))
    assert set(logs_of("tensorboard", READER, tmp_path)) == {"test", "first", "second"}


def test_runs_below_a_run_are_runs_of_their_own_and_told(tmp_path):
    for name in (".", "first", "second"):
        write_events(tmp_path / name, event(1, scalar("a", 1)))
    found = logs_of("tensorboard", READER, tmp_path)
    assert set(found) == {".", "first", "second"}
    assert any("runs of their own: first, second" in note for note in found["."].notes)


def test_runs_with_hparams_of_tensorflow_are_no_parts_of_the_sweeps_folder(tmp_path):
    """TensorFlow writes the sweep's domains above, and into each run its settings beside its values."""
    write_events(tmp_path, hparams({}))
    told = field(1, "_hparams_/session_start_info") + field(
        9, field(1, field(1, "hparams") + field(2, field(3, b"")))
    )
    for name in ("run-0", "run-1"):
        write_events(tmp_path / name, event(0, told), event(1, scalar("a", 1)))
    assert {"run-0", "run-1"} <= set(logs_of("tensorboard", READER, tmp_path))


def test_curves_of_add_scalars_are_found_as_torch_and_tensorboardx_lay_them_out(tmp_path):
    write_events(tmp_path, event(1, scalar("acc", 1)))
    for name in ("loss_all_train", "loss/all/val"):
        write_events(tmp_path / name, event(1, scalar("loss/all", 2)))
    assert set(only(tmp_path).metrics) == {"acc", "loss_all_train/loss/all", "loss/all/val/loss/all"}


def test_two_folders_with_one_full_name_are_both_kept(tmp_path):
    write_events(tmp_path, event(1, scalar("train/loss", 1)))
    write_events(tmp_path / "train", event(1, scalar("loss", 2)))
    log = only(tmp_path)
    assert sorted(column[0] for column in log.metrics.values()) == [1, 2]
    assert any("two folders of the run have train/loss" in note for note in log.notes)


def test_a_run_of_add_hparams_alone_keeps_its_values(tmp_path):
    write_events(
        tmp_path / "alone", hparams({"lr": 0.1, "seed": 3, "flip": True}), event(0, scalar("acc", 0.5))
    )
    assert only(tmp_path).metrics == {"acc": [0.5]}
    assert only(tmp_path).settings == {"lr": 0.1, "seed": 3, "flip": True}


def test_settings_that_cannot_be_read_cost_no_run(tmp_path):
    write_events(tmp_path, event(1, scalar("a", 1)))
    (tmp_path / "hparams.yaml").write_text("a: [1\n")
    assert only(tmp_path).metrics == {"a": [1]}
    assert any("hparams.yaml" in note for note in only(tmp_path).notes)


def test_an_empty_file_is_told(tmp_path):
    (tmp_path / "events.out.tfevents.1.host").touch()
    assert only(tmp_path).epoch == []
    assert "event files that hold nothing: 1." in only(tmp_path).notes


def test_other_files_are_not_claimed(tmp_path):
    for name in ("metrics.csv", "events.csv", "events.out.tfevents.1.host.profile-empty"):
        (tmp_path / name).write_text("epoch,loss\n1,2\n")
    assert READER.find(Folder(tmp_path)) == []
    assert READER.find(Folder(tmp_path / "missing")) == []


def test_a_table_too_large_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(series, "MAX_CELLS", 20)
    write_events(tmp_path, *(event(step, scalar(f"tag{step}", 1)) for step in range(10)))
    with pytest.raises(UserError, match="more than one table can have"):
        only(tmp_path)


def test_a_summary_that_is_none_is_told_with_its_record(tmp_path):
    write_events(tmp_path, event(1, scalar("a", 1)), field(1, 1.0) + field(5, b"\x0a\x7fabc"))
    with pytest.raises(UserError, match="record 3 is no TensorBoard event"):
        only(tmp_path)


def test_more_sessions_than_any_run_has_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("tinyexp.logs.tfevents.MAX_SESSIONS", 3)
    write_events(
        tmp_path, *(one for place in range(5) for one in (start(9, 1), event(place, scalar("a", 1))))
    )
    with pytest.raises(UserError, match="more than 3 sessions"):
        only(tmp_path)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.binary(max_size=60), max_size=4), st.data())
def test_any_records_are_read_or_refused(tmp_path_factory, records, data):
    """Well framed, with anything in them, and a real one with some bytes changed."""
    real = event(3, scalar("tag", 1), tensor("b", field(1, 2) + field(6, 0.1)), wall=5) + field(
        7, field(1, 1)
    )
    changed = bytearray(real)
    for _ in range(data.draw(st.integers(0, 3))):
        changed[data.draw(st.integers(0, len(real) - 1))] = data.draw(st.integers(0, 255))
    folder = tmp_path_factory.mktemp("any")
    path = folder / "events.out.tfevents.1"
    path.write_bytes(framed([*records, real, bytes(changed)]))
    with contextlib.suppress(UserError):
        READER.read(Unit(folder, (path,)))
    shutil.rmtree(folder)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(tmp_path_factory, content):
    folder = tmp_path_factory.mktemp("bytes")
    path = folder / "events.out.tfevents.1"
    path.write_bytes(content)
    assert READER.find(Folder(folder))
    with contextlib.suppress(UserError):
        READER.read(Unit(folder, (path,)))
    shutil.rmtree(folder)


def test_names_of_parts_are_literal():
    assert {"train", "val", "validation", "eval", "test"} <= tensorboard.PARTS
