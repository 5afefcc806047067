"""Error rates of what stands around a comparison on the page: shares, claims, forecasts, lost runs, reproductions.

The first functions are what must be adjusted where the analysis is called by another name or says it in other words.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from calibration_rule import (
    METRIC,
    OPEN,
    accuracies,
    generator,
    intervals,
    leads,
    normal,
    rate,
    rule_lead,
    runs_frame,
)
from scipy import special

from tinyexp.analysis.attribution import Attribution, attribute
from tinyexp.analysis.claims import judge
from tinyexp.analysis.classes import answers, by_class
from tinyexp.analysis.forecast import _fewest, seeds_forecast
from tinyexp.analysis.images import across_images, right_answers
from tinyexp.analysis.judgement import Evidence
from tinyexp.analysis.looks import look_at
from tinyexp.analysis.plan import Plan, make_plan
from tinyexp.analysis.reproduction import reproduce
from tinyexp.analysis.shares import named_shares
from tinyexp.analysis.statistics import ALPHA
from tinyexp.analysis.study import Claim, Study
from tinyexp.config.load import load_experiment
from tinyexp.config.metric import metric_of

SCORE = metric_of("reward")
"""Of the shares: one without log-odds, which say the same again and take as long as all the rest."""
HOLDS = ("supported", "as_predicted_here")


def named_factors(found: Attribution) -> set[str]:
    """The factors that the page would name, also where it says of one that it is not yet trained alone."""
    return {row.factor for row in named_shares(found.in_metric)}


def claims_that_hold(study: Study, frame: pd.DataFrame) -> int:
    """How many predictions of a study are said to have come true."""
    return sum(one.verdict in HOLDS for one in judge(study, Evidence(frame=frame)))


# --- shares -----------------------------------------------------------------------------------------


def _plan_frame(plan: Plan, seeds: int, extra: tuple[tuple[int, ...], ...] = ()) -> pd.DataFrame:
    rows = [*plan.levels, *extra] * seeds
    return pd.DataFrame(rows, columns=list(plan.factors)).assign(
        seed=np.repeat(range(seeds), len(rows) // seeds)
    )


def _letters(count: int) -> list[str]:
    return list("ABCDEFGH"[:count])


def shares(simulations: int) -> None:
    """Fractions in which no factor does anything: how often the page names one all the same."""
    for count, seeds in ((count, seeds) for count in (4, 5, 6) for seeds in (2, 3, 5)):
        _false_names(f"{count} factors", f"{seeds} seeds", count, seeds, simulations)
    for seeds in (3, 5):
        _false_names(
            "6 factors, one of which does other things by seed (2 SD)",
            f"{seeds} seeds",
            6,
            seeds,
            simulations,
            by_seed=2.0,
        )


def _false_names(
    row: str, column: str, count: int, seeds: int, simulations: int, by_seed: float = 0.0
) -> None:
    plan, rng = make_plan("fraction", _letters(count)), generator("shares", row, column)
    frame, seen = _plan_frame(plan, seeds), []
    switched = 2.0 * frame["A"].to_numpy() - 1
    for _ in range(simulations):
        noise = rng.normal(size=len(frame)) + np.repeat(rng.normal(size=seeds), len(plan.levels))
        noise += switched * np.repeat(rng.normal(0, by_seed / 2, seeds), len(plan.levels))
        found = attribute(frame.assign(**{SCORE.name: accuracies(noise)}), plan.factors, SCORE, "fraction")
        seen.append(bool(named_factors(found)))
    rate("shares", row, column, np.array(seen), most=5.5 if not by_seed else None)


def aliases(simulations: int) -> None:
    """An interaction of three factors stands in for one that does nothing: how often that one is named.

    Of six factors E stands behind A x B x C. The runs that switch one factor alone are in the frame; whoever has no use
    for them leaves them out.
    """
    plan = make_plan("fraction", _letters(6))
    single = tuple(tuple(int(place == own) for place in range(6)) for own in range(6))
    extra = (*single, *(tuple(1 - level for level in row) for row in single))
    for rows, beside in (
        ("the fraction alone", ()),
        ("with every factor trained alone from both ends", extra),
    ):
        for seeds in (2, 3, 5):
            rng, frame, seen = generator("aliases", rows, seeds), _plan_frame(plan, seeds, beside), []
            three = 4.0 * (2.0 * frame[["A", "B", "C"]].to_numpy() - 1).prod(axis=1)
            for _ in range(simulations):
                noise = three + rng.normal(size=len(frame))
                found = attribute(
                    frame.assign(**{SCORE.name: accuracies(noise)}), plan.factors, SCORE, "fraction"
                )
                seen.append("E" in named_factors(found))
            rate("aliases", rows, f"{seeds} seeds", np.array(seen))


def claims(simulations: int) -> None:
    """Predictions of differences that are not there: how often any of them is said to have come true."""
    for count in (3, 6):
        study = Study(
            name="claims",
            title="Claims",
            question="Does anything hold?",
            baseline="x0",
            contender="y0",
            metric=METRIC.name,
            margin=0.0,
            claims=tuple(
                Claim(
                    id=f"c{place}",
                    says="-",
                    predicts="-",
                    kind="higher",
                    experiments=(f"x{place}", f"y{place}"),
                )
                for place in range(count)
            ),
        )
        for seeds in (3, 5):
            rng, seen = generator("claims", count, seeds), []
            for _ in range(simulations):
                drawn = accuracies(rng.normal(size=(count, 2, seeds)))
                parts = [
                    runs_frame(*own).replace({"experiment": {"a": f"y{place}", "b": f"x{place}"}})
                    for place, own in enumerate(drawn)
                ]
                seen.append(claims_that_hold(study, pd.concat(parts, ignore_index=True)) > 0)
            rate("claims", f"{count} claims", f"{seeds} seeds", np.array(seen), most=5.5)


# --- forecasts --------------------------------------------------------------------------------------


def forecasts(simulations: int) -> None:
    """Where a verdict is open: does the range hold the number of runs that would really do?

    Asked in two ways: with the true spread at the difference as seen, which is what the range says; and with the true
    difference too, which is what a reader would like to know.
    """
    look, level = look_at((), 0), 1 - ALPHA
    for effect, runs in ((effect, runs) for effect in (1.0, 2.0) for runs in (3, 5, 10)):
        rng = generator("forecasts", effect, runs)
        a, b = normal(rng, (simulations, runs)) + effect, normal(rng, (simulations, runs))
        hits: dict[str, list[bool]] = {"as seen": [], "true": []}
        told = []
        for place in np.flatnonzero(leads(a, b, ALPHA) == OPEN):
            found = seeds_forecast(a[place], b[place], 0.0, look, paired=False)
            seen = abs(float(a[place].mean() - b[place].mean()))
            told.append(found is not None)
            for name, distance in (("as seen", seen), ("true", effect)):
                needed = _fewest(math.sqrt(2), distance, runs, level, paired=False) or math.inf
                if found is not None:
                    hits[name].append(found.low <= needed <= (found.high or math.inf))
        column = f"{effect:g} SD, {runs} runs"
        rate("forecasts", "needed at the difference seen", column, np.array(hits["as seen"]))
        rate("forecasts", "needed at the true difference", column, np.array(hits["true"]))
        rate("forecasts", "open verdicts with a forecast", column, np.array(told))


# --- runs that were lost ----------------------------------------------------------------------------


def lost_runs(simulations: int) -> None:
    """A design loses runs: how often it beats the other wrongly, or rightly, by what finished and by the rule.

    Lost as bad: two equal designs, and the one never finishes a run that is more than half a standard deviation below
    its mean. Lost to divergence: it is 2 SD ahead where it finishes, and three runs of ten end at chance or below, so by
    its mean over all it is behind. At random: three of ten, whatever they would have shown.
    """
    cases = (
        ("equal, runs lost as they are bad", 0.0, "bad", 5.5),
        ("2 SD ahead where it finishes, three of ten diverge, one or more here", 2.0, "diverge", 5.5),
        ("equal, three of ten lost at random", 0.0, "random", 5.5),
        ("3 SD ahead, one of twenty lost at random: rightly", 3.0, "seldom", None),
    )
    for (row, effect, how, most), runs in ((case, runs) for case in cases for runs in (5, 10)):
        rng = generator("lost", row, runs)
        a, b = normal(rng, (simulations, runs)), normal(rng, (simulations, runs))
        gone = a < -0.5 if how == "bad" else rng.random(a.shape) < (0.05 if how == "seldom" else 0.3)
        if how == "diverge":  # where none did, no rule can know
            some = gone.any(axis=1)
            a, b, gone = a[some], b[some], gone[some]
        a, b = accuracies(a + effect), accuracies(b)
        finished, counted = [], []
        for own_a, lost, own_b in zip(a, gone, b, strict=True):
            kept = own_a[~lost].tolist()
            finished.append(len(kept) > 0 and rule_lead(kept, own_b.tolist()) == 1)
            counted.append(len(kept) > 0 and rule_lead(kept, own_b.tolist(), lost=(int(lost.sum()), 0)) == 1)
        rate("lost-runs", row, f"{runs} started, what finished", np.array(finished))
        rate("lost-runs", row, f"{runs} started, the rule", np.array(counted), most=most)


# --- reproduction -----------------------------------------------------------------------------------


def reproduction(simulations: int) -> None:
    """The source's one run and ours from one distribution: how often the page says that they differ."""
    experiment = load_experiment("tiny-design1", "paper")
    reported = experiment.reported
    assert reported is not None
    for spread, runs in ((spread, runs) for spread in (0.005, 0.02, 0.035) for runs in (3, 5, 10)):
        rng, verdicts = generator("reproduction", spread, runs), []
        for _ in range(simulations):
            source, own = rng.normal(0, spread), rng.normal(0, spread, runs)
            frame = pd.DataFrame(
                {
                    "experiment": experiment.name,
                    "seed": range(runs),
                    "epoch": reported.after_epochs,
                    METRIC.name: reported.test_accuracy
                    + own
                    - source,  # the source's figure stays, ours move
                }
            )
            verdicts.append(reproduce(frame, experiment).verdict)
        assert not {"not_comparable", "nothing_reported"} & set(verdicts)
        row, said = f"run SD {100 * spread:g} points", np.array(verdicts)
        rate("reproduction", row, f"{runs} runs, `differs`", said == "differs", most=5.5)
        rate("reproduction", row, f"{runs} runs, `reproduced`", said == "reproduced")


# --- seeds and test images --------------------------------------------------------------------------


def images(simulations: int) -> None:
    """Does the interval over seeds and images cover what the two designs do on images that nobody has seen?

    Each image has its own difficulty for each design, each net its own level: a probit model, in which the true
    accuracies are known. Beside it the interval over seeds alone, read as if it were a claim about new images.
    """
    count, per_image, apart, per_net = 2000, 1.0, 0.5, 0.03
    label = np.zeros(count, dtype=np.int64)
    scale = math.sqrt(1 + per_image**2 + apart**2 + per_net**2)
    truth = float(special.ndtr(0.45 / scale) - special.ndtr(0.35 / scale))
    for runs in (3, 5, 10, 20):
        rng, crossed, seeds_only = generator("images", runs), [], []
        for _ in range(simulations):
            common, told = rng.normal(0, per_image, count), []
            for level in (0.45, 0.35):
                own = common + rng.normal(0, apart, count)
                nets = level + own + rng.normal(0, per_net, (runs, 1)) + rng.normal(size=(runs, count))
                told.append(nets > 0)
            sides = [right_answers((label, (~net).astype(np.int64)) for net in side) for side in told]
            found = across_images(*sides)
            assert found is not None
            crossed.append(found.low <= truth <= found.high)
            a, b = (side.mean(axis=1)[None] for side in told)
            low, high = intervals(a, b, ALPHA)
            seeds_only.append(bool(low[0] <= truth <= high[0]))
        rate("images", "seeds and images", f"{runs} seeds", np.array(crossed), least=94, most=98.5)
        rate("images", "seeds alone", f"{runs} seeds", np.array(seeds_only))


CLASS_LEVELS = {
    "one class, 63 against 8 %": (0.5, -2.2),
    "75 against 65 %": (1.1, 0.6),
    "70 and 70 %": (0.8, 0.8),
    "98 and 97 %": (3.2, 2.9),
}
"""By what is planted: the level of either design on a class, in standard deviations of a net's own noise."""


def classes(simulations: int) -> None:
    """Does the interval of a class's share cover it, on images and seeds that nobody has seen? A probit model as in :func:`images`."""
    count, per_image, apart, per_net = 200, 1.0, 0.5, 0.15
    label = np.repeat(np.arange(len(CLASS_LEVELS)), count)
    scale = math.sqrt(1 + per_image**2 + apart**2 + per_net**2)
    levels = np.array(list(CLASS_LEVELS.values())).T
    truth = (special.ndtr(levels[0] / scale) - special.ndtr(levels[1] / scale)) / len(CLASS_LEVELS)
    for runs in (3, 5, 10):
        rng = generator("classes", runs)
        held: dict[int, list[bool]] = {place: [] for place in range(len(CLASS_LEVELS))}
        for _ in range(simulations):
            common, sides = rng.normal(0, per_image, len(label)), []
            for level in levels:
                own = level[label] + common + rng.normal(0, apart, len(label))
                of_net = rng.normal(0, per_net, (runs, len(CLASS_LEVELS)))[:, label]
                nets = own + of_net + rng.normal(size=(runs, len(label))) > 0
                said = (np.where(net, label, (label + 1) % len(CLASS_LEVELS)) for net in nets)
                sides.append(answers(((label, one) for one in said), len(CLASS_LEVELS)))
            for one in by_class(*sides).classes:
                assert one.low is not None
                assert one.high is not None
                held[one.place].append(one.low <= truth[one.place] <= one.high)
        for place, row in enumerate(CLASS_LEVELS):
            rate("classes", row, f"{runs} seeds", np.array(held[place]), least=94)
