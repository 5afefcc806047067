"""Two designs side by side, and how all of them depart from the source, or else from their files."""

from __future__ import annotations

from dataclasses import dataclass

from tinyexp.config.difference import Difference, differences, flatten
from tinyexp.config.experiment import Experiment
from tinyexp.config.trainers import key_place
from tinyexp.report.evidence import Evidence, StudyResult
from tinyexp.report.sections.source import has_source
from tinyexp.report.settings import named, ran
from tinyexp.report.view import Block, Paragraph, Section, Table
from tinyexp.words import counted, listing, setting, some

_NOT_COMPARED = ("execution.",)


@dataclass(frozen=True)
class _Words:
    """How deviations are spoken of."""

    nothing_heading: str
    nothing: str
    of_some: str
    noun: str
    shared: str
    heading: str
    summary: str
    original: str


_FROM_SOURCE = _Words(
    nothing_heading="Nothing departs from the source",
    nothing="Networks, data, settings and lengths are those of the source.",
    of_some="Departures of some experiments",
    noun="departure",
    shared="{count} that all experiments share",
    heading="These runs depart from the source in {count}",
    summary="Departures from the source: {settings}.",
    original="source",
)
_FROM_FILES = _Words(
    nothing_heading="Every setting is that of the experiment files",
    nothing="Neither the profile nor --set changed a setting.",
    of_some="Settings changed in some experiments",
    noun="setting",
    shared="{count} changed in all experiments",
    heading="The profile or --set changed {count} against the experiment files",
    summary="Changed against the experiment files: {settings}.",
    original="file",
)
"""Where there is no source."""


def _words(evidence: Evidence) -> _Words:
    return _FROM_SOURCE if has_source(evidence) else _FROM_FILES


def designs_section(evidence: Evidence, result: StudyResult) -> Section | None:
    """The settings in which a study's two experiments differ; the others folded."""
    pair = [evidence.selection.find(name) for name in (result.study.baseline, result.study.contender)]
    if pair[0] is None or pair[1] is None:
        return None
    left, right = pair[0].experiment, pair[1].experiment
    found = sorted(
        differences(left.settings, right.settings, ignore=_NOT_COMPARED),
        key=lambda one: key_place(one.key, left.trainer),
    )
    if evidence.selection.imported and {difference.key for difference in found} <= {"design"}:
        return None  # a name that was given to runs is no setting of theirs
    titles = [evidence.titles[chosen.name] for chosen in pair if chosen]
    columns = ("", *titles, "key")
    changed = {difference.key for difference in found}
    alike = {
        key: value
        for key, value in flatten(left.settings).items()
        if key not in changed and not key.startswith(_NOT_COMPARED)
    }
    differing = Table(
        "Settings that differ",
        columns,
        tuple(_row(one, left, right) for one in found),
        ("text", "text", "text", "code"),
        folded=result is not evidence.lead,
    )
    same = Table(
        f"{counted(len(alike), 'setting')} in which they are alike",
        ("", "both", "key"),
        tuple(
            (named(key, left.trainer), _both(left, right, key, alike[key]), key)
            for key in sorted(alike, key=lambda key: key_place(key, left.trainer))
        ),
        ("text", "text", "code"),
        folded=True,
    )
    told = "They were switched together: the comparison cannot say which of them made the difference."
    if result.attribution:
        told = "The comparison switches them together; the mixtures above switch them factor by factor."
    note = Paragraph(told, "muted")
    heading = f"{titles[0]} and {titles[1]} differ in {counted(len(found), 'setting')}"
    blocks: tuple[Block, ...] = (differing, note, same) if len(found) > 1 else (differing, same)
    return Section(f"{result.study.name}-designs", heading, blocks, summary=(differing,))


def deviations_section(evidence: Evidence) -> Section:
    """Every key in which a profile or an override departs from the file, which says what a source does where there is one.

    What all experiments share is folded.
    """
    words = _words(evidence)
    everywhere = {chosen.name for chosen in evidence.selection.chosen}
    grouped: dict[tuple[str, str, str], list[str]] = {}
    for chosen in evidence.selection.chosen:
        for one in chosen.experiment.deviations:
            grouped.setdefault((one.key, setting(one.left), setting(one.right)), []).append(chosen.name)
    if not grouped:
        text = Paragraph(words.nothing)
        return Section("deviations", words.nothing_heading, (text,), summary=(text,))
    common = {row: names for row, names in grouped.items() if set(names) == everywhere}
    own = {row: names for row, names in grouped.items() if row not in common}
    tables = []
    if own:
        tables.append(_deviations(evidence, words.of_some, own, everywhere, folded=True))
    if common:
        caption = words.shared.format(count=counted(len(common), words.noun))
        tables.append(_deviations(evidence, caption, common, everywhere, folded=True))
    keys = {key: names for (key, _, _), names in grouped.items()}
    heading = words.heading.format(count=counted(len(keys), "setting"))
    told = listing(named(key, _trainer(evidence, names)) for key, names in keys.items())
    return Section(
        "deviations", heading, tuple(tables), summary=(Paragraph(words.summary.format(settings=told)),)
    )


def deviation_count(evidence: Evidence) -> int:
    """How many keys depart from the file in some experiment."""
    return len({one.key for chosen in evidence.selection.chosen for one in chosen.experiment.deviations})


def _row(one: Difference, left: Experiment, right: Experiment) -> tuple[str, str, str, str]:
    return named(one.key, left.trainer), ran(left, one.key, one.left), ran(right, one.key, one.right), one.key


def _both(left: Experiment, right: Experiment, key: str, value: object) -> str:
    """A setting that both have, as it ran; each by itself where another setting makes two of it."""
    return " and ".join(dict.fromkeys(ran(one, key, value) for one in (left, right)))


def _deviations(
    evidence: Evidence,
    caption: str,
    grouped: dict[tuple[str, str, str], list[str]],
    everywhere: set[str],
    *,
    folded: bool,
) -> Table:
    rows = tuple(
        (
            named(key, _trainer(evidence, names)),
            original,
            here,
            "all" if set(names) == everywhere else some([evidence.titles[n] for n in names]),
            key,
        )
        for (key, original, here), names in grouped.items()
    )
    return Table(
        caption,
        ("", _words(evidence).original, "here", "in", "key"),
        rows,
        ("text", "text", "text", "text", "code"),
        folded=folded,
    )


def _trainer(evidence: Evidence, names: list[str]) -> str:
    """Of the first of some experiments: it knows how its keys are called."""
    return next(one.experiment.trainer for one in evidence.selection.chosen if one.name == names[0])
