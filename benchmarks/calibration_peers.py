"""What else one might use to compare two designs by a few runs, run on the same cases as the rule.

Each answers a question: shapes (cases, runs) of both in, and out who is said to be better: 1, -1, or OPEN. The pairs of the
paired tests are the runs of one number, which share nothing here, as the rule's do not.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version

import numpy as np
import pandas as pd
from calibration_rule import OPEN, RUN_SD, Cell, accuracies, collapses, generator, leads, normal, rate
from scipy import special, stats

from tinyexp.analysis.statistics import ALPHA

Answer = Callable[[np.ndarray, np.ndarray], np.ndarray]


def of_rule(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The rule of this project, at a margin of 0 and one look."""
    return leads(a, b, ALPHA)


def paired_t(a: np.ndarray, b: np.ndarray, error: float = ALPHA) -> np.ndarray:
    """Student's paired t; the first version's rule."""
    d = a - b
    runs = d.shape[1]
    half = special.stdtrit(runs - 1, 1 - error / 2) * d.std(axis=1, ddof=1) / np.sqrt(runs)
    return _signed(d.mean(axis=1) - half, d.mean(axis=1) + half)


def percentile_bootstrap(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """``scipy.stats.bootstrap``, percentile method, its 9,999 resamples; a hundred cases at once."""
    lows, highs = [], []
    for start in range(0, len(a), 100):
        found = stats.bootstrap(
            (a[start : start + 100], b[start : start + 100]),
            lambda x, y, axis: x.mean(axis=axis) - y.mean(axis=axis),
            axis=-1,
            method="percentile",
            vectorized=True,
            rng=np.random.default_rng(start),
        ).confidence_interval
        lows.append(found.low)
        highs.append(found.high)
    return _signed(np.concatenate(lows), np.concatenate(highs))


def by_autorank(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """``autorank.autorank``, its own choice of test, 5 %; from five runs on."""
    from autorank import autorank

    found = np.full(len(a), OPEN)
    for place, (x, y) in enumerate(zip(a, b, strict=True)):
        with contextlib.redirect_stdout(io.StringIO()):
            told = autorank(
                pd.DataFrame({"a": x, "b": y}), alpha=ALPHA, verbose=False, approach="frequentist"
            )
        if told.pvalue < ALPHA:
            found[place] = 1 if x.mean() > y.mean() else -1
    return found


def by_baycomp(limit: float) -> Answer:
    """``baycomp.two_on_single``, no region of equivalence: better where the posterior is above a limit."""

    def answer(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        from baycomp import two_on_single

        found = np.full(len(a), OPEN)
        for place, (x, y) in enumerate(zip(a, b, strict=True)):
            better_a, better_b = two_on_single(x, y)
            # It returns first the probability that the first is the better one.
            found[place] = 1 if better_a > limit else -1 if better_b > limit else OPEN
        return found

    return answer


def by_deepsig(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """``deepsig.aso`` in both directions, 0.2 as its documentation advises; 100 bootstrap iterations instead of 1,000."""
    from deepsig import aso

    found = np.full(len(a), OPEN)
    options = {"num_bootstrap_iterations": 100, "show_progress": False, "num_jobs": 1}
    for place, (x, y) in enumerate(zip(a, b, strict=True)):
        if aso(x, y, seed=place, **options) < 0.2:
            found[place] = 1
        elif aso(y, x, seed=place, **options) < 0.2:
            found[place] = -1
    return found


def _signed(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    return np.where(low > 0, 1, np.where(high < 0, -1, OPEN))


PEERS: tuple[tuple[str, str, Answer, int, int], ...] = (
    ("tinyexp, Welch", "", of_rule, 1, 3),
    ("paired t test", "", paired_t, 1, 3),
    ("scipy, percentile bootstrap", "scipy", percentile_bootstrap, 20, 3),
    ("autorank, its choice of test", "autorank", by_autorank, 80, 5),
    ("baycomp, correlated t, above 0.95", "baycomp", by_baycomp(0.95), 20, 3),
    ("baycomp, correlated t, above 0.975", "baycomp", by_baycomp(0.975), 20, 3),
    ("deepsig, ASO below 0.2", "deepsig", by_deepsig, 1000, 3),
)
"""Name, package, answer, how many times fewer simulations, and the fewest runs that it takes."""

COLUMNS = (
    ("A/A, 3 runs", normal, 3, 0.0),
    ("A/A, 5 runs", normal, 5, 0.0),
    ("A/A, 10 runs", normal, 10, 0.0),
    ("A/A, 5 runs, collapses", collapses, 5, 0.0),
    ("2 SD ahead, 5 runs", normal, 5, 2.0),
)


def peers(simulations: int) -> None:
    """Every peer on the same cases; a slow one on the first of them."""
    warnings.simplefilter("ignore")  # theirs, of few and of equal values
    for name, package, answer, fewer, least in PEERS:
        told = _version(package)
        for column, draw, runs, effect in COLUMNS:
            count = max(20, simulations // fewer)
            row = f"{name}, version {told}" if told else name
            if told is None or runs < least:
                note = "not installed" if told is None else f"takes {least} runs or more"
                Cell("peers", row, column, None, note=note).printed()
                continue
            rng = generator("peers", column)
            a, b = (accuracies(draw(rng, (simulations, runs))) for _ in range(2))
            found = answer((a + effect * RUN_SD)[:count], b[:count])
            hits = found == 1 if effect else np.isin(found, (1, -1))
            rate("peers", row, column, hits)


def _version(package: str) -> str | None:
    try:
        return version(package) if package else ""
    except PackageNotFoundError:
        return None
