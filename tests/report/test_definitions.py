"""A report's folder has all that its pages are made from: it is checked alike wherever experiments lie, or none."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from page_reader import contents
from records_maker import make_runs

from tinyexp.errors import UserError
from tinyexp.report.check import examine
from tinyexp.report.place import DEFINITIONS
from tinyexp.report.render import write_report
from tinyexp.resources import experiments_folder, experiments_from, shipped

PROJECT = Path(__file__).parents[2]
STUDY = "studies/why-design1-beat-design2.toml"


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A report of somebody whose study has a margin of its own, and whose source has another title; then no experiments are at hand."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(shipped("experiments"), "experiments")
    for name, old, new in (
        (STUDY, "margin = 0.01", "margin = 0.3"),
        ("source.toml", 'title = "', 'title = "Not '),
        ("profiles/embedded.toml", 'evidence = "', 'evidence = "Mine. '),
    ):
        path = Path("experiments") / name
        assert old in path.read_text(encoding="utf-8")
        path.write_text(path.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    make_runs(tmp_path / "runs", ("tiny-design1", "tiny-design2"))
    write_report(tmp_path / "runs", tmp_path / "out")
    shutil.rmtree("experiments")
    return tmp_path / "out"


def test_it_is_checked_by_its_own_definitions(own: Path) -> None:
    assert "Not " in (own / "report.md").read_text(encoding="utf-8")
    assert examine(own).found == ()


def test_it_is_checked_alike_where_others_experiments_lie(own: Path) -> None:
    Path("experiments").mkdir()
    Path("experiments/broken.toml").write_text("[[", encoding="utf-8")
    assert examine(own).found == ()


def test_only_files_that_decide_are_taken_along(own: Path) -> None:
    there = set(contents(own / DEFINITIONS))
    assert {"source.toml", STUDY, "tiny-design1.toml", "profiles/embedded.toml"} <= there
    assert not {"profiles/desk.toml", "experiment.schema.json"} & there


def test_a_report_of_somebodys_logs_has_none_and_speaks_of_none(own: Path) -> None:
    logs = own.parent / "logs"
    for design, height in (("wide", 0.7), ("plain", 0.5)):
        for seed in range(3):
            folder = logs / f"{design}-seed{seed}"
            folder.mkdir(parents=True)
            rows = "".join(f"{epoch},{height + seed / 1000!r}\n" for epoch in (1, 2, 3))
            (folder / "metrics.csv").write_text("epoch,test_accuracy\n" + rows)
    from tinyexp.foreign.compare import compare_logs
    from tinyexp.foreign.question import Question
    from tinyexp.foreign.report import write_log_report

    write_log_report(compare_logs([str(logs)], Question()), own.parent / "compared")
    assert not (own.parent / "compared" / DEFINITIONS).exists()
    assert examine(own.parent / "compared").found == ()


def test_what_is_wrong_with_one_is_told_of_the_file_itself(own: Path) -> None:
    shutil.copytree(own / DEFINITIONS, "experiments")
    Path("experiments", STUDY).write_text('title = "Mine"\n', encoding="utf-8")
    with pytest.raises(UserError, match=r"^experiments/studies/why-design1-beat-design2\.toml: the key '"):
        write_report(own.parent / "runs", own.parent / "again")


def test_a_folder_of_experiments_holds_for_as_long_as_it_is_asked_for(tmp_path: Path) -> None:
    before = experiments_folder()
    with experiments_from(tmp_path / "none"):
        assert experiments_folder() == tmp_path / "none"
    assert experiments_folder() == before


@pytest.mark.parametrize("name", ["desk", "embedded"])
def test_the_kept_reports_were_made_with_todays_definitions(name: str) -> None:
    """Else: `tinyexp report --runs reports/NAME/runs --out reports/NAME`."""
    kept = contents(PROJECT / "reports" / name / DEFINITIONS)
    today = contents(PROJECT / "experiments")
    assert len(kept) > 5
    assert kept == {path: today[path] for path in kept}
