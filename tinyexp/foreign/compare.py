"""Does one design beat another, by runs that somebody else trained: from logs to verdicts.

Nothing is trained, and nothing of the trainers need be installed. What was read, what was put right, what was left out
and what is not known is told before any verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from tinyexp.analysis.compared import Comparison
from tinyexp.analysis.comparison import compare
from tinyexp.config.metric import Metric
from tinyexp.errors import UserError
from tinyexp.foreign.designs import as_expanded, as_named, once_a_seed, told_differences
from tinyexp.foreign.metric import metric_asked
from tinyexp.foreign.question import Question
from tinyexp.foreign.taken import of_one_length, values_taken
from tinyexp.logs.grouping import Grouping, grouped
from tinyexp.logs.log import LeftOut
from tinyexp.logs.remarks import what_was_left_out
from tinyexp.logs.walk import Reading, read_paths
from tinyexp.report.implied import own_errors
from tinyexp.words import counted, some


@dataclass(frozen=True)
class LogComparison:
    """Designs held against the first of them."""

    reading: Reading
    grouping: Grouping
    """The runs that were used, in their designs; the first is the baseline."""
    metric: Metric
    comparisons: tuple[Comparison, ...]
    """One for each other design, in order."""
    frame: pd.DataFrame
    """What was compared: a row for each run and index at which the metric was taken, with its ``state``."""
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...]
    """What a reader must know, a sentence each."""

    def __str__(self) -> str:
        return "\n".join(map(str, self.comparisons))


def compare_logs(paths: Sequence[str | Path], question: Question | None = None) -> LogComparison:
    """Read logs and compare the designs in them, each with the first.

    Parameters
    ----------
    paths
        Two or more folders, files or patterns: each is a design, the first the baseline. One alone: the designs are told
        apart by settings or names, and the first of them is the baseline.

    Raises
    ------
    UserError
        Nothing can be read, there are fewer than two designs, they share no metric whose better direction is known, or
        the runs cannot be compared; the message says what to do.
    """
    question = question or Question()
    reading = read_paths(paths)
    grouping = by_themselves = grouped(reading, question.by)
    if len(paths) > 1 and question.by is None:
        grouping = as_named(grouping, paths)
        if len(paths) > 2:
            grouping = as_expanded(grouping, by_themselves)
    if len(grouping.designs) < 2:
        raise UserError(" ".join((_one_design(grouping), *what_was_left_out(reading.left_out))))
    notes: list[str] = []
    grouping, twice = once_a_seed(grouping)
    metric = metric_asked(grouping, question, notes)
    if question.endpoint.is_last and len(grouping.designs) > 2:
        grouping = of_one_length(grouping, metric, notes)
    frame = values_taken(grouping, metric, question.endpoint, notes)
    notes += told_differences(grouping)
    margin = question.margin
    if margin is None:
        margin = metric.shown.margin
        if margin is None:
            margin = 0.0
            notes.append(
                f"Nothing says how much {metric.label} is too small to matter, so any difference counts; --margin says it."
            )
    baseline, *others = grouping.designs
    found = [
        compare(frame, name, baseline, metric, margin, question.endpoint, selected_on_test=True)
        for name in others
    ]
    if len(found) > 1:
        notes.append(own_errors(len(found)).replace("\N{NO-BREAK SPACE}", " "))
    if question.endpoint.chooser is not None and question.endpoint.chooser.split not in (
        "validation",
        "train",
    ):
        notes.append(
            f"Each run's {found[0].index} was chosen by {question.endpoint.chooser.name}, which may be of test data: then the figures "
            "are better than they would be on new data."
        )
    return LogComparison(
        reading=reading,
        grouping=grouping,
        metric=metric,
        comparisons=tuple(found),
        frame=frame,
        left_out=(*reading.left_out, *twice),
        notes=tuple(notes),
    )


def _one_design(grouping: Grouping) -> str:
    (name,) = grouping.designs
    runs = [one.name for one in grouping.placed]
    return (
        f"{counted(len(runs), 'run')} of one design, '{name}' ({some(runs)}), and a comparison takes two. Name two folders, "
        "or say which part of a run's name is the design: --by '{design}/seed{seed}'."
    ).replace("\N{NO-BREAK SPACE}", " ")
