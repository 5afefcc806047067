"""The example workflow: what GitHub would accept, with few rights, pinned actions, and commands that exist."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from commands import command_of
from records_maker import make_runs
from ruamel.yaml import YAML

from tinyexp.cli import main
from tinyexp.report.step_summary import VARIABLE

PROJECT = Path(__file__).parents[2]
WORKFLOW = PROJECT / ".github" / "workflows" / "report.yml"
CI_PAGE = PROJECT / "docs" / "ci.md"


@pytest.fixture(scope="module")
def workflow():
    return YAML(typ="safe", pure=True).load(WORKFLOW)


def steps(workflow, job=None):
    return [step for name, one in workflow["jobs"].items() if job in (None, name) for step in one["steps"]]


def shell_lines(workflow, job=None):
    return [line for step in steps(workflow, job) for line in step.get("run", "").splitlines()]


def tinyexp_lines(lines):
    """The arguments of each line that calls the program."""
    found = [
        shlex.split(line, comments=True) for line in lines if re.match(r"(\$ )?(\S*/)?tinyexp ", line.strip())
    ]
    return [words[words.index("$") + 2 :] if words[0] == "$" else words[1:] for words in found]


def validated(path):
    """What the schema of GitHub's workflows, as check-jsonschema brings it along, says of a file."""
    return subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_workflow_is_one_by_githubs_schema():
    said = validated(WORKFLOW)
    assert said.returncode == 0, said.stdout


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("runs-on: ubuntu-24.04", "run-on: ubuntu-24.04"),
        ("contents: read", "contents: reed"),
        ("run: make", "rum: make"),
    ],
)
def test_the_schema_finds_a_slip(tmp_path, old, new):
    text = WORKFLOW.read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "report.yml").write_text(text.replace(old, new, 1), encoding="utf-8")
    assert validated(tmp_path / "report.yml").returncode == 1


def test_every_action_is_pinned_by_its_commit_and_names_the_release(workflow):
    used = [step["uses"] for step in steps(workflow) if "uses" in step]
    assert len(used) >= 5
    text = WORKFLOW.read_text(encoding="utf-8")
    for name in used:
        assert re.fullmatch(r"[\w-]+/[\w./-]+@[0-9a-f]{40}", name)
        assert re.search(rf"{re.escape(name)} # v\d+\.\d+\.\d+\n", text)
    commits = {}
    for name in used:
        repository, _, commit = name.partition("@")
        commits.setdefault("/".join(repository.split("/")[:2]), set()).add(commit)
    assert all(len(pins) == 1 for pins in commits.values()), "one release of each action"


def test_rights_are_the_fewest_and_no_job_that_runs_a_pull_requests_code_may_write(workflow):
    assert workflow["permissions"] == {}
    rights = {name: job["permissions"] for name, job in workflow["jobs"].items()}
    assert rights == {"report": {"contents": "read"}, "comment": {"pull-requests": "write"}}
    assert "pull_request_target" not in workflow["on"]
    comment = steps(workflow, "comment")
    assert not any("checkout" in step.get("uses", "") for step in comment)
    assert not tinyexp_lines(shell_lines(workflow, "comment"))
    assert "head.repo.full_name == github.repository" in workflow["jobs"]["comment"]["if"]
    [checkout] = [step for step in steps(workflow) if "checkout" in step.get("uses", "")]
    assert checkout["with"]["persist-credentials"] is False


def test_no_expression_is_put_into_a_shell(workflow):
    """What an event holds is anybody's text: it reaches a shell as a variable, never as code."""
    assert not [line for line in shell_lines(workflow) if "${{" in line]


def test_the_caches_of_runs_know_the_code_that_made_them(workflow):
    """A run is used again by identity, which does not know the code."""
    [cache] = [step for step in steps(workflow) if step.get("id") == "runs"]
    for key in (cache["with"]["key"], *cache["with"]["restore-keys"].split("\n")[:-1]):
        assert "hashFiles('tinyexp/**', 'constraints.txt', 'pyproject.toml')" in key


def test_what_comes_after_a_failed_gate_runs_all_the_same(workflow):
    told = steps(workflow, "report")
    [place] = [n for n, step in enumerate(told) if "upload-artifact" in step.get("uses", "")]
    reports = [n for n, step in enumerate(told) if " report " in step.get("run", "")]
    assert len(reports) == 2
    assert max(reports) < place
    for step in told[max(reports) + 1 :]:
        assert "!cancelled()" in step["if"]
    assert "!cancelled()" in workflow["jobs"]["comment"]["if"]


@pytest.mark.parametrize("source", ["workflow", "page"])
def test_every_command_is_one_of_the_programs(workflow, source):
    lines = shell_lines(workflow)
    if source == "page":
        blocks = CI_PAGE.read_text(encoding="utf-8").split("```")[1::2]
        lines = [
            line for block in blocks if block.startswith(("sh", "console")) for line in block.splitlines()
        ]
    found = tinyexp_lines(lines)
    assert len(found) >= 3
    for name, *arguments in found:
        command_of(name).make_context(name, list(arguments))


def test_a_command_with_an_option_that_is_not_there_would_be_found():
    with pytest.raises(click.NoSuchOption):
        command_of("report").make_context("report", ["--out", "x", "--baselin", "y"])


def test_make_has_the_target_that_installs(workflow):
    targets = re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    asked = [line.split()[1] for line in shell_lines(workflow) if line.startswith("make ")]
    assert asked
    assert set(asked) <= set(targets)


def test_the_steps_do_what_they_say(workflow, tmp_path, monkeypatch):
    """The report's commands in their order, over small runs: first without a baseline, then with the one kept."""
    make_runs(tmp_path / "runs", ["tiny-design1", "tiny-design2"])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "step"))
    found = [
        arguments for arguments in tinyexp_lines(shell_lines(workflow, "report")) if arguments[0] != "run-all"
    ]
    [held] = [arguments for arguments in found if "--baseline" in arguments]
    [bare] = [arguments for arguments in found if arguments[0] == "report" and "--baseline" not in arguments]
    [check] = [arguments for arguments in found if arguments[0] == "check"]
    [keep] = [line for line in shell_lines(workflow, "report") if "cp " in line]
    kept = Path(shlex.split(keep)[-2])
    for arguments in (bare, check):
        assert CliRunner().invoke(main, arguments).exit_code == 0
    shutil.copytree(kept.parent, "whole")
    Path("baseline").mkdir()
    shutil.copy(kept, shlex.split(keep)[-1])
    for arguments in (held, check):
        assert CliRunner().invoke(main, arguments).exit_code == 0
    assert "these are the same runs" in Path("reports/latest/summary.md").read_text(encoding="utf-8")
    appended = (tmp_path / "step").read_text(encoding="utf-8")
    assert appended.count("# Design\u00a01 beats Design\u00a02 by") == 2
