"""Training experiments that repeat bit for bit, and a report that shows why one design beat another.

The public interface, all of it; importing this loads nothing heavy. Only the functions of the second and third line need what
``pip install 'tinyexp[train]'`` adds:

- :func:`load_experiment` (name, profile, overrides): a frozen experiment
- :func:`build_model` (experiment): its network
- :func:`train` (experiment, seed, runs): one run
- :func:`load_runs` (path): a pandas frame, a row per run and epoch
- :func:`read_logs` (path): the same of anybody's logs
- :func:`compare` (frame, a, b, metric, margin): two designs; prints as its verdict
- :func:`compare_study` (frame, study): the two designs of a study, as its report compares them
- :func:`attribute` (frame, study): what each factor between two designs carries of their gap
- :class:`Study`, :func:`load_study` (name): a question over experiments, with its factors and claims
- :func:`write_report` (runs, out): the report
"""

from __future__ import annotations

TYPE_CHECKING = False  # a program hears signals once this is loaded, and typing takes a while
if TYPE_CHECKING:
    from typing import Any

    from tinyexp.analysis.comparison import compare
    from tinyexp.analysis.study import Study, load_study
    from tinyexp.api import attribute, build_model, compare_study, train, write_report
    from tinyexp.config.load import load_experiment
    from tinyexp.logs.frame import read_logs
    from tinyexp.runs.frame import load_runs

__all__ = [
    "Study",
    "attribute",
    "build_model",
    "compare",
    "compare_study",
    "load_experiment",
    "load_runs",
    "load_study",
    "read_logs",
    "train",
    "write_report",
]

_HOMES = {
    "Study": "tinyexp.analysis.study",
    "attribute": "tinyexp.api",
    "build_model": "tinyexp.api",
    "compare": "tinyexp.analysis.comparison",
    "compare_study": "tinyexp.api",
    "load_experiment": "tinyexp.config.load",
    "load_runs": "tinyexp.runs.frame",
    "load_study": "tinyexp.analysis.study",
    "read_logs": "tinyexp.logs.frame",
    "train": "tinyexp.api",
    "write_report": "tinyexp.api",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'tinyexp' has no attribute '{name}'")
    from importlib import import_module  # noqa: PLC0415 - as above

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
