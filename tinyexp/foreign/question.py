"""What somebody asks of logs."""

from __future__ import annotations

from dataclasses import dataclass

from tinyexp.config.endpoint import LAST, Endpoint
from tinyexp.config.metric import Direction, MetricTable, UnitName, metric_of
from tinyexp.errors import UserError


@dataclass(frozen=True)
class Question:
    """What is asked of logs; whatever is None is taken from what they have."""

    metric: str | None = None
    direction: Direction | None = None
    """Which is better, where the metric's name does not say it."""
    unit: UnitName | None = None
    margin: float | None = None
    """In the metric's units. A point of a share, else 0, if none is given."""
    endpoint: Endpoint = LAST
    by: str | None = None
    """A pattern for design and seed, as in :func:`tinyexp.logs.grouping.grouped`."""


def endpoint_of(text: str, direction: Direction | None = None) -> Endpoint:
    """An endpoint as a command line has it: ``last``, ``epoch=12``, ``step=500``, ``best=val_loss``.

    Parameters
    ----------
    direction
        Which value of the metric that chooses is better, where its name does not say it.

    >>> endpoint_of("epoch=12").epoch, endpoint_of("last").is_last
    (12, True)
    """
    kind, equals, value = text.partition("=")
    if text == "last":
        return LAST
    if equals and kind in ("epoch", "step") and value.isdecimal():
        return Endpoint.model_validate({kind: int(value)})
    if equals and kind == "best" and value:
        table = MetricTable(direction=direction)
        return Endpoint(best=metric_of(value, {value: table} if direction else None, where="--endpoint"))
    raise UserError(
        f"--endpoint {text}: give last, epoch=N, step=N or best=METRIC, as in --endpoint best=val_accuracy."
    )
