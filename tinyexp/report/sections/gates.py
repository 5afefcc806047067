"""The gates that studies set, and whether they hold."""

from __future__ import annotations

from tinyexp.analysis.study import ANY
from tinyexp.report.content import GateResult
from tinyexp.report.evidence import Evidence
from tinyexp.report.sentences import GATE_NAMES
from tinyexp.report.view import Entries, Entry, Section
from tinyexp.words import counted, first_upper, plain


def gates_section(evidence: Evidence, gates: tuple[GateResult, ...]) -> Section | None:
    """The gates, those that failed first; None where no study sets any."""
    if not gates:
        return None
    failed = [gate for gate in gates if not gate.passed]
    total = counted(len(gates), "gate")
    heading = f"{len(failed)} of {total} failed" if failed else f"{first_upper(total)}: none failed"
    ordered = sorted(gates, key=lambda gate: gate.passed)
    entries = Entries(tuple(_entry(evidence, gate) for gate in ordered), wide=True)
    return Section("gates", heading, (entries,), summary=(entries,))


def _entry(evidence: Evidence, gate: GateResult) -> Entry:
    study = next(one.study for one in evidence.results if one.study.name == gate.study)
    return Entry(
        "Passed" if gate.passed else "Failed",
        f"{plain(study.title, 80)}: {_about(evidence, gate)}: {gate.found}.",
        (f"Required: {gate.required}.",),
    )


def _about(evidence: Evidence, gate: GateResult) -> str:
    """What a gate is about. A claim is called by its id, as the study file that sets the gate does."""
    study = next(one.study for one in evidence.results if one.study.name == gate.study)
    name = GATE_NAMES[gate.gate].format(metric=first_upper(study.measure.label))
    if gate.gate == "claim_refuted":
        return "Claims" if gate.subject == ANY else f"{name} {gate.subject}"
    return f"{name} of {evidence.titles.get(gate.subject, gate.subject)}" if gate.subject else name
