"""Every claim of every study on the page in one table, in the order in which the source states them."""

from __future__ import annotations

from tinyexp.analysis.claim_order import claims_in_order
from tinyexp.analysis.study import Claim, Study
from tinyexp.config.source import load_source
from tinyexp.report.commands import study_command
from tinyexp.report.evidence import Evidence, StudyResult
from tinyexp.report.sections.claims import counts_told
from tinyexp.report.sections.source import has_source
from tinyexp.report.sentences import CLAIM_VERDICTS
from tinyexp.report.view import MOST_CARDS, MOST_LINES, Block, Commands, Paragraph, Section, Table
from tinyexp.words import counted, plain

ID = "claims"
"""Of the section; a study's own claims stand in ``<study>-claims``."""


def all_claims_section(evidence: Evidence) -> Section | None:
    """A row a claim; None where no study that has runs makes any, or one study makes them all and has them in a section of its own."""
    told = [result for result in evidence.results if result.judgements]
    if len(told) < 2 or not any(map(evidence.touches, told)):
        return None
    table = _table(evidence, told)
    return Section(
        ID, _heading(evidence, told), (table, *_untrained(evidence, told)), summary=(_unlinked(table),)
    )


def ordered_claims(evidence: Evidence) -> list[tuple[Study, Claim]]:
    """The claims of all studies in the order of the source, or of the studies."""
    return claims_in_order([result.study for result in evidence.results], _order(evidence))


def _heading(evidence: Evidence, told: list[StudyResult]) -> str:
    found = [one for result in told for one in result.judgements]
    whose = " of the source" if has_source(evidence) else ""
    order = ", in its order" if _order(evidence) else ""
    return f"All {counted(len(found), 'claim')}{whose}{order}: {counts_told(found)}"


def _order(evidence: Evidence) -> tuple[str, ...]:
    source = load_source() if has_source(evidence) else None
    return source.claims if source else ()


def _table(evidence: Evidence, told: list[StudyResult]) -> Table:
    verdicts = {(result.study.name, one.claim): one.verdict for result in told for one in result.judgements}
    with_section = {result.study.name for result in told if evidence.touches(result)}
    claims = ordered_claims(evidence)
    source = has_source(evidence)
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
        links=tuple(f"#{study.name}-claims" if study.name in with_section else "" for study, _ in claims),
        linked=2,
    )


def _unlinked(table: Table) -> Table:
    """For the short page, whose sections cannot be linked to."""
    return Table(table.caption, table.columns, table.rows, table.formats, folded=True)


def _untrained(evidence: Evidence, told: list[StudyResult]) -> tuple[Block, ...]:
    """What trains the studies of which there is no run, whose claims have no section of their own."""
    lines = tuple(
        dict.fromkeys(
            study_command(evidence.selection, result.study) for result in told if not evidence.touches(result)
        )
    )
    if not lines or evidence.selection.imported:
        return ()
    lead = "No run here belongs to the claims without a link. This trains what they need:"
    return (Paragraph(lead), Commands(lines[:MOST_LINES]))
