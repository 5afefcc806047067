"""The page about many machines: its files are what the systems accept, and its commands exist and do what is said."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from commands import command_of
from ruamel.yaml import YAML

PAGE = (Path(__file__).parents[2] / "docs" / "many-machines.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"### (GitHub|GitLab)\n\n```yaml\n(.*?)```", PAGE, re.DOTALL)
SCHEMAS = {"GitHub": "vendor.github-workflows", "GitLab": "vendor.gitlab-ci"}


def accepted(text: str, schema: str, folder: Path) -> subprocess.CompletedProcess[str]:
    path = folder / "file.yml"
    path.write_text(text)
    return subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(path)],
        capture_output=True,
        text=True,
        check=False,
    )


def tinyexp_lines() -> list[list[str]]:
    """The arguments of every command of the page; a variable stands as a number."""
    shown = re.sub(r"\$\{\{.*?\}\}|\$[A-Z_]+", "1", PAGE)
    lines = re.findall(r"^\s*(?:\$|- run:|-) tinyexp (.*)$", shown, re.MULTILINE)
    return [shlex.split(line, comments=True) for line in lines]


@pytest.mark.parametrize(("system", "text"), BLOCKS)
def test_the_example_is_what_the_system_accepts(system, text, tmp_path):
    whole = f"on: [push]\n{text}" if system == "GitHub" else text
    done = accepted(whole, SCHEMAS[system], tmp_path)
    assert done.returncode == 0, done.stdout
    broken = whole.replace("runs-on:", "run-on:").replace("script:", "scripts:")
    assert accepted(broken, SCHEMAS[system], tmp_path).returncode == 1


def test_both_systems_are_shown():
    assert [system for system, _ in BLOCKS] == ["GitHub", "GitLab"]


def test_as_many_shares_are_trained_as_there_are_copies():
    blocks = {system: YAML(typ="safe", pure=True).load(text) for system, text in BLOCKS}
    shards = blocks["GitHub"]["jobs"]["train"]["strategy"]["matrix"]["shard"]
    assert shards == list(range(1, len(shards) + 1))
    assert f"matrix.shard }}}}/{len(shards)} " in PAGE
    assert "--shard auto " in json.dumps(blocks["GitLab"]["train"]["script"])


@pytest.mark.parametrize("arguments", tinyexp_lines(), ids=" ".join)
def test_its_commands_have_the_options_that_are_shown(arguments):
    name, *rest = arguments
    command = command_of(name)
    command.make_context(name, [word for word in rest if word != "..."], resilient_parsing=False)
