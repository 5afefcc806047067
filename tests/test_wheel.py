"""The wheel alone, outside the checkout: everything that the commands need is in it."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest
from small_runs import SET
from test_readme import block, shell

PROJECT = Path(__file__).parent.parent


def project():
    return tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder of a wheel and an sdist."""
    folder = tmp_path_factory.mktemp("dist")
    build(PROJECT, folder, "wheel", "sdist")
    return folder


def build(checkout, folder, *targets):
    # hatchling runs from the environment, so that no build environment is made and nothing is downloaded.
    asked = [word for target in targets for word in ("--target", target)]
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", *asked, "--directory", str(folder)],
        cwd=checkout,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def unpacked(built):
    """The wheel's content in a folder of its own, as an installer would lay it."""
    [wheel] = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(built / "site")
    return built / "site"


@pytest.fixture(scope="module")
def installed(built, tmp_path_factory):
    """The programs of an environment into which pip put the wheel alone; what it depends on is seen where these tests have it."""
    folder = tmp_path_factory.mktemp("venv") / "venv"
    venv.create(folder, symlinks=True)
    programs, here = folder / "bin", sysconfig.get_paths()["purelib"]
    [site] = folder.glob("lib/python*/site-packages")
    # Behind its own packages, and without the links in it: this checkout is not seen.
    (site / "dependencies.pth").write_text(f"{here}\n")
    [wheel] = built.glob("*.whl")
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "--python", str(programs / "python"), "install", "--quiet"),
            *("--no-deps", "--no-index", "--ignore-installed", "--disable-pip-version-check", str(wheel)),
        ],
        check=True,
    )
    return programs


def test_the_wheel_holds_the_package_the_experiments_and_the_templates(unpacked):
    names = {path.name for path in unpacked.rglob("*")}
    assert {
        "py.typed",
        "tiny-design1.toml",
        "embedded.toml",
        "why-design1-beat-design2.toml",
        "report.html.j2",
        "report.schema.json",
    } <= names
    assert not (unpacked / "tests").exists()


def test_the_wheel_holds_the_built_in_images_with_their_licence_in_three_megabytes(unpacked):
    images = unpacked / "tinyexp" / "trainers" / "vision" / "data" / "fashion_mnist_small"
    assert {path.name for path in images.iterdir()} == {
        "LICENSE",
        "train-images-idx3-ubyte.gz",
        "train-labels-idx1-ubyte.gz",
        "t10k-images-idx3-ubyte.gz",
        "t10k-labels-idx1-ubyte.gz",
    }
    assert sum(path.stat().st_size for path in images.iterdir()) < 3_000_000
    notices = [path.read_text(encoding="utf-8") for path in unpacked.rglob("*.dist-info/licenses/**/LICENSE")]
    assert len(notices) == 2
    assert any("Zalando SE" in notice for notice in notices)


@pytest.mark.slow
@pytest.mark.long
def test_the_wheel_trains_and_reports_outside_the_checkout(unpacked, tmp_path):
    def tinyexp(*arguments):
        done = subprocess.run(
            [sys.executable, "-m", "tinyexp", *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(unpacked)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    where = subprocess.run(
        [sys.executable, "-c", "import tinyexp; print(tinyexp.__file__)"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(unpacked)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert where.stdout.startswith(str(unpacked))
    published = (PROJECT / "templates" / "report.schema.json").read_text(encoding="utf-8")
    assert tinyexp("schema", "--report") == published
    tinyexp("run-all", "--seeds", "3", "--only", "tiny-*", "--plan", "none", *SET)
    tinyexp("report", "--out", "report")
    assert (tmp_path / "report" / "report.html").stat().st_size > 10_000
    assert "the report is what its records give" in tinyexp("check", "report")


@pytest.mark.slow
def test_an_installed_wheel_starts_trains_and_reports_a_project_by_the_commands_of_the_readme(
    installed, tmp_path
):
    """No checkout is on its way: neither in the current folder nor in PYTHONPATH."""
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def said(text):
        return shell(text, tmp_path, installed, clean)

    where = Path(said("python -c 'import tinyexp; print(tinyexp.__file__)'").strip())
    assert where.is_relative_to(installed.parent)
    assert said("tinyexp --version").strip().endswith(f" {project()['version']}")
    assert "Bring your own:" in said("tinyexp --help")
    assert "tiny-design1" in said("tinyexp show tiny-design1")
    (tmp_path / "train.py").write_text(block("Your trainer", "python"), encoding="utf-8")
    said(block("Your trainer", "sh"))
    assert "the report is what its records give" in said("tinyexp check reports/latest")
    told = (tmp_path / "reports" / "latest" / "report.md").read_text(encoding="utf-8")
    assert f"Written with tinyexp {project()['version']}," in told


def test_the_sdist_has_what_a_wheel_is_made_of_and_makes_the_same_one(built, tmp_path):
    [sdist] = built.glob("*.tar.gz")
    shutil.unpack_archive(sdist, tmp_path, filter="data")
    [folder] = (path for path in tmp_path.iterdir() if path.is_dir())
    assert {"CHANGELOG.md", "CITATION.cff", "LICENSE", "README.md", "docs", "examples", "tests"} <= {
        path.name for path in folder.iterdir()
    }
    build(folder, tmp_path / "again", "wheel")
    [first], [second] = built.glob("*.whl"), (tmp_path / "again").glob("*.whl")
    assert content(second) == content(first)


def content(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}
