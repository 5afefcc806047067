"""A checkpoint is whole or refused, holds no code, and the last two are kept."""

import hashlib
import pickle

import pytest
import torch
from lightning_fabric.plugins import MixedPrecision

from tinyexp.errors import DamagedError, TinyexpError
from tinyexp.trainers.vision.columns import METRIC_COLUMNS
from tinyexp.trainers.vision.training.checkpoint import (
    checkpoints,
    load_checkpoint,
    load_latest,
    save_checkpoint,
)
from tinyexp.trainers.vision.training.peak import PeakMemory
from tinyexp.trainers.vision.training.state import Totals, TrainingState


def test_what_was_saved_is_loaded(tmp_path):
    path = save_checkpoint(tmp_path, {"weights": torch.arange(3.0), "rows": [{"loss": 0.1}]}, epoch=2, step=5)
    state = load_checkpoint(path)
    assert torch.equal(state["weights"], torch.arange(3.0))
    assert state["rows"] == [{"loss": 0.1}]


def test_the_last_two_are_kept_in_the_order_of_training(tmp_path):
    for epoch, step in [(1, 9), (1, 10), (2, 0), (10, 0)]:
        save_checkpoint(tmp_path, {"at": (epoch, step)}, epoch=epoch, step=step)
    assert [load_checkpoint(path)["at"] for path in checkpoints(tmp_path)] == [(2, 0), (10, 0)]
    assert not list(tmp_path.glob(".*"))


def test_a_file_that_only_is_called_as_checkpoints_are_is_never_deleted_and_counts_for_none(tmp_path):
    foreign = {f"epoch-{epoch:06d}-step-00000001.ckpt": b"mine, %d" % epoch for epoch in (0, 3, 999999)}
    for name, content in foreign.items():
        (tmp_path / name).write_bytes(content)
    for epoch in range(1, 6):
        save_checkpoint(tmp_path, {"at": epoch}, epoch=epoch, step=0)
    ours = [path for path in checkpoints(tmp_path) if path.name not in foreign]
    assert [load_checkpoint(path)["at"] for path in ours] == [4, 5]
    assert {name: (tmp_path / name).read_bytes() for name in foreign} == foreign


def test_a_checkpoint_that_is_set_aside_as_damaged_never_takes_the_place_of_an_earlier_one(tmp_path):
    save_checkpoint(tmp_path, {"at": 1}, epoch=1, step=0)
    name = "epoch-000002-step-00000000.ckpt"
    warned = []
    for content in (b"first", b"second", b"third"):
        (tmp_path / name).write_bytes(content)
        assert load_latest(tmp_path, warned.append) == {"at": 1}
    aside = [f"{name}.damaged", f"{name}.damaged-2", f"{name}.damaged-3"]
    assert [(tmp_path / other).read_bytes() for other in aside] == [b"first", b"second", b"third"]
    assert [f"set aside as {other};" in said for other, said in zip(aside, warned, strict=True)] == [True] * 3


def test_a_stranger_that_is_called_damaged_does_not_stop_a_run_that_never_began(tmp_path):
    (tmp_path / "notes.damaged").write_text("mine")
    assert load_latest(tmp_path, print) is None


class Malicious:
    def __reduce__(self):
        return print, ("this must never run",)


@pytest.mark.parametrize("content", [pickle.dumps(Malicious()), b"", b"tinyexp-checkpoint-1 \n"])
def test_a_file_that_is_none_of_ours_is_refused(tmp_path, content):
    path = tmp_path / "epoch-000001-step-00000000.ckpt"
    path.write_bytes(content)
    with pytest.raises(DamagedError, match="truncated or damaged"):
        load_checkpoint(path)


def test_a_pickle_is_not_executed_even_under_a_right_digest(tmp_path, capsys):
    import io

    buffer = io.BytesIO()
    torch.save({"model": Malicious()}, buffer)
    body = buffer.getvalue()
    path = tmp_path / "epoch-000001-step-00000000.ckpt"
    path.write_bytes(b"tinyexp-checkpoint-1 " + hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
    with pytest.raises(DamagedError, match="is not a checkpoint of ours"):
        load_checkpoint(path)
    assert "never run" not in capsys.readouterr().out


def test_without_checkpoints_there_is_nothing_to_resume(tmp_path):
    assert load_latest(tmp_path / "checkpoints", print) is None


@pytest.mark.parametrize("place", range(0, 2000, 97))
def test_any_flipped_bit_is_noticed(tmp_path, place):
    path = save_checkpoint(tmp_path, {"weights": torch.arange(300.0)}, epoch=1, step=0)
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    with pytest.raises(DamagedError):
        load_checkpoint(path)


def signed(path, body):
    """A checkpoint of any content under its right digest."""
    path.write_bytes(b"tinyexp-checkpoint-1 " + hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
    return path


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize(
    "body", [b"\x80", b"J", b"t", b"\x85", b"\x80\x02t.", b"Q", b"0", b"\x80?", b"PK\x03\x04"]
)
def test_whatever_torchs_unpickler_runs_into_is_a_damaged_checkpoint(tmp_path, body):
    path = signed(tmp_path / "epoch-000001-step-00000000.ckpt", body)
    with pytest.raises(DamagedError, match="is not a checkpoint of ours"):
        load_checkpoint(path)


def test_a_checkpoint_that_memory_does_not_suffice_for_is_no_damaged_one(tmp_path, monkeypatch):
    path = save_checkpoint(tmp_path, {"weights": torch.arange(3.0)}, epoch=1, step=0)

    def full(*_, **__):
        raise MemoryError

    monkeypatch.setattr(torch, "load", full)
    with pytest.raises(TinyexpError, match="not enough memory") as caught:
        load_latest(tmp_path, print)
    assert not isinstance(caught.value, DamagedError)
    assert path.exists()


@pytest.fixture(scope="module")
def state():
    return small_state().to_checkpoint()


def small_state():
    model = torch.nn.Linear(2, 2)
    state = TrainingState(
        model, torch.optim.SGD(model.parameters(), lr=0.1), Totals.on(torch.device("cpu")), PeakMemory("cpu")
    )
    state.rows = [dict.fromkeys(METRIC_COLUMNS, 0.5)]
    return state


def test_a_state_is_taken_over_from_its_checkpoint(state, tmp_path):
    new = small_state()
    new.restore(state, tmp_path)
    assert new.rows == state["rows"]


@pytest.mark.parametrize(
    "key",
    ["model", "optimizer", "precision", "position", "totals", "rows", "timings", "predictions", "train_s"],
)
@pytest.mark.parametrize(
    "value",
    [None, 5, "x", [], {}, [5], {"a": 5}, [{}], float("nan"), torch.zeros(2), torch.zeros(3, 2)],
    ids=repr,
)
def test_a_state_with_another_value_anywhere_is_refused_by_name_or_is_of_the_same_form(
    state, tmp_path, key, value
):
    allowed = {
        "precision": [{}],
        "rows": [[]],
        "timings": [[]],
        "predictions": [{}],
        "train_s": [value] if isinstance(value, float) else [],
    }
    if not isinstance(value, torch.Tensor) and value in allowed.get(key, []):
        return
    with pytest.raises(DamagedError, match=f"{tmp_path}: the checkpoint does not fit this run"):
        small_state().restore({**state, key: value}, tmp_path)


def scaled(scale):
    """A state in half precision, whose loss is scaled."""
    scaler = torch.amp.GradScaler("cpu", init_scale=scale)
    state = small_state()
    state.precision = MixedPrecision("16-mixed", "cpu", scaler)
    return state


def test_the_scale_of_the_loss_is_taken_over(tmp_path):
    """It goes by the gradients of earlier steps: begun anew, the next steps would have other bits."""
    checkpoint, new = scaled(128.0).to_checkpoint(), scaled(65536.0)
    new.restore(checkpoint, tmp_path)
    assert new.precision.scaler.get_scale() == 128.0
    for other in ({}, checkpoint["precision"] | {"scale": float("nan")}):
        with pytest.raises(DamagedError, match="does not fit this run"):
            scaled(1.0).restore(checkpoint | {"precision": other}, tmp_path)


@pytest.mark.parametrize("cell", ["=1+1", b"x", [1], torch.zeros(3), True])
def test_a_row_holds_numbers_alone(state, tmp_path, cell):
    rows = [{**state["rows"][0], "test_accuracy": cell}]
    with pytest.raises(DamagedError, match="its rows are not of this version"):
        small_state().restore({**state, "rows": rows}, tmp_path)
