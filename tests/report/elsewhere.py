"""A report rendered in a process of its own, under conditions that must not matter, each of which is seen to be in force.

python tests/report/elsewhere.py RUNS OUT [CONDITION ...]
"""

from __future__ import annotations

import importlib.abc
import locale
import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

HEAVY = ("torch", "torchvision", "lightning_fabric")


class NoTorch(importlib.abc.MetaPathFinder):
    """As where torch is not installed."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name.partition(".")[0] in HEAVY:
            raise ImportError(f"{name} is not installed here")


class Shuffled:
    """What a folder holds, in an order that no file system promised."""

    seen = 0

    def __init__(self, entries: Iterator[Any]) -> None:
        self._entries = sorted(entries, key=lambda entry: getattr(entry, "name", entry))
        random.Random(len(self._entries)).shuffle(self._entries)  # noqa: S311 - an order, no secret
        Shuffled.seen += len(self._entries) > 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        if not self._entries:
            raise StopIteration
        return self._entries.pop(0)

    def close(self) -> None:
        pass


def comma() -> None:
    """Numbers have a decimal comma, dates another order, letters another alphabet."""
    locale.setlocale(locale.LC_ALL, "")
    assert locale.localeconv()["decimal_point"] == ","
    assert f"{1.5:n}" == "1,5"


def shuffled() -> None:
    """Folders are listed in another order."""
    scandir, listdir = os.scandir, os.listdir
    os.scandir = lambda *given: Shuffled(scandir(*given))  # type: ignore[assignment]
    os.listdir = lambda *given: list(Shuffled(iter(listdir(*given))))  # type: ignore[assignment]


def private() -> None:
    """New files are for nobody else."""
    os.umask(0o077)


CONDITIONS = {"comma": comma, "shuffled": shuffled, "private": private}


def main(runs: Path, out: Path, conditions: list[str]) -> None:
    sys.meta_path.insert(0, NoTorch())
    for name in conditions:
        CONDITIONS[name]()
    from tinyexp.report.render import write_report

    write_report(runs, out)
    assert not [name for name in sys.modules if name.partition(".")[0] in HEAVY]
    assert "matplotlib.pyplot" not in sys.modules
    assert ("shuffled" not in conditions) or Shuffled.seen > 10


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
