"""Folders with all that is in them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tinyexp.trees import below, move_by_parts


@pytest.fixture
def source(tmp_path: Path) -> Path:
    source = tmp_path / "source"
    (source / "b" / "empty").mkdir(parents=True)
    (source / "b" / "file").write_text("content")
    (source / "a").symlink_to("b/file")
    return source


def names(folder: Path) -> list[str]:
    return [str(path.relative_to(folder)) for path in below(folder)]


def test_what_is_below_a_folder_is_told_in_order_and_no_link_is_followed(source: Path) -> None:
    (source / "link").symlink_to("b")
    assert names(source) == ["a", "b", "link", "b/empty", "b/file"]


def test_a_folder_that_cannot_be_listed_is_no_empty_one(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.scandir

    def refused(path: str) -> object:
        if str(path).endswith("/b"):
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(os, "scandir", refused)
    with pytest.raises(PermissionError):
        names(source)


def test_a_folder_is_moved_with_links_and_empty_folders(source: Path, tmp_path: Path) -> None:
    move_by_parts(source, tmp_path / "target")
    assert not source.exists()
    assert names(tmp_path / "target") == ["a", "b", "b/empty", "b/file"]
    assert (tmp_path / "target" / "a").is_symlink()
    assert (tmp_path / "target" / "a").read_text() == "content"


def test_nothing_is_moved_over_what_is_there(source: Path, tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    with pytest.raises(FileExistsError):
        move_by_parts(source, tmp_path / "target")
    assert (source / "b" / "file").read_text() == "content"


def test_a_disk_that_is_full_leaves_the_folder_and_nothing_else(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copy2", full)
    with pytest.raises(OSError, match="No space left"):
        move_by_parts(source, tmp_path / "target")
    assert [path.name for path in tmp_path.iterdir()] == ["source"]
    assert names(source) == ["a", "b", "b/empty", "b/file"]


def test_what_appears_while_a_folder_is_moved_stays_where_it_is(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def appears() -> None:
        (source / "b" / "late").write_text("somebody's")

    monkeypatch.setattr(os, "sync", appears)
    with pytest.raises(OSError, match="not empty"):
        move_by_parts(source, tmp_path / "target")
    assert (source / "b" / "late").read_text() == "somebody's"
    assert (tmp_path / "target" / "b" / "file").read_text() == "content"
