"""The rule of a comparison on many cases at once, held against the rule itself; and the noise that it is tried on.

:func:`leads` repeats :func:`tinyexp.analysis.samples.difference_interval` and what a comparison makes of it, for arrays
of cases. :func:`check` asserts that both say the same of the first cases of a cell: the rule of 200, and the whole of
:func:`tinyexp.compare`, frame and all, of 50.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from unittest import mock

import numpy as np
import pandas as pd
from scipy import special

from tinyexp.analysis.comparison import Sample, _Rule, compare
from tinyexp.analysis.looks import look_at, look_errors
from tinyexp.analysis.samples import permutation_floor
from tinyexp.analysis.started import LostRun
from tinyexp.analysis.statistics import FEWEST_SEEDS
from tinyexp.config.metric import metric_of

OPEN = 9
"""Beside 1, -1 and 0: neither ahead, nor behind, nor level."""
RUN_SD = 0.002
"""What one run's standard deviation is as an accuracy: small, so that no heavy tail leaves 0 to 1."""
CENTRE = 0.6
METRIC = metric_of("test_accuracy")
RULE_CASES, WHOLE_CASES = 200, 50

Draw = Callable[[np.random.Generator, tuple[int, int]], np.ndarray]


@dataclass(frozen=True)
class Cell:
    """A figure of a table, with its binomial standard error, both in percent unless the section says otherwise."""

    section: str
    row: str
    column: str
    value: float | None
    error: float | None = None
    simulations: int = 0
    goal: str = ""
    reached: bool | None = None
    note: str = ""

    def printed(self) -> Cell:
        """Itself, printed as a line of JSON."""
        print(json.dumps({"benchmark": "calibration", **asdict(self)}), flush=True)
        return self


def rate(
    section: str,
    row: str,
    column: str,
    hits: np.ndarray,
    *,
    least: float | None = None,
    most: float | None = None,
    note: str = "",
) -> Cell:
    """The cell of a share of simulations, shape (simulations,), and whether it keeps its bounds, in percent."""
    count, share = len(hits), float(np.mean(hits))
    value, error = round(100 * share, 2), round(100 * math.sqrt(share * (1 - share) / count), 2)
    bounds = [
        f"{word} {edge:g}" for word, edge in (("at least", least), ("at most", most)) if edge is not None
    ]
    # A goal is missed where the figure is beyond it by more than twice its error: chance alone misses none.
    reached = (least is None or value + 2 * error >= least) and (most is None or value - 2 * error <= most)
    return Cell(
        section,
        row,
        column,
        value,
        error,
        count,
        ", ".join(bounds),
        reached if bounds else None,
        note,
    ).printed()


def generator(*labels: object) -> np.random.Generator:
    """Draws that depend on the cell alone, not on which cells were asked for before it."""
    return np.random.default_rng(zlib.crc32(repr(labels).encode()))


# --- noise, in standard deviations of an ordinary run ---------------------------------------------


def normal(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Normal noise."""
    return rng.normal(size=shape)


def heavy(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Student's t of three degrees of freedom, at a standard deviation of 1."""
    return rng.standard_t(3, size=shape) / math.sqrt(3)


def skewed(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Exponential, the tail towards worse runs, as accuracies below a ceiling have it."""
    return 1 - rng.exponential(size=shape)


COLLAPSE = 10.0
"""How far below its fellows a collapsed run lies; one run of ten does."""


def collapses(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Normal, with one run of ten collapsed; the mean is 0."""
    return rng.normal(size=shape) - COLLAPSE * (rng.random(shape) < 0.1) + COLLAPSE / 10


def wide(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Normal, three times as wide."""
    return 3 * rng.normal(size=shape)


def skewed_wide(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Exponential, three times as wide."""
    return 3 * skewed(rng, shape)


# --- the rule --------------------------------------------------------------------------------------


def leads(a: np.ndarray, b: np.ndarray, error: float, margin: float = 0.0) -> np.ndarray:
    """Who is ahead by a comparison at one look, shape (cases,): 1 for a, -1 for b, 0 level, else OPEN.

    Parameters
    ----------
    a, b
        Shapes (cases, runs), higher is better.
    error
        What the look may be wrong by.
    """
    if min(a.shape[1], b.shape[1]) < FEWEST_SEEDS:
        return np.full(len(a), OPEN)
    low, high = intervals(a, b, error)
    flat = _flat(a) & _flat(b)
    point = a.mean(axis=1) - b.mean(axis=1)
    trusted = (np.abs(point) <= margin) | (permutation_floor(a.shape[1], b.shape[1]) < error)
    low, high = np.where(flat, point, low), np.where(flat, point, high)
    found = np.full(len(a), OPEN)
    found[(low >= -margin) & (high <= margin)] = 0
    found[low > margin] = 1
    found[high < -margin] = -1
    found[flat & ~trusted] = OPEN
    return found


def intervals(
    a: np.ndarray, b: np.ndarray, error: float, *, bounded: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Welch's intervals of a minus b, each of shape (cases,); of no width where nothing has spread.

    Of unequal numbers of runs with bounded degrees of freedom, unless not ``bounded``.
    """
    parts = [one.var(axis=1, ddof=1) / one.shape[1] for one in (a, b)]
    both = parts[0] + parts[1]
    safe = np.where(both > 0, both, 1.0)
    shares = [(part / safe) ** 2 / (one.shape[1] - 1) for part, one in zip(parts, (a, b), strict=True)]
    degrees = 1 / np.where(both > 0, shares[0] + shares[1], 1.0)
    if bounded:
        few, many = sorted((a.shape[1], b.shape[1]))
        degrees = np.minimum(degrees, (few - 1) * (1 + (few / many) ** 2))
    half = special.stdtrit(degrees, 1 - error / 2) * np.sqrt(both)
    point = a.mean(axis=1) - b.mean(axis=1)
    return point - half, point + half


def _flat(values: np.ndarray) -> np.ndarray:
    """As :func:`tinyexp.analysis.statistics.has_no_spread`, by row."""
    return np.ptp(values, axis=1) <= 1e-12 * np.maximum(1.0, np.abs(values).max(axis=1))


def until_decided(
    a: np.ndarray, b: np.ndarray, looks: Sequence[int], margin: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """Look by look until there is a verdict: who leads in the end, and after how many runs of each."""
    lead, runs = np.full(len(a), OPEN), np.full(len(a), looks[-1])
    for look, error in zip(looks, look_errors(looks), strict=True):
        going = lead == OPEN
        lead[going] = leads(a[going, :look], b[going, :look], error, margin)
        runs[going & (lead != OPEN)] = look
    return lead, runs


# --- held against the rule itself -------------------------------------------------------------------


def sample(values: Sequence[float], lost: int = 0) -> Sample:
    """What the rule takes of a design; a rule looks at what was measured and what was lost, and at nothing else."""
    lost_runs = tuple(LostRun(len(values) + place, "diverged") for place in range(lost))
    return Sample(tuple(range(len(values))), tuple(values), 0.0, 0.0, 0.0, (), lost_runs, (), ())


def rule_lead(
    a: Sequence[float], b: Sequence[float], looks: Sequence[int] = (), *, lost: tuple[int, int] = (0, 0)
) -> int:
    """The real rule's answer of one case, at a margin of 0."""
    look = look_at(looks, min(len(a) + lost[0], len(b) + lost[1]))
    verdict, _, interval = _Rule(METRIC, 0.0, "none", look).decide(sample(a, lost[0]), sample(b, lost[1]))
    if verdict == "beats":
        assert interval is not None
        return 1 if interval.low > 0 else -1
    return 0 if verdict == "within_margin" else OPEN


def runs_frame(a: Sequence[float], b: Sequence[float]) -> pd.DataFrame:
    """Two designs as a frame that anybody could give."""
    return pd.DataFrame(
        {
            "experiment": ["a"] * len(a) + ["b"] * len(b),
            "seed": [*range(len(a)), *range(len(b))],
            "epoch": 1,
            METRIC.name: [*a, *b],
        }
    )


def compare_lead(a: Sequence[float], b: Sequence[float], looks: Sequence[int] = ()) -> int:
    """What :func:`tinyexp.compare` says of one case. Its permutation test, which no verdict rests on, takes a second at 20 runs and is left out."""
    with mock.patch("tinyexp.analysis.comparison.permutation_p", return_value=math.nan):
        found = compare(runs_frame(a, b), "a", "b", METRIC, 0.0, looks=looks)
    if found.verdict == "beats":
        return 1 if found.winner == "a" else -1
    return 0 if found.verdict == "within_margin" else OPEN


def check(a: np.ndarray, b: np.ndarray, found: np.ndarray, looks: Sequence[int] = ()) -> None:
    """Assert that the rule, and a comparison as a whole, lead to what was found of the first cases."""
    for told, cases in ((rule_lead, RULE_CASES), (compare_lead, WHOLE_CASES)):
        for own_a, own_b, expected in zip(a[:cases].tolist(), b[:cases].tolist(), found, strict=False):
            lead = OPEN
            for runs in looks or (max(len(own_a), len(own_b)),):
                if lead == OPEN:
                    lead = told(own_a[:runs], own_b[:runs], looks)
            assert lead == expected, (told.__name__, own_a, own_b, lead, expected)


def accuracies(noise: np.ndarray) -> np.ndarray:
    """Noise in standard deviations as accuracies."""
    return CENTRE + RUN_SD * noise
