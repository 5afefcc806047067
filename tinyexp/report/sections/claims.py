"""The claims of the source: what it says, what must come out if it is true, and what came out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tinyexp.analysis.decisions import RISING
from tinyexp.analysis.judgement import Judgement
from tinyexp.analysis.statistics import FEWEST_SEEDS
from tinyexp.analysis.study import Claim
from tinyexp.config.metric import Metric
from tinyexp.report.commands import study_command
from tinyexp.report.evidence import Evidence, StudyResult, factor_titles
from tinyexp.report.sections.source import has_source
from tinyexp.report.sections.stopped import taken_note
from tinyexp.report.sections.switches import switch_words
from tinyexp.report.sentences import (
    CLAIM_DECIDES,
    CLAIM_EVIDENCE,
    CLAIM_PREDICTED,
    CLAIM_REASONS,
    CLAIM_STEP,
    CLAIM_STEPS,
    CLAIM_VERDICTS,
    CLAIMS_HERE,
    CLAIMS_TOGETHER,
)
from tinyexp.report.view import Block, Commands, Entries, Entry, Paragraph, Section, Table
from tinyexp.words import (
    NBSP,
    bare_change,
    change,
    counted,
    first_upper,
    listing,
    p_told,
    plain,
    significant,
)

_UNTRAINED = ("runs_missing", "attribution_missing")


def claims_section(evidence: Evidence, result: StudyResult) -> Section | None:
    """A study's claims with their verdicts; None where it has none, or none of its experiments a run."""
    if not result.judgements or not evidence.touches(result):
        return None
    claims = {claim.id: claim for claim in result.study.claims}
    tested = [one for one in result.judgements if one.verdict != "not_tested"]
    blocks: tuple[Block, ...] = ()
    if tested:
        entries = tuple(_entry(evidence, result, claims[one.claim], one) for one in tested)
        blocks = (Entries(entries, wide=True),)
        blocks = (*blocks, *_notes(tested))
    if len(tested) < len(result.judgements):
        blocks = (*blocks, _untested(evidence, result, claims))
    if any(one.reason in _UNTRAINED for one in result.judgements):
        lead = Paragraph("This trains the runs that are missing for these claims:")
        blocks = (*blocks, lead, Commands((study_command(evidence.selection, result.study),)))
    return Section(
        f"{result.study.name}-claims",
        _heading(result, " of the source" if has_source(evidence) else ""),
        blocks,
        summary=blocks,
    )


def claims_line(evidence: Evidence) -> str:
    """How many claims of all studies came to which verdict; empty without claims, or where no run belongs to a study that makes any."""
    told = [result for result in evidence.results if result.judgements]
    if not any(map(evidence.touches, told)):
        return ""
    counts = counts_told([one for result in told for one in result.judgements])
    return f"Claims{' of the source' if has_source(evidence) else ''}: {counts}."


def counts_told(found: Sequence[Judgement]) -> str:
    """How many came to which verdict, in words."""
    count: Counter[str] = Counter(one.verdict for one in found)
    return listing(
        f"{count[key]}{NBSP}{words.lower()}" for key, words in CLAIM_VERDICTS.items() if count[key]
    )


def _notes(tested: list[Judgement]) -> list[Paragraph]:
    """What the verdicts are no evidence on, and that they share an error."""
    notes = []
    if any(one.verdict.endswith("_here") for one in tested):
        notes.append(Paragraph(CLAIMS_HERE))
    together = sum(one.error is not None for one in tested)
    if together > 1:
        notes.append(Paragraph(CLAIMS_TOGETHER.format(tested=counted(together, "claim")), "muted"))
    return notes


def _heading(result: StudyResult, whose: str) -> str:
    count: Counter[str] = Counter(one.verdict for one in result.judgements)
    told = [(count[verdict], words.lower()) for verdict, words in CLAIM_VERDICTS.items() if count[verdict]]
    title, total = plain(result.study.title, 80), len(result.judgements)
    (number, words), *others = told
    if not others and count["not_tested"]:
        return f"{title}: none of {counted(total, 'claim')}{whose} is tested"
    if not others:
        which = {1: f"the one claim{whose} is", 2: f"both claims{whose} are"}
        return f"{title}: {which.get(total, f'all {total} claims{whose} are')} {words}"
    first = f"{number}{NBSP}{'is' if number == 1 else 'are'} {words}"
    parts = listing([first, *(f"{other}{NBSP}{verdict}" for other, verdict in others)])
    return f"{title}: of {counted(total, 'claim')}{whose}, {parts}"


def _entry(evidence: Evidence, result: StudyResult, claim: Claim, found: Judgement) -> Entry:
    came_out = _evidence(evidence, result, claim, found)
    remarks = (f"Predicted: {plain(claim.predicts, 300)}", f"Came out: {came_out}")
    return Entry(CLAIM_VERDICTS[found.verdict], plain(claim.says, 300), remarks)


def _untested(evidence: Evidence, result: StudyResult, claims: dict[str, Claim]) -> Table:
    """The claims without a verdict: they are there to be looked up, not to be waded through."""
    rows = [
        (plain(claim.says, 300), plain(claim.predicts, 300), _evidence(evidence, result, claim, one))
        for one in result.judgements
        if one.verdict == "not_tested" and (claim := claims[one.claim])
    ]
    says = "the source says" if has_source(evidence) else "it says"
    caption = f"{counted(len(rows), 'claim')} not tested: what {says}, and what would have to come out"
    return Table(caption, (says, "predicted", "why not tested"), tuple(rows), folded=True)


def _evidence(evidence: Evidence, result: StudyResult, claim: Claim, found: Judgement) -> str:
    metric = result.study.type_of(claim.metric or result.study.metric)
    names = claim.experiments or (result.study.baseline, result.study.contender)
    titles = [evidence.titles[name] for name in names]
    averaged = f", averaged over all {evidence.measured.index}s," if claim.epochs == "mean" else ""
    figures = CLAIM_EVIDENCE[found.quantity].format(
        factor=factor_titles(result.study).get(claim.factor, ""),
        switching=first_upper(switch_words(evidence, result, claim.factor)) if claim.factor else "",
        metric=f"{metric.label}{averaged}",
        estimate="" if found.estimate is None else change(metric, found.estimate, signed=True),
        interval=_interval(metric, found),
        first=titles[0],
        second=titles[-1],
        experiments=listing(titles),
        fact=first_upper(found.fact),
    )
    reason = CLAIM_REASONS[found.reason].format(
        threshold="zero" if not found.threshold else change(metric, found.threshold, signed=True),
        size="zero" if not found.threshold else change(metric, abs(found.threshold)),
        predicted=_predicted(metric, claim, found),
        ends=_ends(metric, claim, found),
        seeds=_seeds(found),
        are="is" if _seeds(found).startswith(f"1{NBSP}") else "are",
        fewest=FEWEST_SEEDS,
        problem=found.problem,
    )
    if found.quantity == "fact" and found.verdict != "not_tested":
        reason = ""  # it speaks for itself
    of_the_end = claim.epochs == "last" and result.study.endpoint.is_last
    taken = taken_note(evidence, names) if of_the_end and found.estimate is not None else ""
    parts = [figures, _steps(evidence, metric, found), taken, reason]
    if found.seeds_to_decide:
        parts.append(CLAIM_DECIDES.format(enough=f"{found.seeds_to_decide:,}"))
    return " ".join(part for part in parts if part)


def _predicted(metric: Metric, claim: Claim, found: Judgement) -> str:
    """What the interval was to show."""
    if claim.kind == "carries_most":
        return CLAIM_PREDICTED["most"]
    way = "rise" if claim.kind in RISING else "fall"
    size = "" if not found.threshold else change(metric, abs(found.threshold))
    return CLAIM_PREDICTED["size" if size else "way"].format(way=way, size=size)


def _ends(metric: Metric, claim: Claim, found: Judgement) -> str:
    """Where the interval stops short of what was predicted."""
    rising = claim.kind in RISING or claim.kind == "carries_most"
    edge = found.high if rising else found.low
    shown = "" if edge is None else bare_change(metric, edge, signed=True)
    return f"the interval {'ends' if rising else 'begins'} at {shown}" if shown else "nothing here shows one"


def _steps(evidence: Evidence, metric: Metric, found: Judgement) -> str:
    """The steps of a sweep, each with the interval that it has among them."""
    told = []
    for step in found.steps:
        interval = ""
        if step.low is not None and step.high is not None:
            low, high = (bare_change(metric, edge, signed=True) for edge in (step.low, step.high))
            interval = f" ({significant(100 * step.level, 4)}{NBSP}% interval {low} to {high})"
        told.append(
            CLAIM_STEP.format(
                first=evidence.titles[step.first],
                second=evidence.titles[step.second],
                estimate=change(metric, step.estimate, signed=True),
                interval=interval,
            )
        )
    return CLAIM_STEPS.format(steps="; ".join(told)) if told else ""


def _seeds(found: Judgement) -> str:
    """How many runs of each experiment it rests on."""
    fewest, most = min(found.runs, default=len(found.seeds)), max(found.runs, default=len(found.seeds))
    return counted(most, "seed") if fewest == most else f"{fewest:,} to {counted(most, 'seed')}"


def _interval(metric: Metric, found: Judgement) -> str:
    """The interval and what it was to lie beyond, in parentheses."""
    if found.low is None or found.high is None:
        return ""
    edges = [bare_change(metric, edge, signed=True) for edge in (found.low, found.high)]
    told = [f"95{NBSP}% interval {edges[0]} to {edges[1]}", _seeds(found)]
    if found.p_holm is not None and found.quantity == "share":
        told.append(f"adjusted {p_told(found.p_holm)}")
    return f" ({'; '.join(told)})"
