"""Which value of a curve is compared: the last, the one at an epoch or step, or the best by another metric."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import model_validator

from tinyexp.config.metric import Metric, MetricName, metric_of
from tinyexp.config.section import Count, Section
from tinyexp.errors import UserError


class Endpoint(Section):
    """In a file ``"last"``, ``{ epoch = 12 }``, ``{ step = 5000 }`` or ``{ best = "val_accuracy" }``.

    >>> Endpoint.model_validate("last") == LAST, Endpoint(epoch=12).epoch
    (True, 12)
    """

    epoch: Count | None = None
    step: Count | None = None
    best: MetricName | Metric | None = None
    """The epoch of each run at which this metric is best; of equal ones the first."""

    @model_validator(mode="before")
    @classmethod
    def _last(cls, value: Any) -> Any:
        if value == "last":
            return {}
        if not isinstance(value, Mapping):
            if isinstance(value, Endpoint):
                return value
            raise ValueError(f"{value!r} is no endpoint{_CHOICES}")
        return value

    @model_validator(mode="after")
    def _one_thing(self) -> Self:
        if sum(value is not None for value in (self.epoch, self.step, self.best)) > 1:
            raise ValueError(f"an endpoint is one thing{_CHOICES}")
        return self

    @property
    def is_last(self) -> bool:
        return self.epoch is None and self.step is None and self.best is None

    @property
    def chooser(self) -> Metric | None:
        """The metric whose best value chooses the epoch; raises UserError where nobody says what its name means."""
        return metric_of(self.best, where="endpoint") if isinstance(self.best, str) else self.best


_CHOICES = ': give "last", { epoch = 12 }, { step = 5000 } or { best = "val_accuracy" }'
LAST = Endpoint()


def check_selection(endpoint: Endpoint, where: str, *, selected_on_test: bool) -> None:
    """Refuse to choose an epoch by its test result, unless that is said.

    Raises
    ------
    UserError
        The metric that chooses is of test data, or its name does not say which data.
    """
    chooser = endpoint.chooser
    if chooser is None or chooser.split in ("validation", "train") or selected_on_test:
        return
    what, hint = "is of test data", ""
    if chooser.split == "unknown":
        what, hint = (
            "does not say which data",
            ', with split = "validation" in its [metrics] table where it is one',
        )
    raise UserError(
        f"{where}: the endpoint chooses each run's epoch by '{chooser.name}', which {what}; what is compared would be too good. "
        f"Choose by a validation metric{hint}, or say selected_on_test = true, which the report repeats."
    )
