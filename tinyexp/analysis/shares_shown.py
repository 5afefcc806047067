"""An attribution as a notebook or a terminal shows it: a sentence, and a small table."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING

from tinyexp.config.metric import Metric
from tinyexp.words import NBSP, bare_change, change, listing

if TYPE_CHECKING:
    from tinyexp.analysis.effects import Effect
    from tinyexp.analysis.shares import Attribution

_VERDICTS = {
    "moves": "carries a part of the gap",
    "too_small": "too small to matter",
    "not_clear": "not clear with these runs",
    "no_error": "no interval from so few runs",
    "contradicted": "not the same where it was trained alone",
}


def sentence(found: Attribution) -> str:
    """The gap and what carries it, the largest share first."""
    scale, metric = found.in_metric, found.metric
    gap = f"The gap in {metric.label} is {_told(metric, scale.gap)}"
    shares = listing(f"{name} {told}" for name, told, _ in _rows(found))
    left = _told(metric, scale.not_explained, interval=False)
    return f"{gap}. Shares: {shares}. Interaction or not explained: {left}.".replace(NBSP, " ")


def table_html(found: Attribution) -> str:
    """The same, a row a factor."""
    rows = "".join(
        f"<tr><td>{escape(name)}</td><td>{escape(told)}</td><td>{_VERDICTS[verdict]}</td></tr>"
        for name, told, verdict in _rows(found)
    )
    heads = "<tr><th>factor</th><th>share of the gap</th><th></th></tr>"
    return f"<p>{escape(sentence(found).split('. Shares')[0])}.</p><table>{heads}{rows}</table>"


def _rows(found: Attribution) -> Iterator[tuple[str, str, str]]:
    """Name, share and verdict of each factor."""
    for row in sorted(found.in_metric.shares, key=lambda row: (-abs(row.share.estimate), row.factor)):
        yield row.factor, _told(found.metric, row.share), row.verdict


def _told(metric: Metric, effect: Effect, *, interval: bool = True) -> str:
    told = change(metric, effect.estimate, signed=True)
    if not interval or effect.low is None or effect.high is None:
        return told
    low, high = (bare_change(metric, value, signed=True) for value in (effect.low, effect.high))
    return f"{told} (95 % interval {low} to {high})"
