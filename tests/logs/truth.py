"""Logs that other trainers left, held against what was captured inside the training: for the tests of every reader."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

from tinyexp.logs.folder import Folder, Reader
from tinyexp.logs.log import RunLog

FIXTURES = Path(__file__).parents[1] / "fixtures" / "logs"


def logs_of(trainer: str, reader: Reader, folder: Path | None = None) -> dict[str, RunLog]:
    """Every run that a reader finds below a folder, by the path of its log relative to that folder."""
    root = folder or FIXTURES / trainer
    claimed: set[Path] = set()
    found: list[RunLog] = []
    for path in sorted([root, *(one for one in root.rglob("*") if one.is_dir())]):
        if any(path == one or path.is_relative_to(one) for one in claimed):
            continue
        for unit in reader.find(Folder(path)):
            claimed.update(unit.claimed, unit.files)
            found += reader.read(unit)
    if reader.join:
        found = reader.join(found)
    return {one.where.relative_to(root).as_posix(): one for one in found}


def truth_of(trainer: str) -> list[dict[str, Any]]:
    """The runs of a trainer's fixture, as they were captured."""
    runs: list[dict[str, Any]] = json.loads((FIXTURES / trainer / "truth.json").read_text(encoding="utf-8"))[
        "runs"
    ]
    return runs


def check_against_truth(log: RunLog, truth: dict[str, Any], *, single: bool = False) -> None:
    """No value is lost, invented or changed, and each stands at its index.

    Parameters
    ----------
    single
        Values are stored in single precision, as TensorBoard does.
    """
    got, wanted = Counter[Any](), Counter[Any]()
    for place, (epoch, step) in enumerate(zip(log.epoch, log.step, strict=True)):
        for name, column in log.metrics.items():
            value = column[place]
            if value is not None and not math.isnan(value):
                got[name, _near(value, single=single)] += 1
                at = [
                    row
                    for row in truth["rows"]
                    if name in row["values"]
                    and row["values"][name] is not None
                    and _near(row["values"][name], single=single) == _near(value, single=single)
                ]
                assert any(
                    (row["epoch"] is None or epoch is None or row["epoch"] == epoch)
                    and (row["step"] is None or step is None or row["step"] == step)
                    for row in at
                ), f"{truth['run']}: {name} = {value} at epoch {epoch}, step {step}; in truth at {at}"
    for row in truth["rows"]:
        for name, value in row["values"].items():
            if value is not None:
                wanted[name, _near(value, single=single)] += 1
    assert got == wanted, f"{truth['run']}: lost {wanted - got}, invented {got - wanted}"


def _near(value: float, *, single: bool) -> float:
    if not single:
        return value
    import numpy as np

    return float(np.float32(value))
