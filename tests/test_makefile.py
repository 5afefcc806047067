"""The lists in the Makefile name what there is."""

from __future__ import annotations

import re
from pathlib import Path

PROJECT = Path(__file__).parent.parent


def test_every_test_that_make_check_runs_exists():
    text = (PROJECT / "Makefile").read_text(encoding="utf-8")
    [listed] = re.findall(r"^HEART := \\\n((?:\t.*\\\n)*\t.*\n)", text, re.MULTILINE)
    named = listed.replace("\\", " ").split()
    assert len(named) > 20
    for one in named:
        file, _, name = one.partition("::")
        source = (PROJECT / file).read_text(encoding="utf-8")
        assert not name or f"\ndef {name}(" in source, one


def test_make_check_guards_every_part_that_the_rest_stands_on():
    text = (PROJECT / "Makefile").read_text(encoding="utf-8")
    for folder in ("config", "runs", "analysis", "launch", "vision/data", "vision/training", "report"):
        assert f"tests/{folder}/test_" in text.split("HEART := ")[1].split("\n\n")[0]
