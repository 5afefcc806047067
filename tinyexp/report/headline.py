"""The one metric that the parts of a report which belong to no study are told in."""

from __future__ import annotations

from tinyexp.config.metric import Metric
from tinyexp.report.evidence import Evidence


def headline(evidence: Evidence) -> Metric | None:
    """The leading study's metric where its runs have it, else the first that the runs have; None where they have none.

    See :attr:`tinyexp.report.measured.Measured.first` for which is the first.
    """
    lead = evidence.lead
    if lead is not None and evidence.touches(lead):
        metric = lead.study.measure
        if metric.name in evidence.measured.everything:
            return metric
    return evidence.measured.first
