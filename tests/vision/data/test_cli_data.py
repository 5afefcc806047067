from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from data_folders import make_imagenet, make_tiny_imagenet

from tinyexp.cli_data import data
from tinyexp.errors import TinyexpError, UserError
from tinyexp.trainers.vision.data import fetch as fetching
from tinyexp.trainers.vision.data.catalogue import CATALOGUE


@pytest.fixture(autouse=True)
def _no_other_places(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is installed on the machine at hand must not be found."""
    entry = dataclasses.replace(CATALOGUE["fashion-mnist"], elsewhere=())
    monkeypatch.setitem(CATALOGUE, "fashion-mnist", entry)


def test_list_says_what_there_is_and_how_to_take_the_rest(tmp_path: Path) -> None:
    make_tiny_imagenet(tmp_path / "tiny-imagenet-200")
    result = CliRunner().invoke(data, ["list", "--data-folder", str(tmp_path)])
    assert result.exit_code == 0
    assert f"tiny-imagenet: {tmp_path / 'tiny-imagenet-200'}" in result.stdout
    assert "fashion-mnist: not there; `tinyexp data fetch fashion-mnist`" in result.stdout
    assert "imagenet: not there; it needs an account" in result.stdout
    assert "Licence: No licence is stated." in result.stdout


def test_list_as_json_is_nothing_but_json(tmp_path: Path) -> None:
    result = CliRunner().invoke(data, ["list", "--json", "--data-folder", str(tmp_path)])
    rows = {row["name"]: row for row in json.loads(result.stdout)}
    assert list(rows) == list(CATALOGUE)
    assert rows["tiny-imagenet"]["root"] is None
    assert rows["tiny-imagenet"]["download_bytes"] == 248_100_043


def test_the_data_folder_comes_from_the_environment(tmp_path: Path) -> None:
    make_imagenet(tmp_path / "imagenet")
    result = CliRunner().invoke(data, ["list", "--json"], env={"TINYEXP_DATA": str(tmp_path)})
    assert {row["name"]: row["root"] for row in json.loads(result.stdout)}["imagenet"] == str(
        tmp_path / "imagenet"
    )


def test_fetch_prints_the_folder_and_nothing_else_on_stdout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fake(name: str, data_folder: Path, mirror: str | None, progress: object) -> Path:
        assert (name, mirror) == ("tiny-imagenet", "http://mirror.example")
        assert callable(progress)
        for done in range(0, 101, 5):
            progress("fetching it", done, 100)
        return data_folder / "tiny-imagenet-200"

    monkeypatch.setattr(fetching, "fetch", fake)
    arguments = [
        "fetch",
        "tiny-imagenet",
        "--data-folder",
        str(tmp_path),
        "--mirror",
        "http://mirror.example",
    ]
    result = CliRunner().invoke(data, arguments)
    assert result.stdout == f"{tmp_path / 'tiny-imagenet-200'}\n"
    assert result.stderr.splitlines() == [f"fetching it: {tenth} % of 100" for tenth in range(10, 101, 10)]


@pytest.mark.parametrize("command", ["fetch", "verify"])
def test_an_unknown_name_is_left_to_the_main_group_to_tell(tmp_path: Path, command: str) -> None:
    with pytest.raises(UserError, match=r"unknown data set 'tiny-imagnet'.*Did you mean 'tiny-imagenet'"):
        CliRunner().invoke(
            data, [command, "tiny-imagnet", "--data-folder", str(tmp_path)], catch_exceptions=False
        )


def test_verify_says_that_a_folder_is_whole(tmp_path: Path) -> None:
    make_imagenet(tmp_path)
    result = CliRunner().invoke(data, ["verify", "image-folder", "--root", str(tmp_path)])
    assert result.exit_code == 0
    assert "12 + 6 images, 3 classes, fingerprint " in result.stdout
    assert "whole: no problem was found" in result.stdout
    assert "decoding image-folder train: 100 % of 12" in result.stderr


def test_verify_lists_problems_and_fails(tmp_path: Path) -> None:
    make_imagenet(tmp_path)
    damaged = next(tmp_path.glob("train/*/*.JPEG"))
    damaged.write_bytes(b"no image")
    result = CliRunner().invoke(data, ["verify", "image-folder", "--json", "--root", str(tmp_path)])
    assert str(damaged) in json.loads(result.stdout)["problems"][0]
    assert isinstance(result.exception, TinyexpError)
    assert not isinstance(result.exception, UserError)
    assert result.exception.exit_code == 1


def test_help_is_light() -> None:
    program = "import sys, tinyexp.cli_data; print([m for m in ('torch', 'numpy', 'PIL', 'rich', 'pydantic') if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert result.stdout == "[]\n"


def test_nothing_of_the_data_sets_needs_torch_or_pandas() -> None:
    modules = (
        "build",
        "fetch",
        "verify",
        "catalogue",
        "idx",
        "folders",
        "tiny_imagenet",
        "imagenet",
        "places",
    )
    program = f"import sys; [__import__('tinyexp.trainers.vision.data.' + m) for m in {modules}]; print([m for m in ('torch', 'torchvision', 'pandas') if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert result.stdout == "[]\n"
