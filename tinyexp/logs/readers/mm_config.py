"""Configs of mmengine and mmcv, which are Python: assignments of literals are read, and nothing is ever run.

A dumped config has ``name = value`` at its top level, where a value is a literal or a call of ``dict`` with keywords. What
is neither is left out and counted. A seed that the config leaves to chance stands in the text log.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tinyexp.errors import UserError
from tinyexp.files import read_bounded
from tinyexp.logs.settings import dotted

MAX_CONFIG_BYTES = 1_000_000
_MAX_DEPTH = 40
_MAX_INT = 10**300
_HEAD_BYTES = 1_000_000
_SEED = re.compile(rb"^ *(?:seed: |Set random seed to )(\d{1,18})\b", re.MULTILINE)
_SEED_LINE = re.compile(rb" - INFO - Set random seed to (\d{1,18})\b")
_LENGTH = re.compile(rb"Epoch ?(?:\(train\))? *\[ *\d+\]\[ *\d+/(\d{1,9})\]")


def config_settings(path: Path, notes: list[str]) -> dict[str, Any]:
    """The settings in a config file by dotted keys; none, and a note of why, where it cannot be read."""
    try:
        text = read_bounded(path, MAX_CONFIG_BYTES).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
        notes.append(f"settings are not known from {path.name}: {reason}.")
        return {}
    return text_settings(text, path.name, notes)


def text_settings(text: str, name: str, notes: list[str]) -> dict[str, Any]:
    r"""The settings in the text of a config.

    >>> text_settings("lr = 0.1\nmodel = dict(type='Tiny', widths=[2, -3])\nnow = time()\n", "x.py", notes := [])
    {'lr': 0.1, 'model.type': 'Tiny', 'model.widths': [2, -3]}
    >>> notes
    ['settings that are no plain values were left out of x.py: now.']
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an escape that Python will not have for ever is no matter here
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        notes.append(
            f"settings are not known from {name}: it is no config in Python ({type(error).__name__})."
        )
        return {}
    found: dict[str, Any] = {}
    odd: list[str] = []
    for node in tree.body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            key = node.targets[0].id
            try:
                found[key] = _value(node.value)
            except ValueError:
                odd.append(key)
    found.pop("_base_", None)
    if odd:
        notes.append(f"settings that are no plain values were left out of {name}: {', '.join(odd[:10])}.")
    try:
        return dotted(found)
    except UserError as error:
        notes.append(f"settings are not known from {name}: {error}")
        return {}


def _value(node: ast.expr, depth: int = 0) -> Any:
    """A literal, with ``dict(a=1)`` among them. Raises ValueError for anything else."""
    if depth > _MAX_DEPTH:
        raise ValueError("too deep")
    if isinstance(node, ast.Constant) and (node.value is None or isinstance(node.value, str | int | float)):
        if isinstance(node.value, int) and node.value > _MAX_INT:
            raise ValueError("too large")
        return node.value
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return [_value(one, depth + 1) for one in node.elts]
    if isinstance(node, ast.Dict):
        keys = [_key(one) for one in node.keys]
        return dict(zip(keys, (_value(one, depth + 1) for one in node.values), strict=True))
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "dict"
        and not node.args
    ):
        return {_named(one): _value(one.value, depth + 1) for one in node.keywords}
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        number = _value(node.operand, depth + 1)
        if isinstance(number, int | float):
            return -number if isinstance(node.op, ast.USub) else number
    raise ValueError(type(node).__name__)


def _key(node: ast.expr | None) -> str:
    if node is None:
        raise ValueError("**")
    return str(_value(node, _MAX_DEPTH))


def _named(keyword: ast.keyword) -> str:
    if keyword.arg is None:
        raise ValueError("**")
    return keyword.arg


def seed_key(settings: Mapping[str, Any]) -> str | None:
    """The key under which a config has its seed, if it has one."""
    for key in ("randomness.seed", "seed"):
        if isinstance(settings.get(key), int) and not isinstance(settings[key], bool):
            return key
    return None


def of_text_log(path: Path) -> tuple[int | None, int | None]:
    """The seed that was drawn, and the iterations in an epoch, as the text log beside the scalars has them."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        return None, None
    seed = _SEED.search(head) or _SEED_LINE.search(head)
    lengths = {int(one) for one in _LENGTH.findall(head)}
    return int(seed[1]) if seed else None, lengths.pop() if len(lengths) == 1 else None
