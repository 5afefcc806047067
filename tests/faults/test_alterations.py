"""Every way in which a finished run's folder can be altered is found by `tinyexp check`, or is named as not covered."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from small_runs import small_plan, trained

from tinyexp.files import sha256_of_file
from tinyexp.launch.verify import verify
from tinyexp.runs.folder import RunFolder
from tinyexp.runs.records import Status, read_predictions, read_section, write_predictions, write_section
from tinyexp.trainers.vision.training.checkpoint import checkpoints

Alter = Callable[[RunFolder, RunFolder], object]
"""What is done to a run's folder; the other one is that of another seed."""


def key(name: str, *place: str, value: Any) -> Alter:
    """Another value of a key of a JSON record."""

    def alter(run: RunFolder, _other: RunFolder) -> None:
        told = json.loads((run.path / name).read_text())
        table = told
        for part in place[:-1]:
            table = table[part]
        assert table.get(place[-1]) != value, "that would be no alteration"
        table[place[-1]] = value
        (run.path / name).write_text(json.dumps(told))

    return alter


def content(name: str, edit: Callable[[bytes], bytes]) -> Alter:
    def alter(run: RunFolder, _other: RunFolder) -> None:
        path = run.path / name
        before = path.read_bytes()
        path.write_bytes(edit(before))
        assert path.read_bytes() != before

    return alter


def gone(name: str) -> Alter:
    def alter(run: RunFolder, _other: RunFolder) -> None:
        path = run.path / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    return alter


def of_the_other_seed(name: str) -> Alter:
    return lambda run, other: shutil.copy(other.path / name, run.path / name)


def checkpoint(which: int, edit: Callable[[Path], object]) -> Alter:
    return lambda run, _other: edit(checkpoints(run.checkpoints)[which])


def signed(alter: Alter) -> Alter:
    """The alteration with all digests put right, as one would who wants it to go unnoticed."""

    def both(run: RunFolder, other: RunFolder) -> None:
        alter(run, other)
        status = read_section(run.status, Status)
        digests = {name: sha256_of_file(run.path / name) for name in status.digests}
        write_section(run.status, status.model_copy(update={"digests": digests}))

    return both


def new_status(**update: Any) -> Alter:
    """Another status with the digest of itself put right."""
    return lambda run, _: write_section(
        run.status, read_section(run.status, Status).model_copy(update=update)
    )


def flipped(path: Path) -> None:
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2] ^= 1
    path.write_bytes(whole)


def lines(edit: Callable[[list[bytes]], list[bytes]]) -> Callable[[bytes], bytes]:
    return lambda whole: b"".join(edit(whole.splitlines(keepends=True)))


def cell(row: int, column: int, value: bytes) -> Callable[[bytes], bytes]:
    def edit(rows: list[bytes]) -> list[bytes]:
        cells = rows[row].rstrip(b"\n").split(b",")
        cells[column] = value
        return [*rows[:row], b",".join(cells) + b"\n", *rows[row + 1 :]]

    return lines(edit)


def one_more_right(run: RunFolder, _other: RunFolder) -> None:
    told = read_predictions(run)
    predicted = told.predicted.copy()
    wrong = (told.label != told.predicted).nonzero()[0][0]
    predicted[wrong] = told.label[wrong]
    write_predictions(run.predictions, type(told)(told.label, predicted, told.in_top5, told.classes))


def exchanged(run: RunFolder, other: RunFolder) -> None:
    aside = run.path.with_name("aside")
    run.path.rename(aside)
    other.path.rename(run.path)
    aside.rename(other.path)


def renamed(name: str) -> Alter:
    return lambda run, _: run.path.rename(run.path.parent / name.format(run.path.name.partition("-")[2]))


def half(whole: bytes) -> bytes:
    return whole[: len(whole) // 2]


LAST = 3
ACCURACY, LOSS = 12, 11
RATE = ("experiment", "settings", "optimizer", "learning_rate")

OF_RECORDS: dict[str, Alter] = {
    "status: finished to failed": key("status.json", "state", value="failed"),
    "status: finished to running": key("status.json", "state", value="running"),
    "status: finished to interrupted": key("status.json", "state", value="interrupted"),
    "status: fewer epochs done": key("status.json", "epochs_done", value=2),
    "status: more epochs planned": key("status.json", "epochs", value=4),
    "status: a message": key("status.json", "message", value="stopped early"),
    "status: no digests": key("status.json", "digests", value={}),
    "status: no digest of run.json": lambda run, _: key(
        "status.json",
        "digests",
        value={n: d for n, d in json.loads(run.status.read_text())["digests"].items() if n != "run.json"},
    )(run, _),
    "status: another digest": key("status.json", "digests", "metrics.csv", value="0" * 64),
    "status: a digest of timing.csv": key("status.json", "digests", "timing.csv", value="0" * 64),
    "status: no digest of itself": key("status.json", "own_digest", value=""),
    "status: another digest of itself": key("status.json", "own_digest", value="0" * 64),
    "status: a key that there is not": key("status.json", "accuracy", value=1),
    "status: gone": gone("status.json"),
    "status: empty": content("status.json", lambda _: b""),
    "status: cut off": content("status.json", half),
    "status: the other seed's": of_the_other_seed("status.json"),
    "status signed: fewer epochs": new_status(epochs_done=2),
    "status signed: other epochs planned": new_status(epochs=4),
    "status signed: no digests": new_status(digests={}),
    "run: seed": key("run.json", "seed", value=7),
    "run: identity": key("run.json", "identity", value="0" * 64),
    "run: configuration": key("run.json", "configuration", value="0" * 64),
    "run: numerics version": key("run.json", "numerics_version", value=0),
    "run: record version": key("run.json", "record_version", value=1),
    "run: learning rate": key("run.json", *RATE, value=0.5),
    "run: experiment's name": key("run.json", "experiment", "name", value="tiny-design2"),
    "run: experiment's title": key("run.json", "experiment", "title", value="Design 2"),
    "run: data": key("run.json", "data", "fingerprint", value="0" * 64),
    "run: how far the fingerprint goes": key("run.json", "data", "covers", value="nothing"),
    "run: test images": key("run.json", "data", "test_images", value=31),
    "run: training images": key("run.json", "data", "train_images", value=61),
    "run: gone": gone("run.json"),
    "run: cut off": content("run.json", half),
    "run: the other seed's": of_the_other_seed("run.json"),
    "run signed: learning rate": signed(key("run.json", *RATE, value=0.5)),
    "run signed: seed": signed(key("run.json", "seed", value=7)),
    "run signed: the other seed's": signed(of_the_other_seed("run.json")),
    "environment: processor": key("environment.json", "processor", value="another"),
    "environment: torch": key("environment.json", "packages", "torch", value="0.0"),
    "environment: threads": key("environment.json", "threads", value=2),
    "environment: code": key("environment.json", "code", value=""),
    "environment: arithmetic": key("environment.json", "arithmetic", value=""),
    "environment: not bit-identical": key("environment.json", "bit_identical", value=False),
    "environment: gone": gone("environment.json"),
    "environment: cut off": content("environment.json", half),
    "metrics: an accuracy": content("metrics.csv", cell(LAST, ACCURACY, b"0.99")),
    "metrics: the last digit of a loss": content(
        "metrics.csv", lambda c: c[:-20] + bytes([c[-20] ^ 1]) + c[-19:]
    ),
    "metrics: a row less": content("metrics.csv", lines(lambda rows: rows[:-1])),
    "metrics: a row twice": content("metrics.csv", lines(lambda rows: [*rows, rows[-1]])),
    "metrics: rows exchanged": content(
        "metrics.csv", lines(lambda rows: [rows[0], rows[2], rows[1], rows[3]])
    ),
    "metrics: a column's name": content("metrics.csv", lambda c: c.replace(b"test_loss", b"tests_loss", 1)),
    "metrics: line ends": content("metrics.csv", lambda c: c.replace(b"\n", b"\r\n")),
    "metrics: empty": content("metrics.csv", lambda _: b""),
    "metrics: cut off": content("metrics.csv", half),
    "metrics: gone": gone("metrics.csv"),
    "metrics: the other seed's": of_the_other_seed("metrics.csv"),
    "metrics signed: an accuracy": signed(content("metrics.csv", cell(LAST, ACCURACY, b"0.99"))),
    "metrics signed: no number": signed(content("metrics.csv", cell(LAST, LOSS, b"nan"))),
    "metrics signed: a row less": signed(content("metrics.csv", lines(lambda rows: rows[:-1]))),
    "predictions: a bit": content("predictions.npz", lambda c: c[:80] + bytes([c[80] ^ 1]) + c[81:]),
    "predictions: cut off": content("predictions.npz", half),
    "predictions: gone": gone("predictions.npz"),
    "predictions: one more right": one_more_right,
    "predictions: the other seed's": of_the_other_seed("predictions.npz"),
    "predictions signed: one more right": signed(one_more_right),
    "folder: another seed's name": renamed("5-{}"),
    "folder: another identity": renamed("0-00000000"),
    "folder: exchanged with the other seed's": exchanged,
}
"""Found in the records alone, as a report has them."""

WITH_CHECKPOINTS: dict[str, Alter] = {
    "metrics signed: a loss": signed(content("metrics.csv", cell(LAST, LOSS, b"0.5"))),
    "metrics signed: an earlier accuracy": signed(content("metrics.csv", cell(1, ACCURACY, b"0.99"))),
    "environment signed: threads": signed(key("environment.json", "threads", value=2)),
    "environment signed: code": signed(key("environment.json", "code", value="0" * 16)),
    "timing: seconds": content("timing.csv", cell(1, 1, b"0.001")),
    "timing: empty": content("timing.csv", lambda _: b""),
    "timing: gone": gone("timing.csv"),
    "timing: the other seed's": of_the_other_seed("timing.csv"),
    "checkpoints: a bit of the newest": checkpoint(-1, flipped),
    "checkpoints: a bit of the older": checkpoint(0, flipped),
    "checkpoints: the newest cut off": checkpoint(-1, lambda path: path.write_bytes(half(path.read_bytes()))),
    "checkpoints: the newest empty": checkpoint(-1, lambda path: path.write_bytes(b"")),
    "checkpoints: the newest gone": checkpoint(-1, Path.unlink),
    "checkpoints: the newest under another name": checkpoint(
        -1, lambda path: path.rename(path.with_name("epoch-000009-step-00000000.ckpt"))
    ),
    "checkpoints: the older one in the newest's place": lambda run, _: shutil.copy(
        *checkpoints(run.checkpoints)
    ),
    "checkpoints: one more": checkpoint(
        0, lambda path: shutil.copy(path, path.with_name("epoch-000009-step-00000000.ckpt"))
    ),
    "checkpoints: the other seed's": lambda run, other: shutil.copytree(
        other.checkpoints, run.checkpoints, dirs_exist_ok=True
    ),
    "checkpoints: the other seed's newest": lambda run, other: shutil.copy(
        checkpoints(other.checkpoints)[-1], checkpoints(run.checkpoints)[-1]
    ),
}
"""Found where the run's checkpoints are there too."""

NOT_COVERED: dict[str, tuple[str, Alter]] = {
    "log: edited": ("`log.txt`", content("log.txt", lambda c: c + b"epoch 9\n")),
    "log: gone": ("`log.txt`", gone("log.txt")),
    "checkpoints: all gone": ("Checkpoints that are gone", gone("checkpoints")),
    "checkpoints: the older gone": ("Checkpoints that are gone", checkpoint(0, Path.unlink)),
    "added: a file": ("Files that were added", lambda run, _: (run.path / "notes.txt").write_text("mine")),
    "added: a folder": ("Files that were added", lambda run, _: (run.path / "plots").mkdir()),
    "added: a file among checkpoints": (
        "Files that were added",
        lambda run, _: (run.checkpoints / "best.pt").write_text("mine"),
    ),
    "attributes for git": ("`.gitattributes`", gone(".gitattributes")),
}
"""What a check says nothing of, and the words by which docs/reliability.md says so."""


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = tmp_path_factory.mktemp("kept") / "runs"
    for seed in (0, 1):
        trained(runs, seed=seed)
    assert verify(runs).found == ()
    return runs


@pytest.fixture
def pair(kept: Path, tmp_path: Path) -> tuple[RunFolder, RunFolder]:
    shutil.copytree(kept, tmp_path / "runs")
    one, other = (small_plan(tmp_path / "runs", seed=seed).folder for seed in (0, 1))
    return one, other


def found(run: RunFolder) -> bool:
    return bool(verify(run.path.parents[2]).found)


@pytest.mark.parametrize("name", {**OF_RECORDS, **WITH_CHECKPOINTS})
def test_an_alteration_of_a_run_is_found(pair: tuple[RunFolder, RunFolder], name: str) -> None:
    {**OF_RECORDS, **WITH_CHECKPOINTS}[name](*pair)
    assert found(pair[0])


@pytest.mark.parametrize("name", OF_RECORDS)
def test_an_alteration_of_records_alone_is_found(pair: tuple[RunFolder, RunFolder], name: str) -> None:
    for run in pair:
        shutil.rmtree(run.checkpoints)
        run.timing.unlink()
    assert not found(pair[0])
    OF_RECORDS[name](*pair)
    assert found(pair[0])


@pytest.mark.parametrize("name", NOT_COVERED)
def test_what_is_not_covered_is_named(pair: tuple[RunFolder, RunFolder], name: str) -> None:
    words, alter = NOT_COVERED[name]
    alter(*pair)
    assert not found(pair[0]), "it is covered: take it off the list"
    said = Path("docs/reliability.md").read_text(encoding="utf-8").partition("## What is not covered")[2]
    assert words in said


def test_at_least_the_alterations_that_were_tried_are_in_the_tables() -> None:
    assert len(OF_RECORDS) + len(WITH_CHECKPOINTS) + len(NOT_COVERED) >= 84
