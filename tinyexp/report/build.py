"""The view of a report from its runs: which sections there are, and in which order."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from tinyexp.report.baseline import Baseline
from tinyexp.report.evidence import Evidence, StudyResult
from tinyexp.report.gates import gates_of
from tinyexp.report.sections.again import again_section
from tinyexp.report.sections.against import against_section
from tinyexp.report.sections.all_claims import all_claims_section, are_together, is_untrained
from tinyexp.report.sections.brief import brief_of
from tinyexp.report.sections.claims import claims_section
from tinyexp.report.sections.classes import classes_section
from tinyexp.report.sections.compared import compared_section
from tinyexp.report.sections.cost import cost_section
from tinyexp.report.sections.curves import curves_section
from tinyexp.report.sections.designs import designs_section, deviations_section
from tinyexp.report.sections.gap import gap_section
from tinyexp.report.sections.gates import gates_section
from tinyexp.report.sections.glossary import glossary_section
from tinyexp.report.sections.head import head_of
from tinyexp.report.sections.limits import method_section, missing_section
from tinyexp.report.sections.logs import logs_section
from tinyexp.report.sections.many import many_section
from tinyexp.report.sections.reported import reported_section
from tinyexp.report.sections.since import since_heading, since_section
from tinyexp.report.sections.source import ambiguities_section, has_source
from tinyexp.report.sections.stopped import stopped_section
from tinyexp.report.sections.why import why_section
from tinyexp.report.since import changes_since
from tinyexp.report.values import values_of
from tinyexp.report.view import ReportView, Section

MAKERS = ("tinyexp", "matplotlib", "jinja2")
"""Whose versions decide the pages' bytes."""
Makers = tuple[tuple[str, str], ...]
"""Packages with their versions."""
_SIDE_BY_SIDE = 4
"""More curves than this do not share a picture."""


def build_view(
    evidence: Evidence, baseline: Baseline | None = None, made_with: Makers | None = None
) -> ReportView:
    """Everything that the report says of what its runs show, and of what changed since a baseline.

    Parameters
    ----------
    made_with
        What it says that it was made with; what is installed here, if None.
    """
    made_with = made_with or makers()
    changes = changes_since(evidence, baseline) if baseline else None
    gates = gates_of(evidence, changes)
    found = [gates_section(evidence, gates), since_section(evidence, changes)]
    found += _sections(evidence, made_with, has_baseline=baseline is not None)
    head = head_of(evidence)
    found.append(glossary_section([head, *found]))
    return ReportView(
        head=head,
        brief=brief_of(evidence, gates),
        sections=tuple(section for section in found if section),
        made_with=made_with,
        values=values_of(evidence, changes, gates),
        since=since_heading(changes) if changes else "",
        gates=gates,
        faults=evidence.measured.faults,
    )


def makers() -> Makers:
    """The packages that decide a report's bytes, with the versions that are installed."""
    return tuple((name, _version(name)) for name in MAKERS)


def _sections(
    evidence: Evidence, made_with: tuple[tuple[str, str], ...], *, has_baseline: bool
) -> Iterator[Section | None]:
    """The order of the page: the leading study whole, what the source reports, the other studies, all claims, then what concerns all."""
    lead = evidence.lead
    if lead:
        yield from _study_sections(evidence, lead)
    yield against_section(evidence)
    if has_source(evidence):
        yield reported_section(evidence)
    for result in evidence.results:
        if result is not lead:
            yield from _study_sections(evidence, result)
    yield all_claims_section(evidence)
    others = _unstudied(evidence)
    if len(others) > _SIDE_BY_SIDE:
        yield many_section(evidence, "others", others)
    else:
        yield curves_section(evidence, "others", others)
    yield stopped_section(evidence)
    yield cost_section(evidence)
    for result in evidence.results:
        yield designs_section(evidence, result)
    if not evidence.selection.imported:  # there is no file that they could depart from
        yield deviations_section(evidence)
    yield ambiguities_section(evidence)
    yield missing_section(evidence)
    yield logs_section(evidence)
    yield method_section(evidence)
    yield again_section(evidence, made_with, has_baseline=has_baseline)


def _study_sections(evidence: Evidence, result: StudyResult) -> Iterator[Section | None]:
    """A study from its comparison to its claims. The leading one's figure stands on the first screen already."""
    is_lead = result is evidence.lead
    if is_untrained(evidence, result):
        # There is nothing but its claims to tell, and these stand with all others, where there are others.
        if not are_together(evidence):
            yield claims_section(evidence, result)
        return
    if not (is_lead and result.comparison is None):
        yield compared_section(evidence, result, with_figure=not is_lead)
    yield curves_section(evidence, result.study.name, result.pair)
    yield why_section(evidence, result)
    yield classes_section(evidence, result)
    yield gap_section(evidence, result.study.name, result.pair)
    yield claims_section(evidence, result)


def _unstudied(evidence: Evidence) -> tuple[str, ...]:
    studied = {name for result in evidence.results for name in result.pair}
    return tuple(chosen.name for chosen in evidence.selection.chosen if chosen.name not in studied)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"
