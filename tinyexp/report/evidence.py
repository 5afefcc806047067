"""What the sections of a report draw on: the chosen runs, what they measured, and every study's outcome."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from tinyexp.analysis.attribution import Attribution
from tinyexp.analysis.compared import Comparison
from tinyexp.analysis.comparison import TwoNetworks, compare, compare_two_networks
from tinyexp.analysis.design import DesignPoint, StudyDesign
from tinyexp.analysis.frozen import FrozenStudy, changes_since, read_frozen
from tinyexp.analysis.images import AcrossImages, across_images, right_answers
from tinyexp.analysis.judgement import Judgement
from tinyexp.analysis.reproduction import Reproduction, reproduce
from tinyexp.analysis.started import LostRun
from tinyexp.analysis.study import Study
from tinyexp.config.difference import Difference, differences
from tinyexp.config.load import experiment_names, load_experiment, load_profile, profile_names
from tinyexp.errors import UserError
from tinyexp.report.explained import attributions_of, judgements_of
from tinyexp.report.measured import Measured
from tinyexp.report.palette import SERIES
from tinyexp.report.predicted import Predicted, predicted
from tinyexp.report.select import Selection, profile_folder
from tinyexp.runs.recorded import RecordedRun
from tinyexp.runs.records import read_predictions
from tinyexp.words import NBSP, listing, plain

RIGHT = "test_accuracy"
"""The metric that predictions show: how many test images a net gets right."""
_NUMBERED = re.compile(r" (?=\d+\b)")
"""Before the number in "Design 1", where a line should not break."""


@dataclass(frozen=True)
class StudyResult:
    """What became of a study."""

    design: StudyDesign
    """What it asks for, and what of it is there."""
    missing: tuple[str, ...]
    """Its experiments that have no finished run."""
    comparison: Comparison | None
    problem: str
    """Why there is no comparison although both have finished runs."""
    networks: TwoNetworks | None
    """The two networks of the one seed, where there is only one."""
    predicted: Predicted | None = None
    """What the nets of both say of the test images, where each left predictions of the same ones."""
    images: AcrossImages | None = None
    """The comparison for new test images as well as new seeds, where several seeds left predictions."""
    attributions: Mapping[str, Attribution] = field(default_factory=dict)
    """The gap shared out, by metric; empty where nothing was trained that tells."""
    unattributed: str = ""
    """Why it is not shared out although mixtures were trained."""
    judgements: tuple[Judgement, ...] = ()
    """What becomes of the study's claims, in its order."""

    changed: tuple[Difference, ...] = ()
    """What was decided otherwise when the study's first run started: then left, now right."""

    @property
    def study(self) -> Study:
        """The question, as its file says it."""
        return self.design.study

    @property
    def attribution(self) -> Attribution | None:
        """In the study's own metric."""
        return self.attributions.get(self.study.metric)

    @property
    def pair(self) -> tuple[str, str]:
        """Contender and baseline."""
        return self.study.contender, self.study.baseline


@dataclass(frozen=True)
class Held:
    """A reported figure held against the runs, or why it could not be."""

    chosen: DesignPoint
    reproduction: Reproduction | None
    problem: str


@dataclass(frozen=True)
class Evidence:
    """Everything that is computed, before any of it is worded."""

    selection: Selection
    measured: Measured
    """What the finished runs of experiments and variants measured, each under its own name."""
    results: tuple[StudyResult, ...]
    """The studies that are to lead first, each group by name."""
    held: tuple[Held, ...]
    titles: dict[str, str]
    styles: Mapping[str, int] = field(default_factory=dict)
    """An experiment's colour and marker, the same in every picture."""

    @property
    def lead(self) -> StudyResult | None:
        """The study that the report opens with: one that could be compared, else one that has runs, else the first."""
        done = [result for result in self.results if result.comparison]
        begun = [result for result in self.results if self.touches(result)]
        return next(iter([*done, *begun, *self.results]), None)

    def touches(self, result: StudyResult) -> bool:
        """Whether any run belongs to a study."""
        return any(self.selection.find(name) for name in result.pair)

    def finished(self, names: tuple[str, ...]) -> tuple[DesignPoint, ...]:
        """Those of the named experiments that have a finished run, in the order named."""
        found = (self.selection.find(name) for name in names)
        return tuple(chosen for chosen in found if chosen and chosen.finished)


def gather(selection: Selection) -> Evidence:
    """Compute what a report says of a selection."""
    studies = sorted(selection.studies, key=lambda one: (not one.study.lead, one.study.name))
    order = [name for one in studies for name in (one.study.contender, one.study.baseline)]
    place = {name: place for place, name in reversed(list(enumerate(order)))}
    chosen = sorted(selection.chosen, key=lambda one: (place.get(one.name, len(order)), one.name))
    selection = replace(selection, chosen=tuple(chosen), studies=tuple(studies))
    finished = [run for run in selection.runs if run.status.state == "finished"]
    measured = Measured(finished, (*selection.chosen, *selection.variants), [one.study for one in studies])
    return Evidence(
        selection=selection,
        measured=measured,
        results=tuple(_result(one, selection, measured) for one in studies),
        held=tuple(_held(chosen, measured) for chosen in selection.chosen),
        titles=_titles(selection),
        styles=_styles(selection),
    )


def _result(design: StudyDesign, selection: Selection, measured: Measured) -> StudyResult:
    study, pair = design.study, (design.study.contender, design.study.baseline)
    chosen = [selection.find(name) for name in pair]
    missing = tuple(name for name, one in zip(pair, chosen, strict=True) if one is None or not one.finished)
    attributions, unattributed = attributions_of(design, measured.everything)
    judgements = judgements_of(design, measured, attributions)
    frozen = read_frozen(profile_folder(selection), study.name)
    changed = changes_since(frozen, study) if frozen else ()
    result = StudyResult(
        design,
        missing,
        None,
        "",
        None,
        attributions=attributions,
        unattributed=unattributed,
        judgements=judgements,
        changed=changed,
    )
    if missing:
        return result
    problem = design.problem or _other_data(design)
    if problem:
        return replace(result, problem=plain(problem, 600))
    try:
        comparison = compare(
            measured.rows(pair),
            *pair,
            study.measure,
            study.margin,
            study.endpoint,
            pairing=study.pairing,
            looks=_looks(study, frozen, selection),
            lost={point.name: _lost(point) for point in chosen if point is not None},
            selected_on_test=study.selected_on_test,
        )
    except UserError as error:
        return replace(result, problem=plain(str(error), 400))
    return replace(
        result,
        comparison=comparison,
        networks=_networks(comparison, selection),
        images=_across_images(comparison, selection),
        predicted=_predicted_by(comparison, selection),
    )


def _looks(study: Study, frozen: FrozenStudy | None, selection: Selection) -> tuple[int, ...]:
    """Those that were decided beforehand. Of runs that were trained elsewhere nobody planned any: all that are there count, once."""
    if study.looks or (selection.imported and frozen is None):
        return study.looks
    return frozen.looks if frozen else study.looks_at(_planned_seeds(selection))


def _lost(point: DesignPoint) -> list[LostRun]:
    return [LostRun(run.record.seed, run.status.state) for run in point.unfinished]


def _planned_seeds(selection: Selection) -> int:
    """How many seeds the profile is trained with; those that are there, where nobody knows the profile."""
    if selection.profile in profile_names():
        return load_profile(selection.profile).seeds
    return len(selection.seeds)


def _other_data(design: StudyDesign) -> str:
    """Where a study names no factors: the keys in which its two were trained or tested on other images."""
    study = design.study
    pair = [design.members.get(name) for name in (study.baseline, study.contender)]
    if study.factors or pair[0] is None or pair[1] is None or any(map(study.variant, study.members[:2])):
        return ""
    found = [
        f"{one.key} ({one.left}, {one.right})"
        for one in differences(pair[0].experiment.settings, pair[1].experiment.settings)
        if one.key.startswith("data.") and one.key != "data.root"
    ]
    if not found:
        return ""
    return (
        f"'{study.baseline}' and '{study.contender}' were not trained and tested on the same images: {listing(found)}. "
        "Train both alike, or make the difference a factor of the study."
    )


def _networks(comparison: Comparison, selection: Selection) -> TwoNetworks | None:
    seeds = comparison.contender_runs.seeds
    if len(seeds) != 1 or comparison.baseline_runs.seeds != seeds:
        return None
    pair = [selection.find(name) for name in (comparison.contender, comparison.baseline)]
    runs = [next(run for run in one.finished if run.record.seed == seeds[0]) for one in pair if one]
    if not all(run.folder.predictions.is_file() for run in runs):
        return None  # a command leaves none
    contender, baseline = (read_predictions(run.folder) for run in runs)
    try:
        return compare_two_networks(contender.label, contender.predicted, baseline.predicted)
    except UserError:  # other test images: nothing to pair
        return None


def _across_images(comparison: Comparison, selection: Selection) -> AcrossImages | None:
    """Of the runs that count, where each left predictions of the same images and these are what is compared."""
    runs = _with_predictions(comparison, selection)
    if comparison.metric.name != RIGHT or not comparison.endpoint.is_last or not runs:
        return None
    try:
        contender, baseline = (right_answers(_predicted(own)) for own in runs)
        return across_images(contender, baseline)
    except UserError:  # other test images: nothing to pair
        return None


def _predicted_by(comparison: Comparison, selection: Selection) -> Predicted | None:
    runs = _with_predictions(comparison, selection)
    contender = selection.find(comparison.contender)
    return predicted(contender, runs) if runs and contender else None


def _with_predictions(
    comparison: Comparison, selection: Selection
) -> tuple[list[RecordedRun], list[RecordedRun]] | None:
    """The runs of contender and baseline that count, where each left predictions."""
    contender, baseline = (
        [run for run in point.finished if run.record.seed in sample.seeds]
        for name, sample in (
            (comparison.contender, comparison.contender_runs),
            (comparison.baseline, comparison.baseline_runs),
        )
        if (point := selection.find(name))
    )
    there = all(run.folder.predictions.is_file() for run in (*contender, *baseline))
    return (contender, baseline) if there and contender and baseline else None


def _predicted(runs: Sequence[RecordedRun]) -> Iterator[tuple[NDArray[np.int32], NDArray[np.int32]]]:
    """Label and prediction of one run after the other: never those of two at a time."""
    for run in runs:
        told = read_predictions(run.folder)
        yield told.label, told.predicted


def _held(chosen: DesignPoint, measured: Measured) -> Held:
    try:
        return Held(chosen, reproduce(measured.rows((chosen.name,)), chosen.experiment), "")
    except UserError as error:
        return Held(chosen, None, plain(str(error), 400))


def _styles(selection: Selection) -> dict[str, int]:
    """A style an experiment, by the order of the report; of more than there are styles the least used one that its partner lacks."""
    found: dict[str, int] = {}
    studied = [(one.study.contender, one.study.baseline) for one in selection.studies]
    others = tuple(point.name for point in (*selection.chosen, *selection.variants))
    for group in (*studied, others):
        for name in group:
            if name not in found:
                used, beside = list(found.values()), [found[other] for other in group if other in found]
                found[name] = min(range(len(SERIES)), key=lambda one: (one in beside, used.count(one), one))
    return found


def _titles(selection: Selection) -> dict[str, str]:
    """How experiments are called: by their titles, with their names where two have the same."""
    titles = {chosen.name: chosen.experiment.title for chosen in selection.chosen}
    files = experiment_names()
    profile = selection.profile if selection.profile in profile_names() else None
    for one in selection.studies:
        titles |= {variant.name: variant.title for variant in one.study.variants}
    others = [name for one in selection.studies for name in one.study.members]
    for name in [*selection.missing, *others]:
        if name not in titles:
            titles[name] = _title_of(name, profile) if name in files else name
    shown = {name: _NUMBERED.sub(NBSP, plain(title, 60)) or name for name, title in titles.items()}
    twice = {title for title in shown.values() if list(shown.values()).count(title) > 1}
    found = {name: f"{title} ({name})" if title in twice else title for name, title in shown.items()}
    for one in selection.studies:
        factors = factor_titles(one.study)
        for mixture in (*one.mixtures, *one.confirmations):
            base, *switched = mixture.name.split(" + ")
            found[mixture.name] = " + ".join([found[base], *(factors[name] for name in switched)])
    return found


def _title_of(name: str, profile: str | None) -> str:
    """The title of an experiment that was not trained; its name where its file says none, which is no reason to write no report."""
    try:
        return load_experiment(name, profile).title
    except UserError:  # whoever trains it is told what is wrong with it
        return name


def factor_titles(study: Study) -> dict[str, str]:
    """How a study's factors are called."""
    return {factor.name: plain(factor.title or factor.name, 60) for factor in study.factors}
