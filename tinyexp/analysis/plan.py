"""Which mixtures of two designs to train, so that a gap between them can be shared out among K factors.

A row of a plan is a mixture: level 0 of a factor is the baseline's, level 1 the contender's. Every
plan holds both designs. One-at-a-time and fraction are subsets of the full plan, so that runs which
are there are used again when a plan grows; a fraction of resolution IV shares little more than the two designs
with one-at-a-time: the only single switches in it are those of a factor in no defining word.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import xor
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tinyexp.errors import UserError, unknown

PlanKind = Literal["one-at-a-time", "fraction", "full"]
PLAN_KINDS: tuple[PlanKind, ...] = ("one-at-a-time", "fraction", "full")
AS_RUN: Literal["as-run"] = "as-run"
"""In place of a plan: whatever was trained, by least squares."""

Levels = tuple[int, ...]
Group = tuple[tuple[str, ...], ...]
"""Interactions, each a tuple of factor names, that a plan cannot tell apart."""

MOST_FACTORS = 12

GENERATORS: dict[int, tuple[str, ...]] = {
    4: ("ABC",),
    5: ("ABC",),
    6: ("ABC", "BCD"),
    7: ("ABC", "BCD", "ACD"),
    8: ("ABC", "BCD", "ACD", "ABD"),
    9: ("ABC", "ABD", "ACE", "ADE"),
    10: ("ABC", "ABD", "ACE", "ADE", "ABCDE"),
    11: ("ABC", "ABD", "ABE", "ACD", "ACE", "ADE"),
    12: ("ABC", "ABD", "ABE", "ACD", "ACE", "ADE", "BCD"),
}
"""For K factors the products that set the last ones; below four factors no such fraction is smaller.

Each is a product of an odd number of letters: then the defining words have even length, at least four
(resolution IV), and both ends are runs of the plan. From nine factors on the choice leaves the fewest
words of four letters, hence the smallest groups. Source: Box, Hunter and Hunter (2005), Statistics for
Experimenters, chapter 6."""


@dataclass(frozen=True)
class Plan:
    """The mixtures to train for each seed."""

    kind: PlanKind | Literal["as-run"]
    """``full`` also where another was asked for that would not be smaller: up to three factors."""
    factors: tuple[str, ...]
    levels: tuple[Levels, ...]
    """Shape (runs, factors), each 0 or 1; the baseline first, the contender last. Of ``as-run`` those that were trained."""
    columns: tuple[int, ...]
    """For each factor the set of basic factors whose product it is, as bits; empty for one-at-a-time and as-run."""

    @property
    def two_way_groups(self) -> tuple[Group, ...]:
        """Alias groups of two-way interactions; empty for one-at-a-time, which sees only their sums."""
        return self.groups(2)

    @property
    def hidden_behind(self) -> dict[str, Group]:
        """For each factor the three-way interactions that its main effect cannot be told from."""
        found = self._by_column(3)
        return {name: found.get(column, ()) for name, column in zip(self.factors, self.columns, strict=False)}

    def groups(self, order: int) -> tuple[Group, ...]:
        """Alias groups of interactions of so many factors that stand clear of every lower order."""
        lower = {0, *self.columns} if order > 1 else {0}
        for smaller in range(2, order):
            lower |= set(self._by_column(smaller))
        return tuple(group for column, group in self._by_column(order).items() if column not in lower)

    def switched(self, levels: Levels) -> tuple[str, ...]:
        """The factors that stand at the contender's level in a row of the plan."""
        return tuple(name for name, level in zip(self.factors, levels, strict=True) if level)

    def alone(self, factor: str) -> tuple[Levels, Levels]:
        """The baseline with one factor switched, and the contender with it switched back."""
        near = tuple(int(name == factor) for name in self.factors)
        return near, tuple(1 - level for level in near)

    def is_aliased(self, factor: str) -> bool:
        """Whether an interaction may stand in for a factor, so that one that matters is to be trained alone as well.

        In a fraction not for a factor in no defining word, as the fourth of five: the plan holds its single switches.
        """
        return self.kind == AS_RUN or (self.kind == "fraction" and self.alone(factor)[0] not in self.levels)

    def column(self, interaction: Sequence[str]) -> NDArray[np.float64]:
        """The product of the factors' levels coded as -1 and +1, shape (runs,)."""
        places = [self.factors.index(name) for name in interaction]
        coded = 2.0 * np.array(self.levels, dtype=np.float64) - 1.0
        return np.asarray(coded[:, places].prod(axis=1))

    def _by_column(self, order: int) -> dict[int, Group]:
        if not self.columns:
            return {}
        found: dict[int, list[tuple[str, ...]]] = {}
        for places in itertools.combinations(range(len(self.factors)), order):
            column = reduce(xor, (self.columns[place] for place in places))
            found.setdefault(column, []).append(tuple(self.factors[place] for place in places))
        return {column: tuple(group) for column, group in found.items()}


def make_plan(kind: str, factors: Sequence[str]) -> Plan:
    """The plan of a kind for named factors.

    Raises
    ------
    UserError
        An unknown kind, no factor, more than twelve, or a name that stands twice.

    >>> plan = make_plan("fraction", ["A", "B", "C", "D", "E", "F"])
    >>> len(plan.levels), plan.levels[0], plan.levels[-1]
    (16, (0, 0, 0, 0, 0, 0), (1, 1, 1, 1, 1, 1))
    >>> plan.two_way_groups[0]
    (('A', 'B'), ('C', 'E'))
    """
    if kind not in PLAN_KINDS:
        raise unknown("plan", "kind", kind, PLAN_KINDS)
    names, count = tuple(factors), len(factors)
    if not 1 <= count <= MOST_FACTORS or len(set(names)) < count:
        raise UserError(
            f"plan: give 1 to {MOST_FACTORS} factors, each once; got {count}: {', '.join(names)}."
        )
    if count < 4 or kind == "full":
        return Plan("full", names, _sorted(itertools.product((0, 1), repeat=count)), _unit_columns(count))
    if kind == "fraction":
        return _fraction(names)
    single = [tuple(int(place == own) for place in range(count)) for own in range(count)]
    both_ends = [(0,) * count, (1,) * count, *single, *(tuple(1 - level for level in row) for row in single)]
    return Plan("one-at-a-time", names, _sorted(both_ends), ())


def plan_as_run(factors: Sequence[str], levels: Iterable[Levels]) -> Plan:
    """The mixtures that were trained, as a plan."""
    return Plan(AS_RUN, tuple(factors), _sorted(levels), ())


def _fraction(names: tuple[str, ...]) -> Plan:
    generators = GENERATORS[len(names)]
    basic = len(names) - len(generators)
    letters = {letter: 1 << place for place, letter in enumerate("ABCDE")}
    columns = (*_unit_columns(basic), *(sum(letters[letter] for letter in word) for word in generators))
    # The product of an odd number of signs is, in levels of 0 and 1, the parity of their sum.
    rows = (
        tuple(sum(chosen[bit] for bit in range(basic) if column >> bit & 1) % 2 for column in columns)
        for chosen in itertools.product((0, 1), repeat=basic)
    )
    return Plan("fraction", names, _sorted(rows), columns)


def _unit_columns(count: int) -> tuple[int, ...]:
    return tuple(1 << place for place in range(count))


def _sorted(rows: Iterable[Levels]) -> tuple[Levels, ...]:
    """Each once, by the number of switches thrown, the earlier factors first."""
    return tuple(sorted(set(rows), key=lambda row: (sum(row), tuple(-level for level in row))))
