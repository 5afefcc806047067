"""Files are whole or absent, and what cannot be written is said with what was needed."""

import errno
import hashlib
import os
import stat

import pytest
from click.testing import CliRunner
from moments import at_each_instruction

from tinyexp import files
from tinyexp.cli import main
from tinyexp.errors import TinyexpError, nearest, unknown
from tinyexp.files import json_text, read_json, sha256_of_file, write_bytes, write_text
from tinyexp.ownership import read_mark, room_beside
from tinyexp.processor import processors


def test_what_is_written_replaces_what_was_there_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "new" / "file.txt"
    write_text(path, "one\n")
    write_text(path, "two\n")
    assert path.read_bytes() == b"two\n"
    assert [entry.name for entry in path.parent.iterdir()] == ["file.txt"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~_umask()


def test_a_write_that_fails_leaves_the_old_content_and_no_temporary_file(tmp_path, monkeypatch):
    path = tmp_path / "file.txt"
    write_text(path, "old")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(
        TinyexpError, match=r"cannot be written \(No space left on device\); 3 bytes were needed"
    ):
        write_text(path, "new")
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file.txt"]


@pytest.mark.filterwarnings(
    "ignore:unclosed file:ResourceWarning"
)  # it is closed as what the signal raised passes
def test_a_signal_at_any_moment_leaves_the_old_content_or_the_new_and_nothing_else(tmp_path):
    path = tmp_path / "file.txt"
    write_text(path, "old")
    found = []
    for moment in at_each_instruction(files.__file__, lambda: write_text(path, "new")):
        assert [entry.name for entry in tmp_path.iterdir()] == ["file.txt"], f"at instruction {moment}"
        found.append(path.read_text())
        write_text(path, "old")
    assert set(found) == {"old", "new"}
    assert path.read_text() == "new"


def test_a_place_that_cannot_be_written_to_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(TinyexpError, match="file/below: cannot be written"):
        write_bytes(tmp_path / "file" / "below", b"x")


def test_equal_values_are_equal_json(tmp_path):
    write_text(tmp_path / "a.json", json_text({"b": 1, "a": [0.1, "ü"]}))
    assert (tmp_path / "a.json").read_text() == json_text({"a": [0.1, "ü"], "b": 1})
    assert read_json(tmp_path / "a.json") == {"a": [0.1, "ü"], "b": 1}
    with pytest.raises(ValueError, match="Out of range float"):
        json_text({"loss": float("nan")})


def test_json_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "a.json").write_text("{")
    for name in ("a.json", "missing.json"):
        with pytest.raises(TinyexpError, match=name):
            read_json(tmp_path / name)


def test_the_digest_is_that_of_the_content(tmp_path):
    content = bytes(range(256)) * 5000
    (tmp_path / "file").write_bytes(content)
    assert sha256_of_file(tmp_path / "file") == hashlib.sha256(content).hexdigest()


def test_an_unknown_name_is_told_with_the_known_ones_and_the_nearest():
    said = str(unknown("here", "colour", "gren", ["red", "green"]))
    assert said == "here: unknown colour 'gren'. Known: red, green. Did you mean 'green'?"
    assert nearest("zzz", ["red"]) == ""


def _umask():
    current = os.umask(0)
    os.umask(current)
    return current


@pytest.mark.parametrize("code", [errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL])
def test_a_disk_that_knows_no_rights_and_flushes_no_folders_is_written_to(tmp_path, monkeypatch, code):
    """As FAT, network and user-space file systems are; a call that is only better made is no reason to stop."""
    flush = os.fsync

    def refuse(*_, **__):
        raise OSError(code, os.strerror(code))

    def of_files_alone(handle):
        refuse() if stat.S_ISDIR(os.fstat(handle).st_mode) else flush(handle)

    monkeypatch.setattr(os, "chmod", refuse)
    monkeypatch.setattr(os, "fsync", of_files_alone)
    write_text(tmp_path / "file.txt", "new")
    assert (tmp_path / "file.txt").read_text() == "new"
    with room_beside(tmp_path / "target", "report") as room:
        assert read_mark(room, "report", "target")


def test_a_disk_that_fails_at_flushing_a_folder_is_an_error(tmp_path, monkeypatch):
    def fail(handle):
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(TinyexpError, match="Input/output error"):
        write_text(tmp_path / "file.txt", "new")


def test_a_system_that_does_not_say_which_processors_a_process_may_use_is_asked_for_all(monkeypatch):
    """A Mac, where nothing could be planned or trained."""
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    assert processors() == 7
    told = CliRunner().invoke(main, ["plan", "larger-images", "--profile", "embedded"])
    assert told.exit_code == 0, told.output
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert processors() == 1
