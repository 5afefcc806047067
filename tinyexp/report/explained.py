"""What a study's mixtures and variants say: the gap shared out, and its claims judged."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from tinyexp.analysis.attribution import Attribution, attribute
from tinyexp.analysis.claims import claim_test, metrics_to_attribute
from tinyexp.analysis.coding import coded_runs
from tinyexp.analysis.curves import with_gap
from tinyexp.analysis.decisions import ClaimTest, settled, together
from tinyexp.analysis.design import StudyDesign
from tinyexp.analysis.judgement import Evidence, Judgement
from tinyexp.analysis.study import Claim, Study
from tinyexp.config.metric import GAP
from tinyexp.errors import UserError
from tinyexp.report.measured import Measured
from tinyexp.words import plain


def attributions_of(design: StudyDesign, frame: pd.DataFrame) -> tuple[dict[str, Attribution], str]:
    """The gap of a study shared out in each metric that it or its claims need, or why it is not.

    Parameters
    ----------
    frame
        All finished runs, mixtures among them.
    """
    study, plan = design.study, design.plan
    if design.problem:
        return {}, plain(design.problem, 600)
    if plan is None or not any(point.finished for point in design.mixtures):
        return {}, ""
    found = {}
    try:
        for metric in metrics_to_attribute(study):
            rows, meant = (with_gap(frame) if metric == GAP else frame), study.type_of(metric)
            points = (*design.points, *design.confirmations)
            coded = coded_runs(rows, points, plan.factors, meant, study.endpoint)
            found[metric] = attribute(coded, plan.factors, meant, margin=_margin(study, metric))
    except UserError as error:
        return {}, plain(str(error), 600)
    return found, ""


def _margin(study: Study, metric: str) -> float:
    """What is too small to matter in a metric: the study's, or that of the first claim on a factor that is about it."""
    if metric == study.metric:
        return study.margin
    return next(study.margin_of(claim) for claim in study.claims if claim.factor and claim.metric == metric)


def judgements_of(
    design: StudyDesign, measured: Measured, attributions: Mapping[str, Attribution]
) -> tuple[Judgement, ...]:
    """The study's claims decided together; runs that one cannot be judged from leave the others alone."""
    study, tests = design.study, []
    experiments = {name: point.experiment for name, point in design.members.items()}
    lost = {name: len(point.unfinished) for name, point in design.members.items()}
    for claim in study.claims:
        rows = measured.rows(claim.experiments or (study.baseline, study.contender))
        evidence = Evidence(rows, attributions, experiments, lost=lost, inactive=design.inactive)
        tests.append(_test(study, claim, evidence))
    return together(tests)


def _test(study: Study, claim: Claim, evidence: Evidence) -> ClaimTest:
    try:
        return claim_test(claim, study, evidence)
    except UserError as error:
        problem = plain(str(error), 400)
        return ClaimTest(settled(Judgement(claim.id, "not_tested", "runs_unusable", problem=problem)))
