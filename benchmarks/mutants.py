"""Changes one place of the code at a time, and sees whether a test notices: a sample, drawn by a seed.

For each change the test files that name the module are run, then those of its package, until one fails. The code is copied to
a folder of its own, so that the checkout stays as it is.

    python benchmarks/mutants.py [--count 30] [--seed 0] [--marks "not slow"]
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).parents[1]
CODE, TESTS = PROJECT / "tinyexp", PROJECT / "tests"
TIMEOUT_S = 600
_COMPARED = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
}
_ADDED = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "/"),
    ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "*"),
}
_BROADER = {
    "api": "report",
    "cli_check": "report",
    "cli_init": "command",
    "files": "runs",
    "ownership": "faults",
    "starter": "command",
}
"""The folder of tests for a module that lies in no package."""


_LEFT_OUT = shutil.ignore_patterns(".git", ".venv*", "node_modules", "__pycache__", ".*_cache", ".hypothesis")
"""What of a checkout the tests do without."""
_NOT_ITS_OWN = {"build", "data", "runs"}
"""Folders that commands make in a checkout, which may be large."""


@dataclass(frozen=True)
class Mutant:
    """A place in a file, and what stands there instead."""

    path: Path
    line: int
    begin: int
    """In bytes of the file's text."""
    end: int
    text: str

    def applied(self, source: bytes) -> bytes:
        return source[: self.begin] + self.text.encode() + source[self.end :]


def mutants_of(path: Path) -> Iterator[Mutant]:
    """Every change that is known of, in one file."""
    source = path.read_bytes()
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))

    for node in ast.walk(ast.parse(source)):
        for change in (_operator, _constant, _value):
            yield from change(node, path, source, starts)


def _operator(node: ast.AST, path: Path, source: bytes, starts: list[int]) -> Iterator[Mutant]:
    match node:
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARED:
            old, new = _COMPARED[type(op)]
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _ADDED and not _is_text(left, right):
            old, new = _ADDED[type(op)]
        case ast.BoolOp(op=op, values=[left, right, *_]):
            old, new = ("and", "or") if isinstance(op, ast.And) else ("or", "and")
        case _:
            return
    begin, end = _place(left, starts)[1], _place(right, starts)[0]
    if match := re.search(rf"(?<![\w<>=!]){re.escape(old)}(?![\w<>=])", source[begin:end].decode()):
        yield Mutant(path, left.lineno, begin + match.start(), begin + match.end(), new)


def _constant(node: ast.AST, path: Path, source: bytes, starts: list[int]) -> Iterator[Mutant]:
    del source
    match node:
        case ast.Constant(value=bool(value)):
            yield Mutant(path, node.lineno, *_place(node, starts), str(not value))
        case ast.Constant(value=int(value)):
            yield Mutant(path, node.lineno, *_place(node, starts), str(value + 1))


def _value(node: ast.AST, path: Path, source: bytes, starts: list[int]) -> Iterator[Mutant]:
    del source
    match node:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield Mutant(path, node.lineno, _place(node, starts)[0], _place(operand, starts)[0], "")
        case ast.Return(value=ast.expr() as value) if not isinstance(value, ast.Constant):
            yield Mutant(path, node.lineno, *_place(value, starts), "None")


def _place(node: ast.expr, starts: list[int]) -> tuple[int, int]:
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    return starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset


def _is_text(*nodes: ast.expr) -> bool:
    return any(
        isinstance(node, ast.JoinedStr) or isinstance(getattr(node, "value", None), str) for node in nodes
    )


def tests_of(path: Path) -> list[list[str]]:
    """The test files to run, in rounds: those that name the module or have its name, then those of its package."""
    relative = path.relative_to(PROJECT).with_suffix("")
    module = re.escape(".".join(relative.parts))
    parent, _, last = module.rpartition(r"\.")
    named = re.compile(rf"{module}\b|from {parent} import [^\n]*\b{last}\b")
    folder = TESTS.joinpath(*(part for part in relative.parts[1:-1] if part != "trainers"))
    while not folder.is_dir():
        folder = folder.parent
    if folder == TESTS:
        folder = TESTS / _BROADER.get(relative.parts[1], "launch")

    def distance(file: Path) -> tuple[bool, bool, Path]:
        return file.stem != f"test_{relative.name}", not file.is_relative_to(folder), file

    files = sorted(TESTS.rglob("test_*.py"), key=distance)
    near = [
        str(file)
        for file in files
        if file.stem == f"test_{relative.name}" or named.search(file.read_text(encoding="utf-8"))
    ]
    rest = [str(file) for file in files if file.is_relative_to(folder) and str(file) not in near]
    return [one for one in (near, rest) if one]


def _left_out(folder: str, names: list[str]) -> set[str]:
    return _LEFT_OUT(folder, names) | (_NOT_ITS_OWN & {*names} if Path(folder) == PROJECT else set())


def outcome(mutant: Mutant, marks: str) -> dict[str, object]:
    """Whether a test noticed, which, and after how long."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tinyexp-mutant-") as folder:
        copy = Path(folder) / "tinyexp"
        shutil.copytree(PROJECT, copy, symlinks=True, ignore=_left_out)
        changed = copy / mutant.path.relative_to(PROJECT)
        source = changed.read_bytes()
        changed.write_bytes(mutant.applied(source))
        noticed = _noticed(mutant, marks, copy)
    line = source[: mutant.begin].count(b"\n")
    return {
        "file": str(mutant.path.relative_to(PROJECT)),
        "line": mutant.line,
        "was": source.splitlines()[line].decode().strip(),
        "is": mutant.applied(source).splitlines()[line].decode().strip(),
        "noticed": noticed,
        "seconds": round(time.monotonic() - began),
    }


def _noticed(mutant: Mutant, marks: str, copy: Path) -> str:
    for files in tests_of(mutant.path):
        words = [
            sys.executable,
            "-m",
            "pytest",
            "-x",
            "-q",
            "-p",
            "no:cacheprovider",
            "-m",
            marks,
        ]
        variables = os.environ | {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
        try:
            done = subprocess.run(
                [*words, *(str(copy / Path(file).relative_to(PROJECT)) for file in files)],
                cwd=copy,  # which Python puts before all else
                env=variables,
                capture_output=True,
                text=True,
                timeout=TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"after {TIMEOUT_S} s nothing had ended"
        if done.returncode not in (0, 5):  # 5: no test of these is marked so
            found = re.search(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.MULTILINE)
            return found[1] if found else f"pytest ended with {done.returncode}"
    return ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--marks", default="not slow")
    asked = parser.parse_args()
    known = [mutant for path in sorted(CODE.rglob("*.py")) for mutant in mutants_of(path)]
    drawn = random.Random(asked.seed).sample(known, asked.count)  # noqa: S311 - a sample, no secret
    rows = []
    for mutant in drawn:
        rows.append(outcome(mutant, asked.marks))
        print(json.dumps(rows[-1]), flush=True)
    noticed = sum(bool(row["noticed"]) for row in rows)
    print(json.dumps({"changes": len(known), "tried": len(rows), "noticed": noticed}))


if __name__ == "__main__":
    main()
