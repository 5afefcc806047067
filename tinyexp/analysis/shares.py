"""What is said of a gap that is shared out among factors: the shares, and which of them are named.

A share says what was switched and what moved; it is no cause. Shares are not to be ranked where their
intervals overlap: :func:`leading_factor` names one only where they do not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tinyexp.analysis.effects import Effect, ErrorSource
from tinyexp.analysis.plan import Group, Plan
from tinyexp.analysis.shares_shown import sentence, table_html
from tinyexp.analysis.statistics import ALPHA
from tinyexp.config.metric import Metric

LackOfFitVerdict = Literal["flagged", "not_seen", "cannot_tell"]
ShareVerdict = Literal["moves", "too_small", "not_clear", "contradicted", "no_error"]
Confirmation = Literal["confirmed", "contradicted", "not_trained", "not_needed"]


@dataclass(frozen=True)
class Share:
    """What one factor carries of the gap."""

    factor: str
    share: Effect
    """The exact Shapley value in a full plan; else the main effect, which equals it unless three or more
    factors interact."""
    p_holm: float | None
    """The share's p, adjusted over all factors."""
    main_effect: Effect
    """The mean over the plan's runs of what switching it alone does."""
    over_half: Effect
    """The share minus half of the gap."""
    from_baseline: Effect | None
    """What switching it alone does to the baseline; None where that was not trained."""
    from_contender: Effect | None
    """What it still adds when all others are switched."""
    hidden: Group
    """Three-way interactions that this plan cannot tell from the main effect."""
    verdict: ShareVerdict
    """``moves``: the factor is named, as p adjusted is below 5 %, the interval lies wholly beyond the margin, and the
    runs in which it was switched alone do not contradict it. ``too_small``: the interval lies wholly within the margin."""
    confirmation: Confirmation = "not_needed"
    """What the runs say in which it was switched alone. ``not_needed`` where the plan holds them already, or the factor
    would not be named anyway."""
    apart: Effect | None = None
    """The share minus the mean of what it does from either end; None where the plan holds these runs, or they are missing."""
    p_apart: float | None = None
    """The same, adjusted over all factors that are to be confirmed and were trained alone; ``contradicted`` below 5 %."""


@dataclass(frozen=True)
class Interaction:
    """How much more one switch does with the other thrown than without, summed over a group of pairs."""

    pairs: Group
    effect: Effect
    p_holm: float | None
    """Adjusted over all groups."""


@dataclass(frozen=True)
class LackOfFit:
    """Whether three or more factors interact, as far as the plan sees it; tested with the runs' pooled spread."""

    verdict: LackOfFitVerdict
    tested: int
    """Quantities that are zero unless three or more factors interact; Holm-adjusted over these. None in the
    saturated fractions of four and of eight factors: their verdict is ``cannot_tell``."""
    groups: tuple[tuple[Group, Effect, float], ...]
    """Those that are not zero, each with its adjusted p. The group ``()`` stands for any of them."""


@dataclass(frozen=True)
class Inseparable:
    """Factors that the runs cannot tell from one another: they are named, and what they move is not split."""

    factors: tuple[str, ...]
    """One alone was never switched."""
    effect: Effect | None
    """What switching all of them moves; None where the runs do not tell that either."""


@dataclass(frozen=True)
class Scale:
    """The shares on one scale; ``not_explained`` makes the rows add up to the gap."""

    unit: Literal["metric", "log_odds"]
    error: ErrorSource
    degrees: int
    """Degrees of freedom of the shares' intervals; 0 without any."""
    p_equal_spread: float | None
    """Of the F test that all shares vary alike from seed to seed: below 5 % each has its own error. None where shares are
    not taken seed by seed, or show no spread."""
    baseline: float
    contender: float
    """The fitted means of the ends: plain means over the seeds where every seed has every run."""
    gap: Effect
    """Contender minus baseline. Where whatever was trained lacks one of them, what the factors that can be told move together."""
    shares: tuple[Share, ...]
    inseparable: tuple[Inseparable, ...]
    """Groups of factors that whatever was trained cannot separate; none in a plan."""
    not_explained: Effect
    """Interaction / not explained: the gap minus the sum of shares; zero by construction in a full plan
    and in a saturated fraction (four or eight factors)."""
    interactions: tuple[Interaction, ...]
    lack_of_fit: LackOfFit


@dataclass(frozen=True)
class Attribution:
    """What carries the gap, in the metric and in log-odds."""

    metric: Metric
    margin: float
    """What is too small to matter, in the metric's units."""
    plan: Plan
    seeds: tuple[int, ...]
    """Those under which every run of the plan is there; none where whatever was trained is used."""
    partial_seeds: tuple[int, ...]
    """Those under which only some are: left out of what is taken seed by seed, used by ``pooled_over_runs``."""
    runs: int
    """Runs that the shares rest on."""
    in_metric: Scale
    in_log_odds: Scale | None
    """None where the metric is no share of a whole, or a run is at nothing or all of it."""

    @property
    def error(self) -> ErrorSource:
        """That of the shares in the metric."""
        return self.in_metric.error

    @property
    def degrees(self) -> int:
        """Degrees of freedom of the shares' intervals in the metric."""
        return self.in_metric.degrees

    def __str__(self) -> str:
        """The gap and its shares in the metric, as one line."""
        return sentence(self)

    def _repr_html_(self) -> str:
        """For a notebook: the same, as a small table."""
        return table_html(self)


def stands_out(share: Effect, p_holm: float | None, margin: float) -> bool:
    """Whether a share is clear of zero after adjustment, and its interval wholly beyond the margin."""
    if p_holm is None or share.low is None or share.high is None:
        return False
    return p_holm < ALPHA and (share.low > margin or share.high < -margin)


def share_verdict(
    share: Effect, p_holm: float | None, margin: float, confirmation: Confirmation
) -> ShareVerdict:
    """What may be said of a share."""
    if p_holm is None or share.low is None or share.high is None:
        return "no_error"
    if stands_out(share, p_holm, margin):
        return "contradicted" if confirmation == "contradicted" else "moves"
    return "too_small" if -margin <= share.low and share.high <= margin else "not_clear"


def named_shares(scale: Scale) -> tuple[Share, ...]:
    """Those that a page may name."""
    return tuple(row for row in scale.shares if row.verdict == "moves")


def factors_to_confirm(attribution: Attribution, margin: float) -> tuple[str, ...]:
    """The factors that would be named and that an interaction may stand in for: they are to be trained alone as well.

    Those that were trained alone already are among them, so that the answer stays when their runs are there.
    """
    return tuple(
        row.factor
        for row in attribution.in_metric.shares
        if attribution.plan.is_aliased(row.factor) and stands_out(row.share, row.p_holm, margin)
    )


def leading_factor(scale: Scale) -> str | None:
    """The factor whose share surely exceeds every other in the direction of the gap; None where intervals overlap."""
    sense = 1.0 if scale.gap.estimate >= 0 else -1.0
    bounds: dict[str, tuple[float, float]] = {}
    for name, effect in (
        *((row.factor, row.share) for row in scale.shares),
        *((" ".join(group.factors), group.effect) for group in scale.inseparable if group.effect),
    ):
        if effect.low is None or effect.high is None:
            return None
        low, high = sorted((sense * effect.low, sense * effect.high))
        bounds[name] = low, high
    if not scale.shares or any(group.effect is None for group in scale.inseparable):
        return None  # what cannot be told apart may be larger
    best = max((row.factor for row in scale.shares), key=lambda name: bounds[name][0])
    clear = all(bounds[best][0] > high for name, (_, high) in bounds.items() if name != best)
    return best if clear and bounds[best][0] > 0 else None
