"""Nothing in analysis and report computes with what BLAS, numpy's loops or the C library round as the processor likes.

Read off the syntax: which name stands for an array is not known, so a name is refused wherever it is called.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import tinyexp

PACKAGE = Path(tinyexp.__file__).parent
FILES = sorted([*PACKAGE.glob("analysis/**/*.py"), *PACKAGE.glob("report/**/*.py")])

SUMS = {
    "mean",
    "average",
    "sum",
    "std",
    "var",
    "sem",
    "prod",
    "cumsum",
    "cumprod",
    "median",
    "quantile",
    "percentile",
}
SUMS |= {
    "nanmean",
    "nansum",
    "nanstd",
    "nanvar",
    "nanmedian",
    "describe",
    "corr",
    "cov",
    "corrcoef",
    "trapezoid",
}
PRODUCTS = {"dot", "vdot", "inner", "matmul", "einsum", "tensordot", "linalg", "convolve", "polyfit", "fft"}
FUNCTIONS = {
    "log",
    "log2",
    "log10",
    "log1p",
    "exp",
    "exp2",
    "expm1",
    "logaddexp",
    "power",
    "pow",
    "float_power",
    "cbrt",
}
FUNCTIONS |= {
    "sin",
    "cos",
    "tan",
    "arcsin",
    "arccos",
    "arctan",
    "arctan2",
    "asin",
    "acos",
    "atan",
    "atan2",
    "hypot",
}
FUNCTIONS |= {
    "sinh",
    "cosh",
    "tanh",
    "gamma",
    "lgamma",
    "erf",
    "erfc",
    "dist",
    "sumprod",
    "geomspace",
    "logspace",
}
BANNED = SUMS | PRODUCTS | FUNCTIONS
BY_NAME = {"agg", "aggregate", "transform", "apply"}
"""pandas takes the name of a sum as text."""

MPMATH = "mpmath's: on whole numbers, rounded far beyond a float's bits"

ALLOWED = {
    ("analysis/distributions.py", "_mp.log"): MPMATH,
    ("analysis/distributions.py", "_mp.exp"): MPMATH,
    ("analysis/distributions.py", "_mp.erfc"): MPMATH,
    ("analysis/distributions.py", "(1 + t * t / nu) ** (-(nu + 1) / 2)"): MPMATH,
    ("analysis/looks.py", "_DECIMAL.power"): "decimal's: thirty digits, rounded to six places of a float",
    ("analysis/plan.py", "coded[:, places].prod"): "of levels that are -1 or +1",
    ("report/measured.py", "np.cumsum"): "of whole numbers",
    (
        "report/shares.py",
        "np.quantile",
    ): "between two neighbours, element by element; drawn to a hundredth of a pixel",
    ("report/labels.py", "(1 - place) ** 2"): "numpy's square of an array, which is a multiplication",
    ("report/labels.py", "place ** 2"): "numpy's square of an array, which is a multiplication",
}


def offences(source: str) -> Iterator[tuple[int, str]]:
    """Line and text of what is refused."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            foreign = (node.module or "").split(".")[0] != "tinyexp"  # ours are looked at where they are
            names = [alias.name for alias in node.names if foreign and alias.name in BANNED]
            yield from ((node.lineno, f"from {node.module} import {name}") for name in names)
        elif isinstance(node, ast.BinOp | ast.AugAssign | ast.Attribute) and is_refused(node):
            yield node.lineno, ast.unparse(node)
        elif isinstance(node, ast.Call) and (text := refused_call(node)):
            yield node.lineno, text


def is_refused(node: ast.BinOp | ast.AugAssign | ast.Attribute) -> bool:
    if isinstance(node, ast.Attribute):
        return node.attr in PRODUCTS
    if isinstance(node.op, ast.Div) and isinstance(node, ast.BinOp):  # a mean
        left = node.left
        return isinstance(left, ast.Call) and isinstance(left.func, ast.Name) and left.func.id == "sum"
    return isinstance(node.op, ast.MatMult | ast.Pow)


def refused_call(node: ast.Call) -> str:
    """The text of a call that is refused; empty for another."""
    if not isinstance(node.func, ast.Attribute):
        return ast.unparse(node) if isinstance(node.func, ast.Name) and node.func.id == "pow" else ""
    name = node.func.attr
    if name in SUMS | FUNCTIONS:
        return ast.unparse(node.func)
    named = name in BY_NAME and any(isinstance(one, ast.Constant) and one.value in SUMS for one in node.args)
    weighted = name == "bincount" and (
        len(node.args) > 1 or any(one.arg != "minlength" for one in node.keywords)
    )
    return ast.unparse(node) if named or weighted else ""


def test_every_sum_and_function_is_one_whose_bits_are_the_same_everywhere():
    found = {
        (path.relative_to(PACKAGE).as_posix(), text): line
        for path in FILES
        for line, text in offences(path.read_text(encoding="utf-8"))
    }
    assert {key: line for key, line in found.items() if key not in ALLOWED} == {}
    assert set(ALLOWED) <= set(found), "what is no longer there needs no exception"


@pytest.mark.parametrize(
    "source",
    [
        "a @ b",
        "a @= b",
        "a ** 0.5",
        "values.mean()",
        "values.std(ddof=1)",
        "np.sum(values)",
        "np.linalg.eigh(a)",
        "a.dot(b)",
        "np.log(a)",
        "math.log(a)",
        "math.pow(a, 2)",
        "pow(a, 2)",
        "from math import log",
        "from numpy import linalg",
        "frame.groupby('a')['b'].transform('mean')",
        "np.bincount(a, weights)",
        "sum(values) / len(values)",
    ],
)
def test_what_a_processor_rounds_is_seen(source):
    assert len(list(offences(source))) == 1


@pytest.mark.parametrize(
    "source",
    ["from tinyexp.analysis.exact import mean", "mean(values)", "np.sqrt(a)", "np.bincount(a)", "sum(sizes)"],
)
def test_what_rounds_alike_everywhere_passes(source):
    assert list(offences(source)) == []
