"""The same records give the same bytes, wherever, whenever and by whomever they are rendered."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from page_reader import contents, sample

from tinyexp.report.render import write_report

_RENDER = """
import importlib.abc, locale, sys
from pathlib import Path

class NoTorch(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "torchvision", "lightning_fabric"):
            raise ImportError(f"{name} is not installed here")

sys.meta_path.insert(0, NoTorch())
try:
    locale.setlocale(locale.LC_ALL, "")
except locale.Error:
    pass
from tinyexp.report.render import write_report
write_report(Path(sys.argv[1]), Path(sys.argv[2]))
assert not [name for name in sys.modules if name.split(".")[0] == "torch"]
assert "matplotlib.pyplot" not in sys.modules
"""


def test_another_process_without_torch_gives_the_same_bytes(tmp_path: Path) -> None:
    """Another folder, locale, time zone, hash seed, order of the runs and matplotlibrc change nothing."""
    runs, place = tmp_path / "elsewhere" / "runs", tmp_path / "place"
    place.mkdir()
    (place / "matplotlibrc").write_text(
        "font.size: 30\npath.sketch: 5, 100, 2\nlines.solid_capstyle: round\n"
    )
    for run in sorted((sample() / "runs").glob("*/*/*"), reverse=True):
        shutil.copytree(run, runs / run.relative_to(sample() / "runs"))
    environment = os.environ | {"LC_ALL": "de_DE.UTF-8", "TZ": "Pacific/Apia", "PYTHONHASHSEED": "7"}
    command = [sys.executable, "-W", "error::UserWarning", "-c", _RENDER, str(runs), "out"]
    subprocess.run(command, cwd=place, env=environment, check=True, timeout=120)
    assert contents(place / "out") == contents(sample() / "out")


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
    assert names == {"spec.json", "environment.json", "metrics.csv", "predictions.npz", "status.json"}
