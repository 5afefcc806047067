"""Labels that never overlap, ticks that tell values apart, SVG that is small and safe."""

from __future__ import annotations

import io
import re
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.textpath import TextPath
from page_reader import drawn_points

from tinyexp.report.canvas import ticks
from tinyexp.report.drawings import PairRow, PairsDrawing
from tinyexp.report.figures import draw_panels
from tinyexp.report.labels import spread, text_width, wrapped
from tinyexp.report.lines import chosen_places
from tinyexp.report.sections.curves import sparkline
from tinyexp.report.smaller import short_path
from tinyexp.report.svg import clean
from tinyexp.report.view import Panel

positions = st.lists(st.floats(0, 200, allow_nan=False), min_size=1, max_size=6)


@given(positions, st.floats(1, 20))
def test_spread_labels_never_overlap_and_stay_inside(wanted: list[float], size: float) -> None:
    sizes = [size] * len(wanted)
    centres = spread(wanted, sizes, 0, 200)
    ordered = sorted(centres)
    assert all(later - earlier >= size - 1e-6 for earlier, later in pairwise(ordered))
    assert ordered[0] >= size / 2 - 1e-6
    assert ordered[-1] <= 200 - size / 2 + 1e-6


@given(positions)
def test_labels_that_have_room_stay_where_they_belong(wanted: list[float]) -> None:
    assert np.allclose(spread(wanted[:1], [4.0], -10, 210), wanted[:1])


@settings(max_examples=200)
@given(st.floats(-50, 100), st.floats(1e-4, 100))
def test_tick_labels_are_all_different_and_exact(low: float, span: float) -> None:
    values, labels = ticks(low, low + span, 5)
    assert len(set(labels)) == len(labels)
    assert not any(label.strip("\u22120.") == "" for label in labels if label.startswith("\u2212")), (
        "no zero has a sign"
    )
    assert np.allclose([float(label.replace("\u2212", "-")) for label in labels], values, atol=1e-6)


def test_a_long_label_is_broken_and_cut() -> None:
    assert wrapped("Design 1 on ImageNet") == "Design 1 on\nImageNet"
    assert wrapped("x" * 200).count("\n") == 1
    assert wrapped("x" * 200).endswith("\u2026")
    assert text_width(wrapped("W" * 200), 13) < 220


def test_long_curves_keep_their_ends() -> None:
    places = chosen_places(1000)
    assert (len(places), places[0], places[-1]) == (150, 0, 999)
    assert list(chosen_places(3)) == [0, 1, 2]


def test_a_title_with_dollar_signs_is_no_formula() -> None:
    row = PairRow("seed 0", 30.0, 50.0, "seed 0")
    panel = Panel("it", "T", "D", PairsDrawing("what $x^2$ costs", "a$_b$", "\u4e2d", (row,)))
    body = draw_panels([panel])["it"].body
    assert "what $x^2$ costs" in body
    assert "a$_b$" in body


def test_a_sparkline_of_equal_values_is_flat() -> None:
    assert sparkline([0.5, 0.5], 0.5, 0.5) == "▁▁"


def test_cleaning_maps_colours_rounds_numbers_and_drops_what_is_foreign() -> None:
    raw = (
        b'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 10 20">'
        b"<metadata>when</metadata><defs><style>*{}</style></defs>"
        b'<g id="hover-0"><path id="p" d="M 1.23456 2 \nL 3 -0.001 \n" style="fill: none; stroke: #0072B2; stroke-width: 2.5"/>'
        b'<use xlink:href="#p" x="1.999"/></g><g id="empty"/><text style="font: 12px x">a &lt; b</text></svg>'
    )
    picture = clean(raw, name="it", title='T"<', description="D", hover={"hover-0": "a & b"})
    [marker] = re.findall(
        r'<path d="M1\.23 2L3 0" id="(p[0-9a-f]{6}p)" stroke-width="2\.5" fill="none" class="s1"/>',
        picture.body,
    )
    assert f'<use x="2" href="#{marker}"/>' in picture.body
    assert "<g><title>a &amp; b</title>" in picture.body
    assert "when" not in picture.inline
    assert "empty" not in picture.inline
    assert '<text font-size="12">a &lt; b</text>' in picture.body
    [own] = re.findall(r'<title id="(p[0-9a-f]{6})t">T&quot;&lt;</title>', picture.inline)
    assert f'aria-labelledby="{own}t {own}d"' in picture.inline


def cleaned(inner: str) -> str:
    """The body of a picture of these elements as matplotlib writes them."""
    raw = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 20">{inner}</svg>'
    hover = {"one": "first", "other": "first", "third": "third"}
    return clean(raw.encode(), name="it", title="T", description="D", hover=hover).body


def test_what_neighbours_have_alike_is_said_once() -> None:
    line = '<path d="M 1 2 \nL 3 2 \n" style="fill: none; stroke: #000000; stroke-width: 0.8"/>'
    other = '<path d="M 1 4 \nL 3 5 \n" style="fill: none; stroke: #0072B2; stroke-width: 0.8"/>'
    alike = 'stroke-width="0.8" fill="none"'
    body = cleaned(line + line + other + other)
    assert body == (
        f'<g {alike} stroke="currentColor"><path d="M1 2H3"/><path d="M1 2H3"/></g>'
        f'<g {alike}><path d="M1 4L3 5" class="s1"/><path d="M1 4L3 5" class="s1"/></g>'
    )
    assert "<g" not in cleaned(line + other), "nothing is gained"


def test_opacity_stays_with_each_element_as_a_group_with_it_would_be_laid_over_as_one() -> None:
    area = '<path d="M 1 2 \nL 3 2 \nL 3 4 \nz" style="fill: #0072B2; opacity: 0.12"/>'
    assert cleaned(area + area).count('opacity="0.12"') == 2


def test_two_marks_that_tell_the_same_are_pointed_at_together() -> None:
    def mark(name: str) -> str:
        return f'<g id="{name}"><path d="M 1 2 \nL 3 4 \n" style="stroke: #0072B2"/></g>'

    assert cleaned(mark("one") + mark("other") + mark("third")) == (
        '<g><title>first</title><path d="M1 2L3 4" class="s1"/><path d="M1 2L3 4" class="s1"/></g>'
        '<g><title>third</title><path d="M1 2L3 4" class="s1"/></g>'
    )


def test_an_axis_has_its_lines_and_then_its_labels() -> None:
    tick = '<g id="xtick_1"><g id="line2d_1"><path d="M 1 2 \nL 3 2 \n"/></g><g id="text_1"><text x="1">4</text></g></g>'
    told = '<path d="M1 2H3"/><path d="M1 2H3"/><text x="1">4</text><text x="1">4</text>'
    assert cleaned(f'<g id="matplotlib.axis_1">{tick}{tick}</g>') == told


places = st.tuples(st.integers(-3, 3), st.integers(-3, 3))


@given(st.lists(places, min_size=1, max_size=12), st.sampled_from(["", "z"]))
def test_a_shorter_path_goes_through_the_same_points(points: list[tuple[int, int]], end: str) -> None:
    told = "".join(f"{'L' if place else 'M'}{x} {y}" for place, (x, y) in enumerate(points))
    found = drawn_points(short_path(told + end))
    assert found == [one for one, before in zip(points, [None, *points], strict=False) if one != before]


def test_a_circle_is_two_arcs_and_other_curves_stay() -> None:
    figure = Figure(figsize=(1, 1))
    figure.add_artist(Line2D([0.5], [0.5], marker="o", ms=10, mew=0, ls=""))
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg")
    body = clean(buffer.getvalue(), name="it", title="T", description="D", hover={}).body
    assert 'd="M0 5A5 5 0 1 1 0 -5A5 5 0 1 1 0 5z"' in body
    assert short_path("M0 1C1 2 3 4 5 6L1 2") == "M0 1C1 2 3 4 5 6L1 2"


@settings(max_examples=60)
@given(
    st.text(
        st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="$"), min_size=1, max_size=12
    )
)
def test_a_text_is_as_wide_as_matplotlib_draws_it(text: str) -> None:
    drawn = TextPath((0, 0), text, size=13.0, prop=FontProperties("DejaVu Sans")).get_extents().width
    assert np.isclose(text_width(text, 13.0), drawn, rtol=0, atol=1e-9)
