"""Whether there is a source, where it contradicts itself, and how it was read."""

from __future__ import annotations

from collections.abc import Mapping

from tinyexp.config.source import Ambiguity, ambiguities, load_source
from tinyexp.report.evidence import Evidence
from tinyexp.report.view import Entries, Entry, Paragraph, Section
from tinyexp.words import counted, listing, plain, some


def has_source(evidence: Evidence) -> bool:
    """Whether the experiments implement a source: the folder in use names one, or an experiment of the report does.

    Where none does, no sentence of the report may speak of a source.
    """
    experiments = [chosen.experiment for chosen in evidence.selection.chosen]
    named = any(one.section or one.reported or one.readings for one in experiments)
    # Beside somebody's logs the folder in use is the shipped one, whose source is not theirs.
    return named or (load_source() is not None and not evidence.selection.imported)


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
    entries = tuple(
        _entry(known, number, interpretation, some([evidence.titles[name] for name in names]))
        for (number, interpretation), names in sorted(
            taken.items(), key=lambda item: (_place(order, item[0][0]), item[0][1])
        )
    )
    count = len({number for number, _ in taken})
    heading = f"The source leaves {counted(count, 'thing')} open; this is how they were read"
    summary = Paragraph(
        f"Readings taken: {listing(f'{plain(number)} {plain(interpretation)}' for number, interpretation in sorted(taken, key=lambda one: _place(order, one[0])))}."
    )
    # Reports link to a section by its id, which stays what it was first called.
    return Section("contradictions", heading, (Entries(entries),), summary=(summary,))


def _place(order: list[str], number: str) -> int:
    return order.index(number) if number in order else len(order)


def _entry(known: Mapping[str, Ambiguity], number: str, interpretation: str, names: str) -> Entry:
    """Of a record that another version wrote the words may be unknown; then its names stand for them."""
    ambiguity = known.get(number)
    if ambiguity is None or interpretation not in ambiguity.interpretations:
        return Entry(plain(number), f"Read as {plain(interpretation)}.", (f"In {names}.",))
    meanings = {name: plain(one.meaning, 1000) for name, one in ambiguity.interpretations.items()}
    remarks = [f"Read here, in {names}: ({interpretation}) {meanings.pop(interpretation)}"]
    if meanings:
        remarks.append(f"Not taken: {' '.join(f'({name}) {meaning}' for name, meaning in meanings.items())}")
    return Entry(number, plain(ambiguity.what, 1000), tuple(remarks))
