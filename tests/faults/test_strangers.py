"""Files and folders of the user's beside every place that we write to survive every command, whatever they are called."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import warm
from click.testing import CliRunner
from data_server import ZIP, Server
from small_runs import SET, run_command, small_plan

from tinyexp.cli import main
from tinyexp.ownership import MARK

Planted = dict[Path, bytes]

IN_A_RUN = (
    "notes.txt",
    "plot.of.mine.png",
    ".metrics.csv.abcdefgh.tmp",
    ".metrics.csv.0123456789abcdef-0123abcd.tmp",
    "before-fresh-1/notes.txt",
    "checkpoints/notes.txt",
    "checkpoints/best.ckpt",
    "checkpoints/.epoch-000001-step-00000000.ckpt.abcdefgh.tmp",
)
CALLED_AS_OURS = (
    "checkpoints/epoch-000000-step-00000001.ckpt",
    "checkpoints/epoch-000001-step-00000001.ckpt",
    "checkpoints/epoch-000003-step-00000000.ckpt.damaged",
)
"""What --fresh moves aside with the run, since it would stand in the way of the new one."""
BESIDE_RUNS = (
    "notes.txt",
    "embedded/notes.txt",
    "embedded/.run-all.json.abcdefgh.tmp",
    "embedded/tiny-design1/notes.txt",
    "embedded/tiny-design1/0-backup/metrics.csv",
)
BESIDE_A_REPORT = (
    ".results.2024-backup/thesis.txt",
    ".results.99999-abc/report.html",
    ".results.99999-old-abc/results/report.html",
    ".results.report-abcdefgh/report/report.html",
    ".results.report-ijklmnop/.tinyexp-owner.json",
    "results.kept-1/report.html",
)
BESIDE_DATA = (
    ".tiny-imagenet-200.unpacking-mine/a.txt",
    ".tiny-imagenet-200.unpacking-abcdefgh/tiny-imagenet-200/wnids.txt",
    "downloads/notes.txt",
    "downloads/tiny-imagenet/notes.txt",
    "downloads/tiny-imagenet/words.zip.part",
    "downloads/tiny-imagenet/.tiny-imagenet-200.zip.abcdefgh.tmp",
    "packed/notes.txt",
    "packed/0123456789abcdef/manifest.json",
    "packed/.0123456789abcdef.packing/train.pixels",
)


def plant(base: Path, names: tuple[str, ...]) -> Planted:
    """Files, each with a content of its own."""
    planted = {base / name: f"mine: {base / name}".encode() for name in names}
    for path, content in planted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return planted


def require_there(planted: Planted) -> None:
    lost = [path for path, content in planted.items() if not path.is_file() or path.read_bytes() != content]
    assert not lost


def train(*command: str) -> None:
    done = warm.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def call(*arguments: object, code: int = 0) -> str:
    done = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert getattr(done.exception, "exit_code", done.exit_code) == code, (done.output, done.exception)
    return done.output


def test_the_users_files_beside_runs_and_reports_survive_every_command(tmp_path: Path) -> None:
    runs, folder = tmp_path / "runs", small_plan(tmp_path / "runs").folder.path
    mine = plant(runs, BESIDE_RUNS) | plant(folder, IN_A_RUN) | plant(tmp_path, BESIDE_A_REPORT)
    every = ("run-all", "--only", "tiny-design*", "--plan", "none", "--seeds", "1", *SET, "--runs", str(runs))
    train(sys.executable, "-m", "tinyexp", *every)
    require_there(mine)

    called_as_ours = plant(folder, CALLED_AS_OURS)
    (folder / "metrics.csv").write_text("edited")  # so that the run is gone on with
    train(*run_command(runs))
    require_there(mine | called_as_ours)

    for _ in range(2):
        call("report", "--runs", runs, "--out", tmp_path / "results")
        require_there(mine | called_as_ours)
    call("check", tmp_path / "results")
    call("check", runs, code=1)  # for what only is called as a checkpoint is
    require_there(mine | called_as_ours)

    train(*run_command(runs, "--fresh"))
    aside = folder / "before-fresh-2"
    require_there(mine | {aside / path.relative_to(folder): text for path, text in called_as_ours.items()})
    assert sorted(path.name for path in folder.iterdir() if path.name.startswith("before-fresh")) == [
        "before-fresh-1",
        "before-fresh-2",
    ]


def test_the_users_files_beside_data_survive_every_command(tiny: Server, tmp_path: Path) -> None:
    data = tmp_path / "data"
    mine = plant(data, BESIDE_DATA)
    options = ("tiny-imagenet", "--data-folder", data)
    for _ in range(2):
        call("data", "fetch", *options, "--mirror", tiny.url)
        require_there(mine)
    for _ in range(2):
        call("data", "pack", *options)
        require_there(mine)
    call("data", "pack", *options, "--check")
    call("data", "verify", *options)
    call("data", "list", "--data-folder", data)
    require_there(mine)

    [pack] = (path.parent for path in data.glob(f"packed/*/{MARK}"))
    pack.rename(tmp_path / "moved away")
    for name in (f".{pack.name}.packing/train.pixels", f"{pack.name}/train.pixels"):
        [(path, _)] = (more := plant(data / "packed", (name,))).items()
        call("data", "pack", *options, code=2)
        require_there(mine | more)
        path.unlink()
        path.parent.rmdir()


@pytest.mark.parametrize("name", [ZIP[1:], f"{ZIP[1:]}.part"])
def test_what_stands_in_the_way_of_a_download_is_named_and_survives(
    tiny: Server, tmp_path: Path, name: str
) -> None:
    mine = plant(tmp_path / "downloads" / "tiny-imagenet", (name,))
    call("data", "fetch", "tiny-imagenet", "--data-folder", tmp_path, "--mirror", tiny.url, code=2)
    require_there(mine)
