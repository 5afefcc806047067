"""The YAML of trainers is read as PyYAML reads it, without PyYAML, and no object is ever made."""

from __future__ import annotations

import contextlib
import math
import os
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tinyexp.errors import UserError
from tinyexp.logs.yaml import parsed_yaml, read_yaml
from tinyexp.logs.yaml_scalars import resolved


def test_what_argparse_and_lightning_leave_with_tags_and_anchors():
    text = """\
!!python/object:argparse.Namespace
betas: &id001 !!python/tuple
- 0.9
- 0.999
again: *id001
act: !!python/name:torch.nn.modules.activation.ReLU ''
path: !!python/object/apply:pathlib.PosixPath
- /
- data
seed: 3
"""
    assert parsed_yaml(text, "x") == {
        "betas": [0.9, 0.999],
        "again": [0.9, 0.999],
        "act": "torch.nn.modules.activation.ReLU",
        "path": ["/", "data"],
        "seed": 3,
    }


def test_a_tag_makes_no_object(tmp_path):
    made = tmp_path / "made"
    text = f"a: !!python/object/apply:os.mkdir ['{made.as_posix()}']\nb: !!python/object/new:os.system [exit]"
    assert parsed_yaml(text, "x") == {"a": [made.as_posix()], "b": ["exit"]}
    assert not made.exists()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("1.0e-3", 0.001),
        ("2E5", 200000.0),
        ("-.5", -0.5),
        ("7e12345", "7e12345"),
        ("12_000", 12000),
        ("0o17", "0o17"),
        ("017", 15),
        ("08", "08"),
        ("0x1f", 31),
        ("-0b101", -5),
        ("1:30", 90),
        ("01:30", "01:30"),
        ("190:20:30.15", 685230.15),
        ("yes", True),
        ("Off", False),
        ("y", "y"),
        ("~", None),
        ("", None),
        ("-.inf", -math.inf),
        ("2024-01-02", "2024-01-02"),
        ("'1'", "1"),
        ("!!str 1", "1"),
        ("!!float '1.5'", 1.5),
        ("9" * 6000, "9" * 6000),
    ],
)
def test_what_a_scalar_means(text, value):
    got = parsed_yaml(f"a: {text}\n", "x")["a"]
    assert got == value
    assert type(got) is type(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a:\n- 1\n- b: 2\n  c: 3\n- - 4\n  -\n", {"a": [1, {"b": 2, "c": 3}, [4, None]]}),
        ("a: [1, {b: c, 'd':e}, [],\n  x y\n  z] # end\n", {"a": [1, {"b": "c", "d": "e"}, [], "x y z"]}),
        ("a: |\n  b\n   c\n\n  d: e # f\n\n\nb: 1", {"a": "b\n c\n\nd: e # f\n", "b": 1}),
        ("a: >-\n  b\n  c\n\n  d\n   e\n", {"a": "b c\nd\n e"}),
        ("a: |2+\n   b\n\nc: 1", {"a": " b\n\n", "c": 1}),
        (
            "a: word word\n  word\n\n  end # note\nb: http://x#y",
            {"a": "word word word\nend", "b": "http://x#y"},
        ),
        ("a: 'it''s\n\n  b'\nc: \"d\\\n   e\\n\\u00e4\"", {"a": "it's\nb", "c": "de\nä"}),
        ("%YAML 1.1\n--- # x\na: 1\n...\n", {"a": 1}),
        ("\ufeffa: 1\r\nb: 2\r\n", {"a": 1, "b": 2}),
        ("x: &d {a: 1, b: 2}\ny:\n  <<: *d\n  b: 3\n", {"x": {"a": 1, "b": 2}, "y": {"a": 1, "b": 3}}),
        ("? !!python/tuple\n- 1\n- 2\n: a\n0: b", {(1, 2): "a", 0: "b"}),
        ("path: ${oc.env:HOME}/x\nmust: ???\n", {"path": "${oc.env:HOME}/x", "must": "???"}),
        ('"\\ud83d\\ude00": 1', {"\U0001f600": 1}),
        ("# nothing\n", None),
    ],
)
def test_forms_that_a_document_takes(text, value):
    assert parsed_yaml(text, "x") == value


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("a: 1\nb: [1, 2\n", 3, "is missing"),
        ("a: 1\nb: [1, 2,\n", 3, "partner"),
        ("a: b: c\n", 1, "line of its key"),
        ("a: - b\n", 1, "line of its key"),
        ("a: 1\n b: 2\n", 2, "colon within text"),
        ("a:\n    b: 1\n  c: 2\n", 3, "does not belong"),
        ("a:\n\tb: 1\n", 2, "tab"),
        ("a: 1\na: 2\n", 2, "twice"),
        ("a: *b\n", 1, "refers to nothing"),
        ("a: 'b\n", 1, "partner"),
        ('a: "\\q"\n', 1, "escape"),
        ('a: "\\ud800"\n', 1, "surrogates"),
        ("a: @b\n", 1, "not understood"),
        ("a: 1\n---\nb: 1\n", 2, "second document"),
        ("a: \x00\n", 1, "character"),
        ("a: &b [*b]\n", 1, "refers to nothing"),
        ("[a: 1]: 2\n", 1, "is a key"),
    ],
)
def test_what_is_not_understood_is_refused_with_its_line(text, line, what):
    with pytest.raises(UserError, match=rf"^x: line {line}: .*{what}"):
        parsed_yaml(text, "x")


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "{a: " * 100_000,
        "- " * 100_000,
        "? " * 100_000,
        "".join(" " * depth + "a:\n" for depth in range(2_000)),
        "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40)),
        'a: "' + "\\" * 100_001,
        "a: '" + " " * 200_000,
        "a: " + "! " * 100_000,
    ],
    ids=["brackets", "braces", "dashes", "questions", "indented", "laughs", "backslashes", "spaces", "tags"],
)
def test_hostile_text_is_refused_soon(text):
    with pytest.raises(UserError):
        parsed_yaml(text, "x")


@pytest.mark.parametrize("sign", [" ", "\t", "\n", "#", "a ", "a: ", "\\", "''", "-", "\n#", " \n"])
def test_long_text_of_one_sign_takes_no_long_time(sign):
    """Each of these was a pattern that could go back over what it had matched."""
    for text in (sign * 100_000, "a: " + sign * 100_000, "a: [" + sign * 100_000, 'a: "' + sign * 100_000):
        with contextlib.suppress(UserError):
            parsed_yaml(text, "x")


def test_settings_are_a_mapping_and_a_file_that_is_none_is_named(tmp_path):
    path = tmp_path / "args.yaml"
    path.write_bytes(b"\xef\xbb\xbflr: 0.1\r\n1: x\r\n")
    assert read_yaml(path) == {"lr": 0.1, "1": "x"}
    path.write_text("")
    assert read_yaml(path) == {}
    for content in (b"- 1\n", b"\xff\xfe\x00", b"x" * 5_000_001):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"args\.yaml"):
            read_yaml(path)
    with pytest.raises(UserError, match="missing"):
        read_yaml(tmp_path / "missing")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(UserError, match="pipe"):
            read_yaml(tmp_path / "pipe")


_SIGNS = st.text("ab1e :#-?,[]{}&*!|>'\"%@`\n\t\\~.ä\U0001f600", max_size=50)
_WORDS = st.lists(
    st.sampled_from(["word", "a: b", "it's", "x #y", "", "-", "\n", " ", "null", "1"]), max_size=30
)
_TEXTS = _SIGNS | _WORDS.map(" ".join)
_SCALARS = _TEXTS | st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False)
_KEYS = _TEXTS | st.integers() | st.tuples(st.integers(), _TEXTS)
_DATA = st.recursive(
    _SCALARS, lambda one: st.lists(one, max_size=4) | st.dictionaries(_KEYS, one, max_size=4)
)


@settings(max_examples=150, deadline=timedelta(seconds=5), suppress_health_check=list(HealthCheck))
@given(
    _DATA,
    st.sampled_from([None, True, False]),
    st.sampled_from([20, 80]),
    st.sampled_from([2, 5]),
    st.booleans(),
)
def test_what_pyyaml_writes_is_read_as_pyyaml_reads_it(data, flow, width, indent, unicode):
    yaml = pytest.importorskip("yaml")
    text = yaml.dump(data, default_flow_style=flow, width=width, indent=indent, allow_unicode=unicode)
    try:
        wanted = _lists(yaml.unsafe_load(text))
    except yaml.YAMLError:
        return  # it cannot read all that it writes
    assert _numbers(parsed_yaml(text, "x")) == _numbers(wanted)


@settings(max_examples=300, deadline=timedelta(seconds=5))
@given(_TEXTS)
def test_any_text_is_read_or_refused(text):
    with contextlib.suppress(UserError):
        parsed_yaml(text, "x")


def _lists(value):
    if isinstance(value, (tuple, list)):
        return [_lists(one) for one in value]
    return {key: _lists(one) for key, one in value.items()} if isinstance(value, dict) else value


def _numbers(value):
    """Text such as 1e5, which PyYAML writes without quotation marks, is a number on both sides."""
    if isinstance(value, list):
        return [_numbers(one) for one in value]
    if isinstance(value, dict):
        return {_numbers(key): _numbers(one) for key, one in value.items()}
    return resolved(value) if isinstance(value, str) and "e" in value.lower() else value
