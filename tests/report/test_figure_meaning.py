"""What a picture's marks mean, and that they are seen: colours of experiments, dashes of splits, contrast as it is drawn."""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import warm
from page_reader import drawn_points, sample
from records_maker import Shape, make_run, make_runs, make_study

from tinyexp.analysis.curves import Curve
from tinyexp.config.load import load_experiment
from tinyexp.config.metric import metric_of
from tinyexp.report.build import build_view
from tinyexp.report.canvas import TEXT_SIZE, ticks_between
from tinyexp.report.drawings import (
    CurvesDrawing,
    Drawing,
    PairRow,
    PairsDrawing,
    PointsDrawing,
    ReportedDrawing,
    ReportedRow,
    SampleRow,
    SamplesDrawing,
    Series,
    ShareRow,
    SharesDrawing,
)
from tinyexp.report.evidence import gather
from tinyexp.report.figures import draw_panels
from tinyexp.report.palette import DARK, DARK_SERIES, DASHES, FAINT, LIGHT, SERIES, TINT, dash_of
from tinyexp.report.sections.curves import _heading as curves_heading
from tinyexp.report.sections.points import MOST_POINTS
from tinyexp.report.select import select_runs
from tinyexp.report.view import Figure, Panel, Paragraph, ReportView, Table
from tinyexp.runs.recorded import read_runs
from tinyexp.trainers.vision.models.cost import multiply_adds, parameters
from tinyexp.trainers.vision.settings import vision_settings

WHY = "why-design1-beat-design2"
PROJECT = Path(__file__).parents[2]
KEPT = sorted((PROJECT / "reports").glob("*/figures/*.svg"))
THEMES = {"light": (LIGHT, SERIES), "dark": (DARK, DARK_SERIES)}
_SVG = "{http://www.w3.org/2000/svg}"


def parsed(svg: str) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314 - the report wrote it


def luminance(colour: Sequence[float]) -> float:
    parts = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in colour]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), parts, strict=True))


def contrast(one: Sequence[float], other: Sequence[float]) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def rgb(colour: str) -> tuple[float, ...]:
    return tuple(int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))


def over(colour: Sequence[float], ground: Sequence[float], opacity: float) -> tuple[float, ...]:
    """A colour as it comes out on a ground."""
    return tuple(opacity * own + (1 - opacity) * under for own, under in zip(colour, ground, strict=True))


def drawn(element: ET.Element, given: Mapping[str, str] | None = None) -> Iterator[tuple[str, str, float]]:
    """Colour by its role and opacity of all that is drawn, with what elements inherit: kind, role, opacity."""
    own = {**(given or {"fill": "currentColor"}), **element.attrib}
    tag = element.tag.rpartition("}")[2]
    if tag in ("path", "text"):
        roles = own.get("class", "").split()
        for kind, letter in (("fill", "f"), ("stroke", "s")):
            role = next(
                (name[1:] for name in roles if re.fullmatch(rf"{letter}\d", name)), own.get(kind, "none")
            )
            if kind == "fill" and "bg" in roles and not any(name.startswith("f") for name in roles):
                role = "none"  # the ground itself
            opacity = float(own.get("opacity", 1)) * float(own.get(f"{kind}-opacity", 1))
            if role != "none" and opacity:
                yield kind, role, opacity
    passed = {key: value for key, value in own.items() if key not in ("id", "d", "opacity", "class")}
    for child in element:
        yield from drawn(child, passed)


def faults(svg: str) -> list[str]:
    """What is drawn below 3:1 after its opacity, on either ground and on a tint there; grids and tints only help the eye."""
    found = []
    for kind, role, opacity in drawn(parsed(svg)):
        if round(opacity, 2) in FAINT:
            continue
        for theme, (colours, series) in THEMES.items():
            colour = rgb(colours["ink"] if role == "currentColor" else series[int(role) - 1])
            ground = rgb(colours["ground"])
            for under in (ground, over(rgb(colours["ink"]), ground, TINT)):
                reached = contrast(over(colour, under, opacity), under)
                if reached < 3:
                    found.append(f"{theme}: {kind} {role} at {opacity}: {reached:.2f}")
    return found


def picture(drawing: Drawing) -> str:
    return draw_panels([Panel("it", "T", "D", drawing)])["it"].inline.replace(
        "<svg ", f'<svg xmlns="{_SVG[1:-1]}" '
    )


LINE = Series("one", 0, (1, 2, 3), (1.0, 2.0, 3.0), (0.5, 1.5, 2.5), (1.5, 2.5, 3.5), (), "h")
CURVES = CurvesDrawing(
    "T",
    (LINE, replace(LINE, label="two", style=3, by_seed=((1.0, 2.0, 3.1), (1.0, 2.0, 2.9)))),
    (0.0, 4.0),
    ("chance", 0.5),
    shaded=True,
)
SHARES = SharesDrawing(
    "T",
    (
        ShareRow("augmentation", (1.0, 2.0), 1.5, "+1.5", "h", (0.5, 2.5)),
        ShareRow("gap", (), 1.5, "+1.5", "h", is_sum=True),
    ),
    1.0,
    "too small",
)
REPORTED = ReportedDrawing("T", tuple(ReportedRow(f"r{n}", 50, 2, 51, (49, 53), "h", n) for n in range(8)))
SAMPLES = SamplesDrawing("T", (SampleRow("a", (50.0, 50.0, 52.0), 50.7, "50.7 %", ("h", "h", "h"), 2),))
PAIRS = PairsDrawing("T", "a", "b", (PairRow("seed 0", 50.0, 50.0, "h"),))


@pytest.mark.parametrize(
    "drawing", [CURVES, SHARES, REPORTED, SAMPLES, PAIRS], ids=lambda it: type(it).__name__
)
def test_what_carries_meaning_reaches_its_contrast_as_it_is_drawn(drawing: Drawing) -> None:
    assert faults(picture(drawing)) == []


def test_all_pictures_of_the_kept_reports_reach_their_contrast_too() -> None:
    assert len(KEPT) > 15
    assert {path.stem: found for path in KEPT if (found := faults(path.read_text(encoding="utf-8")))} == {}


def test_a_thin_line_at_half_its_colour_would_be_found() -> None:
    svg = f'<svg xmlns="{_SVG[1:-1]}"><path d="M0 0L1 1" class="s4" stroke-opacity="0.6"/></svg>'
    assert {line.split(":")[0] for line in faults(svg)} == {"light", "dark"}
    assert faults(svg.replace("0.6", "0.16")) == []


def test_the_colours_are_measured_on_the_grounds_of_the_page() -> None:
    page = (sample() / "out" / "report.html").read_text(encoding="utf-8")
    light, dark = page.split("@media screen and (prefers-color-scheme:dark)")[:2]
    for place, (on_light, on_dark) in enumerate(zip(SERIES, DARK_SERIES, strict=True), start=1):
        assert f".s{place}{{stroke:{on_light}}}.f{place}{{fill:{on_light}}}" in light
        assert f".s{place}{{stroke:{on_dark}}}.f{place}{{fill:{on_dark}}}" in dark


def test_a_pale_strip_has_its_edges_drawn() -> None:
    """What a tint means is told by lines, as the tint itself is too pale to be sure of."""
    for drawing in (SHARES, REPORTED):
        root = parsed(picture(drawing))
        paths = list(root.iter(f"{_SVG}path"))
        strips = [one for one in paths if float(one.get("fill-opacity", one.get("opacity", "1"))) == TINT]
        assert strips
        lines = {
            tuple(x for x, _ in drawn_points(one.get("d", "")))
            for one in paths
            if one not in strips and "A" not in one.get("d", "")
        }
        for strip in strips:
            for edge, _ in drawn_points(strip.get("d", "")):
                assert (edge, edge) in lines


def test_two_marks_at_one_place_are_a_ring_over_a_filled_one() -> None:
    marks = [(kind, role) for kind, role, _ in drawn(parsed(picture(PAIRS))) if role.isdigit()]
    assert marks == [("fill", "2"), ("stroke", "1")]
    together = replace(CURVES, series=(LINE, replace(LINE, label="two", style=1)), level=None)
    root = parsed(picture(together))
    assert [use.attrib["x"] for use in root.iter(f"{_SVG}use")].count(
        next(root.iter(f"{_SVG}use")).attrib["x"]
    ) == 2
    filled = [
        role for kind, role, opacity in drawn(root) if kind == "fill" and role.isdigit() and opacity == 1
    ]
    assert filled == ["1"], "the second mark is a ring"


def test_runs_at_one_place_are_stacked() -> None:
    places = [(use.attrib["x"], use.attrib["y"]) for use in parsed(picture(SAMPLES)).iter(f"{_SVG}use")]
    assert len(set(places)) == 3
    assert len({x for x, _ in places}) == 2


def test_a_curve_has_its_first_and_last_epoch_ticked() -> None:
    for last in (2, 7, 12, 15, 90, 199):
        assert ticks_between(1, last, 230)[0] == 1
        assert ticks_between(1, last, 230)[-1] == last
    assert {"1", "3"} <= {text.text for text in parsed(picture(CURVES)).iter(f"{_SVG}text")}


def test_no_text_of_a_picture_is_smaller_than_twelve_pixels_on_a_phone() -> None:
    for path in KEPT:
        root = parsed(path.read_text(encoding="utf-8"))
        width = float(root.attrib["viewBox"].split()[2]) - 28  # the margin of a file by itself
        sizes = [float(text.get("font-size", TEXT_SIZE)) for text in root.iter(f"{_SVG}text")]
        assert min(sizes) * min(1.0, 350 / width) >= 12, path.stem


@cache
def view_of_sample() -> ReportView:
    return build_view(gather(select_runs(read_runs(sample() / "out" / "runs"))))


def drawings(view: ReportView) -> list[Drawing]:
    return [panel.drawing for panel in view.panels()]


def test_an_experiment_has_one_colour_in_all_pictures_of_a_report() -> None:
    """Design 1 on ImageNet is compared in a study of its own, and has no colour of the first study's two."""
    found: dict[str, set[int]] = {}
    for drawing in drawings(view_of_sample()):
        if isinstance(drawing, CurvesDrawing) and not drawing.shaded:
            for series in drawing.series:
                found.setdefault(series.label, set()).add(series.style)
        if isinstance(drawing, CurvesDrawing) and drawing.shaded:
            title = drawing.title.partition(" of ")[2]
            found.setdefault(title, set()).update(series.style for series in drawing.series)
        if isinstance(drawing, SamplesDrawing | ReportedDrawing):
            for row in drawing.rows:
                found.setdefault(row.label, set()).add(row.style)
    assert len(found) == 4
    assert all(len(styles) == 1 for styles in found.values()), found
    assert len({style for styles in found.values() for style in styles}) == 4


def test_a_dash_is_a_split_in_all_pictures_of_a_report() -> None:
    seen = set()
    for panel in view_of_sample().panels():
        if isinstance(panel.drawing, CurvesDrawing):
            for series in panel.drawing.series:
                name = series.label if panel.drawing.shaded else panel.drawing.title
                is_training = "training" in name.lower()
                assert series.dash == dash_of("train" if is_training else "test"), panel.name
                seen.add((panel.drawing.shaded, series.dash))
    assert seen == {(False, 0), (False, 1), (True, 0), (True, 1)}
    assert len({dash for _, dash in DASHES}) == len(DASHES)


def why_figures(runs: Path) -> list[Figure]:
    view = build_view(gather(select_runs(read_runs(runs))))
    section = next(section for section in view.sections if section.id == f"{WHY}-why")
    return [block for block in section.blocks if isinstance(block, Figure)]


def test_shares_stand_by_size_with_levels_then_the_rest_and_the_gap(tmp_path: Path) -> None:
    make_study(tmp_path / "runs", {"conv4-kernel": -0.06, "augmentation": 0.16, "hidden-activation": 0.1})
    shares, _ = why_figures(tmp_path / "runs")
    (panel,) = shares.panels
    drawing = panel.drawing
    assert isinstance(drawing, SharesDrawing)
    *factors, rest, gap = drawing.rows
    assert [row.label for row in factors[:3]] == [
        "augmentation: off → on",
        "hidden activation: softmax → ReLU",
        "kernel of the fourth convolution: 5 → 2",
    ]
    assert {"width of the hidden dense layer: 50 → 128", "width of the first convolution: 8 → 16"} == {
        row.label for row in factors[3:]
    }
    sizes = [abs(row.value) for row in factors]
    assert sizes == sorted(sizes, reverse=True)
    assert all(row.interval for row in drawing.rows)
    assert (rest.label, gap.label, gap.is_sum) == ("not explained", "measured gap", True)
    assert sum(row.value for row in (*factors, rest)) == pytest.approx(gap.value, abs=1e-9)
    table = shares.table
    assert table.columns[1:3] == ("Design\u00a02", "Design\u00a01")
    assert [row[0] for row in table.rows] == [row.label.partition(":")[0] for row in drawing.rows]
    cells = {row[0]: [cell.replace("\u00a0", " ") for cell in row[1:3]] for row in table.rows}
    assert cells["width of the hidden dense layer"] == ["50 (400 × ⅛)", "128 (1,024 × ⅛)"]
    assert cells["measured gap"] == ["\u2013", "\u2013"]


def test_every_point_that_was_trained_has_a_row_by_what_it_reached(tmp_path: Path) -> None:
    make_study(tmp_path / "runs", {"augmentation": 0.2})
    _, points = why_figures(tmp_path / "runs")
    (panel,) = points.panels
    drawing = panel.drawing
    assert isinstance(drawing, PointsDrawing)
    assert len(drawing.rows) == 16
    means = [row.mean for row in drawing.rows]
    assert means == sorted(means, reverse=True)
    assert all(len(row.values) == 3 for row in drawing.rows)
    assert {row.at_first[0] for row in drawing.rows[:8]} == {True}, "augmentation decides"
    assert {row.at_first[0] for row in drawing.rows[8:]} == {False}
    ends = {row.name: row.at_first for row in drawing.rows if row.name}
    assert ends == {"Design\u00a01": (True,) * 5, "Design\u00a02": (False,) * 5}
    assert drawing.factors[0] == "augmentation: ● on  ○ off"
    assert points.table.folded
    assert [float(row[1]) for row in points.table.rows] == [round(mean, 1) for mean in means]
    text = picture(drawing)
    assert text.count('class="f1"') >= 1


def test_of_many_points_the_designs_the_best_and_the_worst_are_drawn_and_it_is_said(tmp_path: Path) -> None:
    make_study(tmp_path / "runs", {"augmentation": 0.2, "fc-width": 0.01}, seeds=[0, 1], kind="full")
    _, points = why_figures(tmp_path / "runs")
    drawing = points.panels[0].drawing
    assert isinstance(drawing, PointsDrawing)
    assert len(points.table.rows) == 24
    assert 18 <= len(drawing.rows) <= MOST_POINTS
    assert {row.name for row in drawing.rows} >= {"Design\u00a01", "Design\u00a02"}
    assert "Drawn are the two designs, the best and the worst of 24; the table has all." in points.how_to_read


def test_one_run_of_each_is_said(tmp_path: Path) -> None:
    make_study(tmp_path / "runs", {"augmentation": 0.2}, seeds=[0])
    _, points = why_figures(tmp_path / "runs")
    assert "There is one run of each." in points.how_to_read


def test_a_table_of_words_becomes_cards_and_one_of_numbers_does_not() -> None:
    words = Table("c", ("", "a"), (("r", "w"),))
    assert words.has_words
    assert not replace(words, formats=("text", "number")).has_words
    assert not replace(words, rows=words.rows * 41).has_words
    page = (sample() / "out" / "report.html").read_text(encoding="utf-8")
    cards = re.findall(r'<table class="cards">(.*?)</table>', page, re.DOTALL)
    assert cards
    for table in cards:
        heads = re.findall(r'<th scope="col"[^>]*>(.*?)</th>', table)
        if (
            table.partition("<tbody>")[2].partition("</tr>")[0].count("<td") < 2
        ):  # one beside the names needs no label
            continue
        for cell in re.findall(r"<td([^>]*)>[^<]", table.partition("<tbody>")[2]):
            label = re.search(r'data-label="([^"]*)"', cell)
            assert label
            assert label[1] in [re.sub("<[^>]*>", "", head) for head in heads]


def test_seeds_that_end_alike_and_lines_of_a_kind_keep_apart(tmp_path: Path) -> None:
    """Two designs that do the same: the end of each curve shows two marks."""
    for name in ("tiny-design1", "tiny-design2"):
        for seed in range(3):
            make_run(tmp_path / "runs", name, seed, shape=Shape(0.5, 0.5, 0.55, 0.3), key="same")
    make_runs(tmp_path / "runs", ["imagenet-design1"])
    view = build_view(gather(select_runs(read_runs(tmp_path / "runs"))))
    panel = next(panel for panel in view.panels() if panel.name.endswith("test-accuracy"))
    uses = [(use.attrib["x"], use.attrib["y"]) for use in parsed(picture(panel.drawing)).iter(f"{_SVG}use")]
    assert len(uses) == 2
    assert len(set(uses)) == 1


def heading(*means: tuple[float, ...], seeds: int = 1) -> str:
    accuracy = metric_of("test_accuracy")
    curves = [
        Curve(name, accuracy, tuple(range(seeds)), tuple(range(1, len(own) + 1)), None, own, own, own, ())
        for name, own in zip(("tiny-design1", "tiny-design2"), means, strict=True)
    ]
    return curves_heading(gather(select_runs(read_runs(sample() / "out" / "runs"))), curves).replace(
        "\u00a0", " "
    )


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        (
            (0.2, 0.3, 0.6, 0.7),
            (0.3, 0.4, 0.5, 0.5),
            "Design 2 learns faster on the test images; Design 1 overtakes it at epoch 3 and stays ahead",
        ),
        (
            (0.2, 0.5, 0.6, 0.7),
            (0.3, 0.4, 0.5, 0.5),
            "Design 1 is ahead on the test images from epoch 2 to the end",
        ),
        ((0.4, 0.5, 0.6, 0.7), (0.3, 0.4, 0.5, 0.5), "Design 1 is ahead on the test images at every epoch"),
        (
            (0.2, 0.5, 0.4, 0.7, 0.8),
            (0.3, 0.4, 0.5, 0.5, 0.5),
            "Design 1 and Design 2 change places 3 times on the test images; Design 1 is ahead from epoch 4 to the end",
        ),
        (
            (0.2, 0.3, 0.4, 0.7),
            (0.3, 0.4, 0.5, 0.5),
            "Design 1 is ahead on the test images at the last epoch, but not the one before",
        ),
        ((0.2, 0.3, 0.4, 0.5), (0.3, 0.4, 0.5, 0.5), "Design 1 and Design 2 end level on the test images"),
    ],
)
def test_a_heading_of_curves_says_what_they_do_and_no_more(
    first: tuple[float, ...], second: tuple[float, ...], words: str
) -> None:
    assert heading(first, second) == words
    if "level" not in words:
        assert heading(first, second, seeds=3) == f"{words} (mean over the seeds)"


def test_the_cost_of_each_network_stands_beside_what_it_reached() -> None:
    section = next(section for section in view_of_sample().sections if section.id == "cost")
    assert (
        section.heading.replace("\u00a0", " ")
        == "Design 1 has 1.5 times the parameters and 1.7 times the multiply-adds of Design 2"
    )
    table, note = section.blocks
    assert isinstance(table, Table)
    assert table.columns == (
        "",
        "parameters",
        "multiply-adds an image, millions",
        "of a training, billions",
        "test accuracy, %",
    )
    rows = {row[0].replace("\u00a0", " "): row[1:] for row in table.rows}
    spec = vision_settings(load_experiment("tiny-design1", "embedded"))
    assert rows["Design 1"][0] == f"{parameters(spec):,}"
    assert float(rows["Design 1"][1]) == pytest.approx(multiply_adds(spec) / 1e6, rel=0.01)
    # 9 epochs: 1,800 images forward and backward, then 1,000 clean ones, 200 held out and 1,000 of the test.
    work = multiply_adds(spec) * 9 * (3 * 1800 + 1000 + 200 + 1000)
    assert float(rows["Design 1"][2]) == pytest.approx(work / 1e9, rel=0.01)
    assert len(rows) == 4
    assert isinstance(note, Paragraph)
    assert "These runs have no record of training time and peak memory." in note.text


def imported(tmp_path: Path, lines: str) -> ReportView:
    """The view of two designs that were trained elsewhere, three seeds each."""
    log, into = tmp_path / "logs", tmp_path / "runs"
    for name in ("a", "b"):
        for seed in range(3):
            folder = log / name / f"seed{seed}"
            folder.mkdir(parents=True)
            (folder / "metrics.csv").write_text(lines)
    command = [sys.executable, "-m", "tinyexp", "import", log, "--into", into]
    warm.run(command, check=True, capture_output=True)
    return build_view(gather(select_runs(read_runs(into))))


def test_where_nothing_is_known_of_the_cost_there_is_no_section(tmp_path: Path) -> None:
    view = imported(tmp_path, "epoch,test_accuracy\n1,0.5\n2,0.6\n")
    assert view.sections
    assert "cost" not in {section.id for section in view.sections}


def test_a_memory_that_a_log_says_itself_is_a_metric_as_any_other(tmp_path: Path) -> None:
    """Though its column has the name of our own measure."""
    view = imported(tmp_path, "epoch,test_accuracy,seconds,peak_memory_mb\n1,0.5,11.5,20\n2,0.6,12.5,30\n")
    section = next(section for section in view.sections if section.id == "cost")
    [table] = section.blocks[:1]
    assert isinstance(table, Table)
    assert table.columns == ("", "test accuracy, %", "time, s", "peak memory, MB")
    assert [row[-1] for row in table.rows] == ["30", "30"]
    assert len(section.blocks) == 1, "nothing is missing, and nothing is said to be"


def test_of_logs_that_have_a_time_it_is_shown_and_nothing_is_invented(tmp_path: Path) -> None:
    view = imported(tmp_path, "epoch,test_accuracy,seconds\n1,0.5,11.5\n2,0.6,12.5\n")
    section = next(section for section in view.sections if section.id == "cost")
    table, note = section.blocks
    assert isinstance(table, Table)
    assert table.columns == ("", "test accuracy, %", "time, s")
    assert [row[1:] for row in table.rows] == [("60.0", "12.5")] * 2
    assert note == Paragraph("These runs have no record of peak memory.", "muted")
