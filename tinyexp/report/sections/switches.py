"""Factors in sentences: what switching one does, with its levels and its direction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tinyexp.analysis.shares import Share, named_shares
from tinyexp.config.difference import ABSENT, Difference
from tinyexp.config.metric import Metric
from tinyexp.report.evidence import Evidence, StudyResult, factor_titles
from tinyexp.words import bare_change, change, setting

_OFF: tuple[Any, ...] = (None, "", "none", "off")


def switch_words(evidence: Evidence, result: StudyResult, factor: str) -> str:
    """``switching augmentation on``, or ``changing the width from 400 to 1,024``."""
    title = factor_titles(result.study)[factor]
    changes = result.design.switched.get(factor, ())
    if changes and all(_is_off(one.left) and not _is_off(one.right) for one in changes):
        way = "on"
    elif changes and all(_is_off(one.right) and not _is_off(one.left) for one in changes):
        way = "off"
    else:
        way = ""
    if way and (len(changes) > 1 or isinstance(changes[0].left, bool)):
        return f"switching {title} {way}"
    told = _levels(changes[0]) if len(changes) == 1 else None
    if told:
        return f"changing {title if title.startswith('the ') else f'the {title}'} from {told[0]} to {told[1]}"
    return f"switching {title} to the setting of {evidence.titles[result.study.contender]}"


def moved_words(metric: Metric, share: float, gap: float | None) -> str:
    """``costs 8.8 of the 10.6 points``.

    Parameters
    ----------
    gap
        Contender minus baseline where that is clear.
    """
    points = metric.sense > 0 and metric.shown.step
    if points:
        verb = "brings" if share > 0 else "costs"
    else:
        verb = f"{'raises' if share > 0 else 'lowers'} the {metric.label} by"
    if gap is None or share * gap <= 0:
        return f"{verb} {change(metric, abs(share))}"
    if abs(share) > abs(gap):
        return f"{verb} {change(metric, abs(share))} of a gap of {bare_change(metric, abs(gap))}"
    of = f"of the {change(metric, abs(gap))}" if points else f"of {change(metric, abs(gap))}"
    return f"{verb} {bare_change(metric, abs(share))} {of}"


def movers(result: StudyResult) -> tuple[Share, ...]:
    """The factors that may be named; a placebo is told apart from them."""
    if result.attribution is None:
        return ()
    return tuple(
        row for row in named_shares(result.attribution.in_metric) if row.factor not in placebos(result)
    )


def placebos(result: StudyResult) -> Sequence[str]:
    """The factors that cannot matter."""
    return [factor.name for factor in result.study.factors if factor.placebo]


def clear_gap(result: StudyResult) -> float | None:
    """The measured gap where the comparison's verdict says that there is one."""
    found, comparison = result.attribution, result.comparison
    if found is None or comparison is None or comparison.verdict != "beats":
        return None
    return found.in_metric.gap.estimate


def _is_off(value: Any) -> bool:
    return value in _OFF or (isinstance(value, bool | int | float) and not value)


def _levels(one: Difference) -> tuple[str, str] | None:
    """The two values of a key; of two lists those that differ, where that is one. None where they are no plain words."""
    left, right = one.left, one.right
    if isinstance(left, list | tuple) and isinstance(right, list | tuple) and len(left) == len(right):
        differing = [pair for pair in zip(left, right, strict=True) if pair[0] != pair[1]]
        if len(differing) != 1:
            return None
        [(left, right)] = differing
    if any(value == ABSENT or isinstance(value, list | tuple | dict) for value in (left, right)):
        return None
    return setting(left), setting(right)
