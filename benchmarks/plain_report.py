"""What one would write without tinyexp: read every run's files with pandas, group, draw ten figures, write a page.

    python benchmarks/plain_report.py RUNS OUT [TABLE]

It reads the same run folders, draws what the report's figures show first (curves of the two designs with bands, the
pairs, the differences, the means of all configurations, the gap), and puts them into one HTML page with the mean
accuracies in a table. It checks no digest, has no attribution, no claims, no tests, and copies no records.

Given the table of all epochs as a pickle, it reads that and no run: what it takes then, to load pandas and matplotlib
and to draw, no way of reading can save.
"""

from __future__ import annotations

import html
import io
import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("svg")
import matplotlib.pyplot as plt
import pandas as pd
from plain_table import read

CURVES = ("test_accuracy", "train_accuracy", "train_clean_accuracy", "test_loss", "train_loss")
PAIR = ("tiny-design1", "tiny-design2")


def curve(frame, metric):
    """Mean, lowest and highest of the two designs over the epochs."""
    figure, axes = plt.subplots(figsize=(6, 4))
    own = frame[frame["configuration"].isin(_configurations(frame))]
    for name, rows in own.groupby("experiment"):
        found = rows.groupby("epoch")[metric].agg(["mean", "min", "max"])
        axes.plot(found.index, found["mean"], label=name)
        axes.fill_between(found.index, found["min"], found["max"], alpha=0.2)
    axes.set(title=metric, xlabel="epoch")
    axes.legend()
    return figure


def _configurations(frame):
    """Of each of the two designs the configuration that most of its rows outside mixtures have: the first trained."""
    own = frame[frame["experiment"].isin(PAIR)]
    end = own[own["epoch"] == own["epoch"].max()]
    ranked = end.groupby(["experiment", "configuration"])["test_accuracy"].mean().sort_values()
    return [ranked[PAIR[0]].index[-1], ranked[PAIR[1]].index[0]]


def pairs(frame):
    """Two pictures: both designs seed by seed, and their difference."""
    end = frame[frame["epoch"] == frame["epoch"].max()]
    own = end[end["configuration"].isin(_configurations(frame))]
    table = own.pivot_table(index="seed", columns="experiment", values="test_accuracy")
    first, axes = plt.subplots(figsize=(6, 4))
    for name in table.columns:
        axes.plot(table[name], table.index, "o", label=name)
    axes.legend()
    axes.set(title="test accuracy by seed", ylabel="seed")
    second, axes = plt.subplots(figsize=(6, 4))
    difference = table[PAIR[0]] - table[PAIR[1]]
    axes.plot(difference, difference.index, "o")
    axes.axvline(difference.mean())
    axes.set(title="difference by seed", ylabel="seed")
    return first, second


def levels(end, metric):
    """The mean of every configuration, with its spread."""
    found = end.groupby(["experiment", "configuration"])[metric].agg(["mean", "std"]).sort_values("mean")
    figure, axes = plt.subplots(figsize=(6, 8))
    axes.errorbar(found["mean"], range(len(found)), xerr=found["std"], fmt="o")
    axes.set_yticks(range(len(found)), [f"{name} {key[:8]}" for name, key in found.index], fontsize=6)
    axes.set(title=metric)
    return figure


def page(frame, pictures):
    """One file with all pictures and a table."""
    end = frame[frame["epoch"] == frame["epoch"].max()]
    table = end.groupby(["experiment", "configuration"])["test_accuracy"].describe().reset_index()
    parts = []
    for picture in pictures:
        buffer = io.StringIO()
        picture.savefig(buffer, format="svg")
        plt.close(picture)
        parts.append(buffer.getvalue().partition("<svg")[2])
    drawn = "".join(f"<figure><svg{part}</figure>" for part in parts)
    title = html.escape("Experiments")
    return (
        f"<!doctype html><meta charset=utf-8><title>{title}</title><h1>{title}</h1>{drawn}{table.to_html()}"
    )


def main(runs, out, table=None):
    frame = read(runs) if table is None else pd.read_pickle(table)  # noqa: S301 - our own
    end = frame[frame["epoch"] == frame["epoch"].max()]
    gap = frame.assign(gap=frame["train_clean_accuracy"] - frame["test_accuracy"])
    pictures = [curve(frame, metric) for metric in CURVES]  # five
    pictures += [curve(gap, "gap"), *pairs(frame), levels(end, "test_accuracy"), levels(end, "test_loss")]
    out.mkdir(parents=True, exist_ok=True)
    (out / "report.html").write_text(page(frame, pictures))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
