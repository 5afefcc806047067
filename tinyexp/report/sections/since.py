"""What changed since a baseline: verdicts, accuracies, and whether the figures moved by more than chance."""

from __future__ import annotations

from tinyexp.analysis.change import Change
from tinyexp.analysis.statistics import FEWEST_SEEDS
from tinyexp.config.metric import Metric
from tinyexp.report.content import Changes, StudyChange
from tinyexp.report.evidence import Evidence
from tinyexp.report.headline import headline
from tinyexp.report.sentences import (
    BASELINE,
    BASELINE_RUNS,
    CLAIM_VERDICTS,
    GONE_VERDICT,
    NEW_VERDICT,
    OTHER_PROFILE,
    SINCE_HEADINGS,
    SINCE_NOISE,
    SINCE_REASONS,
    SINCE_RULE,
    SINCE_VERDICTS,
    UNEQUAL,
    VERDICT_NAMES,
)
from tinyexp.report.view import Block, Column, Paragraph, Section, Table
from tinyexp.words import (
    NBSP,
    NOTHING,
    bare_change,
    counted,
    first_upper,
    in_units,
    level,
    listing,
    plain,
)

_NOUNS = {True: ("accuracy", "accuracies"), False: ("figure", "figures")}
"""What the rows of experiments are of, by whether their metric is an accuracy."""
_DIGITS = 8
_MOST_NAMED = 5
_COLUMNS = (f"95{NBSP}% interval", "baseline", "here")
_FORMATS: tuple[Column, ...] = ("text", "text", "number", "number", "number", "number")


def since_section(evidence: Evidence, changes: Changes | None) -> Section | None:
    """What changed since the baseline; None without one."""
    if changes is None:
        return None
    about = Paragraph(_about(changes), "muted")
    if not changes.comparable:
        names = {"before": changes.baseline.profile, "here": evidence.selection.profile}
        told = Paragraph(OTHER_PROFILE.format(**names), "warning")
        return Section("since", SINCE_HEADINGS[changes.problem], (told, about), summary=(told, about))
    blocks: list[Block] = [Paragraph(_runs(changes))]
    if changes.unequal_runs:
        blocks.append(Paragraph(_unequal(changes), "warning"))
    blocks += _verdicts(evidence, changes)
    metric = headline(evidence)
    blocks += [*_levels(evidence, changes, metric), *_gaps(evidence, changes)]
    blocks += [Paragraph(SINCE_RULE.format(index=evidence.measured.index), "muted"), about]
    return Section("since", since_heading(changes, metric), tuple(blocks), summary=tuple(blocks))


def since_heading(changes: Changes, metric: Metric | None = None) -> str:
    """The finding, also for a terminal."""
    what = _NOUNS[metric is None or metric.is_accuracy]
    if not changes.comparable:
        return SINCE_HEADINGS[changes.problem]
    found = [one.change.verdict for one in changes.experiments]
    verdicts = sum(one.changed for one in changes.studies) + sum(one.changed for one in changes.claims)
    parts = [f"{counted(count, *what)} {word}" for word in ("fell", "rose") if (count := found.count(word))]
    moved = sum(one.difference.verdict in ("rose", "fell") for one in changes.studies)
    if moved:
        parts.append(f"{counted(moved, 'difference of two designs', 'differences of two designs')} moved")
    if changes.unequal_runs:
        parts.append(f"{counted(len(changes.unequal_runs), 'run')} did not repeat")
    if verdicts:
        parts.append(f"{counted(verdicts, 'verdict')} {'differs' if verdicts == 1 else 'differ'}")
    if parts:
        return SINCE_HEADINGS["changed"].format(what=listing(parts))
    one, many = what
    if not (changes.new_runs or changes.gone_runs):
        return SINCE_HEADINGS["same_runs"]
    untold = found.count("cannot_tell")
    kind = "nothing" if not untold else "partly" if untold < len(found) else "cannot_tell"
    return SINCE_HEADINGS[kind].format(one=one, many=many)


def _about(changes: Changes) -> str:
    told = changes.baseline
    made = listing(f"{name} {version}" for name, version in sorted(told.made_with.items()))
    return BASELINE.format(verdict=told.verdict.rstrip("."), digest=told.sha256[:_DIGITS], made=made)


def _runs(changes: Changes) -> str:
    total = counted(changes.same_runs + changes.new_runs, "finished run")
    new = f"{counted(changes.new_runs, 'run')} {'is' if changes.new_runs == 1 else 'are'}"
    gone = f"{changes.gone_runs:,} of the baseline's {'is' if changes.gone_runs == 1 else 'are'}"
    return BASELINE_RUNS.format(same=f"{changes.same_runs:,}", runs=total, new=new, gone=gone)


def _unequal(changes: Changes) -> str:
    names, more = changes.unequal_runs[:_MOST_NAMED], len(changes.unequal_runs) - _MOST_NAMED
    told = listing([*names, f"{more:,} more"] if more > 0 else names)
    return UNEQUAL.format(runs=counted(len(changes.unequal_runs), "run"), names=plain(told, 600))


def _verdicts(evidence: Evidence, changes: Changes) -> list[Block]:
    """Those that are another, are new or are gone, and how many are the same."""
    rows = [_study_row(evidence, one) for one in changes.studies if one.changed or one.before is None]
    studies = {result.study.name: result.study for result in evidence.results}
    for one in changes.claims:
        if one.before == one.here:
            continue
        claims = {claim.id: plain(claim.says, 160) for claim in studies[one.study].claims}
        before = CLAIM_VERDICTS[one.before].lower() if one.before else NEW_VERDICT
        here = CLAIM_VERDICTS[one.here].lower() if one.here else GONE_VERDICT
        rows.append((claims.get(one.claim, one.claim), before, here))
    same = len(changes.studies) + len(changes.claims) - len(rows)
    told = f"{first_upper(counted(same, 'verdict'))} of comparisons and claims {'is' if same == 1 else 'are'} as in the baseline."
    if not rows:
        return [Paragraph(told)]
    table = Table(
        "Verdicts that are not as in the baseline",
        ("", "baseline", "here"),
        tuple(rows),
        ("text", "text", "text"),
    )
    return [table, Paragraph(f"{told} {SINCE_NOISE}")]


def _study_row(evidence: Evidence, one: StudyChange) -> tuple[str, str, str]:
    pair = next(result.pair for result in evidence.results if result.study.name == one.study)
    contender, baseline = (evidence.titles[name] for name in pair)
    before = NEW_VERDICT if one.before is None else _verdict(evidence, one.before, one.winner_before)
    return f"{contender} against {baseline}", before, _verdict(evidence, one.here, one.winner_here)


def _verdict(evidence: Evidence, kind: str, winner: str | None) -> str:
    return VERDICT_NAMES[kind].format(winner=evidence.titles.get(winner or "", plain(winner or "", 60)))


def _levels(evidence: Evidence, changes: Changes, metric: Metric | None) -> list[Block]:
    """How far the experiments' last values moved."""
    if metric is None:
        return []
    rows = []
    for one in changes.experiments:
        title = evidence.titles.get(one.name, one.name)
        if one.configured == "otherwise":
            title = f"{title}, configured otherwise"
        found = one.change
        levels = [NOTHING if value is None else level(metric, value) for value in (found.before, found.here)]
        rows.append((title, *_moved(metric, found), *levels))
    columns = ("", "finding", in_units("change", metric.shown.step), *_COLUMNS)
    return [
        Table(f"{first_upper(metric.label)}, means over the shared seeds", columns, tuple(rows), _FORMATS)
    ]


def _gaps(evidence: Evidence, changes: Changes) -> list[Block]:
    """How far the studies' differences moved, of those that were ever compared."""
    rows = []
    for one in changes.studies:
        found = one.difference
        if found.change is None and found.reason in ("not_in_baseline", "not_compared_here"):
            continue
        result = next(result for result in evidence.results if result.study.name == one.study)
        metric = result.study.measure
        pair = " minus ".join(evidence.titles[name] for name in result.pair)
        title = f"{pair} ({in_units(metric.label, metric.shown.step)})"
        levels = [
            NOTHING if value is None else bare_change(metric, value, signed=True)
            for value in (found.before, found.here)
        ]
        rows.append((title, *_moved(metric, found), *levels))
    if not rows:
        return []
    columns = ("", "finding", "change", *_COLUMNS)
    return [Table("The differences that studies compare", columns, tuple(rows), _FORMATS)]


def _moved(metric: Metric, found: Change) -> tuple[str, str, str]:
    """The finding, the change and its interval, which says nothing where every seed gives the same."""
    moved = NOTHING if found.change is None else bare_change(metric, found.change, signed=True)
    interval = NOTHING
    if found.low is not None and found.high is not None and found.verdict != "equal":
        interval = " to ".join(bare_change(metric, edge, signed=True) for edge in (found.low, found.high))
    reason = SINCE_REASONS.get(found.reason, "").format(
        seeds=counted(len(found.seeds), "seed"), fewest=FEWEST_SEEDS
    )
    return SINCE_VERDICTS[found.verdict].format(reason=reason), moved, interval
