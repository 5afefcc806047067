"""Folds of cross-validation: runs of one design, often under one seed, each on another part of the data."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from tinyexp.errors import listed

KEYS = frozenset(
    {
        "fold",
        "fold_id",
        "fold_idx",
        "fold_index",
        "fold_num",
        "fold_number",
        "cv_fold",
        "val_fold",
        "test_fold",
    }
)
"""Last parts of the keys under which settings have the fold."""
_PART = re.compile(r"(?:^|[^A-Za-z0-9])fold[-_=. ]?(\d{1,3})(?![0-9A-Za-z])", re.IGNORECASE)
_MOST_NAMES = 4


def is_fold(key: str) -> bool:
    """Whether a setting says the fold.

    >>> is_fold("data.fold_idx"), is_fold("folds")
    (True, False)
    """
    return key.replace("/", ".").rpartition(".")[2].lower() in KEYS


def fold_of(name: str, settings: Mapping[str, Any]) -> int | None:
    """The fold that settings, else a run's name, say.

    >>> fold_of("wide/fold3", {}), fold_of("wide/fold3", {"fold": 4}), fold_of("kfold5/s1", {})
    (3, 4, None)
    """
    for key, value in settings.items():
        if is_fold(key) and str(value).isdecimal():
            return int(value)
    found = _PART.findall(name)
    return int(found[-1]) if found else None


def without_fold(name: str) -> str:
    """A run's name without the fold that it says.

    >>> without_fold("wide/fold3/version_0"), without_fold("wide/net_fold-3.csv"), without_fold("a/fold1.csv")
    ('wide/version_0', 'wide/net.csv', 'a')
    """
    parts = [_PART.sub("", part).strip("-_ ") for part in name.split("/")]
    return "/".join(part for part in parts if re.sub(r"^\.\w+$", "", part))


def told_folds(folds: Mapping[str, Sequence[int | None]], seeds: Sequence[int | None]) -> str:
    """What must be said of designs whose runs are folds, given the folds and the seeds of their runs."""
    known = sorted({seed for seed in seeds if seed is not None})
    under = f" under seed{'s' if len(known) > 1 else ''} {listed(map(str, known))}" if known else ""
    sets = {tuple(sorted({one for one in own if one is not None})) for own in folds.values()}
    names = [*folds][:_MOST_NAMES]
    more = f" and {len(folds) - _MOST_NAMES} more" if len(folds) > _MOST_NAMES else ""
    told = (
        f"Runs of {listed(names)}{more} are folds of their data{under}: each fold counts as a run. An interval takes runs as "
        "independent, and folds share data: it is too narrow."
    )
    if len(sets) > 1:
        told += " The designs were not trained on the same folds."
    return told
