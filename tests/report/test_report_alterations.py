"""Alterations of a report's folder, each found by its check, or named on the page on reliability as not covered."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from records_maker import make_runs

from tinyexp.analysis.frozen import freeze_study
from tinyexp.analysis.study import load_study
from tinyexp.errors import UserError
from tinyexp.files import GIT_ATTRIBUTES, json_text, sha256_of_bytes, sha256_of_file
from tinyexp.report import check
from tinyexp.report.check import examine
from tinyexp.report.digest import report_digest
from tinyexp.report.render import write_report

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
STUDY = "why-design1-beat-design2"
Alter = Callable[[Path], object]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of two designs, with all that a report can have but images: timings, a baseline, a study's note."""
    place = tmp_path_factory.mktemp("sound")
    make_runs(place / "runs", ("tiny-design1", "tiny-design2"), (0, 1, 2), cost=(1.5, 20.0))
    freeze_study(place / "runs" / "embedded", load_study(STUDY), 3)
    write_report(place / "runs", place / "before")
    write_report(place / "runs", place / "out", baseline=place / "before")
    return place / "out"


@pytest.fixture
def out(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "out"))


@pytest.fixture(autouse=True, scope="module")
def _rendered_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What is rendered from the same files and versions is rendered once: most alterations are none of what pages are made from."""
    kept, real = tmp_path_factory.mktemp("kept"), check.render_into

    def render(selection: Any, folder: Path, baseline: Any, *, made_with: Any) -> None:
        report = selection.runs[0].folder.path.parents[3]
        made_from = {path: sha256_of_file(path) for path in report.rglob("*") if _decides(report, path)}
        told = {str(path.relative_to(report)): digest for path, digest in made_from.items()}
        key = sha256_of_bytes(json_text([sorted(told.items()), made_with]).encode())
        if not (kept / key).is_dir():
            real(selection, folder, baseline, made_with=made_with)
            shutil.copytree(folder, kept / key)
        shutil.copytree(kept / key, folder, dirs_exist_ok=True)

    with mock.patch.object(check, "render_into", render):
        yield


def _decides(report: Path, path: Path) -> bool:
    name = path.relative_to(report).as_posix()
    return path.is_file() and name.startswith(("runs/", "definitions/", "baseline.json"))


def edited(name: str, old: bytes, new: bytes) -> Alter:
    """Change the first place of a file, which a pattern may name."""

    def alter(out: Path) -> None:
        path = one(out, name)
        content = path.read_bytes()
        assert old in content, f"{path} has no {old!r}"
        path.write_bytes(content.replace(old, new, 1))

    return alter


def one(out: Path, name: str) -> Path:
    return min(out.glob(name))


def told(change: Callable[[dict[str, Any]], object], name: str = "report.json") -> Alter:
    """Change a JSON file, written as it always is."""

    def alter(out: Path) -> None:
        value = json.loads(one(out, name).read_text())
        change(value)
        one(out, name).write_text(json_text(value))

    return alter


def values(change: Callable[[dict[str, Any]], object]) -> Alter:
    return told(lambda report: change(report["values"]))


def with_its_digest(alter: Alter, name: str) -> Alter:
    """Change a run's record, and its digest in status.json alike."""

    def both(out: Path) -> None:
        alter(out)
        path = one(out, f"{RUN}/{name}")
        told(lambda status: status["digests"].update({name: sha256_of_file(path)}), f"{RUN}/status.json")(out)

    return both


def removed(name: str) -> Alter:
    def alter(out: Path) -> None:
        path = one(out, name)
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    return alter


def added(name: str, content: bytes = b"x") -> Alter:
    def alter(out: Path) -> None:
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_bytes(content)

    return alter


def swapped(left: str, right: str) -> Alter:
    def alter(out: Path) -> None:
        first, second = one(out, left), one(out, right)
        aside = first.with_name("aside")
        first.rename(aside)
        second.rename(first)
        aside.rename(second)

    return alter


def copied(source: str, target: str) -> Alter:
    def alter(out: Path) -> None:
        path = one(out, source)
        if path.is_dir():
            shutil.copytree(path, out / target)
        else:
            shutil.copyfile(path, min(out.glob(target), default=out / target))

    return alter


def linked(name: str) -> Alter:
    def alter(out: Path) -> None:
        path = one(out, name)
        elsewhere = out.parent / "elsewhere"
        path.rename(elsewhere)
        path.symlink_to(elsewhere)

    return alter


def rewritten(name: str, change: Callable[[bytes], bytes]) -> Alter:
    def alter(out: Path) -> None:
        path = one(out, name)
        path.write_bytes(change(path.read_bytes()))

    return alter


RUN = "runs/embedded/tiny-design1/0-*"
OTHER = "runs/embedded/tiny-design1/1-*"
ALTERATIONS: dict[str, Alter] = {
    # pages
    "the verdict on the page": edited("report.html", b"beats", b"loses to"),
    "a byte of the page": rewritten("report.html", lambda content: content + b" "),
    "a number in the Markdown": edited("report.md", b" %", b"0 %"),
    "the verdict in the summary": edited("summary.md", b"beats", b"equals"),
    "the verdict on the badge": edited("badge.svg", b"ahead", b"behind"),
    "a test in junit.xml": edited("junit.xml", b"<testcase", b"<!-- --><testcase"),
    "a point of a figure": edited("figures/*.svg", b"<path", b"<path "),
    "a figure removed": removed("figures/*.svg"),
    "a figure under another's name": swapped(f"figures/{STUDY}-runs.svg", "figures/*-test-accuracy.svg"),
    "a page removed": removed("summary.md"),
    "a page emptied": rewritten("report.md", lambda _: b""),
    "a page's line ends": rewritten("report.md", lambda content: content.replace(b"\n", b"\r\n")),
    "a byte order mark before a page": rewritten("summary.md", lambda content: b"\xef\xbb\xbf" + content),
    "a page that is a link": linked("report.html"),
    # report.json
    "the verdict in report.json": told(lambda report: report.update(verdict="Design 2 beats Design 1")),
    "a mean in report.json": values(lambda told: told["studies"][0]["comparison"].update(mean=0.5)),
    "a winner in report.json": values(lambda told: told["studies"][0]["comparison"].update(winner="tiny-design2")),
    "a claim's verdict in report.json": values(lambda told: told["studies"][0]["claims"][0].update(verdict="supported")),
    "a seed in report.json": values(lambda told: told["experiments"][0].update(seeds=[0, 1, 7])),
    "a run left out of report.json": values(lambda told: told["runs"].pop()),
    "a record's digest in report.json": values(lambda told: told["runs"][0]["records"].update({"metrics.csv": "0" * 64})),
    "changes left out of report.json": values(lambda told: told.update(changes=None)),
    "a gate added to report.json": values(lambda told: told["gates"].append({"passed": True})),
    "another version in report.json": told(lambda report: report["made_with"].update(jinja2="99")),
    "versions emptied in report.json": told(lambda report: report.update(made_with={})),
    "digests emptied in report.json": told(lambda report: report.update(beside={})),
    "another schema version": told(lambda report: report.update(schema_version=7)),
    "another format": told(lambda report: report.update(format="mine")),
    "a key more in report.json": told(lambda report: report.update(note="fine")),
    "a key twice in report.json": edited("report.json", b"{", b'{\n  "verdict": "x",'),
    "spaces in report.json": edited("report.json", b": ", b":  "),
    "report.json removed": removed("report.json"),
    # records
    "an accuracy": edited(f"{RUN}/metrics.csv", b"0.", b"0.9"),
    "an accuracy with its digest": with_its_digest(edited(f"{RUN}/metrics.csv", b"0.", b"0.9"), "metrics.csv"),
    "a row left out with its digest": with_its_digest(
        rewritten(f"{RUN}/metrics.csv", lambda content: content.rsplit(b"\n", 2)[0] + b"\n"), "metrics.csv"
    ),
    "a record's line ends": rewritten(f"{RUN}/metrics.csv", lambda content: content.replace(b"\n", b"\r\n")),
    "a setting": edited(f"{RUN}/run.json", b'"learning_rate": 0.', b'"learning_rate": 0.9'),
    "a setting with its digest": with_its_digest(
        edited(f"{RUN}/run.json", b'"learning_rate": 0.', b'"learning_rate": 0.9'), "run.json"
    ),
    "an identity with its digest": with_its_digest(
        told(lambda run: run.update(identity="0" * 64), f"{RUN}/run.json"), "run.json"
    ),
    "a seed with its digest": with_its_digest(told(lambda run: run.update(seed=9), f"{RUN}/run.json"), "run.json"),
    "the data's fingerprint with its digest": with_its_digest(
        told(lambda run: run["data"].update(fingerprint="0" * 64), f"{RUN}/run.json"), "run.json"
    ),
    "the number of test images with its digest": with_its_digest(
        told(lambda run: run["data"].update(test_images=10), f"{RUN}/run.json"), "run.json"
    ),
    "a title with its digest": with_its_digest(
        told(lambda run: run["experiment"].update(title="Better"), f"{RUN}/run.json"), "run.json"
    ),
    "another processor with its digest": with_its_digest(
        told(lambda env: env.update(machine="arm64"), f"{RUN}/environment.json"), "environment.json"
    ),
    "'not bit-identical' with its digest": with_its_digest(
        told(lambda env: env.update(bit_identical=False), f"{RUN}/environment.json"), "environment.json"
    ),
    "predictions of another run": copied(f"{OTHER}/predictions.npz", f"{RUN}/predictions.npz"),
    "predictions of another run with their digest": with_its_digest(
        copied(f"{OTHER}/predictions.npz", f"{RUN}/predictions.npz"), "predictions.npz"
    ),
    "predictions cut off": rewritten(f"{RUN}/predictions.npz", lambda content: content[:-9]),
    "a timing": edited(f"{RUN}/timing.csv", b"1.5", b"1.4"),
    "timings removed": removed(f"{RUN}/timing.csv"),
    "finished said to have failed": told(lambda status: status.update(state="failed"), f"{RUN}/status.json"),
    "epochs in the status": told(lambda status: status.update(epochs_done=3), f"{RUN}/status.json"),
    "a message in the status": told(lambda status: status.update(message="all well"), f"{RUN}/status.json"),
    "digests emptied in the status": told(lambda status: status.update(digests={}), f"{RUN}/status.json"),
    "a record removed": removed(f"{RUN}/predictions.npz"),
    "the environment removed": removed(f"{RUN}/environment.json"),
    "the status removed": removed(f"{RUN}/status.json"),
    "a run removed": removed(RUN),
    "all runs removed": removed("runs"),
    "two runs swapped": swapped(RUN, OTHER),
    "runs of two designs swapped": swapped(RUN, "runs/embedded/tiny-design2/0-*"),
    "a run twice": copied(RUN, "runs/embedded/tiny-design1.bak/0-00000000"),
    "a run of another name": copied(RUN, "runs/embedded/tiny-design1/7-00000000"),
    # what else it is made from
    "the looks of a study's note": told(lambda note: note.update(looks=[9]), "runs/embedded/*.study.json"),
    "spaces in a study's note": edited("runs/embedded/*.study.json", b": ", b":  "),
    "a study's note removed": removed("runs/embedded/*.study.json"),
    "a study's margin": edited(f"definitions/studies/{STUDY}.toml", b"margin = 0.01", b"margin = 0.3"),
    "a comment in a definition": rewritten("definitions/source.toml", lambda content: content + b"# fine\n"),
    "a definition removed": removed("definitions/studies/larger-images.toml"),
    "all definitions removed": removed("definitions"),
    "an experiment added": copied("definitions/tiny-design1.toml", "definitions/tiny-design3.toml"),
    "a profile added": added("definitions/profiles/mine.toml", b'title = "x"\nseeds = 3\n'),
    "the profile's caution": edited("definitions/profiles/embedded.toml", b'evidence = "', b'evidence = "No! '),
    "the baseline's verdict": edited("baseline.json", b"beats", b"equals"),
    "the baseline removed": removed("baseline.json"),
    # files that are none of it
    "a file added": added("note.txt"),
    "a file added among the figures": added("figures/z.svg", b"<svg/>"),
    "a file added to a run": added("runs/embedded/tiny-design1/extra/log.txt"),
    "an empty folder added": lambda out: (out / "figures" / "more").mkdir(),
    "what git is told": added(GIT_ATTRIBUTES, b"* text=auto\n"),
}  # fmt: skip


@pytest.mark.parametrize("name", ALTERATIONS)
def test_an_alteration_is_found(out: Path, sound: Path, name: str) -> None:
    ALTERATIONS[name](out)
    if name in {"another format", "report.json removed"}:
        with pytest.raises(UserError, match="is not a report of tinyexp"):
            examine(out)
    else:
        assert examine(out).found
    # .gitattributes is none of the pages, and may be left out where a folder is packed up
    assert (report_digest(out) == report_digest(sound)) == (name == "what git is told")


def test_there_are_as_many_as_were_promised() -> None:
    assert len(ALTERATIONS) >= 36


def test_an_untouched_report_is_right(out: Path) -> None:
    assert examine(out) == check.Checked((), digest=report_digest(out))


def another_version_everywhere(out: Path) -> None:
    """In report.json and in each sentence of the pages that names it, but for those about the baseline."""
    told(lambda report: report["made_with"].update(jinja2="99"))(out)
    for name in ("report.html", "report.md", "summary.md"):
        text = (out / name).read_text(encoding="utf-8")
        for before in ("and jinja2 ", "\u00b7 jinja2 "):
            text = text.replace(f"{before}{version('jinja2')}", f"{before}99")
        (out / name).write_text(text, encoding="utf-8")


NOT_COVERED: dict[str, tuple[Alter, str]] = {
    "last digits of numbers in report.json": (
        values(lambda told: told["studies"][0]["comparison"].update(mean=told["studies"][0]["comparison"]["mean"] * (1 + 5e-10))),
        "last digits of its numbers",
    ),
    "the versions in report.json and on the pages alike": (
        another_version_everywhere,
        "the versions that a report says it was made with",
    ),
    "when a file was changed": (lambda out: os.utime(out / "report.html", (1, 1)), "times and permissions"),
    "who may read a file": (lambda out: (out / "report.html").chmod(0o600), "times and permissions"),
    "hidden files left out": (removed(GIT_ATTRIBUTES), "`.gitattributes`"),
}  # fmt: skip


@pytest.mark.parametrize("name", NOT_COVERED)
def test_what_is_not_covered_is_named_on_the_page(out: Path, name: str) -> None:
    alter, words = NOT_COVERED[name]
    alter(out)
    assert examine(out).found == ()
    page = " ".join(PAGE.read_text(encoding="utf-8").split("## What is not covered")[1].split())
    assert words in page
