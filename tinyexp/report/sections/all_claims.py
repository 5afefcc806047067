"""Every claim of every study on the page in one table, in the order in which the source states them."""

from __future__ import annotations

from dataclasses import replace

from tinyexp.analysis.claim_order import claims_in_order
from tinyexp.analysis.study import Claim, Study
from tinyexp.config.source import load_source
from tinyexp.report.commands import study_command
from tinyexp.report.evidence import Evidence, StudyResult
from tinyexp.report.sections.claims import claim_evidence, counts_told
from tinyexp.report.sections.source import has_source
from tinyexp.report.sentences import CLAIM_VERDICTS
from tinyexp.report.view import MOST_CARDS, MOST_LINES, Block, Commands, Paragraph, Section, Table
from tinyexp.words import counted, plain

ID = "claims"
"""Of the section; a study's own claims stand in ``<study>-claims``."""


def all_claims_section(evidence: Evidence) -> Section | None:
    """A row a claim; None where no study that has runs makes any, or one study makes them all and has them in a section of its own."""
    if not are_together(evidence):
        return None
    table = _table(evidence)
    lacking = _untrained(evidence)
    short = replace(table, folded=True, links=())  # the short page has no places to lead to
    return Section(ID, _heading(evidence), (table, *lacking), summary=(short, *lacking))


def are_together(evidence: Evidence) -> bool:
    """Whether the page has the table: the claims are of several studies, one of which has runs."""
    told = _making_claims(evidence)
    return len(told) > 1 and any(map(evidence.touches, told))


def is_untrained(evidence: Evidence, result: StudyResult) -> bool:
    """Whether a study that does not lead lacks its own experiments, so that nothing but its claims is to be told."""
    own = any(result.study.variant(name) for name in result.missing)
    return result is not evidence.lead and own


def _making_claims(evidence: Evidence) -> list[StudyResult]:
    return [result for result in evidence.results if result.judgements]


def _without_section(evidence: Evidence) -> list[StudyResult]:
    """The studies whose claims stand in this section alone."""
    return [
        result
        for result in _making_claims(evidence)
        if is_untrained(evidence, result) or not evidence.touches(result)
    ]


def ordered_claims(evidence: Evidence) -> list[tuple[Study, Claim]]:
    """The claims of all studies in the order of the source, or of the studies."""
    return claims_in_order([result.study for result in evidence.results], _order(evidence))


def _heading(evidence: Evidence) -> str:
    found = [one for result in evidence.results for one in result.judgements]
    whose = " of the source" if has_source(evidence) else ""
    order = ", in its order" if _order(evidence) else ""
    return f"All {counted(len(found), 'claim')}{whose}{order}: {counts_told(found)}"


def _order(evidence: Evidence) -> tuple[str, ...]:
    source = load_source() if has_source(evidence) else None
    return source.claims if source else ()


def _table(evidence: Evidence) -> Table:
    verdicts = {
        (result.study.name, one.claim): one.verdict
        for result in evidence.results
        for one in result.judgements
    }
    without = {result.study.name for result in _without_section(evidence)}
    claims, source = ordered_claims(evidence), has_source(evidence)
    return Table(
        "What the source says, and what came of it here"
        if source
        else "What is claimed, and what came of it",
        ("the source says" if source else "claimed", "verdict", "claim"),
        tuple(
            (plain(claim.says, 300), CLAIM_VERDICTS[verdicts[study.name, claim.id]], claim.id)
            for study, claim in claims
        ),
        ("text", "text", "code"),
        folded=len(claims) > MOST_CARDS,
        links=tuple("" if study.name in without else f"#{study.name}-claims" for study, _ in claims),
        linked=2,
    )


def _untrained(evidence: Evidence) -> tuple[Block, ...]:
    """Of the claims that have no section of their own: what would have to come out, why there is no verdict, and what trains it."""
    results = _without_section(evidence)
    if not results:
        return ()
    by_study = {result.study.name: result for result in results}
    rows = []
    for study, claim in ordered_claims(evidence):
        if (result := by_study.get(study.name)) is not None:
            found = next(one for one in result.judgements if one.claim == claim.id)
            rows.append(
                (claim.id, plain(claim.predicts, 300), claim_evidence(evidence, result, claim, found))
            )
    caption = f"{counted(len(rows), 'claim')} of studies that were not trained: what is predicted, and what came of it"
    table = Table(
        caption, ("claim", "predicted", "what came of it"), tuple(rows), ("code", "text", "text"), folded=True
    )
    if evidence.selection.imported:
        return (table,)
    lines = tuple(study_command(evidence.selection, result.study) for result in results)
    lead = Paragraph(f"To train {'these studies' if len(results) > 1 else 'this study'}:")
    return (table, lead, Commands(lines[:MOST_LINES]))
