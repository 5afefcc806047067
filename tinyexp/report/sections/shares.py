"""The shares of a gap as pictures and tables."""

from __future__ import annotations

from tinyexp.analysis.attribution import Attribution, Scale, Share
from tinyexp.analysis.effects import Effect
from tinyexp.analysis.plan import Group
from tinyexp.config.metric import Metric
from tinyexp.report.drawings import ShareRow, SharesDrawing, StepRow, WaterfallDrawing
from tinyexp.report.evidence import Evidence, StudyResult, factor_titles
from tinyexp.report.sections.switches import placebos
from tinyexp.report.view import Column, Panel, Table
from tinyexp.report.why_sentences import HIDDEN, LOG_ODDS, SHARE_CONFIRMED, SHARE_VERDICTS
from tinyexp.words import NOTHING, axis, bare_change, first_upper, in_units, level, number, p_value

LEFT_OVER = "not explained"
_FIGURES: tuple[Column, ...] = ("text", "number", "number", "number")


def waterfall_panel(evidence: Evidence, result: StudyResult, found: Attribution) -> Panel:
    metric, scale = found.metric, found.in_metric
    told = metric.shown
    contender, baseline = (evidence.titles[name] for name in result.pair)
    steps, at = [], scale.baseline
    for label, effect in _rows(result, scale):
        shown = bare_change(metric, effect.estimate, signed=True)
        interval = None
        if effect.low is not None and effect.high is not None and effect.low < effect.high:
            interval = (told.scale * (at + effect.low), told.scale * (at + effect.high))
        end = at + effect.estimate
        steps.append(
            StepRow(
                label,
                told.scale * at,
                told.scale * end,
                shown,
                f"{label}: {shown} {told.step}".rstrip() + _interval(metric, effect),
                interval,
            )
        )
        at = end
    described = "; ".join(f"{step.label} {step.shown}" for step in steps)
    ends = (level(metric, scale.baseline), level(metric, scale.contender))
    return Panel(
        name=f"{result.study.name}-waterfall",
        title=f"From {baseline} to {contender}: what each factor's switch moved",
        description=f"From {ends[0]} to {ends[1]}: {described}.",
        drawing=WaterfallDrawing(
            axis(f"From {baseline} to {contender}", told.suffix),
            (baseline, told.scale * scale.baseline, ends[0]),
            tuple(steps),
            (contender, told.scale * scale.contender, ends[1]),
        ),
    )


def shares_panel(result: StudyResult, found: Attribution) -> Panel:
    metric, scale = found.metric, found.in_metric
    told = metric.shown
    rows = []
    for label, effect in _rows(result, scale)[:-1]:
        shown = bare_change(metric, effect.estimate, signed=True)
        interval = (
            None
            if effect.low is None or effect.high is None
            else (told.scale * effect.low, told.scale * effect.high)
        )
        hover = f"{label}: {shown} {told.step}".rstrip() + _interval(metric, effect)
        by_seed = tuple(told.scale * value for value in effect.by_seed)
        rows.append(ShareRow(label, by_seed, told.scale * effect.estimate, shown, hover, interval))
    margin = result.study.margin
    moved = "What each switch moved, seed by seed" if found.seeds else "What each switch moved"
    return Panel(
        name=f"{result.study.name}-shares",
        title="What switching each factor moved, seed by seed",
        description=f"{first_upper('; '.join(row.hover for row in rows))}.",
        drawing=SharesDrawing(
            axis(moved, told.step),
            tuple(rows),
            told.scale * margin,
            f"\u00b1{bare_change(metric, margin)}: too small to matter",
        ),
    )


def _rows(result: StudyResult, scale: Scale) -> list[tuple[str, Effect]]:
    """What the gap is made of: factors, factors that cannot be told apart, and the rest."""
    titles, idle = factor_titles(result.study), placebos(result)
    rows = [
        (f"{titles[row.factor]} (placebo)" if row.factor in idle else titles[row.factor], row.share)
        for row in scale.shares
    ]
    rows += [
        (" with ".join(titles[name] for name in group.factors), group.effect)
        for group in scale.inseparable
        if group.effect
    ]
    return [*rows, (LEFT_OVER, scale.not_explained)]


def _interval(metric: Metric, effect: Effect) -> str:
    if effect.low is None or effect.high is None:
        return ""
    edges = [bare_change(metric, edge, signed=True) for edge in (effect.low, effect.high)]
    return f", 95 % interval {edges[0]} to {edges[1]}"


def shares_table(result: StudyResult, found: Attribution) -> Table:
    metric, scale = found.metric, found.in_metric
    shown = _rows(result, scale)
    told = [(_p(row.p_holm), _said(row)) for row in scale.shares]
    told += [(NOTHING, "")] * (len(shown) - len(told))
    rows = [(label, *_bounds(metric, effect), *own) for (label, effect), own in zip(shown, told, strict=True)]
    rows.append(("measured gap", *_bounds(metric, scale.gap), NOTHING, ""))
    return Table(
        in_units(f"Shares of the gap in {metric.label}", metric.shown.step),
        ("", "lower", "share", "upper", "p, adjusted", "what is said of it"),
        tuple(rows),
        (*_FIGURES, "number", "text"),
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
        for label, effect in _rows(result, found.in_metric)
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
        for label, effect in [*_rows(result, scale), ("measured gap", scale.gap)]
    ]
    return Table(LOG_ODDS, ("", "lower", "share", "upper"), tuple(rows), _FIGURES, folded=True)


def _odds(value: float | None) -> str:
    return NOTHING if value is None else number(value, 2, signed=True)


def pairs_words(result: StudyResult, group: Group) -> str:
    titles = factor_titles(result.study)
    return ", or ".join(" with ".join(titles[name] for name in names) for names in group)


def _p(value: float | None) -> str:
    return NOTHING if value is None else p_value(value)
