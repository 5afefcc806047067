"""The shares of a gap as pictures and tables."""

from __future__ import annotations

from tinyexp.analysis.attribution import Attribution, Scale, Share
from tinyexp.analysis.effects import Effect
from tinyexp.analysis.plan import Group
from tinyexp.config.metric import Metric
from tinyexp.report.drawings import ShareRow, SharesDrawing
from tinyexp.report.evidence import Evidence, StudyResult, factor_titles
from tinyexp.report.sections.switches import levels_of, placebos
from tinyexp.report.view import Column, Panel, Table
from tinyexp.report.why_sentences import HIDDEN, LOG_ODDS, SHARE_CONFIRMED, SHARE_VERDICTS
from tinyexp.words import NOTHING, axis, bare_change, first_upper, in_units, number, p_value

LEFT_OVER = "not explained"
_GAP = "measured gap"
_FIGURES: tuple[Column, ...] = ("text", "number", "number", "number")


def shares_panel(evidence: Evidence, result: StudyResult, found: Attribution) -> Panel:
    """The factors by the size of their shares, then what the shares leave over, then the gap that they make together."""
    metric, scale = found.metric, found.in_metric
    told = metric.shown
    rows = []
    for label, effect, factor in [*_rows(result, scale), (_GAP, scale.gap, None)]:
        shown = bare_change(metric, effect.estimate, signed=True)
        interval = (
            None
            if effect.low is None or effect.high is None
            else (told.scale * effect.low, told.scale * effect.high)
        )
        levels = _levels(evidence, result, factor)
        hover = f"{label}{levels}: {shown} {told.step}".rstrip() + _interval(metric, effect)
        by_seed = tuple(told.scale * value for value in effect.by_seed)
        rows.append(
            ShareRow(
                f"{label}{levels}",
                by_seed,
                told.scale * effect.estimate,
                shown,
                hover,
                interval,
                is_sum=effect is scale.gap,
            )
        )
    margin = result.study.margin
    return Panel(
        name=f"{result.study.name}-shares",
        title="What switching each factor moved, and the gap that they make together",
        description=f"{first_upper('; '.join(row.hover for row in rows))}.",
        drawing=SharesDrawing(
            axis("What each switch moved", told.step),
            tuple(rows),
            told.scale * margin,
            f"\u00b1{bare_change(metric, margin)}: too small to matter" if margin else "",
        ),
    )


def _levels(evidence: Evidence, result: StudyResult, factor: str | None) -> str:
    """``: softmax → ReLU`` behind the name of a factor, nothing behind what is none."""
    if factor is None:
        return ""
    left, right = levels_of(evidence, result, factor, with_origin=False)
    return f": {left} \u2192 {right}"


def _rows(result: StudyResult, scale: Scale) -> list[tuple[str, Effect, str | None]]:
    """What the gap is made of, by size: factors with their names, factors that cannot be told apart, and last the rest."""
    titles, idle = factor_titles(result.study), placebos(result)
    rows: list[tuple[str, Effect, str | None]] = [
        (
            f"{titles[row.factor]} (placebo)" if row.factor in idle else titles[row.factor],
            row.share,
            row.factor,
        )
        for row in by_size(scale)
    ]
    rows += [
        (" with ".join(titles[name] for name in group.factors), group.effect, None)
        for group in scale.inseparable
        if group.effect
    ]
    return [*rows, (LEFT_OVER, scale.not_explained, None)]


def by_size(scale: Scale) -> list[Share]:
    """The shares, the largest first whatever their direction; equal ones as the study has them."""
    return sorted(scale.shares, key=lambda row: -abs(row.share.estimate))


def _interval(metric: Metric, effect: Effect) -> str:
    if effect.low is None or effect.high is None:
        return ""
    edges = [bare_change(metric, edge, signed=True) for edge in (effect.low, effect.high)]
    return f", 95\u00a0% interval {edges[0]} to {edges[1]}"


def shares_table(evidence: Evidence, result: StudyResult, found: Attribution) -> Table:
    """Every share with its interval, and both levels of each factor."""
    metric, scale = found.metric, found.in_metric
    shown = _rows(result, scale)
    told = [(_p(row.p_holm), _said(row)) for row in by_size(scale)]
    told += [(NOTHING, "")] * (len(shown) - len(told))
    rows = [
        (
            label,
            *(levels_of(evidence, result, factor) if factor else (NOTHING, NOTHING)),
            *_bounds(metric, effect),
            *own,
        )
        for (label, effect, factor), own in zip(shown, told, strict=True)
    ]
    rows.append((_GAP, NOTHING, NOTHING, *_bounds(metric, scale.gap), NOTHING, ""))
    ends = (evidence.titles[result.study.baseline], evidence.titles[result.study.contender])
    return Table(
        in_units(f"Shares of the gap in {metric.label}", metric.shown.step),
        ("", *ends, "lower", "share", "upper", "p, adjusted", "what is said of it"),
        tuple(rows),
        ("text", "text", "text", *_FIGURES[1:], "number", "text"),
    )


def _said(row: Share) -> str:
    return SHARE_VERDICTS[row.verdict] + (SHARE_CONFIRMED[row.confirmation] if row.verdict == "moves" else "")


def _bounds(metric: Metric, effect: Effect) -> tuple[str, str, str]:
    edges = (effect.low, effect.estimate, effect.high)
    low, middle, high = (
        NOTHING if edge is None else bare_change(metric, edge, signed=True) for edge in edges
    )
    return low, middle, high


def by_seed_table(result: StudyResult, found: Attribution) -> Table | None:
    """The dots of the picture; None where there is one seed, or shares were not taken seed by seed."""
    if len(found.seeds) < 2:
        return None
    metric, numbers = found.metric, [_FIGURES[-1] for _ in found.seeds]
    rows = tuple(
        (label, *(bare_change(metric, value, signed=True) for value in effect.by_seed))
        for label, effect, _ in _rows(result, found.in_metric)
    )
    return Table(
        in_units("Shares seed by seed", metric.shown.step),
        ("", *(f"seed {seed}" for seed in found.seeds)),
        rows,
        (_FIGURES[0], *numbers),
        folded=True,
    )


def pairs_table(result: StudyResult, found: Attribution) -> Table | None:
    scale = found.in_metric
    if not scale.interactions:
        return None
    rows = tuple(
        (pairs_words(result, row.pairs), *_bounds(found.metric, row.effect), _p(row.p_holm))
        for row in scale.interactions
    )
    return Table(
        in_units(
            "Pairs: how much the effect of one factor changes when the other is switched too",
            found.metric.shown.step,
        ),
        ("", "lower", "estimate", "upper", "p, adjusted"),
        rows,
        (*_FIGURES, "number"),
        folded=True,
    )


def hidden_table(result: StudyResult, found: Attribution) -> Table | None:
    titles = factor_titles(result.study)
    rows = tuple(
        (titles[row.factor], pairs_words(result, row.hidden)) for row in found.in_metric.shares if row.hidden
    )
    return Table(HIDDEN, ("", "three together"), rows, ("text", "text"), folded=True) if rows else None


def log_odds_table(result: StudyResult, found: Attribution) -> Table | None:
    scale = found.in_log_odds
    if scale is None:
        return None
    rows = [
        (label, _odds(effect.low), _odds(effect.estimate), _odds(effect.high))
        for label, effect, _ in [*_rows(result, scale), (_GAP, scale.gap, None)]
    ]
    return Table(LOG_ODDS, ("", "lower", "share", "upper"), tuple(rows), _FIGURES, folded=True)


def _odds(value: float | None) -> str:
    return NOTHING if value is None else number(value, 2, signed=True)


def pairs_words(result: StudyResult, group: Group) -> str:
    titles = factor_titles(result.study)
    return ", or ".join(" with ".join(titles[name] for name in names) for names in group)


def _p(value: float | None) -> str:
    return NOTHING if value is None else p_value(value)
