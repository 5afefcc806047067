"""Which runs are of which design, where paths were named; and in which settings designs differ."""

from __future__ import annotations

import fnmatch
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path, PurePath

from tinyexp.errors import UserError, listed
from tinyexp.logs.grouping import Grouping, Placed
from tinyexp.logs.log import LeftOut
from tinyexp.words import some

_MOST_KEYS = 8
_BY_CHANCE = 3
"""Different values; runs that have no more may be equal by chance."""
_MOST_TOLD = 3
"""Designs; of more than these the values of their settings are not told one by one."""


def as_named(grouping: Grouping, paths: Sequence[str | Path]) -> Grouping:
    """Each run in the design that its path was named as; told where settings see more than one in it."""
    titles = _titles(paths)
    placed, inside = [], dict[str, Counter[str]]()
    for one in grouping.placed:
        place = next((place for place, path in enumerate(paths) if _lies_in(one.run.where, path)), None)
        if place is None:
            continue
        name = titles[place]
        inside.setdefault(name, Counter())[one.design] += 1
        placed.append(replace(one, design=name))
    notes = [
        f"What was named as {name} holds several designs by settings or names, {some(list(own))}: all of it is taken as one."
        for name, own in inside.items()
        if len(own) > 1
    ]
    empty = [titles[place] for place in range(len(paths)) if titles[place] not in inside]
    if empty:
        raise UserError(f"{listed(empty)}: no run was read there that is not in another design too.")
    order = {name: place for place, name in enumerate(titles)}
    placed.sort(key=lambda one: order[one.design])
    return Grouping(tuple(placed), tuple(notes))


def as_expanded(named: Grouping, by_themselves: Grouping) -> Grouping:
    """What a shell made of a pattern is many paths of few designs: where runs under several paths agree, they are one design."""
    titles = list(named.designs)
    if len(by_themselves.designs) in (1, len(titles)) or len(by_themselves.designs) > len(titles):
        return named
    design = {one.name: one.design for one in by_themselves.placed}
    placed = [replace(one, design=design[one.name]) for one in named.placed]
    order = {name: place for place, name in enumerate(dict.fromkeys(one.design for one in placed))}
    placed.sort(key=lambda one: order[one.design])
    note = f"{len(titles)} paths were named, and their runs are of {len(order)} designs: {some(list(order))}."
    return Grouping(tuple(placed), (*by_themselves.notes, note))


def _lies_in(where: Path, path: str | Path) -> bool:
    given = Path(path).expanduser()
    if given.exists():
        return where == given or where.is_relative_to(given) or given.is_relative_to(where)
    parents = (where, *where.parents)
    return any(fnmatch.fnmatch(str(one), str(given)) for one in parents)


def _titles(paths: Sequence[str | Path]) -> list[str]:
    """Short names that tell the paths apart."""
    parts = [[title for part in PurePath(str(path)).parts if (title := _title(part))] for path in paths]
    for depth in range(1, max(map(len, parts)) + 1):
        names = ["/".join(own[-depth:]) for own in parts]
        if len(set(names)) == len(names):
            return names
    raise UserError(f"{listed(map(str, paths))}: the same path is named twice; name two designs.")


def _title(part: str) -> str:
    """What a part of a path or pattern says by itself: nothing of ``*.csv`` or ``**``."""
    if not any(sign in part for sign in "*?["):
        return part
    return re.sub(r"^\.\w+$", "", re.sub(r"[*?]|\[.*?\]", "", part)).strip("_-. ")


def once_a_seed(grouping: Grouping) -> tuple[Grouping, list[LeftOut]]:
    """Of runs of one design under one seed the one that came furthest, and of copies the first; the others are left out, by name.

    Folds under one seed are runs of their own, which then have none.
    """
    best: dict[tuple[str, int, int | None], Placed] = {}
    for one in grouping.placed:
        if one.seed is not None:
            key = one.design, one.seed, one.fold
            if key not in best or _came(one) > _came(best[key]):
                best[key] = one
    kept: list[Placed] = []
    out: list[LeftOut] = []
    seen: dict[tuple[object, ...], str] = {}
    for one in grouping.placed:
        first = seen.setdefault(_content(one), one.name)
        if first != one.name and len(set(chain(*one.run.metrics.values()))) > _BY_CHANCE:
            out.append(
                LeftOut(one.run.where, f"it equals {first} to the last digit, and is no training of its own.")
            )
        elif one.seed is None or best[one.design, one.seed, one.fold] is one:
            kept.append(one)
        else:
            used = best[one.design, one.seed, one.fold].name
            why = (
                f"seed {one.seed} of {one.design} stands twice; used is {used}, which came as far or further."
            )
            out.append(LeftOut(one.run.where, why))
    return replace(grouping, placed=tuple(_without_shared_seeds(kept))), out


def _without_shared_seeds(placed: Sequence[Placed]) -> list[Placed]:
    """Folds that have one seed without it, and with a sentence that says so: a seed is of one run of a design."""
    often = Counter((one.design, one.seed) for one in placed if one.fold is not None)
    shared = {design for (design, seed), count in often.items() if count > 1 and seed is not None}
    return [
        replace(one, seed=None, seed_by="fold")
        if one.design in shared and one.fold is not None and one.seed is not None
        else one
        for one in placed
    ]


def _content(one: Placed) -> tuple[object, ...]:
    """What a run's design and all of its values are."""
    run = one.run
    return (
        one.design,
        tuple(run.epoch),
        tuple(run.step),
        *((name, tuple(own)) for name, own in run.metrics.items()),
    )


def _came(one: Placed) -> tuple[float, float, bool]:
    """How far a run came: epochs, steps, and whether its log says that it ended well."""
    run = one.run
    epochs, steps = (
        max((at for at in column if at is not None), default=0.0) for column in (run.epoch, run.step)
    )
    return epochs, steps if not epochs else 0.0, run.ended is not False


def told_differences(grouping: Grouping) -> list[str]:
    """In which settings the designs differ, and which vary within one: what else than the design may carry a difference."""
    notes = []
    keys = list(dict.fromkeys(key for one in grouping.placed for key in one.settings))
    by_design = {
        name: {key: {repr(one.settings.get(key)) for one in own} for key in keys}
        for name, own in grouping.designs.items()
    }
    between = [key for key in keys if len({frozenset(own[key]) for own in by_design.values()}) > 1]
    if between:
        told = [
            key
            if len(by_design) > _MOST_TOLD
            else f"{key} ({', '.join(f'{name}: {_values(own[key])}' for name, own in by_design.items())})"
            for key in between[:_MOST_KEYS]
        ]
        more = f" and {len(between) - _MOST_KEYS} more" if len(between) > _MOST_KEYS else ""
        if len(between) > 1:
            notes.append(
                f"The designs differ in {len(between)} settings, and what each of them carries cannot be told from these runs: "
                f"{'; '.join(told)}{more}."
            )
        else:
            notes.append(f"The designs differ in one setting that the logs have: {told[0]}.")
    elif not any(one.settings for one in grouping.placed):
        notes.append("The logs hold no settings, so what the designs differ in is not known.")
    inside = [
        key for key in keys if any(len(own[key]) > 1 for own in by_design.values()) and key not in between
    ]
    if inside:
        notes.append(f"Within a design runs differ in {some(inside)}.")
    return notes


def _values(found: set[str]) -> str:
    return " or ".join(sorted(value.strip("'") if value != "None" else "none" for value in found)[:3])
