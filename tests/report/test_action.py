"""The action: what GitHub accepts, and its steps, carried out in a fresh repository as a runner would."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tinyexp.report.digest import report_digest

PROJECT = Path(__file__).parents[2]
ACTION = PROJECT / "action.yml"
COMMENT = PROJECT / ".github" / "actions" / "comment"
TRAIN = """
import sys
from pathlib import Path
height, seed, out = float(sys.argv[2]), int(sys.argv[4]), Path(sys.argv[6])
rows = "".join(f"{epoch},{height + seed / 1000 + epoch / 100!r}\\n" for epoch in (1, 2, 3))
(out / "metrics.csv").write_text("epoch,test_accuracy\\n" + rows)
"""
GH = """#!/usr/bin/env python3
import json, sys
from pathlib import Path
state, words = Path(__file__).with_name("comments.json"), sys.argv[1:]
comments = json.loads(state.read_text()) if state.exists() else []
if "--method" not in words:  # as gh does it: jq over each page
    import subprocess
    sys.stdout.write(subprocess.run(["jq", "-r", words[words.index("--jq") + 1]], input=json.dumps(comments), text=True, capture_output=True, check=True).stdout)
    sys.exit()
body = Path(words[-1].removeprefix("body=@")).read_text()
target = words[words.index("--method") + 2]
if words[words.index("--method") + 1] == "POST":
    comments.append({"id": len(comments) + 7, "body": body})
else:
    [comment] = [one for one in comments if str(one["id"]) == target.rpartition("/")[2]]
    comment["body"] = body
state.write_text(json.dumps(comments))
"""


def action(path: Path = ACTION) -> dict[str, Any]:
    return YAML(typ="safe", pure=True).load(path)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A fresh repository with a command experiment, made by the command that makes one."""
    (tmp_path / "train.py").write_text(TRAIN)
    command = f"{sys.executable} train.py --height {{height}} --seed {{seed}} --out {{folder}}"
    subprocess.run(
        [
            sys.executable,
            "-m",
            "tinyexp",
            "init",
            "--run",
            command,
            "--change",
            "height=0.5,0.7",
            "--metric",
            "test_accuracy",
        ],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    return tmp_path


@pytest.fixture
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a runner has on its PATH: python, tinyexp, and gh with GitHub behind it."""
    folder = tmp_path_factory.mktemp("bin")
    for name, text in (
        ("python", f'#!/bin/sh\nexec {sys.executable} "$@"\n'),
        ("tinyexp", f'#!/bin/sh\nexec {sys.executable} -m tinyexp "$@"\n'),
        ("gh", GH),
    ):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return folder


class Runner:
    """Carries out the steps of a composite action that a shell runs, in their order; notes those that are other actions."""

    def __init__(
        self, folder: Path, tools: Path, inputs: dict[str, str], event: str = "pull_request"
    ) -> None:
        self.folder, self.tools, self.event = folder, tools, event
        self.inputs = {name: str(one.get("default", "")) for name, one in action()["inputs"].items()} | inputs
        self.inputs |= {"install": ""}  # what pip would install is there
        self.outputs: dict[str, str] = {}
        self.used: list[dict[str, Any]] = []
        self.said = ""
        self.summary = tools / "summary"
        self.failed = False

    def run(self) -> bool:
        """Gives whether all steps went well."""
        for step in action()["runs"]["steps"]:
            if not self._wanted(str(step.get("if", ""))):
                continue
            if "uses" in step:
                self.used.append(
                    {
                        "uses": step["uses"],
                        **{key: self._filled(str(value)) for key, value in step["with"].items()},
                    }
                )
                continue
            self._shell(step)
        return not self.failed

    def _wanted(self, condition: str) -> bool:
        if self.failed and "always()" not in condition:
            return False
        text = condition.replace("always()", "True").replace("&&", " and ").replace("||", " or ") or "True"
        text = text.replace("github.event_name", repr(self.event))
        text = re.sub(r"inputs\.(\w+)", lambda name: repr(self.inputs[name[1]]), text)
        text = re.sub(
            r"steps\.report\.outputs\.(\w+)", lambda name: repr(self.outputs.get(name[1], "")), text
        )
        return bool(eval(text, {"__builtins__": {}}))  # noqa: S307 - a condition of our own file

    def _filled(self, text: str) -> str:
        known = {f"inputs.{name}": value for name, value in self.inputs.items()} | {
            "github.repository": "you/yours",
            "github.event.pull_request.number": "12",
            "github.token": "secret",
            "runner.os": "Linux",
            "runner.arch": "X64",
            "github.run_id": "1",
            "github.run_attempt": "1",
        }
        return re.sub(r"\$\{\{ (.*?) \}\}", lambda name: known[name[1]], text)

    def _shell(self, step: dict[str, Any]) -> None:
        (output := self.tools / "output").write_text("")
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", self._filled(step["run"])],
            cwd=self.folder,
            env=os.environ
            | {name: self._filled(str(value)) for name, value in step.get("env", {}).items()}
            | {
                "PATH": f"{self.tools}{os.pathsep}{os.environ['PATH']}",
                "PYTHONPATH": str(PROJECT),
                "GITHUB_OUTPUT": str(output),
                "GITHUB_STEP_SUMMARY": str(self.summary),
                "GITHUB_ACTION_PATH": str(PROJECT),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        self.said += done.stdout + done.stderr
        self.failed = self.failed or done.returncode != 0
        self.outputs |= dict(line.split("=", 1) for line in output.read_text().splitlines())

    @property
    def comments(self) -> list[dict[str, Any]]:
        path = self.tools / "comments.json"
        return json.loads(path.read_text()) if path.exists() else []


@pytest.mark.parametrize("path", [ACTION, COMMENT / "action.yml"], ids=["action", "comment"])
def test_github_accepts_it(path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-actions", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


CI_PAGE = (PROJECT / "docs" / "ci.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", CI_PAGE, re.DOTALL)


@pytest.mark.parametrize(
    ("text", "schema"),
    list(
        zip(EXAMPLES, ("github-workflows", "github-workflows", "gitlab-ci", "github-workflows"), strict=True)
    ),
    ids=["github", "forks", "gitlab", "attest"],
)
def test_the_examples_of_the_page_are_what_the_systems_accept(text: str, schema: str, tmp_path: Path) -> None:
    path = tmp_path / "file.yml"
    for content, accepted in (
        (text, True),
        (text.replace("runs-on:", "run-on:").replace("script:", "scripts:"), False),
    ):
        path.write_text(content)
        done = subprocess.run(
            [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", str(path)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode == 0) == accepted, done.stdout


def test_what_signs_runs_no_code_of_a_pull_request() -> None:
    """It runs from the main branch after a build of that branch, checks nothing out, and only there are signatures allowed."""
    told = YAML(typ="safe", pure=True).load(EXAMPLES[3])
    assert list(told["on"]) == ["workflow_run"]
    [job] = told["jobs"].values()
    assert "workflow_run.event == 'push'" in job["if"]
    assert "workflow_run.head_branch == github.event.repository.default_branch" in job["if"]
    assert not [step for step in job["steps"] if "run" in step or "checkout" in step.get("uses", "")]
    assert told["permissions"] == {"actions": "read", "attestations": "write", "id-token": "write"}
    for text in EXAMPLES[:2]:
        assert "id-token" not in YAML(typ="safe", pure=True).load(text)["permissions"]


def test_the_inputs_that_the_page_gives_are_inputs() -> None:
    for text in EXAMPLES[:2]:
        for job in YAML(typ="safe", pure=True).load(text)["jobs"].values():
            for step in job["steps"]:
                name = step.get("uses", "").split("@")[0]
                path = {
                    "tinyexp/tinyexp": ACTION,
                    "tinyexp/tinyexp/.github/actions/comment": COMMENT / "action.yml",
                }.get(name)
                if path:
                    assert set(step["with"]) <= set(action(path)["inputs"])


def test_nothing_of_an_input_stands_in_a_script() -> None:
    """What a user or a pull request says reaches a shell as the value of a variable, never as its text."""
    for step in action()["runs"]["steps"]:
        assert "${{" not in step.get("run", "")


def test_other_actions_are_pinned_by_commit() -> None:
    for step in action()["runs"]["steps"]:
        assert re.fullmatch(r"[\w-]+/[\w/-]+@[0-9a-f]{40}", step.get("uses", "a/b@" + "0" * 40))


def test_ten_lines_train_report_check_attach_and_comment(repository: Path, tools: Path) -> None:
    runner = Runner(repository, tools, {"train": "--seeds 3", "comment": "true"})
    assert runner.run(), runner.said
    assert runner.outputs["verdict"] == "Contender beats Baseline by 20.0 points"
    assert re.fullmatch(r"[0-9a-f]{64}", runner.outputs["digest"])
    assert "Contender" in runner.summary.read_text()
    assert '"sound": true' in runner.said
    assert runner.outputs["digest"] == report_digest(repository / "report")
    assert f"the SHA-256 of the whole report is {runner.outputs['digest']}" in runner.said, (
        "for who reads the log"
    )
    assert runner.outputs["digest"] in runner.summary.read_text()
    uploads = [one for one in runner.used if "upload-artifact" in one["uses"]]
    assert [one["path"] for one in uploads] == ["report", "report/report.html"]
    assert {"junit.xml", "badge.svg", "report.html"} <= {
        path.name for path in (repository / "report").iterdir()
    }
    [comment] = runner.comments
    assert comment["body"] == (repository / "report" / "summary.md").read_text()


@pytest.mark.slow
def test_the_next_build_uses_the_runs_again_and_writes_the_same_comment_anew(
    repository: Path, tools: Path
) -> None:
    assert Runner(repository, tools, {"train": "--seeds 3", "comment": "true"}).run()
    others = [{"id": 1, "body": "mine"}, *json.loads((tools / "comments.json").read_text())]
    others[1]["body"] = others[1]["body"].replace("beats", "had beaten")
    (tools / "comments.json").write_text(json.dumps(others))
    again = Runner(repository, tools, {"train": "--seeds 3", "comment": "true"})
    assert again.run(), again.said
    assert "6 finished before, 0 to train" in again.said
    assert [one["id"] for one in again.comments] == [1, 7]
    assert again.comments[0]["body"] == "mine"
    assert again.comments[1]["body"] == (repository / "report" / "summary.md").read_text()


@pytest.mark.slow
def test_a_gate_that_fails_fails_the_build_once_the_report_is_attached(repository: Path, tools: Path) -> None:
    study = next((repository / "experiments" / "studies").glob("*.toml"))
    study.write_text(study.read_text() + "\n[fail_on]\naccuracy_below = { contender = 0.99 }\n")
    runner = Runner(repository, tools, {"train": "--seeds 3", "comment": "true"})
    assert not runner.run()
    assert "gate failed" in runner.said
    assert runner.outputs["verdict"].startswith("Contender beats")
    assert len([one for one in runner.used if "upload-artifact" in one["uses"]]) == 2
    assert "Failed" in runner.comments[0]["body"]


def test_a_training_that_fails_keeps_its_runs_and_no_report_is_attached(
    repository: Path, tools: Path
) -> None:
    (repository / "train.py").write_text("raise SystemExit(3)")
    runner = Runner(repository, tools, {"train": "--seeds 3", "comment": "true"})
    assert not runner.run()
    assert [one["uses"].split("@")[0] for one in runner.used] == [
        "actions/cache/restore",
        "actions/cache/save",
    ]
    assert runner.comments == []


def test_logs_of_another_trainer_are_taken_in(repository: Path, tools: Path) -> None:
    shutil.rmtree(repository / "experiments")
    for design, height in (("wide", 0.7), ("plain", 0.5)):
        for seed in range(3):
            folder = repository / "logs" / f"{design}-seed{seed}"
            folder.mkdir(parents=True)
            rows = "".join(f"{epoch},{height + seed / 1000!r}\n" for epoch in (1, 2, 3))
            (folder / "metrics.csv").write_text("epoch,test_accuracy\n" + rows)
    runner = Runner(repository, tools, {"logs": "logs", "train": "skip"}, event="push")
    assert runner.run(), runner.said
    assert "by 20.0 points" in runner.outputs["verdict"]
    assert runner.comments == []


def test_options_are_words_and_no_commands(repository: Path, tools: Path) -> None:
    runner = Runner(repository, tools, {"train": "--seeds 3; touch stolen $(touch stolen)"})
    assert not runner.run()
    assert not (repository / "stolen").exists()


def test_what_is_no_summary_of_ours_is_not_posted(tmp_path: Path, tools: Path) -> None:
    (tmp_path / "summary.md").write_text("# Hello\n")
    done = subprocess.run(
        ["bash", str(COMMENT / "comment.sh"), str(tmp_path / "summary.md")],
        env=os.environ
        | {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}", "GH_REPO": "a/b", "NUMBER": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "Name the summary.md of a report" in done.stderr
    assert not (tools / "comments.json").exists()
