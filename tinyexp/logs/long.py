"""Several runs in one table, and several parts of one run in rows of their own, as tables in long form have them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import combinations, pairwise
from operator import gt, lt
from typing import Any

from tinyexp.errors import UserError
from tinyexp.logs.log import Column, Value
from tinyexp.logs.separated import MAX_CELLS

SEEDS = frozenset({"seed", "random_seed", "manual_seed", "rng_seed", "torch_seed", "random_state"})
RUNS = SEEDS | {
    "run",
    "run_id",
    "run_name",
    "experiment",
    "experiment_name",
    "exp",
    "exp_name",
    "trial",
    "trial_id",
    "fold",
    "repeat",
    "replicate",
    "design",
    "config_name",
    "variant",
    "method",
    "model",
}
"""Columns that tell runs apart, where indices begin again with each."""
_SETTINGS = frozenset({"config", "cfg", "args", "hparams", "hyperparameters", "params", "settings", "opt"})
"""What nested objects are called that hold settings."""
_PHASES = frozenset(
    {"train", "training", "val", "valid", "validation", "dev", "eval", "evaluation", "test", "testing"}
)
_NAMES = frozenset({"metric", "metrics", "metric_name", "name", "key", "tag", "variable"})
"""Columns that name what stands in a column ``value``."""
MAX_BLOCKS = 10_000
MAX_KEYS = 12
"""Columns that are tried for telling runs apart."""


@dataclass(frozen=True)
class Part:
    """The rows of one run in a table."""

    rows: Sequence[int]
    settings: Mapping[str, Any] = field(default_factory=dict)


def last_part(name: str) -> str:
    """The last part of a dotted name, in small letters.

    >>> last_part("config.Random Seed")
    'random_seed'
    """
    return name.replace("/", ".").rpartition(".")[2].strip().lower().replace(" ", "_").replace("-", "_")


@lru_cache(maxsize=1024)
def is_setting(name: str) -> bool:
    """Whether a column of numbers holds a setting, if it never changes: a seed or a run, or below ``config`` and the like."""
    return last_part(name) in RUNS or not _SETTINGS.isdisjoint(name.lower().split(".")[:-1])


def constants(columns: Mapping[str, Sequence[Any]], rows: Sequence[int]) -> dict[str, Any]:
    """The columns that have one value throughout some rows, gaps aside."""
    found: dict[str, Any] = {}
    for name, column in columns.items():
        first = next((column[row] for row in rows if not _is_gap(column[row])), None)
        if first is not None and all(_is_gap(column[row]) or column[row] == first for row in rows):
            found[name] = first.strip() if isinstance(first, str) else _as_int(first)
    return found


def split(index: Sequence[float], columns: Mapping[str, Sequence[Any]], words: Iterable[str]) -> list[Part]:
    """The runs of a table, where indices stand again and columns tell the rows apart; none where it is one run.

    Parameters
    ----------
    index
        What rises in a run, for each row.
    columns
        All columns but the index.
    words
        Those that hold text.
    """
    parts = [Part(range(len(index)))]
    if all(map(lt, index, index[1:])):
        return []
    named = [name for name in columns if last_part(name) in RUNS]
    words = [name for name in words if name not in named and not _is_phase(name, columns[name])]
    keys: list[str] = []
    for name in (*named, *words)[:MAX_KEYS]:
        few = 2 * len(set(map(str, columns[name]))) <= len(index)
        if name in named or (few and not all(_rises(index, part.rows) for part in parts)):
            keys.append(name)
            parts = _groups(index, columns, keys)
    parts = _by_settings(index, columns, keys, parts)
    return parts if len(parts) > 1 and _begin_again(index, parts) else []


_WITHIN = frozenset({"batch", "batch_idx", "iter", "it", "i", "step", "n"})
"""Columns that count inside an epoch."""
_MOST_TOGETHER = 3
"""Settings that are tried together."""


def _by_settings(
    index: Sequence[float], columns: Mapping[str, Sequence[Any]], keys: Sequence[str], parts: list[Part]
) -> list[Part]:
    """Where an index still stands twice: the columns of few numbers that, with the keys, make runs of equal indices."""
    phases = [name for name, column in columns.items() if name not in keys and _is_phase(name, column)]
    fixed = list(zip(index, *(map(str, columns[name]) for name in (*keys, *phases)), strict=True))
    if len(set(fixed)) == len(index):
        return parts
    few = [
        name for name in columns if name not in (*keys, *phases) and _is_setting_column(name, columns[name])
    ]
    for size in range(1, _MOST_TOGETHER + 1):
        for more in combinations(few[:MAX_KEYS], size):
            found = _groups(index, columns, [*keys, *more])
            spans = {frozenset(index[row] for row in part.rows) for part in found}
            alone = {(*own, *(columns[name][row] for name in more)) for row, own in enumerate(fixed)}
            if len(alone) == len(index) and len(found) > len(parts) and _are_runs(spans):
                return _groups(index, columns, [*keys, *more, *_constant_in(found, few, columns, more)])
    return parts


def _is_setting_column(name: str, column: Sequence[Any]) -> bool:
    """Whether a column has few different numbers, as a setting that was tried has."""
    numbers = all(isinstance(one, int | float) and not math.isnan(one) for one in column)
    return last_part(name) not in _WITHIN and numbers and 1 < len(set(column)) <= len(column) // 2


def _are_runs(spans: set[frozenset[float]]) -> bool:
    """Whether all parts stand at the same places, of which there are several."""
    return len(spans) == 1 and len(next(iter(spans))) > 1


def _constant_in(
    parts: Sequence[Part], names: Sequence[str], columns: Mapping[str, Sequence[Any]], but: Sequence[str]
) -> list[str]:
    """The columns that say the same in every row of each part."""
    return [
        name
        for name in names
        if name not in but and all(len({columns[name][row] for row in part.rows}) == 1 for part in parts)
    ]


def sweep(index: Sequence[float], numbers: Mapping[str, Column]) -> list[Part]:
    """The runs of a table whose blocks all begin at one index and each have own settings in some columns; none elsewhere.

    A run that was resumed goes on from later, or has the settings that it had.
    """
    if not any(map(gt, index, index[1:])):
        return []
    starts = [0, *(row for row in range(1, len(index)) if index[row] < index[row - 1])]
    blocks = [range(a, b) for a, b in pairwise([*starts, len(index)])]
    if not 1 < len(blocks) < MAX_BLOCKS or {index[start] for start in starts} != {min(index)}:
        return []
    if min(map(len, blocks)) < 2:
        return []
    own = {
        name: [column[start] for start in starts]
        for name, column in numbers.items()
        if len({column[start] for start in starts}) > 1
        and all(column[row] == column[block[0]] is not None for block in blocks for row in block)
    }
    settings = [dict(zip(own, values, strict=True)) for values in zip(*own.values(), strict=True)]
    if len({tuple(one.values()) for one in settings}) < len(blocks):
        return []
    return [
        Part(block, {name: _as_int(value) for name, value in one.items()})
        for block, one in zip(blocks, settings, strict=True)
    ]


def _groups(index: Sequence[float], columns: Mapping[str, Sequence[Any]], keys: Sequence[str]) -> list[Part]:
    groups: dict[tuple[str, ...], list[int]] = {}
    for row in range(len(index)):
        groups.setdefault(tuple(str(columns[key][row]) for key in keys), []).append(row)
    return [Part(rows, {key: _as_int(columns[key][rows[0]]) for key in keys}) for rows in groups.values()]


def _begin_again(index: Sequence[float], parts: Sequence[Part]) -> bool:
    """Whether runs overlap in their indices: what only goes on, as a second phase of training does, is one run."""
    spans = sorted(
        (min(index[row] for row in part.rows), max(index[row] for row in part.rows)) for part in parts
    )
    return all(b[0] <= a[1] for a, b in pairwise(spans))


def _rises(index: Sequence[float], rows: Sequence[int]) -> bool:
    values = [index[row] for row in rows]
    return all(map(lt, values, values[1:]))


def phase_of(columns: Mapping[str, Sequence[Any]], words: Iterable[str]) -> str | None:
    """The column of words that says which part of a run, or which metric, a row is about."""
    return next((name for name in words if _is_phase(name, columns[name])), None)


def by_phase(name: str, words: Sequence[Any], numbers: Mapping[str, Column], where: str) -> dict[str, Column]:
    """The columns of numbers for each phase: ``val/loss`` for the ``loss`` in rows of ``val``.

    Where a row has but one ``value`` that is told to be ``loss``, the name is ``loss``. Raises UserError where that would be
    more columns than are read.
    """
    single = last_part(name) in _NAMES and len(numbers) == 1
    found: dict[str, list[Value]] = {}
    for row, word in enumerate(words):
        for metric, column in numbers.items():
            if column[row] is None:
                continue
            own = str(word).strip() if single else f"{str(word).strip()}/{metric}"
            if own not in found:
                found[own] = [None] * len(words)
                if len(found) * len(words) > MAX_CELLS:
                    raise UserError(f"{where}: '{name}' tells more than {len(found):,} metrics apart.")
            found[own][row] = column[row]
    return found


def _is_phase(name: str, column: Sequence[Any]) -> bool:
    values = {str(value).strip().lower() for value in column if not _is_gap(value)}
    return 0 < len(values) <= 1000 and (values <= _PHASES or (last_part(name) in _NAMES and len(values) > 1))


def _is_gap(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _as_int(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value
