"""A report takes its folder whole: nothing of the user's is lost, nothing half is left."""

from __future__ import annotations

import errno
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from moments import at_each_instruction
from page_reader import contents, sample
from records_maker import make_runs, write_status

from tinyexp import failpoints
from tinyexp.errors import DamagedError, UserError
from tinyexp.files import json_text, rename_anew
from tinyexp.launch.verify import verify
from tinyexp.ownership import MARK, Mark, room_beside, write_mark
from tinyexp.report import place, render
from tinyexp.report.render import write_report
from tinyexp.runs.folder import RunFolder
from tinyexp.runs.records import Status, read_section

sys.path.insert(0, str(Path(__file__).parents[1] / "faults"))
from disks import small_disk


def runs() -> Path:
    return sample() / "runs"


def old_report(tmp_path: Path) -> Path:
    return Path(shutil.copytree(sample() / "out", tmp_path / "out"))


def within(name: str, files: dict[str, bytes]) -> dict[str, bytes]:
    return {f"{name}/{path}": content for path, content in files.items()}


def when_reached(place_: str, act: Callable[[], object]) -> None:
    """Have something done at a named place of the commit, once."""
    seen: list[str] = []

    def watch(name: str) -> None:
        seen.append(name)
        if name == place_ and seen.count(name) == 1:
            act()

    failpoints.watch(watch)


@pytest.fixture(autouse=True)
def _nobody_watches_afterwards() -> Iterator[None]:
    yield
    failpoints.watch(None)


def test_a_folder_with_other_files_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years")
    with pytest.raises(UserError, match=r"thesis\.txt"):
        write_report(runs(), tmp_path)
    assert contents(tmp_path) == {"thesis.txt": b"years"}


def test_a_report_with_a_file_of_the_users_in_it_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(sample() / "out", out)
    (out / "figures" / "mine.png").write_bytes(b"x")
    with pytest.raises(UserError, match=r"mine\.png"):
        write_report(runs(), out)


def test_run_folders_with_weights_are_never_replaced(tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(runs(), out / "runs")
    checkpoints = next((out / "runs").glob("*/*/*")) / "checkpoints"
    checkpoints.mkdir()
    (checkpoints / "epoch-1.ckpt").write_bytes(b"weights")
    with pytest.raises(UserError, match=r"epoch-1\.ckpt"):
        write_report(out / "runs", out)


def test_a_folder_that_only_looks_like_a_report_is_refused(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text("{}")
    with pytest.raises(UserError, match="not a report of tinyexp"):
        write_report(runs(), tmp_path)


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("x")
    with pytest.raises(UserError, match="is a file"):
        write_report(runs(), tmp_path / "out")


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="cannot be written"):
        write_report(runs(), tmp_path / "file" / "out")


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    assert write_report(runs(), tmp_path).verdict.startswith("Design 1 beats")
    assert contents(tmp_path) == contents(sample() / "out")


def test_a_render_that_dies_leaves_the_old_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    shutil.copytree(sample() / "out", out)

    def dies(view: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(render, "summary_page", dies)
    with pytest.raises(KeyboardInterrupt):
        write_report(runs(), out)
    assert contents(out) == contents(sample() / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_full_disk_is_named_and_the_old_report_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    shutil.copytree(sample() / "out", out)

    def full(source: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(UserError, match=r"No space left on device.*intact"):
        write_report(runs(), out)
    assert contents(out) == contents(sample() / "out")


@pytest.mark.parametrize("can_exchange", [True, False])
def test_the_swap_leaves_one_whole_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, can_exchange: bool
) -> None:
    if not can_exchange:
        monkeypatch.setattr(place, "exchange", lambda one, other: False)
    out = tmp_path / "out"
    shutil.copytree(sample() / "out", out)
    (out / "summary.md").write_text("old")
    write_report(runs(), out)
    assert contents(out) == contents(sample() / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_where_the_second_rename_fails_the_old_report_is_put_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place, "exchange", lambda one, other: False)
    out = old_report(tmp_path)

    def fails(source: Path, target: Path) -> None:
        if source.name == "report":
            raise OSError(16, "Device or resource busy")
        rename_anew(source, target)

    monkeypatch.setattr(place, "rename_anew", fails)
    with pytest.raises(UserError, match="intact"):
        write_report(runs(), out)
    assert contents(tmp_path) == within("out", contents(sample() / "out"))


@pytest.mark.parametrize(
    ("old", "new", "cure"),
    [(b"0.", b"0.9", "tinyexp run tiny-design1 --profile"), (b"\n", b"\r\n", r"core\.autocrlf")],
)
def test_records_that_were_edited_are_refused_with_the_next_step(
    tmp_path: Path, old: bytes, new: bytes, cure: str
) -> None:
    shutil.copytree(runs(), tmp_path / "runs")
    metrics = next((tmp_path / "runs").glob("*/tiny-design1/0-*/metrics.csv"))
    metrics.write_bytes(metrics.read_bytes().replace(old, new))
    with pytest.raises(DamagedError, match=rf"metrics\.csv is not what the run wrote.*{cure}"):
        write_report(tmp_path / "runs", tmp_path / "out")
    assert not (tmp_path / "out").exists()


# What is the user's


BESIDE = (
    ".out.2024-backup/a.txt",
    ".out.99999-abc/report.html",
    ".out.report-abcdefgh/report/report.html",
    ".out.report-abcdefgh/notes.txt",
    ".out.report-file",
    "out.kept-1/notes.txt",
)


def test_folders_beside_it_that_are_only_called_as_ours_stay(tmp_path: Path) -> None:
    for name in BESIDE:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"mine: {name}")
    (tmp_path / ".out.report-empty").mkdir()
    mine = contents(tmp_path)
    for _ in range(2):
        write_report(runs(), tmp_path / "out")
    assert contents(tmp_path) == mine | within("out", contents(sample() / "out"))
    assert (tmp_path / ".out.report-empty").is_dir()


def left_by_a_dead_process(tmp_path: Path, **changes: object) -> Path:
    """A room as it is after a kill: nobody holds the lock on its mark."""
    room = tmp_path / ".out.report-abcdefgh"
    (room / "report").mkdir(parents=True)
    settings = {"purpose": "report", "target": "out", "folder": room.name} | changes
    os.close(write_mark(room, Mark(**settings)))
    (room / "report" / "report.html").write_text("half")
    return room


def test_what_a_dead_process_of_ours_left_goes_with_the_next_report(tmp_path: Path) -> None:
    room = left_by_a_dead_process(tmp_path)
    write_report(runs(), tmp_path / "out")
    assert not room.exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"host": "another"},
        {"target": "other"},
        {"purpose": "unpacking"},
        {"folder": ".out.report-copied0"},
        {"folder": ""},
    ],
    ids=str,
)
def test_a_room_of_another_host_or_for_another_purpose_stays(
    tmp_path: Path, changes: dict[str, object]
) -> None:
    left_by_a_dead_process(tmp_path, **changes)
    mine = contents(tmp_path)
    write_report(runs(), tmp_path / "out")
    assert contents(tmp_path) == mine | within("out", contents(sample() / "out"))
    assert socket.gethostname() != "another"


def test_the_room_of_a_report_that_is_being_written_stays(tmp_path: Path) -> None:
    with room_beside(tmp_path / "out", "report") as room:
        write_report(runs(), tmp_path / "out")
        assert (room / MARK).is_file()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_file_of_the_users_in_what_a_killed_report_left_is_named_and_kept(tmp_path: Path) -> None:
    room = left_by_a_dead_process(tmp_path)
    (room / "report" / "notes.txt").write_text("mine")
    with pytest.raises(
        UserError, match=r"holds notes\.txt, which appeared in .*out while a report was put there"
    ):
        write_report(runs(), tmp_path / "out")
    assert (room / "report" / "notes.txt").read_text() == "mine"
    assert not (tmp_path / "out").exists()


def exchanged(patch: pytest.MonkeyPatch) -> None:
    """As systems that can exchange two folders do."""


def renamed_twice(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(place, "exchange", lambda one, other: False)


def copied(patch: pytest.MonkeyPatch) -> None:
    def refuse(room: Path, target: Path) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    renamed_twice(patch)
    patch.setattr(place, "_two_renames", refuse)


@pytest.mark.slow
@pytest.mark.parametrize("way", [exchanged, renamed_twice, copied])
def test_a_signal_at_any_moment_leaves_the_old_report_or_the_new_and_no_word_of_anything_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: Callable[[pytest.MonkeyPatch], None]
) -> None:
    way(monkeypatch)
    out = tmp_path / "out"

    def write(folder: Path, told: str) -> None:
        (folder / "figures").mkdir(parents=True)
        (folder / "report.json").write_text(json_text({"format": place.REPORT_FORMAT}))
        for name in ("report.md", "figures/a.svg"):
            (folder / name).write_text(told)

    def replace() -> None:
        with place.replaced_whole(out, place.held_by(out)) as fresh:
            write(fresh, "new")

    write(out, "old")
    found = []
    for moment in at_each_instruction(place.__file__, replace):
        held = contents(out)
        found.append(held["report.md"])
        assert (held["figures/a.svg"], len(held)) == (found[-1], 3), f"at instruction {moment}"
        assert place.held_by(out).keys() == held.keys()
        assert [one.name for one in tmp_path.iterdir()] == ["out"], "what was left went with the next report"
        if found[-1] == b"new":
            shutil.rmtree(out)
            write(out, "old")
    assert set(found) == {b"old", b"new"}


def test_a_report_that_was_killed_between_two_renames_is_put_back_first(tmp_path: Path) -> None:
    room = left_by_a_dead_process(tmp_path)
    shutil.copytree(sample() / "out", room / "old")
    with pytest.raises(UserError, match="there is no such folder"):
        write_report(tmp_path / "nothing", tmp_path / "out")
    assert contents(tmp_path) == within("out", contents(sample() / "out"))


def test_what_appears_while_the_report_is_written_is_named_and_the_old_one_stays(tmp_path: Path) -> None:
    out = old_report(tmp_path)
    when_reached("report begun", lambda: (out / "notes.txt").write_text("mine"))
    with pytest.raises(UserError, match=r"notes\.txt appeared or changed while .* Nothing was replaced"):
        write_report(runs(), out)
    assert contents(tmp_path) == within("out", contents(sample() / "out") | {"notes.txt": b"mine"})


def test_a_page_that_is_edited_while_the_report_is_written_is_named_and_stays(tmp_path: Path) -> None:
    out = old_report(tmp_path)
    when_reached("report begun", lambda: (out / "report.md").write_text("mine"))
    with pytest.raises(UserError, match=r"report\.md appeared or changed"):
        write_report(runs(), out)
    assert (out / "report.md").read_text() == "mine"


@pytest.mark.parametrize("can_exchange", [True, False])
def test_what_slips_in_at_the_last_moment_is_given_back_in_the_new_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, can_exchange: bool
) -> None:
    out = old_report(tmp_path)
    look = place._refuse_appeared

    def slipped(*arguments: object) -> None:
        look(*arguments)
        (out / "notes" / "deep").mkdir(parents=True)
        (out / "notes" / "deep" / "a.txt").write_text("mine")
        (out / "nothing in it").mkdir()

    monkeypatch.setattr(place, "_refuse_appeared", slipped)
    if not can_exchange:
        monkeypatch.setattr(place, "exchange", lambda one, other: False)
    with pytest.raises(
        UserError, match=r"is written\. While it was, .*notes/deep/a\.txt.* appeared .* is there still"
    ):
        write_report(runs(), out)
    assert contents(tmp_path) == within("out", contents(sample() / "out") | {"notes/deep/a.txt": b"mine"})
    assert (out / "nothing in it").is_dir()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_what_is_edited_at_the_last_moment_is_kept_under_a_name_that_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = old_report(tmp_path)
    (tmp_path / "out.kept-1").mkdir()
    monkeypatch.setattr(place, "_refuse_appeared", lambda *_: (out / "report.md").write_text("mine"))
    with pytest.raises(UserError, match=r"report\.md changed in its folder; that is kept in .*out\.kept-2"):
        write_report(runs(), out)
    new = within("out", contents(sample() / "out"))
    assert contents(tmp_path) == new | {"out.kept-2/report.md": b"mine"}


def test_where_something_takes_the_place_between_two_renames_the_old_report_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = old_report(tmp_path)

    def taken(source: Path, target: Path) -> None:
        if target == out and source.name == "report":
            out.mkdir()
            (out / "notes.txt").write_text("mine")
        rename_anew(source, target)

    monkeypatch.setattr(place, "exchange", lambda one, other: False)
    monkeypatch.setattr(place, "rename_anew", taken)
    with pytest.raises(UserError, match=r"something else took this place .* is in .*out\.kept-1"):
        write_report(runs(), out)
    kept = within("out.kept-1", contents(sample() / "out"))
    assert contents(tmp_path) == kept | {"out/notes.txt": b"mine"}


def test_an_empty_folder_and_a_link_of_the_users_in_a_report_are_refused_and_stay(tmp_path: Path) -> None:
    out = old_report(tmp_path)
    (out / "mine").mkdir()
    with pytest.raises(UserError, match=r"no report wrote \(mine\)"):
        write_report(runs(), out)
    (out / "mine").rmdir()
    (tmp_path / "notes.md").write_text("mine")
    (out / "summary.md").unlink()
    (out / "summary.md").symlink_to(tmp_path / "notes.md")
    with pytest.raises(UserError, match=r"no report wrote \(summary\.md\)"):
        write_report(runs(), out)
    assert (out / "summary.md").read_text() == "mine"


# A report in the place of its own records


@pytest.fixture
def two_settings(tmp_path: Path) -> Path:
    """A folder of runs in two settings, below ``R/runs``, of which a report can only be about one."""
    place_ = tmp_path / "R"
    for overrides in ({}, {"model.width": 0.5}):
        make_runs(place_ / "runs", ("tiny-design1", "tiny-design2"), (0,), overrides=overrides)
    return place_


@pytest.mark.parametrize("way", ["plain", "link to the records", "link to the report", "links to each run"])
def test_a_report_in_the_place_of_records_that_it_leaves_out_is_refused(
    two_settings: Path, tmp_path: Path, way: str
) -> None:
    before = contents(two_settings)
    records, out = two_settings / "runs", two_settings
    if way == "link to the records":
        (tmp_path / "linked").symlink_to(records)
        records = tmp_path / "linked"
    if way == "link to the report":
        (tmp_path / "linked").symlink_to(out)
        out = tmp_path / "linked"
    if way == "links to each run":
        for run in records.glob("*/*/*"):
            link = tmp_path / "linked" / run.relative_to(records)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(run)
        records = tmp_path / "linked"
    report = write_report(records, tmp_path / "elsewhere", overrides={"model.width": 0.5})
    assert len(report.left_out) == 2
    shutil.copytree(tmp_path / "elsewhere", two_settings, dirs_exist_ok=True)
    before |= contents(two_settings)
    with pytest.raises(
        UserError,
        match=r"2 of its runs would be lost: embedded/tiny-design1/0-.* Choose another --out, or leave out",
    ):
        write_report(records, out, overrides={"model.width": 0.5})
    assert contents(two_settings) == before


def test_a_report_of_all_its_records_is_made_again_in_its_place(tmp_path: Path) -> None:
    out = old_report(tmp_path)
    write_report(out / "runs", out)
    assert contents(tmp_path) == within("out", contents(sample() / "out"))


def test_a_record_that_comes_while_a_report_is_made_again_in_its_place_is_not_lost(tmp_path: Path) -> None:
    out = old_report(tmp_path)
    late = out / "runs" / "embedded" / "tiny-design1" / "99-0123abcd" / "run.json"

    def come() -> None:
        late.parent.mkdir()
        late.write_text("{}")

    when_reached("report begun", come)
    with pytest.raises(UserError, match=r"99-0123abcd/run\.json appeared"):
        write_report(out / "runs", out)
    assert late.read_text() == "{}"


# Folders that cannot be renamed, and those that must not be replaced


def lower_layer(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """As a folder of an overlay's lower layer: it can be emptied and removed, and not renamed."""
    real = Path.rename

    def rename(path: Path, target: Path) -> Path:
        if path == folder:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        return real(path, target)

    monkeypatch.setattr(place, "exchange", lambda one, other: False)
    monkeypatch.setattr(Path, "rename", rename)


def test_a_report_of_an_overlays_lower_layer_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = old_report(tmp_path)
    (out / "summary.md").write_text("old")
    (out / "figures" / "older.svg").write_text("<svg/>")
    lower_layer(monkeypatch, out)
    write_report(runs(), out)
    assert contents(tmp_path) == within("out", contents(sample() / "out"))


@pytest.mark.parametrize("at", ["report copied", "report emptied"])
def test_where_that_is_interrupted_the_old_report_is_put_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    out = old_report(tmp_path)
    (out / "summary.md").write_text("old")
    before = contents(tmp_path)
    lower_layer(monkeypatch, out)

    def interrupted() -> None:
        raise KeyboardInterrupt

    when_reached(at, interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_report(runs(), out)
    assert contents(tmp_path) == before


def test_what_slips_into_a_folder_that_is_emptied_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = old_report(tmp_path)
    before = contents(tmp_path)
    lower_layer(monkeypatch, out)
    when_reached("report copied", lambda: (out / "mine.txt").write_text("mine"))
    with pytest.raises(UserError, match="cannot be replaced"):
        write_report(runs(), out)
    assert contents(tmp_path) == before | {"out/mine.txt": b"mine"}


@pytest.mark.parametrize("is_emptied", [True, False])
def test_killed_while_it_is_emptied_the_next_report_puts_the_old_one_back_first(
    tmp_path: Path, *, is_emptied: bool
) -> None:
    """As the room of such a report is after a kill, by a process that is gone."""
    out = old_report(tmp_path)
    before = contents(tmp_path)
    room = left_by_a_dead_process(tmp_path)
    shutil.copytree(out, room / "old")
    if is_emptied:
        shutil.rmtree(out)
    else:
        (out / "report.json").unlink()
        shutil.rmtree(out / "runs")
    place.held_by(out)
    assert contents(tmp_path) == before


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="mounting takes root")
def test_a_report_is_replaced_on_a_real_overlay(tmp_path: Path) -> None:
    layers = {name: tmp_path / name for name in ("lower", "upper", "work", "merged")}
    with small_disk(tmp_path / "disk", "64m") as disk:
        layers = {name: disk.path / name for name in layers}
        for folder in layers.values():
            folder.mkdir()
        out = shutil.copytree(sample() / "out", layers["lower"] / "out")
        (out / "summary.md").write_text("old")
        options = f"lowerdir={layers['lower']},upperdir={layers['upper']},workdir={layers['work']}"
        merged = layers["merged"]
        done = subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, str(merged)], check=False)
        if done.returncode:
            pytest.skip("no overlay can be mounted here")
        try:
            with pytest.raises(OSError, match="cross-device"):
                (merged / "out").rename(merged / "other")
            write_report(runs(), merged / "out")
            assert contents(merged) == within("out", contents(sample() / "out"))
        finally:
            subprocess.run(["umount", str(merged)], check=True)


@pytest.mark.parametrize("name", [".", "..", "/"])
def test_the_folder_that_a_command_is_given_in_is_not_replaced_under_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    out = old_report(tmp_path)
    monkeypatch.chdir(out / "figures" if name == ".." else out)
    before = contents(out)
    with pytest.raises(UserError, match="your shell would stand in one that is gone"):
        write_report(runs(), Path(name))
    assert contents(out) == before


def test_a_folder_of_anything_is_refused_without_being_walked_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home" / "photos").mkdir(parents=True)
    shutil.copy(sample() / "out" / "report.json", tmp_path / "home")
    monkeypatch.setattr(place, "listing", lambda folder: pytest.fail(f"{folder} was walked through"))
    with pytest.raises(UserError, match=r"home: holds files that no report wrote \(photos\)"):
        write_report(runs(), tmp_path / "home")


# Records that `tinyexp check` refuses


def status_without_digests(folder: Path) -> None:
    told = json.loads((folder / "status.json").read_text())
    (folder / "status.json").write_text(json_text({**told, "digests": {}}))


def with_digests(folder: Path) -> None:
    write_status(RunFolder(folder), read_section(folder / "status.json", Status))


def other_accuracy(folder: Path) -> None:
    path = folder / "metrics.csv"
    head, *rows = path.read_text().splitlines()
    last = rows[-1].split(",")
    last[head.split(",").index("test_accuracy")] = "0.99"
    path.write_text("\n".join([head, *rows[:-1], ",".join(last), ""]))
    with_digests(folder)


def other_setting(folder: Path) -> None:
    told = json.loads((folder / "run.json").read_text())
    told["experiment"]["settings"]["optimizer"]["learning_rate"] = 0.02
    (folder / "run.json").write_text(json_text(told))
    with_digests(folder)


def row_left_out(folder: Path) -> None:
    path = folder / "metrics.csv"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    with_digests(folder)


def other_name(folder: Path) -> None:
    folder.rename(folder.with_name("7-00000000"))


def twice(folder: Path) -> None:
    shutil.copytree(folder, folder.parent.with_name("tiny-design1.bak") / folder.name)


ONE_MEASURE = {
    "digests emptied": status_without_digests,
    "an accuracy that predictions contradict": other_accuracy,
    "a setting whose identity no longer matches": other_setting,
    "a row fewer than epochs": row_left_out,
    "a folder of another run": other_name,
    "a run in two folders": twice,
}


@pytest.mark.parametrize("name", ONE_MEASURE)
def test_records_that_the_check_of_runs_refuses_no_report_is_made_from(tmp_path: Path, name: str) -> None:
    shutil.copytree(runs(), tmp_path / "runs")
    ONE_MEASURE[name](min((tmp_path / "runs").glob("*/tiny-design1/0-*")))
    assert verify(tmp_path / "runs").found
    with pytest.raises(DamagedError, match=r"runs/embedded/tiny-design1"):
        write_report(tmp_path / "runs", tmp_path / "out")
    assert not (tmp_path / "out").exists()
