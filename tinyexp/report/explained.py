"""What a study's mixtures and variants say: the gap shared out, and its claims judged."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from tinyexp.analysis.attribution import Attribution, attribute
from tinyexp.analysis.claims import judge, metrics_to_attribute
from tinyexp.analysis.coding import coded_runs
from tinyexp.analysis.curves import with_gap
from tinyexp.analysis.judgement import Evidence, Judgement
from tinyexp.analysis.study import Claim, Study
from tinyexp.config.metric import GAP
from tinyexp.errors import UserError
from tinyexp.report.measured import Measured
from tinyexp.report.select import StudyRuns
from tinyexp.report.words import plain


def attributions_of(runs: StudyRuns, frame: pd.DataFrame) -> tuple[dict[str, Attribution], str]:
    """The gap of a study shared out in each metric that it or its claims need, or why it is not.

    Parameters
    ----------
    frame
        All finished runs, mixtures among them.
    """
    mixed = runs.parts.mixing
    if runs.problem:
        return {}, plain(runs.problem, 600)
    if mixed is None or not any(chosen.finished for chosen in runs.mixtures):
        return {}, ""
    factors, found = mixed.plan.factors, {}
    try:
        for metric in metrics_to_attribute(runs.study):
            rows, meant = (with_gap(frame) if metric == GAP else frame), runs.study.type_of(metric)
            coded = coded_runs(rows, mixed.corners, factors, meant, runs.study.endpoint)
            found[metric] = attribute(coded, factors, meant)
    except UserError as error:
        return {}, plain(str(error), 600)
    return found, ""


def judgements_of(
    runs: StudyRuns, measured: Measured, attributions: Mapping[str, Attribution]
) -> tuple[Judgement, ...]:
    """The study's claims judged, each by itself: runs that one cannot be judged from leave the others alone."""
    experiments = {name: part.experiment for name, part in runs.parts.members.items()}
    inactive = runs.parts.mixing.inactive if runs.parts.mixing else ()
    found = []
    for claim in runs.study.claims:
        rows = measured.rows(claim.experiments or (runs.study.baseline, runs.study.contender))
        found.append(_judged(runs.study, claim, Evidence(rows, attributions, experiments, inactive=inactive)))
    return tuple(found)


def _judged(study: Study, claim: Claim, evidence: Evidence) -> Judgement:
    try:
        (found,) = judge(study.model_copy(update={"claims": (claim,)}), evidence)
    except UserError as error:
        return Judgement(claim.id, "not_tested", "runs_unusable", problem=plain(str(error), 400))
    return found
