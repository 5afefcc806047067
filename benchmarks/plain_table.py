"""The table of all epochs of all runs as one would read it: ``pandas.read_csv`` a file, and a concatenation.

python benchmarks/plain_table.py RUNS
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pandas as pd


def read(runs):
    """A long table of all epochs of all runs."""
    tables = []
    for path in sorted(runs.glob("*/*/*/run.json"), key=_order):
        spec, status = json.loads(path.read_text()), json.loads((path.parent / "status.json").read_text())
        table = pd.read_csv(path.parent / "metrics.csv")
        told = {
            "profile": spec["experiment"]["profile"],
            "experiment": spec["experiment"]["name"],
            "configuration": spec["configuration"],
            "seed": spec["seed"],
            "identity": spec["identity"],
            "state": status["state"],
            "data_fingerprint": spec["data"]["fingerprint"],
            "numerics_version": spec["numerics_version"],
        }
        for place, (name, value) in enumerate(told.items()):
            table.insert(place, name, value)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def _order(path):
    seed, _, identity = path.parent.name.partition("-")
    return (*path.parts[-4:-2], int(seed), identity)


if __name__ == "__main__":
    read(Path(sys.argv[1]))
