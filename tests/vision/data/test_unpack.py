from __future__ import annotations

import io
import os
import stat
import zipfile
from pathlib import Path

import pytest
from data_folders import archive_of, inventory

from tinyexp.errors import TinyexpError
from tinyexp.trainers.vision.data.unpack import Bounds, unpack

SMALL = Bounds(files=100, bytes=10_000)


def refused(tmp_path: Path, content: bytes, words: str, bounds: Bounds = SMALL) -> None:
    """The archive is refused with these words, and nothing is written anywhere."""
    (tmp_path / "a.zip").write_bytes(content)
    (tmp_path / "inner" / "room").mkdir(parents=True)
    before = inventory(tmp_path)
    with pytest.raises(TinyexpError, match=words):
        unpack(tmp_path / "a.zip", tmp_path / "inner" / "room", bounds)
    assert inventory(tmp_path) == before


@pytest.mark.parametrize(
    "name", ["../evil", "../../evil", "a/../../evil", "a/..", "..\\evil", "a\\..\\..\\evil"]
)
def test_a_path_that_leaves_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    refused(tmp_path, archive_of({"good": b"x", name: b"x"}), "a path that leaves the folder")


@pytest.mark.parametrize(
    "name", ["/evil-of-tinyexp", "C:/evil", "C:\\evil", "\\\\host\\share\\evil", "//host/evil"]
)
def test_an_absolute_path_is_refused(tmp_path: Path, name: str) -> None:
    refused(tmp_path, archive_of({"good": b"x", name: b"x"}), "an absolute path")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK])
def test_links_and_devices_are_refused(tmp_path: Path, kind: int) -> None:
    refused(tmp_path, archive_of({"link": b"/etc/passwd"}, mode=kind | 0o777), "a link or a device")


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    refused(
        tmp_path, archive_of({"bomb": bytes(10_001)}), "refused: it holds 1 entries of 10,001 bytes in all"
    )


def test_too_many_entries_are_refused(tmp_path: Path) -> None:
    refused(
        tmp_path, archive_of({f"{number}": b"" for number in range(101)}), "refused: it holds 101 entries"
    )


def test_a_bomb_that_lies_about_its_size_writes_no_more_than_it_says(tmp_path: Path) -> None:
    content = archive_of({"bomb": bytes(1_000_000)})
    lie = content.replace((1_000_000).to_bytes(4, "little"), (100).to_bytes(4, "little"))
    assert lie != content
    (tmp_path / "a.zip").write_bytes(lie)
    (tmp_path / "room").mkdir()
    with pytest.raises(TinyexpError, match="is no whole zip archive"):
        unpack(tmp_path / "a.zip", tmp_path / "room", Bounds(files=10, bytes=1000))
    assert sum(path.stat().st_size for path in (tmp_path / "room").iterdir()) <= 100


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_comes_twice_is_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a/b", b"1")
        archive.writestr("a//b", b"2")
    refused(tmp_path, buffer.getvalue(), "its name comes twice")


def test_a_control_character_in_a_name_is_refused(tmp_path: Path) -> None:
    refused(tmp_path, archive_of({"a\x1b[2Jb": b"x"}), "a control character")


def test_a_password_is_refused(tmp_path: Path) -> None:
    content = bytearray(archive_of({"a": b"x"}))
    content[content.index(b"PK\x01\x02") + 8] |= 1
    refused(tmp_path, bytes(content), "it needs a password")


@pytest.mark.parametrize("content", [b"", b"no archive", archive_of({"a": b"x" * 999})[:60]])
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    refused(tmp_path, content, "is no whole zip archive")


def test_a_damaged_entry_is_found(tmp_path: Path) -> None:
    content = bytearray(archive_of({"a": os.urandom(999)}))
    content[200] ^= 1
    (tmp_path / "a.zip").write_bytes(content)
    (tmp_path / "room").mkdir()
    with pytest.raises(TinyexpError, match="is no whole zip archive"):
        unpack(tmp_path / "a.zip", tmp_path / "room", Bounds(files=10, bytes=1000))


def test_a_file_in_the_way_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(archive_of({"a": b"new"}))
    (tmp_path / "room").mkdir()
    (tmp_path / "room" / "a").write_text("old")
    with pytest.raises(TinyexpError, match="File exists"):
        unpack(tmp_path / "a.zip", tmp_path / "room", Bounds(files=10, bytes=1000))
    assert (tmp_path / "room" / "a").read_text() == "old"


def test_entries_that_share_bytes_are_refused(tmp_path: Path) -> None:
    """The way to a great ratio: many names in the directory for the same packed bytes."""
    content = bytearray(archive_of({"a": os.urandom(300), "b": os.urandom(300), "c": b"x"}))
    first = content.index(b"PK\x01\x02")
    second = content.index(b"PK\x01\x02", first + 1)
    content[second + 42 : second + 46] = content[first + 42 : first + 46]
    refused(tmp_path, bytes(content), "shares bytes with another")


def test_a_size_that_reaches_into_the_directory_is_refused(tmp_path: Path) -> None:
    content = bytearray(archive_of({"a": os.urandom(300)}))
    directory = content.index(b"PK\x01\x02")
    content[directory + 20 : directory + 24] = (5000).to_bytes(4, "little")
    refused(tmp_path, bytes(content), "shares bytes with another")


def test_an_archive_that_unpacks_to_far_more_than_it_has_is_refused(tmp_path: Path) -> None:
    content = archive_of({f"{number}": bytes(1_000_000) for number in range(5)})
    assert len(content) < 30_000
    refused(tmp_path, content, "more than 100 times as many", Bounds(files=10, bytes=10_000_000))


@pytest.mark.parametrize("packing", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_packing_that_no_data_set_has_is_refused(tmp_path: Path, packing: int) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", packing) as archive:
        archive.writestr("a", b"x" * 99)
    refused(tmp_path, buffer.getvalue(), "packed in a way that is seldom used")


def test_a_link_that_lies_in_the_room_is_not_written_through(tmp_path: Path) -> None:
    """The archive cannot bring a link; one that is there already leads out of the folder."""
    (tmp_path / "a.zip").write_bytes(archive_of({"a": b"x"}))
    (tmp_path / "outside").mkdir()
    (tmp_path / "room").mkdir()
    (tmp_path / "room" / "a").symlink_to(tmp_path / "outside")
    with pytest.raises(TinyexpError, match="cannot be unpacked into"):
        unpack(tmp_path / "a.zip", tmp_path / "room", SMALL)
    assert inventory(tmp_path / "outside") == []
