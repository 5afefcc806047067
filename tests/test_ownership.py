"""Whose something is: proven by a mark, a token or a lock, and else a stranger's, which stays."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import pytest
import warm
from moments import at_each_instruction

from tinyexp import files, ownership
from tinyexp.errors import TinyexpError, UserError
from tinyexp.files import exchange, process_token, remove_leftovers, rename_anew, write_bytes
from tinyexp.ownership import (
    MARK,
    Mark,
    adopt,
    empty,
    owner_of,
    read_mark,
    remove_abandoned,
    room_beside,
    take_over,
    write_mark,
)

KILLED_IN_A_ROOM = """
import os, signal, sys
from pathlib import Path
from tinyexp.ownership import room_beside
with room_beside(Path(sys.argv[1]), "report") as room:
    (room / "half").write_text("x")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_a_room_is_marked_before_anything_is_in_it_and_goes_with_the_block(tmp_path: Path) -> None:
    with room_beside(tmp_path / "out", "report") as room:
        assert names(room) == [MARK]
        told = json.loads((room / MARK).read_text())
        assert (told["purpose"], told["target"], told["folder"]) == ("report", "out", room.name)
        assert told["process"] == os.getpid()
    assert names(tmp_path) == []


def test_a_room_with_something_left_in_it_stays(tmp_path: Path) -> None:
    with room_beside(tmp_path / "out", "report") as room:
        (room / "a.txt").write_text("mine")
    assert names(room) == [MARK, "a.txt"]


def test_a_signal_at_any_moment_while_a_room_is_made_leaves_none(tmp_path: Path) -> None:
    def make() -> None:
        with room_beside(tmp_path / "out", "report"):
            sys.settrace(None)

    for moment in at_each_instruction(ownership.__file__, make):
        assert names(tmp_path) == [], f"at instruction {moment}"
    assert moment > 100


def test_the_room_of_a_killed_process_is_removed_and_that_of_a_living_one_is_not(tmp_path: Path) -> None:
    target = tmp_path / "out"
    killed = warm.run([sys.executable, "-c", KILLED_IN_A_ROOM, str(target)], check=False)
    assert killed.returncode == -signal.SIGKILL
    [left] = tmp_path.iterdir()
    with room_beside(target, "report") as room:
        remove_abandoned(target, "report", empty)
        assert list(tmp_path.iterdir()) == [room] != [left]


def test_a_process_number_that_another_process_has_by_now_does_not_keep_a_room(tmp_path: Path) -> None:
    room = tmp_path / ".out.report-abcdefgh"
    room.mkdir()
    mark = Mark(purpose="report", target="out", folder=room.name, process=os.getpid())
    os.close(write_mark(room, mark))
    remove_abandoned(tmp_path / "out", "report", empty)
    assert names(tmp_path) == []


def test_a_copy_of_a_room_and_a_link_to_one_are_not_ours(tmp_path: Path) -> None:
    room = tmp_path / ".out.report-abcdefgh"
    elsewhere = tmp_path / "elsewhere" / ".out.report-linked00"
    for folder, name in ((room, ".out.report-original"), (elsewhere, elsewhere.name)):
        folder.mkdir(parents=True)
        os.close(write_mark(folder, Mark(purpose="report", target="out", folder=name)))
    (tmp_path / elsewhere.name).symlink_to(elsewhere)
    before = names(tmp_path)
    remove_abandoned(tmp_path / "out", "report", empty)
    assert names(tmp_path) == before


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "5", '{"format": "tinyexp-owner-1"}', "[" * 100_000, "\0", '{"format": []}']
)
def test_what_is_no_mark_proves_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / MARK).write_text(text)
    assert read_mark(tmp_path, "report", "out") is None


@pytest.mark.parametrize(
    "changes",
    [
        {"names": []},
        {"names": {"a": 5}},
        {"names": {"a": [1, 2]}},
        {"names": {"a": [[], 2, 3]}},
        {"names": {"../a": None}},
        {"names": {"..": None}},
        {"names": None},
        {"more": 1},
        {"folder": 5},
        {"folder": ["x"]},
        {"target": ["out"]},
        {"token": ".*"},
        {"token": None},
    ],
    ids=str,
)
def test_a_mark_of_another_form_proves_nothing(tmp_path: Path, changes: dict[str, object]) -> None:
    os.close(write_mark(tmp_path, Mark(purpose="report", target="out")))
    assert read_mark(tmp_path, "report", "out")
    told = json.loads((tmp_path / MARK).read_text())
    (tmp_path / MARK).write_text(json.dumps(told | changes))
    assert read_mark(tmp_path, "report", "out") is None


def test_a_mark_is_never_written_over_something_else(tmp_path: Path) -> None:
    (tmp_path / MARK).write_text("mine")
    with pytest.raises(FileExistsError):
        write_mark(tmp_path, Mark(purpose="report", target="out"))
    assert (tmp_path / MARK).read_text() == "mine"


def test_a_folder_in_a_fixed_place_is_taken_where_it_is_missing_empty_or_ours(tmp_path: Path) -> None:
    place = tmp_path / "place"
    first = adopt(place, "pack", "x")
    assert adopt(place, "pack", "x") == first
    (place / MARK).write_text("")  # cut off by a power failure
    assert adopt(place, "pack", "x") != first
    with pytest.raises(UserError, match=r"was not made by tinyexp.* Move it away"):
        adopt(place, "pack", "another")


def test_temporary_files_go_only_where_their_token_is_the_recorded_one(tmp_path: Path) -> None:
    owner = tmp_path / ".owner"
    take_over(owner, [tmp_path])
    ours = tmp_path / f".metrics.csv.{process_token()}-0123abcd.tmp"
    strangers = [".metrics.csv.abcdefgh.tmp", ".metrics.csv.0123456789abcdef-0123abcd.tmp", ".tmp", "a.tmp"]
    for name in (ours.name, *strangers):
        (tmp_path / name).write_text("x")
    take_over(owner, [tmp_path])
    assert names(tmp_path) == sorted([".owner", *strangers])


def test_without_a_recorded_token_no_temporary_file_goes(tmp_path: Path) -> None:
    ours = f".metrics.csv.{process_token()}-0123abcd.tmp"
    (tmp_path / ours).write_text("x")
    (tmp_path / ".owner").write_text("process 4711\n")
    take_over(tmp_path / ".owner", [tmp_path])
    assert names(tmp_path) == sorted([".owner", ours])


def test_the_owner_is_told_by_its_number(tmp_path: Path) -> None:
    owner = tmp_path / ".owner"
    assert owner_of(owner) == "another process"
    owner.write_text("process 123456789123456789 of long ago\n")
    take_over(owner, [])
    assert owner_of(owner) == f"process {os.getpid()}"
    assert owner.read_text().splitlines() == [f"process {os.getpid()}", f"token {process_token()}"]


def test_an_owner_that_cannot_be_recorded_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TinyexpError, match=r"\.owner: cannot be written .*run the same command again"):
        take_over(tmp_path / "missing" / ".owner", [])


def test_a_forked_process_has_a_token_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    parents = process_token()
    assert process_token() == parents
    monkeypatch.setattr(os, "getpid", lambda: 1)
    assert process_token() != parents


def test_a_folder_that_is_called_as_temporary_files_are_stays(tmp_path: Path) -> None:
    name = f".a.{process_token()}-0123abcd.tmp"
    (tmp_path / name).mkdir()
    remove_leftovers(tmp_path, process_token())
    assert names(tmp_path) == [name]


@pytest.mark.parametrize("in_one_step", [True, False])
def test_a_new_name_never_takes_that_of_something_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, in_one_step: bool
) -> None:
    if not in_one_step:
        monkeypatch.setattr(files, "_renamed", lambda *_: 38)
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    (tmp_path / "link").symlink_to("nowhere")
    for taken in ("b", "link"):
        with pytest.raises(FileExistsError):
            rename_anew(tmp_path / "a", tmp_path / taken)
    rename_anew(tmp_path / "a", tmp_path / "c")
    assert names(tmp_path) == ["b", "c", "link"]
    with pytest.raises(FileNotFoundError):
        rename_anew(tmp_path / "a", tmp_path / "d")


def test_two_folders_are_exchanged_in_one_step(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_bytes(tmp_path / name / "in", name.encode())
    if exchange(tmp_path / "a", tmp_path / "b"):
        assert (tmp_path / "a" / "in").read_bytes() == b"b"
    assert not exchange(tmp_path / "a", tmp_path / "missing")
