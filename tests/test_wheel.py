"""The wheel alone, outside the checkout: everything that the commands need is in it."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from small_runs import SET

PROJECT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    """The wheel's content in a folder of its own, as an installer would lay it."""
    folder = tmp_path_factory.mktemp("wheel")
    # hatchling runs from the environment, so that no build environment is made and nothing is downloaded.
    built = subprocess.run(
        [
            sys.executable,
            "-m",
            "hatchling",
            "build",
            "--target",
            "wheel",
            "--directory",
            str(folder / "dist"),
        ],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    [wheel] = (folder / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


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
    tinyexp("run-all", "--seeds", "3", "--only", "tiny-*", *SET)
    tinyexp("report", "--out", "report")
    assert (tmp_path / "report" / "report.html").stat().st_size > 10_000
    assert "the report is what its records give" in tinyexp("check", "report")
