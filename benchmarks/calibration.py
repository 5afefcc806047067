"""How often the page is wrong: the error rates of the method as it is in this tree, measured anew by simulation.

python benchmarks/calibration.py               a line of JSON for each figure; twenty minutes of one processor
python benchmarks/calibration.py --quick       the same with a twentieth of the simulations
python benchmarks/calibration.py --table FILE  the lines of a run, kept in a file, as tables in Markdown

Seeds are fixed, so the same tree gives the same figures. A figure in percent stands with its binomial standard error.
"""

from __future__ import annotations

from fair import one_thread

one_thread()

import argparse
import json
import math
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from calibration_page import aliases, claims, classes, forecasts, images, lost_runs, reproduction, shares
from calibration_peers import paired_t, peers
from calibration_rule import (
    OPEN,
    RUN_SD,
    Cell,
    Draw,
    accuracies,
    check,
    collapses,
    generator,
    heavy,
    intervals,
    leads,
    normal,
    rate,
    skewed,
    skewed_wide,
    until_decided,
    wide,
)

from tinyexp.analysis.statistics import ALPHA

SIMULATIONS = 40_000
SEEDS = (3, 4, 5, 6, 8, 10, 20)
LOOKS = ((3, 6), (3, 6, 10), (5, 10))
IMAGES = 2000
OWN = ", by Welch's own degrees of freedom: not the rule"
UNEQUAL = ((3, 4), (3, 5), (5, 6), (5, 10), (3, 10), (3, 20))


def counts(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """As accuracies over 2,000 images are, where runs differ by an image or two: equal values are common."""
    return np.round(1.5 * rng.normal(size=shape)) / (IMAGES * RUN_SD)


SHAPES: tuple[tuple[str, Draw, Draw, bool], ...] = (
    ("normal", normal, normal, True),
    ("heavy tails (t, 3 degrees)", heavy, heavy, True),
    ("skewed (exponential)", skewed, skewed, True),
    ("one run of ten collapses", collapses, collapses, True),
    ("normal, SD 1 and 3", normal, wide, True),
    ("few images: equal values", counts, counts, True),
    ("skewed, SD 1 and 3", skewed, skewed_wide, False),
)
"""The noise of either design, both with mean 0, and whether the promise of 5 % is made."""


def false_alarms(simulations: int) -> None:
    """A design against itself, at a margin of 0: how often one beats the other."""
    for row, draw_a, draw_b, promised in SHAPES:
        most = 5.5 if promised else None
        for runs in SEEDS:
            rng = generator("alarms", row, runs)
            a, b = (accuracies(draw(rng, (simulations, runs))) for draw in (draw_a, draw_b))
            found = leads(a, b, ALPHA)
            check(a, b, found)
            rate("false-alarms", row, str(runs), np.isin(found, (1, -1)), most=most)
        for looks in LOOKS:
            rng, column = generator("alarms", row, looks), "looks " + ", ".join(map(str, looks))
            a, b = (accuracies(draw(rng, (simulations, looks[-1]))) for draw in (draw_a, draw_b))
            found, _ = until_decided(a, b, looks)
            check(a, b, found, looks)
            rate("false-alarms", row, column, np.isin(found, (1, -1)), most=most)
    for looks in LOOKS:
        rng, column = generator("alarms", "normal", looks), "looks " + ", ".join(map(str, looks))
        a, b = (accuracies(normal(rng, (simulations, looks[-1]))) for _ in range(2))
        hits = np.any([leads(a[:, :look], b[:, :look], ALPHA) != OPEN for look in looks], axis=0)
        rate("false-alarms", "normal, every look with all of the 5 %: not the rule", column, hits)


def unequal_runs(simulations: int) -> None:
    """The same where the one design has fewer runs: the first, which is also the wider one where they differ."""
    for row, draw_a, draw_b in (
        ("normal", normal, normal),
        ("normal, SD 3 where there are fewer runs, else 1", wide, normal),
        ("skewed (exponential)", skewed, skewed),
        ("one run of ten collapses", collapses, collapses),
    ):
        for few, many in UNEQUAL:
            rng = generator("unequal", row, few, many)
            a = accuracies(draw_a(rng, (simulations, few)))
            b = accuracies(draw_b(rng, (simulations, many)))
            found = leads(a, b, ALPHA)
            check(a, b, found)
            rate("unequal-runs", row, f"{few} and {many}", np.isin(found, (1, -1)), most=5.5)
            low, high = intervals(a, b, ALPHA, bounded=False)
            rate("unequal-runs", row + OWN, f"{few} and {many}", (low > 0) | (high < 0))
    for few, many in ((3, 3), (5, 5), *UNEQUAL):
        rng, ahead = generator("unequal", "ahead", few, many), 2 * RUN_SD
        a, b = (accuracies(normal(rng, (simulations, runs))) for runs in (few, many))
        row, column = "normal, 2 SD ahead: rightly", f"{few} and {many}"
        rate("unequal-runs", row, column, leads(a + ahead, b, ALPHA) == 1)
        rate("unequal-runs", row + OWN, column, intervals(a + ahead, b, ALPHA, bounded=False)[0] > 0)


def margins(simulations: int) -> None:
    """A true difference of just the margin: how often it is said to lie within it, or beyond. Either is wrong."""
    for runs in (3, 5, 10):
        for spread in (0.2, 0.5, 1.0, 2.0):
            rng = generator("margins", runs, spread)
            a, b = (spread * normal(rng, (simulations, runs)) for _ in range(2))
            found = leads(a + 1, b, ALPHA, margin=1.0)
            row = f"run SD {spread:g} margins"
            rate("margins", row, f"{runs} runs, `within_margin`", found == 0, most=2.75)
            rate("margins", row, f"{runs} runs, `beats`", found == 1, most=2.75)


def coverage(simulations: int) -> None:
    """Designs that differ in more than their means: how often the 95 % interval holds the true difference.

    Where they differ in their means alone it is 100 minus the false alarms, as the interval moves with the runs.
    """
    images = 0.5 / math.sqrt(IMAGES)
    cases: tuple[tuple[str, Draw, Draw, float, bool], ...] = (
        ("normal, SD 1 and 3", normal, wide, 0.0, True),
        (
            "shares of 2,000 images, 95 against 90 %",
            lambda rng, shape: (_shares(rng, shape, 0.95) - CENTRE_OF_SHARES) / images,
            lambda rng, shape: (_shares(rng, shape, 0.90) - CENTRE_OF_SHARES) / images,
            0.05 / images,
            True,
        ),
        ("skewed against normal", skewed, normal, 0.0, False),
        ("one run of ten collapses in one design alone", collapses, normal, 0.0, False),
    )
    for row, draw_a, draw_b, truth, promised in cases:
        for runs in (3, 5, 10, 20):
            rng = generator("coverage", row, runs)
            low, high = intervals(draw_a(rng, (simulations, runs)), draw_b(rng, (simulations, runs)), ALPHA)
            hits = (low <= truth) & (truth <= high)
            least, most = (94, 97) if promised else (None, None)
            rate("coverage", row, f"{runs} runs", hits, least=least, most=most)


CENTRE_OF_SHARES = 0.9


def _shares(rng: np.random.Generator, shape: tuple[int, int], level: float) -> np.ndarray:
    """Accuracies of nets whose own level varies by half a point, over images drawn anew."""
    return rng.binomial(IMAGES, np.clip(level + 0.005 * rng.normal(size=shape), 0, 1)) / IMAGES


def power(simulations: int) -> None:
    """How often a design that really is ahead beats the other, at a margin of 0."""
    for runs in (3, 5, 6):
        looks = (runs, 2 * runs)
        for effect in (1.0, 2.0, 3.0):
            column = f"{runs} runs, {effect:g} SD"
            rng = generator("power", runs, effect)
            a, b = (accuracies(normal(rng, (simulations, looks[-1]))) for _ in range(2))
            a = a + effect * RUN_SD
            early = a[:, :runs], b[:, :runs]
            fixed = leads(*early, ALPHA)
            check(*early, fixed)
            rate("power", "n runs, Welch (the rule)", column, fixed == 1)
            rate("power", "n runs, paired t (the first version's)", column, paired_t(*early) == 1)
            found, used = until_decided(a, b, looks)
            check(a, b, found, looks)
            rate("power", "looks at n and 2n, until decided (the rule)", column, found == 1)
            rate("power", "2n runs, Welch", column, leads(a, b, ALPHA) == 1)
            Cell(
                "power",
                "runs of each that the looks take, of 2n (a mean, no percentage)",
                column,
                round(float(used.mean()), 2),
                round(float(used.std(ddof=1)) / math.sqrt(simulations), 2),
                simulations,
            ).printed()


PARTS: dict[str, tuple[Callable[[int], None], int]] = {
    "false-alarms": (false_alarms, 1),
    "unequal-runs": (unequal_runs, 1),
    "margins": (margins, 1),
    "coverage": (coverage, 1),
    "power": (power, 1),
    "shares": (shares, 20),
    "aliases": (aliases, 80),
    "claims": (claims, 40),
    "forecasts": (forecasts, 20),
    "lost-runs": (lost_runs, 4),
    "reproduction": (reproduction, 40),
    "images": (images, 40),
    "classes": (classes, 40),
    "peers": (peers, 1),
}
"""What is simulated, and how many times fewer simulations it takes, as a case costs more."""

TITLES = {
    "false-alarms": "False alarms: a design against itself, runs of each. Goal: at most 5.5",
    "unequal-runs": "False alarms where the two have unequal numbers of runs, all of which count. Goal: at most 5.5",
    "margins": "A true difference of just the margin is said to lie within it, or beyond it. Goal: at most 2.75 either",
    "coverage": "Coverage of the 95 % interval where the designs differ in more than their means. Goal: 94 to 97",
    "power": "Power: normal noise, one design so many standard deviations of a run ahead",
    "shares": "Shares: fractions in which no factor does anything; any factor is named. Goal: at most 5.5",
    "aliases": "Aliases: an interaction of three factors of 8 SD, whose alias does nothing; the alias is named",
    "claims": "Claims: predicted differences that are not there; any is said to hold. Goal: at most 5.5",
    "forecasts": "Forecasts of the runs that would decide; the range is one of 10 to 90 %",
    "lost-runs": "Lost runs: one design is said to beat the other, by what finished and by the rule. Goal for the rule where it does not lead: at most 5.5",
    "reproduction": "Reproduction: the source's single run and ours from one distribution. Goal for `differs`: at most 5.5",
    "images": "Coverage over new seeds and new test images, of 2,000. Goal for seeds and images: at least 94",
    "classes": "Coverage of the share that a class of 200 test images has of a gap, over new seeds and new images. Goal: at least 94",
    "peers": "Peers, on the same cases: one is said to be the better one, wrongly in the columns A/A",
}


def tables(lines: list[dict]) -> str:
    """The figures of a run as Markdown, a table for each part."""
    parts = []
    for section, title in TITLES.items():
        cells = [line for line in lines if line["section"] == section]
        if not cells:
            continue
        rows, columns = (list(dict.fromkeys(cell[key] for cell in cells)) for key in ("row", "column"))
        found = {(cell["row"], cell["column"]): _told(cell) for cell in cells}
        table = [[row, *(found.get((row, column), "") for column in columns)] for row in rows]
        heads = ["%", *columns]
        used = sorted({cell["simulations"] for cell in cells if cell["simulations"]})
        many = " to ".join(f"{number:,}" for number in dict.fromkeys([*used[:1], *used[-1:]]))
        parts.append(
            f"**{title}.** Simulations a figure: {many or 'none'}.\n\n"
            + "\n".join("| " + " | ".join(row) + " |" for row in [heads, ["---"] * len(heads), *table])
        )
    return "\n\n".join(parts)


def _told(cell: dict) -> str:
    if cell["value"] is None:
        return cell["note"]
    missed = " **missed**" if cell["reached"] is False else ""
    return f"{cell['value']:.1f} ± {cell['error']:.1f}{missed}"


def main() -> None:
    """Simulate, or print what was simulated."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a twentieth of the simulations")
    parser.add_argument("--simulations", type=int, default=SIMULATIONS, help="of the cheapest figures")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), help="these parts alone")
    parser.add_argument("--table", type=Path, help="a file of printed lines, to be shown as Markdown")
    chosen = parser.parse_args()
    if chosen.table:
        print(tables([json.loads(line) for line in chosen.table.read_text(encoding="utf-8").splitlines()]))
        return
    simulations = chosen.simulations // (20 if chosen.quick else 1)
    for name in chosen.only:
        part, fewer = PARTS[name]
        before = time.process_time()
        part(max(simulations // fewer, 50))
        note = f"{time.process_time() - before:.0f} s of processor time"
        Cell("time", name, "", None, note=note).printed()


if __name__ == "__main__":
    main()
