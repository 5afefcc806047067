"""Whether there is a source, where it contradicts itself, and how it was read."""

from __future__ import annotations

from collections.abc import Mapping

from tinyexp.config.source import Ambiguity, ambiguities, load_source
from tinyexp.report.evidence import Evidence
from tinyexp.report.view import Entries, Entry, Link, Paragraph, Section
from tinyexp.words import counted, listing, plain, some


def has_source(evidence: Evidence) -> bool:
    """Whether the experiments implement a source: the folder in use names one, or an experiment of the report does.

    Where none does, no sentence of the report may speak of a source.
    """
    experiments = [chosen.experiment for chosen in evidence.selection.chosen]
    named = any(one.section or one.reported or one.readings for one in experiments)
    # Beside somebody's logs the folder in use is the shipped one, whose source is not theirs.
    return named or (load_source() is not None and not evidence.selection.imported)


def source_link(evidence: Evidence) -> Link | None:
    """The source by its title, linked where its address is known, with the sections that the compared designs come from."""
    source = load_source()
    if not has_source(evidence):
        return None
    pair = evidence.lead.pair if evidence.lead else ()
    chosen = [one for one in evidence.selection.chosen if one.name in pair] or evidence.selection.chosen
    sections = dict.fromkeys(
        f"\u201c{plain(one.experiment.section, 120)}\u201d" for one in chosen if one.experiment.section
    )
    where = (
        f", {'section' if len(sections) == 1 else 'sections'} {some(list(sections), 4)}" if sections else ""
    )
    if source is None or not source.title:
        return Link("Source", "", f"{where}.") if where else None
    known = source.address.startswith(("https://", "http://"))
    unknown = "" if known else " No address of it is known."
    return Link("Source: ", plain(source.title, 200), f"{where}.{unknown}", source.address if known else "")


def ambiguities_section(evidence: Evidence) -> Section | None:
    """Each ambiguity that touches these experiments, the interpretation taken, and what else it could mean."""
    taken: dict[tuple[str, str], list[str]] = {}
    for chosen in evidence.selection.chosen:
        for number, interpretation in chosen.experiment.readings.items():
            taken.setdefault((number, interpretation), []).append(chosen.name)
    if not taken:
        return None
    known = ambiguities()
    order = list(known)
    departures = {
        chosen.name: {one.key for one in chosen.experiment.deviations} for chosen in evidence.selection.chosen
    }
    entries = tuple(
        _entry(
            known,
            number,
            interpretation,
            some([evidence.titles[name] for name in names]),
            set().union(*(departures[name] for name in names)),
        )
        for (number, interpretation), names in sorted(
            taken.items(), key=lambda item: (_place(order, item[0][0]), item[0][1])
        )
    )
    count = len({number for number, _ in taken})
    heading = f"The source leaves {counted(count, 'thing')} open: the interpretations taken"
    summary = Paragraph(
        f"Interpretations taken: {listing(f'{plain(number)} {plain(interpretation)}' for number, interpretation in sorted(taken, key=lambda one: _place(order, one[0])))}."
    )
    # Reports link to a section by its id, which stays what it was first called.
    return Section(
        "contradictions",
        heading,
        (Entries(entries, folded_as="What it leaves open, how it was read, and how else it could be"),),
        summary=(summary,),
    )


def _place(order: list[str], number: str) -> int:
    return order.index(number) if number in order else len(order)


def _entry(
    known: Mapping[str, Ambiguity], number: str, interpretation: str, names: str, departures: set[str]
) -> Entry:
    """Of a record that another version wrote the words may be unknown; then its names stand for them."""
    ambiguity = known.get(number)
    if ambiguity is None or interpretation not in ambiguity.interpretations:
        return Entry(plain(number), f"Taken as {plain(interpretation)}.", (f"In {names}.",))
    meanings = {name: plain(one.meaning, 1000) for name, one in ambiguity.interpretations.items()}
    taken = ambiguity.interpretations[interpretation]
    scale = "At full scale: " if departures & {*ambiguity.concerns, *taken.set} else ""
    remarks = [f"Taken here, in {names}: {scale}{meanings.pop(interpretation)} ({interpretation})"]
    if meanings:
        remarks.append(f"Not taken: {' '.join(f'{meaning} ({name})' for name, meaning in meanings.items())}")
    return Entry(number, plain(ambiguity.what, 1000), tuple(remarks))
