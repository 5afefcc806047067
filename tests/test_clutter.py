"""What operating systems and file servers leave in folders is passed over wherever folders are read, and stays where it is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner
from test_streams import RUN, bash, laid_out

from tinyexp.cli import main
from tinyexp.clutter import is_clutter
from tinyexp.trainers.vision.data.folders import open_class_folders

FILES = (
    ".DS_Store",
    "Thumbs.db",
    "desktop.ini",
    "._report.json",
    "._run.json",
    "._mine.toml",
    "._x.study.json",
    ".nfs0001",
)
FOLDERS = ("@eaDir", "lost+found", "$RECYCLE.BIN", "System Volume Information", "__MACOSX")


def strewn(*roots: Path) -> set[Path]:
    """Leave some of it in every folder; gives where."""
    left = set()
    for root in roots:
        for place, _, _ in list(os.walk(root)):
            for name in FILES:
                (Path(place) / name).write_bytes(b"\x00\x05\x16\x07")
            for name in FOLDERS:
                (Path(place) / name).mkdir()
                (Path(place) / name / "metrics.csv").write_text("epoch,test_loss\n1,9.0\n")
            left |= {Path(place) / name for name in (*FILES, *FOLDERS)}
    return left


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    laid_out(tmp_path)
    second = (tmp_path / "experiments" / "mine.toml").read_text().replace('"Mine"', '"Other"')
    (tmp_path / "experiments" / "other.toml").write_text(second.replace("{seed}", "{seed} x"))
    train = tmp_path / "train.py"
    train.write_text(train.read_text().replace("folder, seed = sys.argv[1:]", "folder, seed = sys.argv[1:3]"))
    for design in "ab":
        for seed in "012":
            log = tmp_path / "logs" / design / seed / "metrics.csv"
            log.parent.mkdir(parents=True)
            log.write_text(f"epoch,test_loss\n1,0.{seed}{ord(design)}\n")
    monkeypatch.chdir(tmp_path)
    assert bash(RUN.replace("run mine --seed 0 --seed 1", "run-all --seeds 2")).returncode == 0
    return tmp_path


def does(*words: str) -> str:
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_every_command_passes_over_it_and_leaves_it_there(place: Path) -> None:
    does("report", "--out", "out")
    clean = {
        words: does(*words.split())
        for words in ("status", "check runs", "check out", "compare logs/a logs/b", "show mine")
    }
    left = strewn(place / "experiments", place / "runs", place / "out", place / "logs")
    for words, before in clean.items():
        assert does(*words.split()) == before, words
    does("report", "--out", "out")
    does("check", "out")
    does("merge", "runs", "--into", "merged")
    assert not [path for path in (place / "merged").rglob("*") if is_clutter(path)]
    assert (
        "2 finished before, 0 to train"
        in CliRunner().invoke(main, ["run", "mine", "--seed", "0", "--seed", "1"]).stderr
    )
    assert {path for path in left if path.exists()} == left


def test_a_folder_of_nothing_else_is_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A report goes there; and an ``experiments/`` with nothing but a file manager's leavings has no experiments."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "experiments").mkdir()
    strewn(tmp_path / "experiments")
    assert "tiny-design1" in does("show", "tiny-design1", "--profile", "embedded")


def test_images_have_no_class_of_it(tmp_path: Path) -> None:
    for folder in ("train/cat", "train/dog", "test/cat", "test/dog"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "1.png").write_bytes(b"x")
    clean = open_class_folders(tmp_path, ("test",), "It")
    strewn(tmp_path)
    found = open_class_folders(tmp_path, ("test",), "It")
    assert found.classes == ("cat", "dog")
    assert found.fingerprint() == clean.fingerprint()


@pytest.mark.parametrize(
    "name", ["metrics.csv", "runs", "lost", ".gitattributes", "eaDir", ".lease", "design.ini", "_x"]
)
def test_nothing_else_is_taken_for_it(name: str) -> None:
    assert not is_clutter(name)
