"""A checkpoint is whole or refused, holds no code, and the last two are kept."""

import hashlib
import pickle

import pytest
import torch

from tinyexp.errors import DamagedError
from tinyexp.training.checkpoint import checkpoints, load_checkpoint, load_latest, save_checkpoint


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
