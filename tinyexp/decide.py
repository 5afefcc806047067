"""Training until a study is decided: look by look, and never beyond the last."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from tinyexp.analysis.design import DesignPoint, confirmation_points
from tinyexp.analysis.frozen import read_frozen
from tinyexp.analysis.shares import factors_to_confirm
from tinyexp.analysis.study import Study
from tinyexp.config.load import load_profile
from tinyexp.errors import DamagedError, TinyexpError, UnreadableError, UserError
from tinyexp.launch.job import Outcome
from tinyexp.launch.session import Request, run_session, studies_of, train_points
from tinyexp.report.evidence import StudyResult, gather
from tinyexp.report.select import select_runs
from tinyexp.runs.folder import find_runs
from tinyexp.runs.recorded import RecordedRun, read_run, read_runs
from tinyexp.runs.verify import verify_records

_OPEN = ("inconclusive", "undecided_here", "not_tested")
"""Verdicts of claims that more runs may settle."""


@dataclass(frozen=True)
class Standing:
    """Where a study stands after a look."""

    study: str
    decided: bool
    told: str
    """Its verdict in words."""


def run_until_decided(
    request: Request, tell: Callable[[str], None]
) -> tuple[list[Outcome], int, list[Standing]]:
    """Train the studies of a request look by look; one that is decided, or at its last look, is trained no further.

    Returns
    -------
    list[Outcome]
        Of every run that was asked for at any look, each once.
    int
        The exit code of the last look's training: a run that failed ends it, as more runs would stand on a lost one.
    list[Standing]
        Of every study.

    Raises
    ------
    UserError
        Seeds were named, which would be another plan, or nothing is studied.
    """
    if request.seeds or request.names:
        raise UserError(
            "--until-decided trains a study at its looks. Leave --seeds out, and --first-seed, and name studies with --study."
        )
    _, studies = studies_of(request)
    if not studies:
        raise UserError(
            "--until-decided needs a study, and none is over these experiments. Give one in studies/."
        )
    outcomes: dict[str, Outcome] = {}
    standings: dict[str, Standing] = {}
    open_ones = {study.name: looks_of(request, study) for study in studies}
    while open_ones:
        at = min(looks[0] for looks in open_ones.values())
        names = tuple(name for name, looks in open_ones.items() if looks[0] == at)
        tell(f"look at {at} runs of each: {', '.join(names)}")
        asked = replace(request, studies=names, seeds=range(at))
        trained, code = run_session(asked)
        if not code:
            more, code = confirm_named(asked, tell)
            trained += more
        outcomes |= {outcome.plan.name: outcome for outcome in trained}
        if code:
            return list(outcomes.values()), code, list(standings.values())
        for result in results_of(request, names):
            standing = standing_of(result)
            standings[standing.study] = standing
            tell(f"{standing.study}: {standing.told}")
            left = open_ones.pop(standing.study)[1:]
            if left and not standing.decided:
                open_ones[standing.study] = left
    return list(outcomes.values()), 0, list(standings.values())


def confirm_named(request: Request, tell: Callable[[str], None]) -> tuple[list[Outcome], int]:
    """Train the factors that a fraction names alone too, from both ends, under the seeds that it was trained with.

    In a fraction an interaction of three factors can stand in for one that does nothing. A damaged run counts as one that is not there:
    the fraction's own were just trained, and one of a factor alone is named again by them, and so trained anew.
    """
    _, studies = studies_of(request)
    points: dict[str, DesignPoint] = {}
    names = [study.name for study in studies if study.factors]
    try:
        results = _by_sound_runs(request, names) if names and request.plan != "none" else []
    except TinyexpError as error:  # what was trained stays; a report will say the same
        tell(f"which factors are to be trained alone cannot be told: {error}")
        return [], error.exit_code if isinstance(error, DamagedError) else 0
    for result in results:
        found = result.attribution
        factors = factors_to_confirm(found, result.study.margin) if found else ()
        for point in confirmation_points(result.design, factors):
            assert found is not None, "its factors were named"
            points.setdefault(point.configuration, replace(point, planned_seeds=found.seeds))
    if not points:
        return [], 0
    runs = sum(len(point.planned_seeds) for point in points.values())
    tell(
        f"{runs} runs more, of factors that are named, each switched alone: {', '.join(point.name for point in points.values())}"
    )
    return train_points(request, list(points.values()))


def looks_of(request: Request, study: Study) -> tuple[int, ...]:
    """The looks that a study had when its first run started; of one that has none yet, those that it names."""
    frozen = read_frozen(request.runs / request.profile, study.name)
    return study.looks or (frozen.looks if frozen else study.looks_at(load_profile(request.profile).seeds))


def _by_sound_runs(request: Request, names: Sequence[str]) -> list[StudyResult]:
    try:
        return results_of(request, names)
    except UnreadableError:
        raise
    except DamagedError:
        sound = [folder for folder in find_runs(request.runs) if not verify_records(folder)]
        return results_of(request, names, [read_run(folder) for folder in sound])


def results_of(
    request: Request, names: Sequence[str], runs: Sequence[RecordedRun] | None = None
) -> list[StudyResult]:
    """What the runs at hand, or some of them, say of some studies."""
    found = read_runs(request.runs) if runs is None else runs
    selection = select_runs(found, request.profile, request.overrides)
    return [result for result in gather(selection).results if result.study.name in names]


@dataclass(frozen=True)
class ExpectedLook:
    """At which of its looks a study is expected to be decided; None beyond the last."""

    decided: bool
    """Whether it is so already, at ``first``."""
    first: int | None
    """Were the spread as small as the runs at hand allow (10 %)."""
    last: int | None
    """Were it as large (90 %)."""

    @property
    def words(self) -> str:
        """As a line of ``tinyexp plan``."""
        if self.decided:
            return f"decided at {self.first} seeds"
        if self.first is None:
            return "not at any of its looks, by the spread of the runs at hand"
        if self.last is None:
            return f"at {self.first} seeds or at none of its looks, by the spread of the runs at hand"
        told = str(self.first) if self.first == self.last else f"{self.first} to {self.last}"
        return f"at {told} seeds, by the spread of the runs at hand"


def expected_look(request: Request, study: str) -> ExpectedLook | None:
    """When a study is expected to be decided, by the runs at hand; None where they cannot say."""
    try:
        results = results_of(request, [study])
    except TinyexpError:  # nothing is trained yet, or what is cannot be compared
        return None
    comparison = results[0].comparison if results else None
    if comparison is None:
        return None
    if comparison.winner or comparison.verdict == "within_margin":
        return ExpectedLook(decided=True, first=comparison.look.runs, last=comparison.look.runs)
    found = comparison.forecast
    if found is None:
        return None
    looks = comparison.look.looks
    at = [
        None if runs is None else next((look for look in looks if look >= runs), None)
        for runs in (found.low, found.high)
    ]
    return ExpectedLook(decided=False, first=at[0], last=at[1])


def standing_of(result: StudyResult) -> Standing:
    """Whether more runs are needed: for the comparison, and for the claims that the study names in ``decide``."""
    comparison = result.comparison
    if comparison is None:
        return Standing(result.study.name, decided=False, told=result.problem or "not to be compared yet")
    told = comparison.verdict.replace("_", " ")
    if comparison.winner:
        told = f"{comparison.winner} {told} the other"
    waiting = [
        one.claim for one in result.judgements if one.claim in result.study.decide and one.verdict in _OPEN
    ]
    if waiting:
        told += f"; open: {', '.join(waiting)}"
    decided = comparison.verdict in ("beats", "within_margin") and not waiting
    return Standing(result.study.name, decided=decided, told=told)
