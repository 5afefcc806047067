"""Main effects from whatever runs there are, by least squares; what they cannot separate is not split.

Which factors can be told apart is decided in fractions, without a tolerance: levels are 0 and 1, so every sum of their
products is a whole number. Estimates are then sums over the runs, rounded once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from tinyexp.analysis.exact import dot, dots, mean
from tinyexp.analysis.plan import Levels

Floats = NDArray[np.float64]
Matrix = list[list[Fraction]]


@dataclass(frozen=True)
class MainEffects:
    """What runs say of factors in the model ``value = block + sum of main effects``."""

    separable: tuple[bool, ...]
    """Shape (factors,): whether the runs tell a factor from all others."""
    groups: tuple[tuple[int, ...], ...]
    """The other factors, each with those that it cannot be told from; one that was never switched is by itself."""
    block: NDArray[np.int64]
    """Shape (runs,): the runs' seed, from 0, where seeds are blocks; else all 0."""
    solution: Floats
    """Shape (factors, runs): weights of the runs; rows of factors that can be told sum to their effect, and those of a
    group together to the group's, where that can be told."""
    group_told: tuple[bool, ...]
    """Shape (groups,): whether the runs tell what all factors of a group do together."""
    centred: Floats
    """Shape (runs, factors): levels minus their mean in the block."""
    degrees: int
    """Of freedom that are left for the residual."""

    def variance(self, value: Floats) -> float:
        """Of one run: the residual mean square; NaN without a degree of freedom."""
        if not self.degrees:
            return float("nan")
        blocks = int(self.block.max()) + 1
        means = np.array([mean(value[self.block == place]) for place in range(blocks)])
        slopes = dots(self.solution, value[None])
        residual = value - means[self.block] - dots(self.centred, slopes.T)[:, 0]
        return dot(residual, residual) / self.degrees


def main_effects(levels: Sequence[Levels], seeds: Sequence[int]) -> MainEffects:
    """How to take main effects from runs with these levels and seeds.

    Seeds are blocks, whose common part cancels, unless a factor would be lost by that: as where every run has a seed
    of its own.

    >>> found = main_effects([(0, 0, 0), (1, 0, 0), (0, 1, 1), (1, 1, 1)], [0, 0, 0, 0])
    >>> found.separable, found.groups, found.group_told
    ((True, False, False), ((1, 2),), (True,))
    """
    _, numbers = np.unique(np.asarray(seeds), return_inverse=True)
    blocked = numbers.astype(np.int64)
    plain = np.zeros(len(levels), dtype=np.int64)
    swept = _swept(_scatter(levels, blocked))
    whole = _swept(_scatter(levels, plain))
    block = blocked if sum(_separable(*swept)) == sum(_separable(*whole)) else plain
    matrix, pivots = swept if block is blocked else whole
    groups = _groups(matrix, pivots)
    inverse = np.array(
        [
            [-float(entry) if {row, column} <= set(pivots) else 0.0 for column, entry in enumerate(entries)]
            for row, entries in enumerate(matrix)
        ]
    )
    table = np.array(levels, dtype=np.float64)
    centred = table - np.array([_means(table, block, place) for place in range(int(block.max()) + 1)])[block]
    return MainEffects(
        separable=_separable(matrix, pivots),
        groups=groups,
        block=block,
        solution=dots(inverse, centred),
        group_told=tuple(_sum_told(matrix, pivots, group) for group in groups),
        centred=centred,
        degrees=len(levels) - (int(block.max()) + 1) - len(pivots),
    )


def _means(table: Floats, block: NDArray[np.int64], place: int) -> list[float]:
    return [mean(column) for column in table[block == place].T]


def _scatter(levels: Sequence[Levels], block: NDArray[np.int64]) -> Matrix:
    """The sums of products of the factors' levels around their means in each block."""
    table = np.array(levels, dtype=np.int64)
    count = table.shape[1]
    found = [[Fraction(0)] * count for _ in range(count)]
    for place in range(int(block.max()) + 1):
        own = table[block == place]
        totals = [int(np.count_nonzero(column)) for column in own.T]
        for row in range(count):
            for column in range(count):
                both = int(np.count_nonzero(own[:, row] & own[:, column]))
                found[row][column] += both - Fraction(totals[row] * totals[column], len(own))
    return found


def _swept(matrix: Matrix) -> tuple[Matrix, tuple[int, ...]]:
    """A symmetric matrix swept on each row that does not follow from those before it, and the places of these.

    What stands in their rows and columns is then minus the inverse of that part, and beside it what the other columns
    are made of. Source: Goodnight (1979), A tutorial on the SWEEP operator, The American Statistician 33, 149-158.
    """
    pivots = []
    for own in range(len(matrix)):
        pivot = matrix[own][own]
        if not pivot:
            continue
        pivots.append(own)
        side = [row[own] for row in matrix]
        matrix = [
            [entry - side[row] * side[column] / pivot for column, entry in enumerate(entries)]
            for row, entries in enumerate(matrix)
        ]
        for place, entry in enumerate(side):
            matrix[place][own] = matrix[own][place] = entry / pivot
        matrix[own][own] = -1 / pivot
    return matrix, tuple(pivots)


def _null_vectors(matrix: Matrix, pivots: Sequence[int]) -> list[list[Fraction]]:
    """Changes of the effects that no run notices, one for each factor that follows from those before it."""
    count = len(matrix)
    return [
        [
            Fraction(1) if place == free else -matrix[place][free] if place in pivots else Fraction(0)
            for place in range(count)
        ]
        for free in range(count)
        if free not in pivots
    ]


def _separable(matrix: Matrix, pivots: Sequence[int]) -> tuple[bool, ...]:
    unseen = _null_vectors(matrix, pivots)
    return tuple(not any(vector[place] for vector in unseen) for place in range(len(matrix)))


def _groups(matrix: Matrix, pivots: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    groups: list[set[int]] = []
    for vector in _null_vectors(matrix, pivots):
        own = {place for place, entry in enumerate(vector) if entry}
        met = [group for group in groups if group & own]
        groups = [group for group in groups if not group & own] + [own.union(*met)]
    return tuple(sorted(tuple(sorted(group)) for group in groups))


def _sum_told(matrix: Matrix, pivots: Sequence[int], group: Sequence[int]) -> bool:
    return not any(sum(vector[place] for place in group) for vector in _null_vectors(matrix, pivots))
