"""A release says one version and one date, wherever it says them."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from ruamel.yaml import YAML

PROJECT = Path(__file__).parent.parent
CITATION = PROJECT / "CITATION.cff"
META = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def read(name):
    return (PROJECT / name).read_text(encoding="utf-8")


def validated(path):
    """What the schema of the Citation File Format, as check-jsonschema brings it along, says of a file."""
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "check_jsonschema",
            "--builtin-schema",
            "vendor.citation-file-format",
            str(path),
        ],
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_citation_is_what_its_format_says():
    done = validated(CITATION)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(("old", "new"), [("authors:", "author:"), ("license: MIT", "license: mine")])
def test_a_citation_that_its_format_does_not_know_is_noticed(tmp_path, old, new):
    path = tmp_path / "CITATION.cff"
    path.write_text(read("CITATION.cff").replace(old, new))
    assert validated(path).returncode == 1


def test_the_citation_the_changelog_and_the_action_name_the_version_of_the_package():
    version = META["version"]
    cited = YAML(typ="safe").load(CITATION)
    assert (cited["version"], cited["title"], cited["license"]) == (version, META["name"], META["license"])
    assert cited["keywords"] == META["keywords"]
    newest = re.findall(r"^## \[(\d[^]]*)\] - (\S+)$", read("CHANGELOG.md"), re.MULTILINE)[0]
    assert newest == (version, cited["date-released"])
    pinned = re.findall(r"(?:@v|tinyexp==)(\d+\.\d+\.\d+)", read("docs/ci.md") + read("action.yml"))
    # `uses: actions/checkout@v7` names one number and is somebody else's.
    assert len(pinned) == 3
    assert set(pinned) == {version}


def test_the_changelog_is_a_screen_and_knows_where_the_next_change_goes():
    lines = read("CHANGELOG.md").splitlines()
    assert "## [Unreleased]" in lines
    parts = read("CHANGELOG.md").split("\n## [")[1:]
    assert all(len(part.splitlines()) <= 50 for part in parts)


def test_what_pipx_is_asked_to_run_is_a_program_of_the_package():
    [line] = re.findall(r"^pipx run --spec \. (\S+)", read("README.md"), re.MULTILINE)
    assert line in META["scripts"]
