"""What the sections of a report draw on: the chosen runs, their frame, and every study's outcome."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import pandas as pd

from tinyexp.analysis.comparison import Comparison, TwoNetworks, compare, compare_two_networks
from tinyexp.analysis.reproduction import Reproduction, reproduce
from tinyexp.analysis.study import Study, load_study, study_names
from tinyexp.errors import UserError
from tinyexp.report.select import Chosen, Selection
from tinyexp.report.words import NBSP, plain
from tinyexp.runs.frame import metrics_frame
from tinyexp.runs.records import read_predictions
from tinyexp.spec.load import experiment_names, load_experiment

_NUMBERED = re.compile(r" (?=\d+\b)")
"""Before the number in "Design 1", where a line should not break."""
LEAD_STUDY = "why-design1-beat-design2"
"""The source's own question, which the report opens with where it can be answered."""


@dataclass(frozen=True)
class Outcome:
    """What became of a study."""

    study: Study
    missing: tuple[str, ...]
    """Its experiments that have no finished run."""
    comparison: Comparison | None
    problem: str
    """Why there is no comparison although both have finished runs."""
    networks: TwoNetworks | None
    """The two networks of the one seed, where there is only one."""

    @property
    def pair(self) -> tuple[str, str]:
        """Contender and baseline: the order of the series' styles."""
        return self.study.contender, self.study.baseline


@dataclass(frozen=True)
class Held:
    """A reported figure held against the runs, or why it could not be."""

    chosen: Chosen
    reproduction: Reproduction | None
    problem: str


@dataclass(frozen=True)
class Evidence:
    """Everything that is computed, before any of it is worded."""

    selection: Selection
    frame: pd.DataFrame
    """The finished runs, a row per run and epoch."""
    outcomes: tuple[Outcome, ...]
    """The leading study first."""
    held: tuple[Held, ...]
    titles: dict[str, str]

    @property
    def lead(self) -> Outcome | None:
        """The study that the report opens with: one that could be compared, else one that has runs, else the first."""
        done = [outcome for outcome in self.outcomes if outcome.comparison]
        begun = [outcome for outcome in self.outcomes if self.touches(outcome)]
        return next(iter([*done, *begun, *self.outcomes]), None)

    def touches(self, outcome: Outcome) -> bool:
        """Whether any run belongs to a study."""
        return any(self.selection.find(name) for name in outcome.pair)

    def finished(self, names: tuple[str, ...]) -> tuple[Chosen, ...]:
        """Those of the named experiments that have a finished run, in the order named."""
        found = (self.selection.find(name) for name in names)
        return tuple(chosen for chosen in found if chosen and chosen.finished)


def gather(selection: Selection) -> Evidence:
    """Compute what a report says of a selection."""
    studies = [load_study(name) for name in study_names()]
    studies.sort(key=lambda study: (study.name != LEAD_STUDY, study.name))
    order = [name for study in studies for name in (study.contender, study.baseline)]
    place = {name: place for place, name in reversed(list(enumerate(order)))}
    chosen = sorted(selection.chosen, key=lambda one: (place.get(one.name, len(order)), one.name))
    selection = replace(selection, chosen=tuple(chosen))
    frame = _frame(selection)
    return Evidence(
        selection=selection,
        frame=frame,
        outcomes=tuple(_outcome(study, selection, frame) for study in studies),
        held=tuple(_held(chosen, frame) for chosen in selection.chosen),
        titles=_titles(selection, studies),
    )


def _frame(selection: Selection) -> pd.DataFrame:
    """The finished runs, with what two runs must share to be compared."""
    runs = [run for chosen in selection.chosen for run in chosen.finished]
    frame = metrics_frame(runs)
    shared = {run.record.identity: run.record for run in runs}
    frame["data_fingerprint"] = [shared[identity].data.fingerprint for identity in frame["identity"]]
    frame["numerics_version"] = [shared[identity].numerics_version for identity in frame["identity"]]
    return frame


def _outcome(study: Study, selection: Selection, frame: pd.DataFrame) -> Outcome:
    pair = (study.contender, study.baseline)
    chosen = [selection.find(name) for name in pair]
    missing = tuple(name for name, one in zip(pair, chosen, strict=True) if one is None or not one.finished)
    if missing:
        return Outcome(study, missing, None, "", None)
    try:
        comparison = compare(frame, *pair, metric=study.metric, margin=study.margin)
    except UserError as error:
        return Outcome(study, (), None, plain(str(error), 400), None)
    return Outcome(study, (), comparison, "", _networks(comparison, selection))


def _networks(comparison: Comparison, selection: Selection) -> TwoNetworks | None:
    if len(comparison.seeds) != 1:
        return None
    pair = [selection.find(name) for name in (comparison.contender, comparison.baseline)]
    runs = [
        next(run for run in one.finished if run.record.seed == comparison.seeds[0]) for one in pair if one
    ]
    contender, baseline = (read_predictions(run.folder) for run in runs)
    try:
        return compare_two_networks(contender.label, contender.predicted, baseline.predicted)
    except UserError:  # other test images: nothing to pair
        return None


def _held(chosen: Chosen, frame: pd.DataFrame) -> Held:
    try:
        return Held(chosen, reproduce(frame, chosen.experiment), "")
    except UserError as error:
        return Held(chosen, None, plain(str(error), 400))


def _titles(selection: Selection, studies: list[Study]) -> dict[str, str]:
    """How experiments are called: by their titles, with their names where two have the same."""
    titles = {chosen.name: chosen.experiment.spec.title for chosen in selection.chosen}
    others = [name for study in studies for name in (study.contender, study.baseline)]
    files = experiment_names()
    for name in [*selection.missing, *others]:
        if name not in titles:
            titles[name] = load_experiment(name, selection.profile).spec.title if name in files else name
    shown = {name: _NUMBERED.sub(NBSP, plain(title, 60)) or name for name, title in titles.items()}
    twice = {title for title in shown.values() if list(shown.values()).count(title) > 1}
    return {name: f"{title} ({name})" if title in twice else title for name, title in shown.items()}
