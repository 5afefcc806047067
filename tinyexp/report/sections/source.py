"""Where the source contradicts itself, and how it was read."""

from __future__ import annotations

from tinyexp.config.readings import CONTRADICTIONS
from tinyexp.report.evidence import Evidence
from tinyexp.report.view import Entries, Entry, Paragraph, Section
from tinyexp.report.words import counted, listing, plain, some


def contradictions_section(evidence: Evidence) -> Section | None:
    """Each contradiction that touches these experiments, the reading taken, and what else it could mean."""
    taken: dict[tuple[str, str], list[str]] = {}
    for chosen in evidence.selection.chosen:
        for number, reading in chosen.experiment.readings.items():
            taken.setdefault((number, reading), []).append(chosen.name)
    if not taken:
        return None
    order = list(CONTRADICTIONS)
    entries = tuple(
        _entry(number, reading, some([evidence.titles[name] for name in names]))
        for (number, reading), names in sorted(
            taken.items(), key=lambda item: (_place(order, item[0][0]), item[0][1])
        )
    )
    count = len({number for number, _ in taken})
    heading = f"The source leaves {counted(count, 'thing')} open; this is how they were read"
    summary = Paragraph(
        f"Readings taken: {listing(f'{plain(number)} {plain(reading)}' for number, reading in sorted(taken, key=lambda one: _place(order, one[0])))}."
    )
    return Section("contradictions", heading, (Entries(entries),), summary=(summary,))


def _place(order: list[str], number: str) -> int:
    return order.index(number) if number in order else len(order)


def _entry(number: str, reading: str, names: str) -> Entry:
    """Of a record that another version wrote the words may be unknown; then its names stand for them."""
    known = CONTRADICTIONS.get(number)
    if known is None or reading not in known.readings:
        return Entry(plain(number), f"Read as {plain(reading)}.", (f"In {names}.",))
    others = [f"({name}) {one.meaning}" for name, one in known.readings.items() if name != reading]
    remarks = [f"Read here, in {names}: ({reading}) {known.readings[reading].meaning}"]
    if others:
        remarks.append(f"Not taken: {' '.join(others)}")
    return Entry(number, known.what, tuple(remarks))
