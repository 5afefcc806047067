"""From runs to the rows that an analysis takes: each run under the name of what it was trained for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from tinyexp.analysis.checked import checked_runs, names_of
from tinyexp.analysis.design import DesignPoint
from tinyexp.analysis.endpoints import endpoint_rows, index_of
from tinyexp.config.endpoint import LAST, Endpoint
from tinyexp.config.metric import Metric
from tinyexp.errors import UserError


def coded_runs(
    frame: pd.DataFrame,
    points: Sequence[DesignPoint],
    factors: Sequence[str],
    metric: Metric | str,
    endpoint: Endpoint = LAST,
) -> pd.DataFrame:
    """The row that is compared of each finished run of the mixtures, with a column of 0 and 1 for each factor.

    Parameters
    ----------
    frame
        From :func:`tinyexp.runs.frame.metrics_frame`: runs are found by their configuration. Two folders
        of one identity are one training and count once.

    Raises
    ------
    UserError
        As :func:`tinyexp.analysis.checked.checked_runs`. Mixtures without a run are no error here.
    """
    levels = {point.name: point.levels for point in points}
    rows = labelled(frame, {point.configuration: point.name for point in points})
    rows = rows[rows["state"] == "finished"] if "state" in rows else rows
    if rows.empty:
        raise UserError(f"the runs: none of the {len(points)} mixtures of the plan has a finished run.")
    rows = checked_runs(rows, names_of(rows), metric, endpoint)
    end = endpoint_rows(rows, endpoint).reset_index(drop=True)
    if endpoint.best is not None:
        end = end.drop(columns=["epoch", "step"], errors="ignore")  # each run has its own
    coded = [levels[name] for name in end["experiment"]]
    return end.assign(**{name: [row[place] for row in coded] for place, name in enumerate(factors)})


def labelled(frame: pd.DataFrame, names: Mapping[str, str]) -> pd.DataFrame:
    """The rows of some configurations, each with the name given for its configuration as ``experiment``.

    The runs of a plan's mixtures carry the baseline's name too; what tells them apart is the configuration.
    To be used before :func:`tinyexp.analysis.comparison.compare` where a folder holds a study's runs. One
    training that lies in two folders counts once.

    Raises
    ------
    UserError
        The frame has no column ``configuration``.
    """
    if "configuration" not in frame:
        raise UserError("the runs: the column 'configuration' is missing, which says what a run is of.")
    rows = frame[frame["configuration"].isin(names)]
    if "identity" in rows:
        if "state" in rows:  # where one of two folders was left in the middle, the other counts
            rows = rows.sort_values("state", key=lambda state: state != "finished", kind="stable")
        rows = rows.drop_duplicates(["identity", index_of(rows)])
    return rows.assign(experiment=rows["configuration"].map(names))
