"""The gates and claims of a report as JUnit XML, which CI systems show as tests.

What fails a build is a gate that a study sets; so only that is a failure here. A claim is a result whatever it comes to:
one that came out as predicted passes, any other is shown as skipped, with its verdict.

Form: the elements that Jenkins, GitLab and GitHub's viewers read (testsuites, testsuite, testcase, failure, skipped).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree as ET

from tinyexp.report.content import GateResult
from tinyexp.report.gates import gate_line
from tinyexp.report.sentences import CLAIM_VERDICTS
from tinyexp.report.view import ReportView

FOR_THE_CLAIM = ("supported", "as_predicted_here")
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that no XML may have, not even as numbers."""


def junit_page(view: ReportView) -> str:
    """A suite a study: its comparison, its gates, its claims."""
    root = ET.Element("testsuites", {"name": "tinyexp"})
    for study in view.values["studies"]:
        gates = [gate for gate in view.gates if gate.study == study["study"]]
        root.append(_suite(study, gates, view))
    for key in ("tests", "failures", "skipped"):
        root.set(key, str(sum(int(suite.get(key, "0")) for suite in root)))
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _suite(study: Mapping[str, Any], gates: list[GateResult], view: ReportView) -> ET.Element:
    name = study["study"]
    suite = ET.Element("testsuite", {"name": _text(name)})
    lead = view.values["verdict"]["study"] == name
    suite.append(_comparison(study, view.head.verdict.sentence if lead else ""))
    suite.extend(_gate(gate) for gate in gates)
    definitions = {claim["id"]: claim["says"] for claim in study["definition"]["claims"]}
    suite.extend(_claim(name, claim, definitions.get(claim["claim"], "")) for claim in study["claims"])
    for key, tags in (("tests", None), ("failures", "failure"), ("skipped", "skipped")):
        suite.set(key, str(sum(tags is None or case.find(tags) is not None for case in suite)))
    return suite


def _comparison(study: Mapping[str, Any], sentence: str) -> ET.Element:
    """Passes where there is a verdict, whichever design it is for."""
    case = _case(study["study"], "comparison")
    found = study["comparison"]
    if found is None:
        _skip(case, study["problem"] or "not to be compared yet")
    elif found["verdict"] not in {"beats", "within_margin"}:
        _skip(case, sentence or found["verdict"].replace("_", " "))
    else:
        ET.SubElement(case, "system-out").text = _text(sentence or _verdict(found))
    return case


def _verdict(found: Mapping[str, Any]) -> str:
    words = str(found["verdict"]).replace("_", " ")
    return f"{found['winner']} {words} the other" if found["winner"] else words


def _gate(gate: GateResult) -> ET.Element:
    case = _case(gate.study, " ".join(filter(None, ("gate", gate.gate, gate.subject))))
    if not gate.passed:
        failure = ET.SubElement(case, "failure", {"message": _text(gate_line(gate)), "type": "gate"})
        failure.text = _text(f"found: {gate.found}\nrequired: {gate.required}")
    return case


def _claim(study: str, claim: Mapping[str, Any], says: str) -> ET.Element:
    case, verdict = _case(study, f"claim {claim['claim']}"), CLAIM_VERDICTS[claim["verdict"]]
    if claim["verdict"] in FOR_THE_CLAIM:
        ET.SubElement(case, "system-out").text = _text(f"{verdict}: {says}")
    else:
        _skip(case, f"{verdict}: {says}")
    return case


def _case(study: str, name: str) -> ET.Element:
    return ET.Element("testcase", {"classname": _text(f"tinyexp.{study}"), "name": _text(name)})


def _skip(case: ET.Element, why: str) -> None:
    ET.SubElement(case, "skipped", {"message": _text(why)})


def _text(value: str) -> str:
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", value.replace("\N{NO-BREAK SPACE}", " "))
