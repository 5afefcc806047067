"""What a picture shows, as data: the view fills these in, :mod:`tinyexp.report.figures` draws them.

Values stand in the units of their axis (per cent, points, nats). ``style`` picks an experiment's colour
and marker together, so that it is known by more than its colour; a dash tells the split.
"""

from __future__ import annotations

from dataclasses import dataclass

MOST_SEED_LINES = 5
"""Of more seeds than this only the band is shown."""


@dataclass(frozen=True)
class Series:
    """A metric of one experiment over epochs, or over steps: the mean, the band and the seeds."""

    label: str
    style: int
    epochs: tuple[int, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    by_seed: tuple[tuple[float, ...], ...]
    """The seeds that have a line of their own."""
    hover: str
    banded: bool = True
    """Whether the band from ``low`` to ``high`` is shown."""
    dash: int = 0
    """Of the split that the metric is taken on."""


@dataclass(frozen=True)
class CurvesDrawing:
    """Lines over epochs, labelled at their end."""

    title: str
    series: tuple[Series, ...]
    limits: tuple[float, float]
    """Of the vertical axis, shared by the panels of a figure that show one metric."""
    level: tuple[str, float] | None = None
    """A named horizontal line, such as chance."""
    shaded: bool = False
    """Whether the room between the first two series is filled."""
    index: str = "epoch"
    """What the horizontal axis counts: epochs or steps."""


@dataclass(frozen=True)
class PairRow:
    """A seed and what both experiments reached with it."""

    label: str
    baseline: float
    contender: float
    hover: str


@dataclass(frozen=True)
class PairsDrawing:
    """Two dots a seed, joined."""

    title: str
    baseline: str
    contender: str
    rows: tuple[PairRow, ...]
    styles: tuple[int, int] = (1, 0)
    """Of baseline and contender."""


@dataclass(frozen=True)
class SampleRow:
    """A design and what each of its runs reached."""

    label: str
    dots: tuple[float, ...]
    mean: float
    shown: str
    """The mean as text."""
    hover: tuple[str, ...]
    style: int = 0


@dataclass(frozen=True)
class SamplesDrawing:
    """A row a design: a dot a run, and a stroke at the mean."""

    title: str
    rows: tuple[SampleRow, ...]


@dataclass(frozen=True)
class DifferenceRow:
    """A seed, or the mean of the seeds with its interval."""

    label: str
    value: float
    shown: str
    """The value as text."""
    hover: str
    interval: tuple[float, float] | None = None


@dataclass(frozen=True)
class DifferencesDrawing:
    """One dot a seed on the axis of differences, the mean with its interval last, and the margin."""

    title: str
    rows: tuple[DifferenceRow, ...]
    mean: DifferenceRow
    margin: float
    margin_label: str
    left: str = ""
    """What a difference below zero means."""
    right: str = ""


@dataclass(frozen=True)
class ReportedRow:
    """A reported figure and its tolerance, beside the measured one and the interval for one more run."""

    label: str
    reported: float
    tolerance: float
    measured: float
    interval: tuple[float, float] | None
    hover: str
    style: int = 0


@dataclass(frozen=True)
class ReportedDrawing:
    """Reported against measured, a row an experiment."""

    title: str
    rows: tuple[ReportedRow, ...]


@dataclass(frozen=True)
class ShareRow:
    """A factor: its share in each seed, the mean with its interval."""

    label: str
    by_seed: tuple[float, ...]
    value: float
    shown: str
    hover: str
    interval: tuple[float, float] | None = None
    is_sum: bool = False
    """Whether it is what the other rows make together, and stands apart from them."""


@dataclass(frozen=True)
class SharesDrawing:
    """A row a factor on one axis of differences, with zero and the margin."""

    title: str
    rows: tuple[ShareRow, ...]
    margin: float
    margin_label: str


@dataclass(frozen=True)
class PointRow:
    """A mixture of two designs, or one of them: at whose level each factor stands, and what its runs reached."""

    at_first: tuple[bool, ...]
    """For each factor whether it stands at the first design's level."""
    values: tuple[float, ...]
    mean: float
    shown: str
    hover: str
    name: str = ""
    """Of a design."""
    style: int = 0


@dataclass(frozen=True)
class PointsDrawing:
    """A row a mixture: a dot for each factor, filled at the first design's level, and its runs on an axis."""

    title: str
    factors: tuple[str, ...]
    """Each with both of its levels."""
    rows: tuple[PointRow, ...]
    styles: tuple[int, int]
    """Of the first design and of the other."""


@dataclass(frozen=True)
class Cell:
    """One experiment among many: its mean with the seeds' band, and a second mean beside it."""

    label: str
    shown: str
    """The last value of the mean as text."""
    epochs: tuple[int, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    beside: tuple[float, ...]
    hover: str


@dataclass(frozen=True)
class MultiplesDrawing:
    """Small pictures of one kind in rows and columns, all on the same axes."""

    title: str
    cells: tuple[Cell, ...]
    epochs: tuple[int, int]
    limits: tuple[float, float]
    index: str = "epoch"
    """What the horizontal axes count."""


Drawing = (
    CurvesDrawing
    | PairsDrawing
    | SamplesDrawing
    | DifferencesDrawing
    | ReportedDrawing
    | SharesDrawing
    | PointsDrawing
    | MultiplesDrawing
)
