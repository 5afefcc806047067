"""The same records give the same bytes, wherever, whenever and by whomever they are rendered."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import elsewhere
import pytest
from many_runs import make_many_runs
from page_reader import contents, sample
from records_maker import make_run

from tinyexp.report.render import write_report

_SCRIPT = Path(elsewhere.__file__)
_MATPLOTLIBRC = """
font.size: 30
font.family: monospace
path.sketch: 5, 100, 2
lines.solid_capstyle: round
axes.unicode_minus: False
axes.prop_cycle: cycler(color=["r", "g"])
svg.fonttype: path
savefig.facecolor: yellow
"""


@pytest.fixture(scope="module")
def many() -> Iterator[Path]:
    """A folder with ``runs/`` that fill every section, and their report in ``out/``; read only.

    All studies whole, more experiments than share a picture, more seeds than have lines of their own, and
    runs that did not finish.
    """
    with tempfile.TemporaryDirectory(prefix="tinyexp-test-") as name:
        folder = Path(name)
        make_many_runs(folder / "runs", seeds=9, others=6, epochs=12)
        for seed, state in ((20, "failed"), (21, "diverged")):
            make_run(folder / "runs", "tiny-design1", seed, state=state, epochs_done=3, message="bad luck")
        write_report(folder / "runs", folder / "out")
        yield folder


@pytest.fixture(scope="module")
def comma_locale() -> Iterator[Mapping[str, str]]:
    """The environment of a locale with a decimal comma: the machine's, or one made for the test."""
    with tempfile.TemporaryDirectory(prefix="tinyexp-locale-") as name:
        made = {"LOCPATH": name, "LC_ALL": "de_DE.UTF-8", "LANG": "de_DE.UTF-8"}
        command = ["localedef", "--no-archive", "-i", "de_DE", "-f", "UTF-8", f"{name}/de_DE.UTF-8"]
        if (
            shutil.which("localedef")
            and subprocess.run(command, check=False, capture_output=True).returncode <= 1
        ):
            candidates = [made]
        else:
            candidates = [{"LC_ALL": "de_DE.UTF-8"}, {"LC_ALL": "fr_FR.UTF-8"}]
        probe = "import locale; locale.setlocale(locale.LC_ALL, ''); assert locale.localeconv()['decimal_point'] == ','"
        for environment in candidates:
            told = subprocess.run(
                [sys.executable, "-c", probe], env=os.environ | environment, check=False, capture_output=True
            )
            if told.returncode == 0:
                yield environment
                return
    message = "no locale with a decimal comma can be had: install Debian's package locales"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


def render(runs: Path, out: Path, place: Path, *conditions: str, **environment: str) -> dict[str, bytes]:
    """What a process of its own, in its own folder and without torch, makes of some runs."""
    place.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-W", "error::UserWarning", str(_SCRIPT), str(runs), str(out), *conditions]
    subprocess.run(command, cwd=place, env=os.environ | environment, check=True, timeout=300)
    return contents(place / out)


def assert_same(found: dict[str, bytes], expected: dict[str, bytes]) -> None:
    """By name, so that a failure says which files differ and not how."""
    assert sorted(found) == sorted(expected)
    assert [name for name in expected if found[name] != expected[name]] == []
    assert {"html", "md", "svg", "json"} <= {name.rpartition(".")[2] for name in expected}


def copied_backwards(many: Path, target: Path) -> Path:
    """The same runs elsewhere, made in the opposite order."""
    for run in sorted((many / "runs").glob("*/*/*"), reverse=True):
        shutil.copytree(run, target / run.relative_to(many / "runs"))
    return target


TERMINAL = {
    "COLUMNS": "37",
    "LINES": "9",
    "NO_COLOR": "1",
    "FORCE_COLOR": "1",
    "TERM": "dumb",
    "TZ": "Pacific/Apia",
}
THREADS = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "5"
)


def a_user_of_matplotlib(place: Path) -> dict[str, str]:
    """Settings in the working folder, where matplotlib looks first, and in the user's own; and a backend that draws pixels."""
    for folder in (place, place / "config"):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "matplotlibrc").write_text(_MATPLOTLIBRC)
    return {"MPLBACKEND": "agg", "MPLCONFIGDIR": str(place / "config")}


def test_all_that_is_otherwise_elsewhere_changes_nothing(
    many: Path, tmp_path: Path, comma_locale: Mapping[str, str]
) -> None:
    """At once; what follows has each by itself, to see which it is."""
    runs, place = copied_backwards(many, tmp_path / "else where" / "l\u00e4ufe"), tmp_path / "place"
    environment = {
        **comma_locale,
        **TERMINAL,
        **THREADS,
        **a_user_of_matplotlib(place),
        "PYTHONHASHSEED": "4711",
    }
    out = tmp_path / "other" / "out"
    found = render(runs, out, place, "comma", "shuffled", "private", **environment)
    assert_same(found, contents(many / "out"))
    assert (out / "report.html").stat().st_mode & 0o077 == 0


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("which", ["comma", "other folder", "hashes", "terminal", "matplotlib", "threads"])
def test_what_is_otherwise_elsewhere_changes_nothing(
    many: Path, tmp_path: Path, comma_locale: Mapping[str, str], which: str
) -> None:
    runs, place, conditions, environment = many / "runs", tmp_path / "place", (), {}
    if which == "comma":
        conditions, environment = ("comma",), comma_locale
    elif which == "other folder":
        runs, conditions = copied_backwards(many, tmp_path / "l\u00e4ufe"), ("shuffled",)
    elif which == "hashes":
        environment = {"PYTHONHASHSEED": "4711"}
    elif which == "terminal":
        conditions, environment = ("private",), TERMINAL
    elif which == "matplotlib":
        environment = a_user_of_matplotlib(place)
    else:
        environment = THREADS
    assert_same(render(runs, Path("out"), place, *conditions, **environment), contents(many / "out"))


def test_the_records_of_a_report_give_the_report(tmp_path: Path) -> None:
    write_report(sample() / "out" / "runs", tmp_path / "again")
    assert contents(tmp_path / "again") == contents(sample() / "out")


def test_a_report_can_be_made_again_in_its_place(tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(sample() / "out", out)
    (out / "report.html").write_text("old")
    write_report(out / "runs", out)
    assert contents(out) == contents(sample() / "out")


def test_no_file_names_this_machine(tmp_path: Path) -> None:
    folder = str(sample()).encode()
    for name, content in contents(sample() / "out").items():
        assert folder not in content, name
        assert b"Date" not in content or name.endswith(".npz"), name


def test_the_report_takes_no_weights_and_no_clock_along() -> None:
    names = {Path(name).name for name in contents(sample() / "out" / "runs")}
    assert names == {"run.json", "environment.json", "metrics.csv", "predictions.npz", "status.json"}
