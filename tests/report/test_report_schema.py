"""The published JSON Schema of report.json is that of the types, and every report keeps to it."""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner
from page_reader import sample
from records_maker import make_run, make_study

from tinyexp.cli import main
from tinyexp.report.content import SCHEMA_VERSION
from tinyexp.report.render import write_report
from tinyexp.resources import shipped

PUBLISHED = shipped("templates") / "report.schema.json"
REPORTS = Path(__file__).parents[2] / "reports"


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    schema = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def findings(validator: jsonschema.Draft202012Validator, folder: Path) -> list[str]:
    told = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return [f"{list(error.absolute_path)}: {error.message}" for error in validator.iter_errors(told)]


def test_the_published_schema_is_current() -> None:
    """To write it anew: `tinyexp schema --report > templates/report.schema.json`."""
    printed = CliRunner().invoke(main, ["schema", "--report"]).stdout
    assert PUBLISHED.read_text(encoding="utf-8") == printed


def test_the_schema_and_what_is_written_are_of_one_version() -> None:
    schema = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    assert schema["properties"]["schema_version"] == {"const": SCHEMA_VERSION, "type": "integer"}


@pytest.mark.parametrize("name", ["desk", "embedded"])
def test_a_kept_report_keeps_to_it(validator: jsonschema.Draft202012Validator, name: str) -> None:
    assert findings(validator, REPORTS / name) == []


def test_reports_of_all_kinds_keep_to_it(validator: jsonschema.Draft202012Validator, tmp_path: Path) -> None:
    """Mixtures and claims; a baseline; one seed; a run that failed; nothing finished."""
    assert findings(validator, sample() / "out") == []
    make_study(tmp_path / "study", {"augmentation": 0.2})
    write_report(tmp_path / "study", tmp_path / "why", baseline=sample() / "out")
    assert findings(validator, tmp_path / "why") == []
    make_run(tmp_path / "one", "tiny-design1", 0)
    make_run(tmp_path / "one", "tiny-design2", 0)
    make_run(tmp_path / "one", "imagenet-design1", 0, state="failed", epochs_done=0, message="no space")
    write_report(tmp_path / "one", tmp_path / "single")
    assert findings(validator, tmp_path / "single") == []
    make_run(tmp_path / "none", "tiny-design1", 0, state="running", epochs_done=1)
    write_report(tmp_path / "none", tmp_path / "open")
    assert findings(validator, tmp_path / "open") == []


def test_a_report_with_gates_keeps_to_it(
    validator: jsonschema.Draft202012Validator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(shipped("experiments"), tmp_path / "experiments")
    path = tmp_path / "experiments" / "studies" / "larger-images.toml"
    path.write_text(
        f"{path.read_text(encoding='utf-8')}\n[fail_on]\nrun_missing = true\nverdict_changed = true\n",
        encoding="utf-8",
    )
    monkeypatch.chdir(tmp_path)
    result = write_report(sample() / "runs", tmp_path / "out")
    assert [gate.passed for gate in result.gates] == [False, False]
    assert findings(validator, tmp_path / "out") == []


def _without_profile(told: dict[str, Any]) -> None:
    del told["values"]["profile"]


def _with_more(told: dict[str, Any]) -> None:
    told["values"]["studies"][0]["comparison"]["more"] = 1


def _other_verdict(told: dict[str, Any]) -> None:
    told["values"]["verdict"]["kind"] = "wins"


@pytest.mark.parametrize("spoil", [_without_profile, _with_more, _other_verdict])
def test_a_key_too_few_a_key_too_many_and_a_value_off_the_list_are_found(
    validator: jsonschema.Draft202012Validator, spoil: Any
) -> None:
    told = json.loads((sample() / "out" / "report.json").read_text(encoding="utf-8"))
    assert validator.is_valid(told)
    spoiled = copy.deepcopy(told)
    spoil(spoiled)
    assert not validator.is_valid(spoiled)
