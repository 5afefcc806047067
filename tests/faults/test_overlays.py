"""Folders that came with a container's image: they cannot be renamed, and what is asked for is done all the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from calls import a_command, carried_out, contents
from data_folders import make_tiny_imagenet
from disks import overlay
from in_process import InProcess

from tinyexp import failpoints
from tinyexp.launch import session

COMMAND = ("run", "mine")


@pytest.fixture(autouse=True)
def _in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "executor_for", lambda placement: InProcess())


@pytest.fixture
def lower(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the image has: an experiment, of which one seed was trained."""
    lower = tmp_path / "lower"
    lower.mkdir()
    a_command(lower)
    monkeypatch.chdir(lower)
    assert carried_out(COMMAND) == 0
    return lower


def run_folder(place: Path) -> Path:
    (found,) = (place / "runs").glob("*/mine/0-*")
    return found


def test_fresh_sets_aside_what_is_in_a_lower_layer_and_trains_anew(
    tmp_path: Path, lower: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(run_folder(lower))
    with overlay(tmp_path / "disk", lower) as seen:
        with pytest.raises(OSError, match="cross-device"):
            (run_folder(seen) / "work").rename(run_folder(seen) / "other")
        monkeypatch.chdir(seen)
        assert carried_out((*COMMAND, "--fresh")) == 0
        now = contents(run_folder(seen))
        aside = {
            name.removeprefix("before-fresh-1/"): value
            for name, value in now.items()
            if "before-fresh-1/" in name
        }
        assert {name: value for name, value in now.items() if "before-fresh-1" not in name} == before
        assert (
            aside.items()
            >= {name: before[name] for name in ("work/metrics.csv", "metrics.csv", "run.json")}.items()
        )
        monkeypatch.chdir(tmp_path)
    assert contents(run_folder(lower)) == before


def test_a_merge_goes_on_in_a_lower_layer(
    tmp_path: Path, lower: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    merging = ("merge", "runs", "more", "--into", "all")
    assert carried_out((*COMMAND, "--seed", "1", "--runs", "more")) == 0
    assert carried_out(("merge", "runs", "--into", "all")) == 0
    for status in (lower / "all").glob("*/*/*/status.json"):
        status.unlink()  # as a merge does that is killed then
    with overlay(tmp_path / "disk", lower) as seen:
        monkeypatch.chdir(seen)
        assert carried_out(merging) == 0
        assert len(list(Path("all").glob("*/mine/*/status.json"))) == 2
        monkeypatch.chdir(tmp_path)


def test_a_pack_that_was_begun_in_a_lower_layer_is_made_whole(
    tmp_path: Path, lower: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packing = ("data", "pack", "tiny-imagenet", "--data-folder", "data")
    make_tiny_imagenet(lower / "data" / "tiny-imagenet-200")

    def end(place: str) -> None:
        if place == "pack written":
            raise KeyboardInterrupt

    failpoints.watch(end)
    assert carried_out(packing) != 0
    failpoints.watch(None)
    with overlay(tmp_path / "disk", lower) as seen:
        monkeypatch.chdir(seen)
        assert carried_out(packing) == 0
        assert carried_out((*packing, "--check")) == 0
        assert not list((seen / "data" / "packed").glob(".*.packing"))
        monkeypatch.chdir(tmp_path)
