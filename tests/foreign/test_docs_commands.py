"""The commands of the page on logs, run as they are printed, on logs that each trainer wrote."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest
from test_compare import FIXTURES, tinyexp

PAGE = (Path(__file__).parents[2] / "docs" / "your-logs.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"\| `tinyexp (compare [^`]+)` \|", PAGE)


def expanded(command: str, folder: Path) -> list[str]:
    """As a shell would."""
    words = []
    for word in shlex.split(command):
        found = sorted(folder.glob(word)) if "*" in word else []
        words += [path.relative_to(folder).as_posix() for path in found] or [word]
    return words


def test_there_is_a_command_for_every_trainer():
    assert len(COMMANDS) == 14


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_table_does_as_it_is_printed(command: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(FIXTURES)
    result = tinyexp(*expanded(command, FIXTURES))
    assert result.exit_code == 0, result.output
    assert "Too few seeds to tell whether" in result.stdout, "two of each are too few, and that is said"
    assert result.stdout.splitlines()[0].startswith("design")


def test_what_the_page_says_of_importing_can_be_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    shutil.copytree(FIXTURES / "hydra", tmp_path / "hydra")
    monkeypatch.chdir(tmp_path)
    block = PAGE.split("## Runs of your own")[1].split("```sh\n")[1].split("```")[0]
    study = PAGE.split("```toml\n")[1].split("```")[0]
    (tmp_path / "experiments" / "studies").mkdir(parents=True)
    (tmp_path / "experiments" / "studies" / "grid.toml").write_text(study)
    for line in block.splitlines():
        result = tinyexp(*shlex.split(line, comments=True)[1:])
        assert result.exit_code == 0, (line, result.output)
    assert "changing the width from 4 to 8" in (
        tmp_path / "reports" / "mine" / "report.md"
    ).read_text().replace("\N{NO-BREAK SPACE}", " ")
