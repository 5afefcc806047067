"""Logs of other trainers, read by us and by what their users read them with.

Events: one TensorBoard event file of 100,000 scalars, ten tags at 10,000 steps, as torch writes it, beside tensorboard's
own EventAccumulator, asked for all points (it keeps 10,000 of a tag unless told), and tbparse. Each side ends with every
value by tag and step in memory; ours has compared both checksums of every record. Before anything is timed the values
are asserted to be equal to the last bit. A peer that is not installed has no line.

Tables: 1,000 CSV logs of 200 epochs in folders of ten designs, beside ``pandas.read_csv`` a file. Ours ends with the same
table, and has besides found the files, taken their digests, seen that every row stands in order, and grouped the runs.

    python benchmarks/reading_logs.py [events] [tables]
"""

from __future__ import annotations

from fair import Side, compare, one_thread, repeated

one_thread()

import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from tinyexp.logs.folder import Folder
from tinyexp.logs.readers.tensorboard import READER

TAGS, STEPS = 10, 10_000
PEER_ROUNDS = 3
"""A peer takes more than ten seconds a time."""
# tbparse fills its table in a way that pandas warns of, once for each value.
warnings.simplefilter("ignore")

Columns = dict[str, list[float]]


def write_events(folder: Path) -> None:
    """The file: tags of equal lengths, values that all differ."""
    from torch.utils.tensorboard import SummaryWriter

    values = np.random.default_rng(0).standard_normal((STEPS, TAGS))
    with SummaryWriter(str(folder), max_queue=TAGS * STEPS) as writer:
        for step, row in enumerate(values):
            for tag, value in enumerate(row):
                writer.add_scalar(f"train/metric_{tag}", value, step)


def by_tinyexp(folder: Path) -> Columns:
    """As ``tinyexp.read_logs`` does it, without the frame."""
    (unit,) = READER.find(Folder(folder))
    (log,) = READER.read(unit)
    return dict(log.metrics)


def by_accumulator(folder: Path) -> Columns:
    """tensorboard's reader for programs."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    events.Reload()
    return {tag: [one.value for one in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def by_tbparse(folder: Path) -> Columns:
    """A package that makes a pandas table of it."""
    from tbparse import SummaryReader

    table = SummaryReader(str(folder)).scalars
    return {tag: part["value"].tolist() for tag, part in table.groupby("tag")}


def events(place: Path) -> None:
    """A line for each peer that is installed."""
    folder = place / "run"
    write_events(folder)
    # Several times, since once is short beside what the peer leaves to be collected.
    ours = Side("tinyexp, checksums compared", repeated(lambda: by_tinyexp(folder), 5), 5)
    peers: dict[str, tuple[str, Callable[[Path], Columns]]] = {
        "tensorboard": ("EventAccumulator, all points", by_accumulator),
        "tbparse": ("tbparse.SummaryReader", by_tbparse),
    }
    for package, (name, read) in peers.items():
        if find_spec(package) is None:
            continue
        assert read(folder) == by_tinyexp(folder), name
        compare(
            f"reading-events-{package}",
            ours,
            Side(name, lambda read=read: read(folder)),
            goal=10,
            rounds=PEER_ROUNDS,
            scalars=TAGS * STEPS,
            peer_version=version(package),
        )


RUNS, EPOCHS = 1_000, 200


def write_tables(folder: Path) -> list[Path]:
    """Ten designs of a hundred seeds."""
    values, made = np.random.default_rng(1).random((RUNS, EPOCHS, 4)), []
    for number, run in enumerate(values):
        path = folder / f"design{number % 10}" / f"seed{number // 10}" / "metrics.csv"
        path.parent.mkdir(parents=True)
        lines = [f"{epoch},{','.join(map(repr, map(float, row)))},0.1" for epoch, row in enumerate(run, 1)]
        path.write_text("epoch,train_loss,train_acc,val_loss,val_acc,lr\n" + "\n".join(lines) + "\n")
        made.append(path)
    return sorted(made)


def tables(place: Path) -> None:
    """The line for tables."""
    import pandas as pd

    from tinyexp.logs.frame import read_logs

    folder = place / "tables"
    paths = write_tables(folder)

    def by_pandas() -> pd.DataFrame:
        return pd.concat(
            [pd.read_csv(path).assign(run=path.relative_to(folder).as_posix()) for path in paths],
            ignore_index=True,
        )

    names = ["epoch", "train_loss", "train_acc", "val_loss", "val_acc", "lr"]
    ours, theirs = (frame.sort_values(["run", "epoch"])[names] for frame in (read_logs(folder), by_pandas()))
    assert np.array_equal(ours.to_numpy(), theirs.to_numpy())
    compare(
        "reading-tables",
        Side("tinyexp.read_logs, with digests and grouping", lambda: read_logs(folder)),
        Side("pandas.read_csv a file", by_pandas),
        goal=2,
        runs=RUNS,
        epochs=EPOCHS,
    )


if __name__ == "__main__":
    folder = Path(tempfile.mkdtemp(prefix="tinyexp-bench-"))
    parts = {"events": events, "tables": tables}
    try:
        for name in sys.argv[1:] or parts:
            parts[name](folder)
    finally:
        shutil.rmtree(folder)
