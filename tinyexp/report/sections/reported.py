"""What the source reports, beside what was measured."""

from __future__ import annotations

from collections.abc import Callable

from tinyexp.analysis.reproduction import METRIC, Reproduction
from tinyexp.analysis.statistics import FEWEST_SEEDS, seeds_to_confirm
from tinyexp.config.metric import Metric
from tinyexp.report.drawings import ReportedDrawing, ReportedRow
from tinyexp.report.evidence import Evidence, Held
from tinyexp.report.sentences import NOTHING_MEASURED, REPRODUCTIONS, SINGLE_RUN, UNTOLD
from tinyexp.report.view import LONG_TABLE, Block, Figure, Panel, Paragraph, Section, Table
from tinyexp.words import (
    NOTHING,
    axis,
    bare_fine,
    bare_level,
    change,
    counted,
    fine,
    first_upper,
    level,
)

_COMPARED = ("reproduced", "differs", "cannot_tell")
_RESOLVING = 10_000
"""Test images of which one is a hundredth of a point."""
_MOST_ROWS = 20
"""More experiments than this stand in the table alone."""


def reported_section(evidence: Evidence) -> Section:
    """A row an experiment; a picture of those that can be compared."""
    table = _table(evidence)
    note = Paragraph(SINGLE_RUN, "muted")
    drawn = [held for held in evidence.held if _comparable(held)]
    body: Block = _figure(evidence, drawn, table) if drawn else table
    return Section("reported", _heading(evidence), (body, note), summary=(table,))


def _comparable(held: Held) -> bool:
    found = held.reproduction
    return found is not None and found.verdict in _COMPARED and found.measured is not None


def _heading(evidence: Evidence) -> str:
    found = [held.reproduction for held in evidence.held if held.reproduction]
    reported = [one for one in found if one.reported is not None]
    if not reported:
        return "The source reports no figure for these experiments"
    figures = counted(len(reported), "reported figure")
    if all(one.verdict == "not_comparable" for one in reported):
        return f"{figures} cannot be compared with these runs, which depart from the source"
    reproduced = sum(one.verdict == "reproduced" for one in reported)
    return f"{reproduced} of {figures} {'is' if reproduced == 1 else 'are'} reproduced"


def _table(evidence: Evidence) -> Table:
    rows = [_row(evidence, held) for held in evidence.held]
    rows += [
        (evidence.titles[name], NOTHING, NOTHING, NOTHING, NOTHING, NOTHING_MEASURED)
        for name in evidence.selection.missing
    ]
    return Table(
        f"{first_upper(METRIC.label)}, reported and measured",
        ("", "reported", "measured", "95\u00a0% interval", "one more run", "verdict"),
        tuple(rows),
        ("text", "number", "number", "number", "number", "text"),
        folded=len(rows) > LONG_TABLE,
    )


def _row(evidence: Evidence, held: Held) -> tuple[str, str, str, str, str, str]:
    title, found = evidence.titles[held.chosen.name], held.reproduction
    if found is None:
        return title, NOTHING, NOTHING, NOTHING, NOTHING, held.problem
    mean, run = (
        _interval(held, *edges) for edges in ((found.low, found.high), (found.run_low, found.run_high))
    )
    shown = _resolved(held)
    measured = NOTHING if found.measured is None else shown(METRIC, found.measured)
    return title, _accuracy(found.reported), measured, mean, run, _verdict(found)


def _resolved(held: Held) -> Callable[[Metric, float], str]:
    """Two decimals where one test image more or less shows in them, else one."""
    return fine if held.chosen.data.test_images >= _RESOLVING else level


def _interval(held: Held, low: float | None, high: float | None) -> str:
    """An accuracy is none below nothing or above all."""
    if low is None or high is None:
        return NOTHING
    shown = _resolved(held)
    bare = bare_fine if shown is fine else bare_level
    return f"{bare(METRIC, max(low, 0.0))} to {shown(METRIC, min(high, 1.0))}"


def _accuracy(value: float | None) -> str:
    return NOTHING if value is None else fine(METRIC, value)


def _verdict(found: Reproduction) -> str:
    if found.measured is None and found.verdict != "nothing_reported":
        return NOTHING_MEASURED
    departs = f"{counted(len(found.reasons), 'setting departs', 'settings depart')}"
    words = {
        "tolerance": NOTHING if found.tolerance is None else change(METRIC, found.tolerance),
        "runs": counted(len(found.seeds), "run"),
        "are": "is" if len(found.seeds) == 1 else "are",
        "fewest": FEWEST_SEEDS,
        "needed": seeds_to_confirm(),
    }
    why = UNTOLD[_untold(found)].format(**words)
    return REPRODUCTIONS[found.verdict].format(reasons=departs, why=why, **words)


def _untold(found: Reproduction) -> str:
    """Which of the reasons it is that leave a figure open."""
    if len(found.seeds) < FEWEST_SEEDS:
        return "few"
    if found.run_low is None or found.run_high is None or found.reported is None:
        return "equal"
    return "wide" if found.run_low <= found.reported <= found.run_high else "near"


def _figure(evidence: Evidence, drawn: list[Held], table: Table) -> Figure:
    rows, told, scale = [], [], METRIC.shown.scale
    for held in drawn[:_MOST_ROWS]:
        found = held.reproduction
        assert found is not None  # _comparable asked
        assert found.reported is not None
        assert found.tolerance is not None
        assert found.measured is not None
        title = evidence.titles[held.chosen.name]
        interval = (
            None
            if found.run_low is None or found.run_high is None
            else (scale * max(found.run_low, 0.0), scale * min(found.run_high, 1.0))
        )
        told.append(
            f"{title}: reported {fine(METRIC, found.reported)}, measured {_resolved(held)(METRIC, found.measured)}"
        )
        rows.append(
            ReportedRow(
                title,
                scale * found.reported,
                scale * found.tolerance,
                scale * found.measured,
                interval,
                told[-1],
                evidence.styles[held.chosen.name],
            )
        )
    panel = Panel(
        name="reported-accuracy",
        title=f"Reported and measured {METRIC.label}",
        description=f"{'; '.join(told)}.",
        drawing=ReportedDrawing(axis(first_upper(METRIC.label), METRIC.shown.suffix), tuple(rows)),
    )
    read = (
        "The hollow diamond is the figure of the source, the grey strip the tolerance around it; the filled dot is the mean "
        "of our runs and the bar where one more of them would lie, its 95\u00a0% prediction interval. Reproduced means that the "
        "diamond lies on the bar and the dot in the strip."
    )
    if len(drawn) > _MOST_ROWS:
        read += f" Drawn are the first {_MOST_ROWS} of {len(drawn)}; the table has all."
    return Figure((panel,), read, table)
