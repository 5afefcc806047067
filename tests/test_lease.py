"""A lease is one machine's at a time, and outlives no dead one."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest
import warm
from refusals import refuse

from tinyexp import lease
from tinyexp.errors import LockedError
from tinyexp.files import read_bounded
from tinyexp.lease import NAME, holder_elsewhere, leased
from tinyexp.runs.folder import RunFolder
from tinyexp.runs.holder import holder_of, is_abandoned
from tinyexp.trainers.owned import owned

KILLED = """
import os, signal, sys
from pathlib import Path
from tinyexp.lease import leased
with leased(Path(sys.argv[1])):
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    for name, value in {"TOUCH_S": 0.02, "STALE_S": 0.4, "_LOOK_S": 0.01}.items():
        monkeypatch.setattr(lease, name, value)


def of_another_machine(folder: Path, **other: object) -> Path:
    told = {"machine": "elsewhere", "host": "node7", "process": 4711, "token": "0" * 16} | other
    (folder / NAME).write_text(json.dumps(told))
    return folder / NAME


def test_it_is_there_while_it_is_held_and_gone_afterwards(tmp_path):
    with leased(tmp_path):
        told = json.loads((tmp_path / NAME).read_text())
        assert (told["process"], told["machine"]) == (os.getpid(), lease.machine())
    assert list(tmp_path.iterdir()) == []


def test_it_goes_also_where_it_cannot_be_read_any_more(tmp_path, monkeypatch):
    with leased(tmp_path):
        refuse(monkeypatch, tmp_path / NAME, errno.EIO)
    assert list(tmp_path.iterdir()) == []


def test_one_of_somebody_else_in_its_place_is_left(tmp_path):
    with leased(tmp_path):
        (tmp_path / NAME).unlink()
        path = of_another_machine(tmp_path)
    assert "node7" in path.read_text()


def test_one_that_cannot_be_read_is_an_error_and_not_waited_for(tmp_path, monkeypatch):
    def refused(*_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    of_another_machine(tmp_path)
    monkeypatch.setattr(lease, "STALE_S", 5.0)
    monkeypatch.setattr(lease, "read_bounded", refused)
    begun = time.monotonic()
    with pytest.raises(OSError, match="Input/output"), leased(tmp_path):
        pass
    assert time.monotonic() - begun < 4


def test_one_that_cannot_be_written_whole_is_no_lease(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"), leased(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_it_is_touched_while_it_is_held_however_long_a_step_takes(tmp_path):
    with leased(tmp_path):
        os.utime(tmp_path / NAME, (0, 0))
        deadline = time.monotonic() + 10
        while (tmp_path / NAME).stat().st_mtime == 0 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert time.time() - (tmp_path / NAME).stat().st_mtime < 60


def test_one_that_another_machine_touches_is_left_to_it_and_named(tmp_path):
    path, ended = of_another_machine(tmp_path), threading.Event()
    before = path.read_bytes()
    toucher = threading.Thread(target=lease._keep_touching, args=(path, ended))
    toucher.start()
    try:
        with pytest.raises(LockedError, match=r"is being trained by process 4711 on node7\. Wait for it"):
            leased(tmp_path).__enter__()
        assert holder_elsewhere(tmp_path) == "process 4711 on node7"
    finally:
        ended.set()
        toucher.join()
    assert path.read_bytes() == before


def test_one_that_nobody_touches_any_more_is_taken_over_after_a_while_of_watching(tmp_path):
    of_another_machine(tmp_path)
    begun = time.monotonic()
    with leased(tmp_path):
        assert time.monotonic() - begun > 0.4
        assert json.loads((tmp_path / NAME).read_text())["process"] == os.getpid()
    assert list(tmp_path.iterdir()) == []


def test_an_old_one_is_taken_over_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(lease, "STALE_S", 1000.0)
    path = of_another_machine(tmp_path)
    os.utime(path, (time.time() - 2 * lease.OLD_S,) * 2)
    assert holder_elsewhere(tmp_path) == ""
    with leased(tmp_path):
        pass


def test_that_of_a_killed_process_of_this_machine_holds_nobody_up(tmp_path, monkeypatch):
    monkeypatch.setattr("tinyexp.lease.time.sleep", lambda _: pytest.fail("it was waited for"))
    ended = warm.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert (tmp_path / NAME).exists()
    with leased(tmp_path):
        pass


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'{"machine": 1, "more": 2}', b"\xff" * 10_000])
def test_one_that_says_nothing_is_taken_over_after_a_while(tmp_path, content):
    (tmp_path / NAME).write_bytes(content)
    with leased(tmp_path):
        assert json.loads((tmp_path / NAME).read_text())["process"] == os.getpid()


def test_a_fresh_one_is_never_removed_in_place_of_the_stale_one_that_was_seen(tmp_path):
    path = of_another_machine(tmp_path)
    stale = lease._seen(path)
    of_another_machine(tmp_path, token="1" * 16)
    lease._put_out_of_the_way(path, stale)
    assert lease._holder(path).token == "1" * 16
    assert [one.name for one in tmp_path.iterdir()] == [NAME]


def test_a_mark_that_a_killed_process_left_does_not_keep_a_stale_lease(tmp_path, monkeypatch):
    path = of_another_machine(tmp_path)
    stale = lease._seen(path)
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        lease._put_out_of_the_way(path, stale)
    monkeypatch.undo()
    monkeypatch.setattr(lease, "STALE_S", 0.2)
    monkeypatch.setattr(lease, "_LOOK_S", 0.01)
    assert len(list(tmp_path.iterdir())) == 2
    with leased(tmp_path):
        assert json.loads(path.read_text())["process"] == os.getpid()
    assert list(tmp_path.iterdir()) == []


def test_one_that_is_being_written_as_it_is_read_is_looked_at_again(tmp_path, monkeypatch):
    of_another_machine(tmp_path)
    grown = [OSError(errno.EBUSY, "it grew while it was read")]

    def read(path: Path, limit: int) -> bytes:
        if grown:
            raise grown.pop()
        return read_bounded(path, limit)

    monkeypatch.setattr(lease, "read_bounded", read)
    with pytest.raises(LockedError, match="process 4711 on node7"), leased(tmp_path):
        pass
    assert not grown


def test_of_twenty_that_want_a_stale_one_each_has_it_alone(tmp_path):
    """Threads stand for machines: each has a name of its own, and none holds a file lock."""
    of_another_machine(tmp_path)
    inside, most, failed = [], [], []

    def one(number: int) -> None:
        holder = lease._Holder(machine=f"m{number}")
        try:
            lease._take(tmp_path / NAME, holder)
        except LockedError:
            failed.append(number)
            return
        inside.append(number)
        most.append(len(inside))
        time.sleep(0.01)
        inside.remove(number)
        assert lease._holder(tmp_path / NAME) == holder
        (tmp_path / NAME).unlink()

    threads = [threading.Thread(target=one, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1
    assert len(most) + len(failed) == 20


@pytest.mark.parametrize("code", [errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK])
def test_a_disk_without_locks_is_guarded_by_the_lease_alone(tmp_path, monkeypatch, code):
    """As some network and user-space file systems are: a lock was waited for, and somebody named who was not there."""

    def refuse(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", refuse)
    folder = RunFolder(tmp_path / "embedded" / "tiny-design1" / "0-0123abcd")
    began = time.monotonic()
    with owned(folder):
        assert (folder.path / NAME).exists()
        assert holder_of(folder) == ""
        assert not is_abandoned(folder)
    assert time.monotonic() - began < 10
