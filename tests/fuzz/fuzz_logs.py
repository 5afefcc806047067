"""Fuzzers of the readers of other trainers' logs: real logs, one file of which is damaged or hostile."""

from __future__ import annotations

import shutil
from pathlib import Path

from harness import Fuzzer
from hypothesis import strategies as st
from mutations import edited_table, spoiled

from tinyexp.logs.frame import frame_of
from tinyexp.logs.grouping import grouped
from tinyexp.logs.walk import read_paths

FIXTURES = Path(__file__).parents[1] / "fixtures" / "logs"
FOLDER = "somebodys-log"
"""Stands in the message of every refusal."""
_TABLES = (".csv", ".tsv")
_SMALL = 400_000

LOGS = {
    "timm": "timm/output/train/base_seed0",
    "lightning": "lightning/killed/version_0",
    "huggingface": "huggingface/sparse/run-0",
    "mmengine": "mmengine/work_dirs/base_s0",
    "dvclive": "dvclive/results/base-s0",
    "tensorboard": "tensorboard/runs/base_seed0",
    "ultralytics": "ultralytics/runs/classify/base_seed0",
    "fastai": "fastai/base_s0",
    "keras": "keras/killed",
    "wandb": "wandb/wandb/*finibase0",
    "mlflow": "mlflow/mlruns/*/cce64bc0*",
    "mlflow-db": "mlflow/mlflow.db",
    "hydra": "hydra/multirun/grid/aug=True,model=big,seed=0",
    "table": "generic/jsonl/run0.jsonl",
}
"""What each fuzzer damages, by its name."""


def _source(log: str) -> Path:
    return next(FIXTURES.glob(LOGS[log]))


def _copied(log: str, place: Path) -> Path:
    target, source = place / FOLDER, _source(log)
    if source.is_dir():
        shutil.copytree(source, target, symlinks=False)
    else:
        target.mkdir()
        shutil.copy(source, target)
    return target


def _names(log: str) -> list[str]:
    source = _source(log)
    if source.is_file():
        return [source.name]
    found = [
        path for path in sorted(source.rglob("*")) if path.is_file() and 0 < path.stat().st_size < _SMALL
    ]
    return [path.relative_to(source).as_posix() for path in found]


def _content(log: str, name: str) -> bytes:
    source = _source(log)
    return (source / name if source.is_dir() else source).read_bytes()


@st.composite
def _damaged(draw: st.DrawFn, log: str) -> tuple[str, bytes]:
    name = draw(st.sampled_from(_names(log)))
    content = _content(log, name)
    if name.endswith(_TABLES):
        return name, draw(edited_table(content) | spoiled(content))
    return name, draw(spoiled(content))


def read_damaged(folder: Path, given: tuple[str, bytes]) -> None:
    """Read a folder of logs in which one file is another, as a frame."""
    name, content = given
    path = folder / name
    whole = path.read_bytes()
    try:
        path.write_bytes(content)
        reading = read_paths([folder])
        frame = frame_of(grouped(reading), reading)
        assert len(frame) == sum(len(run.epoch) for run in reading.runs)
        assert all(len(column) == len(run.epoch) for run in reading.runs for column in run.metrics.values())
    finally:
        path.write_bytes(whole)


LOG_FUZZERS = {
    f"log-{name}": Fuzzer(
        st.deferred(lambda name=name: _damaged(name)),
        lambda place, name=name: _copied(name, place),
        read_damaged,
        (FOLDER,),
    )
    for name in LOGS
}
