"""A comparison of logs as it is printed, and as programs read it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tinyexp.foreign.compare import LogComparison
from tinyexp.logs.frame import provenance
from tinyexp.logs.grouping import Placed
from tinyexp.logs.remarks import log_remarks
from tinyexp.words import level


def recognised(found: LogComparison) -> list[dict[str, Any]]:
    """What was read, a row for each design, for a table."""
    rows = []
    for name, own in found.grouping.designs.items():
        seeds = [one.seed for one in own if one.seed is not None]
        unknown_seeds = len(own) - len(seeds)
        told = ", ".join(map(str, sorted(seeds))) if seeds else ""
        rows.append(
            {
                "design": name,
                "runs": len(own),
                "seeds": _folds(own)
                or f"{told}{', ' if told and unknown_seeds else ''}{f'{unknown_seeds} not known' if unknown_seeds else ''}",
                "log": ", ".join(dict.fromkeys(one.run.reader for one in own)),
                "rows": sum(one.run.rows_read for one in own),
                "told_apart_by": ", ".join(dict.fromkeys(one.by for one in own)),
            }
        )
    return rows


def _folds(own: Sequence[Placed]) -> str:
    """The folds of runs that are told apart by them and not by seeds."""
    folds = sorted(one.fold for one in own if one.fold is not None and one.seed is None)
    return f"folds {', '.join(map(str, folds))}" if len(folds) == len(own) else ""


def remarks(found: LogComparison) -> list[str]:
    """What was put right in the logs, what readers must know, what was left out."""
    return log_remarks(found.grouping, found.left_out, found.reading.others)


def results(found: LogComparison) -> list[dict[str, Any]]:
    """Each design's runs in numbers, for a table; the baseline first."""
    first = found.comparisons[0]
    rows = [
        (first.baseline, first.baseline_runs),
        *((one.contender, one.contender_runs) for one in found.comparisons),
    ]
    return [
        {
            "design": name,
            "runs": len(sample.measured),
            **{
                key: level(found.metric, getattr(sample, key)).replace("\N{NO-BREAK SPACE}", " ")
                for key in ("mean", "median", "worst")
            },
            "gave_no_result": len(sample.lost),
        }
        for name, sample in rows
    ]


def as_values(found: LogComparison) -> dict[str, Any]:
    """All of it for programs."""
    return {
        "metric": found.metric.model_dump(mode="json"),
        "designs": {
            name: {one.name: {"seed": one.seed, **provenance(one)} for one in own}
            for name, own in found.grouping.designs.items()
        },
        "comparisons": [
            {
                "baseline": one.baseline,
                "contender": one.contender,
                "verdict": one.verdict,
                "winner": one.winner,
                "reason": one.reason,
                "sentence": str(one),
                "margin": one.margin,
                "index": one.index,
                "at": one.at,
                "difference": one.mean,
                "low": one.low,
                "high": one.high,
                "level": 1 - one.look.error,
                "p_exact": one.p_exact,
                "baseline_values": one.baseline_values,
                "contender_values": one.contender_values,
            }
            for one in found.comparisons
        ],
        "notes": list(found.notes),
        "left_out": {str(one.where): one.why for one in found.left_out},
        "other_files": found.reading.others,
    }
