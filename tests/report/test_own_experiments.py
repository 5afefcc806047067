"""A report of experiments of one's own: compared without a study file, and no word of a source that they do not have."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import pytest
import warm
from page_reader import Page
from records_maker import Shape, make_run

from tinyexp.config.load import load_experiment
from tinyexp.report.check import examine
from tinyexp.report.render import write_report
from tinyexp.report.sentences import METHOD_CLEAN
from tinyexp.resources import shipped

_SIZES = {
    "classes = 200": "classes = 10",
    "width = 1.0": "width = 0.03",
    '"tiny-imagenet"': '"patterns"\ntrain_limit = 60\ntest_limit = 30\nholdout = 20',
    "image_size = 64": "image_size = 32",
    "epochs = 200": "epochs = 1",
    "stop_after = 65": "stop_after = 1",
    "batch_size = 256": "batch_size = 16",
}
PROJECT = Path(__file__).parents[2]


def write_own(place: Path, name: str, title: str, **changes: str) -> None:
    """A tiny experiment that no source reports, over the built-in patterns."""
    text = (shipped("experiments") / "tiny-design1.toml").read_text().partition("[reported]")[0]
    text = re.sub(r"section = .*\n|title = .*\n|#.*", "", text)
    for old, new in (_SIZES | changes).items():
        assert old in text
        text = text.replace(old, new)
    (place / "experiments").mkdir(exist_ok=True)
    (place / "experiments" / f"{name}.toml").write_text(f'title = "{title}"\n{text}')


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two experiments: no profiles, no studies, no source."""
    monkeypatch.chdir(tmp_path)
    write_own(tmp_path, "Wide_net.v2", "Wide")
    write_own(tmp_path, "base", "Base", **{"dropout = 0.5": "dropout = 0.2"})
    return tmp_path


def invent(runs: Path, name: str, test: float, *, overrides: dict[str, object] | None = None) -> None:
    experiment = load_experiment(name, overrides=overrides)
    shape = Shape(test=test, train=test, clean=test, pace=9.0, spread=0.004)
    for seed in (0, 1, 2):
        make_run(
            runs,
            name,
            seed,
            profile=experiment.profile,
            experiment=experiment,
            shape=shape,
            key=f"{name} own",
        )


def page(out: Path) -> str:
    source = (out / "report.html").read_text(encoding="utf-8")
    return re.sub(r"\s+", " ", Page(source).text.replace("\u00a0", " "))


def values(out: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((out / "report.json").read_text(encoding="utf-8"))["values"]
    return found


def without_method(text: str) -> str:
    """How training losses are averaged is told in one sentence for all reports."""
    for sentence in METHOD_CLEAN:
        text = text.replace(sentence, "")
    return text


def test_two_experiments_train_and_report_without_profile_study_or_source(own: Path) -> None:
    def tinyexp(*arguments: str) -> str:
        done = warm.run(
            [sys.executable, "-m", "tinyexp", *arguments],
            cwd=own,
            env={**os.environ, "PYTHONPATH": str(PROJECT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    trained = json.loads(tinyexp("run-all", "--json", "--jobs", "2"))
    assert sorted((one["experiment"], one["seed"]) for one in trained) == [
        (name, seed) for name in ("Wide_net.v2", "base") for seed in (0, 1, 2)
    ]
    tinyexp("report", "--out", "out")
    [study] = values(own / "out")["studies"]  # type: ignore[misc]
    assert (study["definition"]["baseline"], study["definition"]["contender"]) == ("Wide_net.v2", "base")
    assert study["comparison"]["contender_runs"]["seeds"] == [0, 1, 2]
    assert "the source" not in without_method(page(own / "out"))
    assert "the report is what its records give" in tinyexp("check", "out")
    assert "# base, profile default" in tinyexp("show", "base")
    tinyexp("report", "--out", "out")  # figures of such names are known for ours, and replaced


def test_without_a_study_two_are_compared_by_name_with_a_margin_of_a_point(own: Path) -> None:
    invent(own / "runs", "base", 0.60)
    invent(own / "runs", "Wide_net.v2", 0.40)
    write_report(own / "runs", own / "out")
    text = page(own / "out")
    assert text.startswith(" Base beats Wide by 19.8 points")
    assert "No study was given: Base is compared with Wide, the first by name." in text
    assert "and a margin of 1.0 point." in text
    assert values(own / "out")["verdict"] == {"kind": "beats", "study": "implied"}
    assert examine(own / "out").found == ()


def test_two_of_one_title_are_told_by_their_names(own: Path) -> None:
    write_own(own, "base", "Wide")
    invent(own / "runs", "base", 0.60)
    invent(own / "runs", "Wide_net.v2", 0.40)
    write_report(own / "runs", own / "out")
    assert "No study was given: base is compared with Wide_net.v2, the first by name." in page(own / "out")


def test_more_than_two_stand_in_a_table_against_the_first(own: Path) -> None:
    write_own(own, "other", "Other", **{"dropout = 0.5": "dropout = 0.1"})
    for name, test in (("base", 0.60), ("Wide_net.v2", 0.40), ("other", 0.2)):
        invent(own / "runs", name, test)
    write_report(own / "runs", own / "out")
    text, told = page(own / "out"), values(own / "out")
    assert "2 experiments against Wide" in text
    assert (
        "each is compared with Wide, the first by name, on test accuracy, with a margin of 1.0 point" in text
    )
    assert "one in twenty intervals misses by chance" in text
    assert re.search(r"Base 6\d\.\d % 4\d\.\d % \+\d.* Base beats the other", text)
    assert re.search(r"Other .* Wide beats the other", text)
    assert told["studies"] == []
    assert examine(own / "out").found == ()


def test_a_study_file_ends_what_is_implied(own: Path) -> None:
    invent(own / "runs", "base", 0.60)
    invent(own / "runs", "Wide_net.v2", 0.40)
    (own / "experiments" / "studies").mkdir()
    for name, lead in (("aaa", "false"), ("mine", "true")):
        (own / "experiments" / "studies" / f"{name}.toml").write_text(
            f'title = "{name}"\nquestion = "Question {name}?"\nlead = {lead}\nbaseline = "base"\n'
            'contender = "Wide_net.v2"\nmetric = "test_accuracy"\nmargin = 0.02\n'
        )
    write_report(own / "runs", own / "out")
    assert "No study was given" not in page(own / "out")
    assert values(own / "out")["verdict"] == {"kind": "beats", "study": "mine"}, "a study may ask to lead"
    path = own / "experiments" / "studies" / "mine.toml"
    path.write_text(path.read_text().replace("lead = true\n", ""))
    write_report(own / "runs", own / "out")
    assert values(own / "out")["verdict"] == {"kind": "beats", "study": "aaa"}, (
        "without one, the first by name"
    )


def test_without_a_source_what_was_changed_is_told_against_the_files(own: Path) -> None:
    invent(own / "runs", "base", 0.60, overrides={"optimizer.momentum": 0.5})
    invent(own / "runs", "Wide_net.v2", 0.40)
    write_report(own / "runs", own / "out", overrides={"optimizer.momentum": 0.5})
    text = page(own / "out")
    assert "Profile default; 1 setting changed against the experiment files." in text
    assert "The profile or --set changed 1 setting against the experiment files" in text
    assert "the source" not in without_method(text)
    assert "Test accuracy, reported and measured" not in text


def test_without_a_source_a_profiles_caution_speaks_of_the_profile(own: Path) -> None:
    (own / "experiments" / "profiles").mkdir()
    (own / "experiments" / "profiles" / "quick.toml").write_text(
        'title = "Quick"\nevidence = "Ten images."\nseeds = 3\n'
    )
    for name in ("base", "Wide_net.v2"):
        invent(own / "runs", name, 0.5)
    write_report(own / "runs", own / "out")
    text = page(own / "out")
    assert "What this does not show Anything beyond this profile. Ten images." in text
    assert "Profile quick, Quick; no setting changed against the experiment files." in text
    assert "the source" not in without_method(text)


@pytest.mark.parametrize("names_one", ["source.toml", "section", "readings"])
def test_with_a_source_the_page_speaks_of_it(own: Path, names_one: str) -> None:
    path = own / "experiments" / "base.toml"
    if names_one == "section":
        path.write_text(f'section = "2.1"\n{path.read_text()}')
    else:
        ambiguity = '[ambiguities.A1]\nwhat = "Said twice."\ninterpretations.first.meaning = "The first."\n'
        (own / "experiments" / "source.toml").write_text(f'title = "A paper"\n{ambiguity}')
        if names_one == "readings":
            path.write_text(f'{path.read_text()}\n[readings]\nA1 = "first"\n')
    invent(own / "runs", "base", 0.60)
    invent(own / "runs", "Wide_net.v2", 0.40)
    write_report(own / "runs", own / "out")
    text = page(own / "out")
    assert "Profile default; nothing departs from the source." in text
    assert "The source reports no figure for these experiments" in text
    assert ("Said twice." in text) == (names_one == "readings")


def test_a_report_is_checked_where_other_experiments_lie(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder at hand may know neither the report's experiments nor its profile."""
    reference = PROJECT / "reports" / "embedded"
    write_report(reference / "runs", own / "out")
    assert values(own / "out")["missing"] == ["Wide_net.v2", "base"]
    assert "Base" in page(own / "out"), "by the title of its file, whose profile is another"


@pytest.mark.parametrize(
    "content", [b"title = ", b"\xff\xfet\x00", b"title = 3\n", b""], ids=["cut", "utf-16", "wrong", "empty"]
)
def test_a_broken_file_of_an_experiment_that_was_not_trained_stops_no_report(
    own: Path, content: bytes
) -> None:
    """Whoever trains it is told what is wrong with it."""
    for name, test in (("Wide_net.v2", 0.5), ("base", 0.4)):
        invent(own / "runs", name, test)
    (own / "experiments" / "another.toml").write_bytes(content)
    write_report(Path("runs"), Path("out"))
    text = Page((own / "out" / "report.html").read_text()).text.replace("\u00a0", " ")
    assert "another: no run in this profile." in text
    assert not examine(Path("out")).found
