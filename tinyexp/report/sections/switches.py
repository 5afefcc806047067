"""Factors in sentences: what switching one does, with its levels and its direction."""

from __future__ import annotations

from collections.abc import Sequence

from tinyexp.analysis.shares import Share, named_shares
from tinyexp.config.difference import Difference
from tinyexp.config.experiment import Experiment
from tinyexp.config.metric import Metric
from tinyexp.report.evidence import Evidence, StudyResult, factor_titles
from tinyexp.report.settings import level_words, one_level, switch_way
from tinyexp.words import bare_change, change


def switch_words(evidence: Evidence, result: StudyResult, factor: str) -> str:
    """``switching augmentation on``, or ``changing the width from 400 to 1,024``."""
    title = factor_titles(result.study)[factor]
    changes = result.design.switched.get(factor, ())
    way = switch_way(changes)
    if way and (len(changes) > 1 or isinstance(changes[0].left, bool)):
        return f"switching {title} {way}"
    if len(changes) == 1 and _is_short(changes[0]):
        told = one_level(changes[0], _ends(result), with_origin=False)
        if told:
            the = title if title.startswith("the ") else f"the {title}"
            return f"changing {the} from {told[0]} to {told[1]}"
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


def levels_of(
    evidence: Evidence, result: StudyResult, factor: str, *, with_origin: bool = True
) -> tuple[str, str]:
    """A factor at the baseline's level and at the contender's, in words; see :func:`tinyexp.report.settings.level_words`."""
    titles = (evidence.titles[result.study.baseline], evidence.titles[result.study.contender])
    changes = result.design.switched.get(factor, ())
    return level_words(changes, _ends(result), titles, with_origin=with_origin)


def _ends(result: StudyResult) -> tuple[Experiment, Experiment]:
    members = result.design.members
    return members[result.study.baseline].experiment, members[result.study.contender].experiment


def _is_short(one: Difference) -> bool:
    """Whether both levels have room in a sentence: of two lists where they differ in one place."""
    left, right = one.left, one.right
    if not (isinstance(left, list | tuple) or isinstance(right, list | tuple)):
        return True
    return (
        isinstance(left, list | tuple)
        and isinstance(right, list | tuple)
        and len(left) == len(right)
        and sum(a != b for a, b in zip(left, right, strict=True)) == 1
    )
