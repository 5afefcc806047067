"""What a comparison of two designs came to, and the sentence that says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Literal

from tinyexp.analysis.endpoints import Index
from tinyexp.analysis.forecast import SeedForecast
from tinyexp.analysis.looks import Look
from tinyexp.analysis.started import LostRun
from tinyexp.analysis.statistics import FEWEST_SEEDS
from tinyexp.analysis.verdict_sentences import (
    BEHIND,
    CONFIRMED,
    DECIDE,
    DECIDE_AT,
    DETAILS,
    ENDED,
    EXACT_TESTS,
    LOST,
    MEDIANS,
    TOO_FEW,
    VERDICTS,
)
from tinyexp.config.endpoint import Endpoint
from tinyexp.config.metric import Metric
from tinyexp.words import (
    NBSP,
    NOTHING,
    bare_change,
    change,
    counted,
    level,
    measured_at,
    p_told,
    p_value,
    per_cent,
    some,
)

Verdict = Literal["beats", "within_margin", "no_difference_detected", "too_few_seeds"]
Pairing = Literal["none", "seed"]
OpenReason = Literal["", "too_few_runs", "before_first_look", "no_spread", "lost_runs", "interval_too_wide"]


@dataclass(frozen=True)
class Sample:
    """The runs of one design that a comparison rests on."""

    seeds: tuple[int, ...]
    """Ascending; numbers from 0 where the runs do not say their seeds."""
    measured: tuple[float, ...]
    """What is compared of each, in the order of ``seeds``."""
    mean: float
    median: float
    worst: float
    """In the sense of the metric."""
    behind: tuple[int, ...]
    """Seeds whose value lies far behind the others': see :func:`tinyexp.analysis.samples.outliers`."""
    lost: tuple[LostRun, ...]
    """Trainings that were started, count, and gave no value."""
    later: tuple[int, ...]
    """Seeds that do not count yet, or no more, as they lie beyond the look."""
    left_out: tuple[int, ...]
    """Seeds without a counterpart, where the two are paired."""


@dataclass(frozen=True)
class Comparison:
    """The outcome of a comparison; differences are contender minus baseline, in the metric's units."""

    baseline: str
    contender: str
    metric: Metric
    margin: float
    endpoint: Endpoint
    index: Index
    """Whether the curves are by epoch or by step."""
    at: int | None
    """The epoch or step that was compared; None where each run has its own, the best by a metric."""
    pairing: Pairing
    look: Look
    verdict: Verdict
    winner: str | None
    """The one that beats the other; None under any other verdict."""
    reason: OpenReason
    """Why neither ``beats`` nor ``within_margin`` can be said."""
    baseline_runs: Sample
    contender_runs: Sample
    seeds_known: bool
    """Whether the runs say under which seeds they were trained."""
    differences: tuple[float, ...]
    """By seed, where the two are paired; else empty."""
    mean: float
    """Difference of the means."""
    low: float | None
    high: float | None
    """The interval at the look's level; None below two runs of either, and where runs without spread are too few to trust."""
    p_exact: float
    """Two-sided: the permutation test, or the sign-flip test where the two are paired."""
    p_floor: float
    """The smallest p that so many runs can reach."""
    runs_to_confirm: int
    """The fewest runs of each with which the exact test can go below the look's error."""
    forecast: SeedForecast | None = None
    """Where the verdict is open: how many runs of each would decide. None where that cannot be said."""

    @property
    def baseline_values(self) -> tuple[float, ...]:
        """Of the runs that count."""
        return self.baseline_runs.measured

    @property
    def contender_values(self) -> tuple[float, ...]:
        """Of the runs that count."""
        return self.contender_runs.measured

    @property
    def samples(self) -> tuple[Sample, Sample]:
        """Contender and baseline."""
        return self.contender_runs, self.baseline_runs

    @property
    def fewest_runs(self) -> int:
        """Runs of the design that has fewer."""
        return min(len(sample.measured) for sample in self.samples)

    @property
    def order(self) -> tuple[str, str]:
        """Which minus which a page tells the difference as: of a win so that it is above zero, else contender minus baseline."""
        if self.winner is not None and self.mean < 0:
            return self.baseline, self.contender
        return self.contender, self.baseline

    @property
    def sign(self) -> int:
        """What turns a difference into one of that order."""
        return 1 if self.order[0] == self.contender else -1

    @property
    def interval(self) -> tuple[float, float] | None:
        """The interval in that order; None where there is none."""
        if self.low is None or self.high is None:
            return None
        return (self.low, self.high) if self.sign > 0 else (-self.high, -self.low)

    def ahead(self, name: str) -> tuple[int, int, int]:
        """In how many pairs of a run of either the one that is named is ahead, how many are level, and of how many.

        Paired by seed, only runs of one seed make a pair.
        """
        sense = self.metric.sense if name == self.contender else -self.metric.sense
        found = [sense * difference for difference in self.differences] or [
            sense * (a - b) for a in self.contender_values for b in self.baseline_values
        ]
        return sum(one > 0 for one in found), found.count(0), len(found)

    def words(self, titles: Mapping[str, str] | None = None) -> dict[str, str]:
        """What sentences about it have blanks for; the designs by their titles, if there are any."""
        titles = titles or {}
        contender, baseline = (titles.get(name, name) for name in (self.contender, self.baseline))
        winner, loser = (baseline, contender) if self.winner == self.baseline else (contender, baseline)
        ahead, _, pairs = self.ahead(self.winner or self.contender)
        low, high = _interval(self)
        return {
            "contender": contender,
            "baseline": baseline,
            "winner": winner,
            "loser": loser,
            "size": change(self.metric, abs(self.mean)),
            "mean": change(self.metric, self.mean, signed=True),
            "margin": change(self.metric, self.margin),
            "metric": directed(self.metric),
            "measure": "" if self.metric.shown.step else f" in {self.metric.label}",
            "when": measured_at(self.index, self.at, self.endpoint.chooser),
            "runs": runs_words(self),
            "ahead": f"{ahead} of {pairs}{NBSP}{'seeds' if self.pairing == 'seed' else 'pairs of runs'}",
            "test": EXACT_TESTS[self.pairing],
            "p": p_told(self.p_exact),
            "floor": p_value(self.p_floor),
            "error": p_value(self.look.error),
            "needed": f"{self.runs_to_confirm:,}",
            "fewest": str(FEWEST_SEEDS),
            "next": f"{self.look.next or 0:,}",
            "level": per_cent(1 - self.look.error),
            "low": low,
            "high": high,
        }

    @property
    def sentence_key(self) -> str:
        """The key of its sentences: the verdict, or that lost runs leave none."""
        return "lost_runs" if self.reason == "lost_runs" else self.verdict

    def details(self, titles: Mapping[str, str] | None = None) -> list[str]:
        """How sure the verdict is, from how much, by which test, and which trainings gave nothing, a sentence each."""
        words = self.words(titles)
        told = [DETAILS[self.sentence_key].format(**words)]
        if self.verdict == "too_few_seeds":
            told.append(TOO_FEW[self.reason].format(**words))
        told += _lost_and_behind(self, titles or {})
        if self.verdict == "beats":
            told.append(CONFIRMED[self.p_floor < self.look.error].format(**words))
        elif self.forecast and self.reason != "lost_runs":
            told.append(_decides(self, self.forecast))
        return told

    def __str__(self) -> str:
        """The verdict and how sure it is, as one line."""
        verdict = "".join(VERDICTS[self.sentence_key]).format(**self.words())
        return f"{verdict}. {' '.join(self.details())}".replace(NBSP, " ")

    def _repr_html_(self) -> str:
        """For a notebook: the same, and the runs in a small table."""
        rows = "".join(
            f"<tr><td>{escape(name)}</td><td>{len(sample.measured)}</td>"
            + "".join(
                f"<td>{level(self.metric, value)}</td>"
                for value in (sample.mean, sample.median, sample.worst)
            )
            + f"<td>{len(sample.lost)}</td></tr>"
            for name, sample in zip((self.contender, self.baseline), self.samples, strict=True)
        )
        heads = "".join(
            f"<th>{head}</th>" for head in ("", "runs", "mean", "median", "worst", "gave no result")
        )
        return f"<p>{escape(str(self))}</p><table><tr>{heads}</tr>{rows}</table>"


def runs_words(comparison: Comparison) -> str:
    """As in ``6 runs of each``, ``6 and 5 runs``, or ``6 paired seeds``."""
    counts = [len(sample.measured) for sample in comparison.samples]
    if comparison.pairing == "seed":
        return counted(counts[0], "paired seed")
    if counts[0] == counts[1]:
        return f"{counted(counts[0], 'run')} of each"
    return f"{counts[0]:,} and {counts[1]:,}{NBSP}runs"


def run_name(comparison: Comparison, seed: int) -> str:
    """A run by its seed; by a number where the runs do not say their seeds."""
    return f"seed {seed}" if comparison.seeds_known else f"run {seed + 1}"


def directed(metric: Metric) -> str:
    """A metric's name in a sentence; of one that is better lower it is said."""
    return metric.label if metric.direction == "higher" else f"{metric.label} (lower is better)"


def _interval(comparison: Comparison) -> tuple[str, str]:
    """The interval as the sentence reads: of a win, how far the winner is ahead."""
    if comparison.low is None or comparison.high is None:
        return NOTHING, NOTHING
    if comparison.verdict == "beats":
        low, high = sorted((abs(comparison.low), abs(comparison.high)))
        return bare_change(comparison.metric, low), change(comparison.metric, high)
    low, high = comparison.low, comparison.high
    return bare_change(comparison.metric, low, signed=True), change(comparison.metric, high, signed=True)


def _lost_and_behind(comparison: Comparison, titles: Mapping[str, str]) -> list[str]:
    """The trainings that gave no result, and those far behind the others, by name and seed."""
    told = []
    for name, sample in zip((comparison.contender, comparison.baseline), comparison.samples, strict=True):
        design = titles.get(name, name)
        if sample.lost:
            ends = some([f"{run_name(comparison, one.seed)} {ENDED[one.state]}" for one in sample.lost])
            told.append(
                LOST.format(
                    design=design, lost=len(sample.lost), of=len(sample.lost) + len(sample.seeds), ends=ends
                )
            )
        if sample.behind:
            worst = [sample.measured[sample.seeds.index(seed)] for seed in sample.behind]
            runs = [
                f"{run_name(comparison, seed)} ({level(comparison.metric, value)})"
                for seed, value in zip(sample.behind, worst, strict=True)
            ]
            told.append(
                BEHIND.format(
                    design=design,
                    runs=some(runs),
                    lies="lies" if len(worst) == 1 else "lie",
                    median=level(comparison.metric, sample.median),
                )
            )
    medians = comparison.contender_runs.median - comparison.baseline_runs.median
    if told and comparison.winner and medians * comparison.mean < 0:
        told.append(MEDIANS.format(size=change(comparison.metric, medians, signed=True)))
    return told


def _decides(comparison: Comparison, found: SeedForecast) -> str:
    """How many runs would decide, as a range, and when the study looks next."""
    if found.high is None:
        told = f"{found.low:,} or more runs"
    else:
        told = (
            f"About {found.low:,} to {found.high:,} runs"
            if found.low < found.high
            else f"About {found.low:,} runs"
        )
    width = "" if found.low == found.high else "; the range is what the spread at hand allows"
    key = "none" if not comparison.look.looks else "next" if found.next_look else "last"
    return f"{DECIDE.format(enough=told, range=width)} {DECIDE_AT[key].format(next=found.next_look or 0)}".strip()
