"""Of two report.json the last digits of fractions are overlooked, and nothing else."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyexp.report.differences import differences
from tinyexp.report.values import DIGITS, rounded

stored = st.floats(-1e12, 1e12).map(rounded)


@pytest.mark.parametrize(
    ("told", "again", "line"),
    [
        (math.nan, math.nan, "x: NaN here, NaN by the records"),
        (math.nan, 0.5, "x: NaN here, 0.5 by the records"),
        (math.inf, 1e308, "x: Infinity here, 1e+308 by the records"),
        (-1e308, 1e308, "x: -1e+308 here, 1e+308 by the records"),
        (True, 1.0, "x: true here, 1.0 by the records"),
        (True, 1, "x: true here, 1 by the records"),
        (1, 1.0, "x: 1 here, 1.0 by the records"),
        (None, 0.0, "x: null here, 0.0 by the records"),
        (10**12, 10**12 + 1, "x: 1000000000000 here, 1000000000001 by the records"),
        ("0.5", 0.5, 'x: "0.5" here, 0.5 by the records'),
        ("a\nb", "ab", r'x: "a\nb" here, "ab" by the records'),
        ("y" * 100, "z", f'x: "{"y" * 59}... here, "z" by the records'),
        ([0.5], [0.5, 0.5], "x: 1 entry here, 2 entries by the records"),
        ({}, [], "x: 0 entries here, 0 entries by the records"),
        ({"a": 1}, {}, "x.a: is no part of a report"),
        ({}, {"a": 1}, "x.a: is missing"),
        ({"a\n\u202eb": 1}, {}, "x.a \ufffdb: is no part of a report"),
        ({"a": [0, {"b": 0.5}]}, {"a": [0, {"b": 0.6}]}, "x.a[1].b: 0.5 here, 0.6 by the records"),
        (0.5, 0.500000002, "x: 0.5 here, 0.500000002 by the records"),
        (1e-11, 2e-11, "x: 1e-11 here, 2e-11 by the records"),
    ],
)
def test_what_is_another_value_is_named_with_its_place(told, again, line):
    found = differences(told, again, "x")
    assert (found.lines, found.near, found.note) == ((line,), 0, "")


def test_equal_values_do_not_differ():
    value = {"a": [1, 0.5, True, None, "x", {"b": []}]}
    assert differences(value, value) == differences({}, {})
    assert differences(value, value).lines == ()


@given(stored, st.sampled_from([-1, 1]))
def test_one_step_in_the_last_stored_digit_is_near_and_twenty_are_not(value, sense):
    """Twenty steps in the tenth digit are more than 1e-9 of any number, one never is."""
    if abs(value) < 1e-3:
        return
    step = sense * 10.0 ** (math.floor(math.log10(abs(value))) + 1 - DIGITS)
    near = differences(rounded(value + step), value)
    assert near.lines == ()
    assert near.near == (rounded(value + step) != value)
    assert near.largest <= 1.001e-9
    assert differences(rounded(value + 20 * step), value, "x").lines != ()


@pytest.mark.parametrize(
    ("told", "again"), [(0.0, 9e-13), (1e-12, 1.5e-12), (-1e-13, 1e-13), (1.0, 1.000000001)]
)
def test_very_small_differences_are_near_whatever_they_are_relative_to(told, again):
    found = differences([told], [again])
    assert (found.lines, found.near) == ((), 1)
    assert "1 number differs" in found.note


def test_the_note_counts_the_numbers_and_tells_the_largest_difference():
    found = differences([0.5, 0.5, 2.0], [0.5, 0.5000000001, 2.000000001])
    assert found.note == (
        "report.json: 2 numbers differ from what the records give, in the last digits only (the largest relative "
        "difference is 5.0e-10). Compiled functions of another processor or another version may do that."
    )


def test_beyond_the_first_few_differences_are_counted():
    found = differences(list(range(9)), list(range(1, 10)), "x")
    assert found.lines[4:] == ("x[4]: 4 here, 5 by the records", "4 more values differ")
    assert differences(list(range(6)), list(range(1, 7))).lines[-1] == "1 more value differs"
