"""What a shell completes, asked as the shells ask it: by environment variables, and by the script that bash runs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from click.testing import CliRunner

from tinyexp.cli import main
from tinyexp.cli_complete import ENGINES

PROJECT = Path(__file__).parent.parent
CALLED = "import sys; sys.argv[0] = 'tinyexp'; from tinyexp.cli import main; main()"
HEAVY = ("jinja2", "matplotlib", "numpy", "pandas", "pydantic", "rich", "tomllib", "torch")


def answer(folder, *words, code=CALLED, shell="bash"):
    """What tinyexp says to a shell in which the last of the words is being typed."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(PROJECT),
        "_TINYEXP_COMPLETE": f"{shell}_complete",
        "COMP_WORDS": " ".join(("tinyexp", *words)),
        "COMP_CWORD": words[-1] if shell == "fish" else str(len(words)),
    }
    return subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def completed(folder, *words):
    done = answer(folder, *words)
    assert (done.returncode, done.stderr) == (0, "")
    return [line.partition(",")[2] for line in done.stdout.splitlines() if line]


@pytest.fixture
def own(tmp_path):
    """A folder with experiments of its own, one of them with a name that cannot be used."""
    for name in ("narrow", "wide", "wider", "source", "no name"):
        (tmp_path / "experiments" / f"{name}.toml").parent.mkdir(exist_ok=True)
        (tmp_path / "experiments" / f"{name}.toml").write_text("this is read by nobody here")
    (tmp_path / "experiments" / "studies").mkdir()
    (tmp_path / "experiments" / "studies" / "does-width-help.toml").touch()
    (tmp_path / "runs" / "imported").mkdir(parents=True)
    (tmp_path / "kept" / "desk").mkdir(parents=True)
    return tmp_path


@pytest.mark.parametrize(
    ("words", "choices"),
    [
        (["run", ""], ["narrow", "wide", "wider"]),
        (["run", "--seed", "3", "wi"], ["wide", "wider"]),
        (["try", "n"], ["narrow"]),
        (["show", "w"], ["wide", "wider"]),
        (["diff", "wide", "wider"], ["wider"]),
        (["run-all", "--only", "n"], ["narrow"]),
        (["plan", ""], ["does-width-help"]),
        (["run-all", "--study", "does"], ["does-width-help"]),
        (["run", "wide", "--profile", ""], ["default"]),
        (["report", "--profile", ""], ["imported"]),
        (["export", "--runs", "kept", "--profile", ""], ["desk"]),
        (["report", "--runs", "nowhere", "--profile", ""], []),
        (["run-all", "--on", "s"], ["slurm"]),
        (["data", "fetch", "tiny"], ["tiny-imagenet"]),
        (["run-all", "--plan", "f"], ["fraction", "full"]),
        (["run-all", "--until"], ["--until-decided"]),
        (["data", ""], ["fetch", "list", "pack", "verify"]),
        (["sta"], ["status"]),
    ],
    ids=" ".join,
)
def test_names_of_the_folder_are_completed(own, words, choices):
    assert completed(own, *words) == choices


@pytest.mark.parametrize(
    ("words", "choices"),
    [
        (["run", "tiny"], ["tiny-design1", "tiny-design2"]),
        (["plan", "why"], ["why-design1-beat-design2"]),
        (["plan", "why-design1-beat-design2", "--profile", ""], ["desk", "embedded", "paper"]),
    ],
    ids=" ".join,
)
def test_in_a_folder_without_experiments_the_shipped_ones_are_completed(tmp_path, words, choices):
    assert completed(tmp_path, *words) == choices


@pytest.mark.parametrize(
    "words", [["run", ""], ["plan", ""], ["run", "--profile", ""], ["report", "--profile", ""]], ids=" ".join
)
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_folder_that_is_gone_is_no_traceback(tmp_path, words, shell):
    gone = "import os; os.mkdir('gone'); os.chdir('gone'); os.rmdir('../gone')\n"
    done = answer(tmp_path, *words, code=gone + CALLED, shell=shell)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_other_shells_are_answered_too(own, shell):
    done = answer(own, "run", "wi", shell=shell)
    assert done.returncode == 0
    assert "wide" in done.stdout
    assert "narrow" not in done.stdout


@pytest.mark.parametrize(
    "words",
    [
        ["run", ""],
        ["plan", ""],
        ["run-all", "--study", ""],
        ["show", "a", "--profile", ""],
        ["data", "fetch", ""],
    ],
    ids=" ".join,
)
def test_completion_loads_nothing_heavy(own, words):
    told = (
        "import atexit, sys; atexit.register(lambda: print('loaded:', [m for m in %r if m in sys.modules]))\n"
    )
    done = answer(own, *words, code=told % (HEAVY,) + CALLED)
    assert done.stdout.splitlines()[-1] == "loaded: []"
    assert len(done.stdout.splitlines()) > 1


def test_the_engines_that_are_completed_are_those_there_are():
    from tinyexp.launch import engines

    assert tuple(engines.ENGINES) == ENGINES


def test_the_page_has_the_lines_of_the_help():
    page = (PROJECT / "docs/using-it.md").read_text(encoding="utf-8")
    told = [line.partition("  #")[0].strip() for line in page.splitlines() if "_TINYEXP_COMPLETE" in line]
    said = " ".join(CliRunner().invoke(main, ["--help"]).output.split())
    assert len(told) == 3
    for line in told:
        assert line in said


@pytest.fixture
def in_shell(own, tmp_path):
    """Runs a program in the folder with experiments, where ``tinyexp`` is on PATH."""
    program = tmp_path / "bin" / "tinyexp"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{CALLED}" "$@"\n')
    program.chmod(0o755)
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "PATH": f"{program.parent}:{os.environ['PATH']}"}
    environment |= {"TERM": "dumb", "HOME": str(tmp_path)}  # nobody's own settings of a shell

    def run(*command):
        if shutil.which(command[0]) is None and command[0] != "tinyexp":
            pytest.skip(f"there is no {command[0]} here")
        return subprocess.run(command, cwd=own, env=environment, capture_output=True, text=True, check=False)

    return run


def line_of(in_shell, shell):
    """The line that the help names for a shell."""
    [line] = [
        line.strip()
        for line in in_shell("tinyexp", "--help").stdout.splitlines()
        if f"{shell}_source" in line
    ]
    return line[line.index("eval" if shell != "fish" else "_TINYEXP") :]


def test_bash_completes_by_the_lines_that_the_help_names(in_shell):
    typed = textwrap.dedent("""\
        COMP_WORDS=(tinyexp run --seed 0 wi) COMP_CWORD=4
        "$(complete -p tinyexp | sed 's/.*-F \\([^ ]*\\) .*/\\1/')" tinyexp wi 0
        printf '%s\\n' "${COMPREPLY[@]}"
        """)
    done = in_shell("bash", "--norc", "-c", f"{line_of(in_shell, 'bash')}\n{typed}")
    assert (done.stdout, done.stderr) == ("wide\nwider\n", "")


def test_fish_completes_by_the_lines_that_the_help_names(in_shell):
    done = in_shell("fish", "-c", f"{line_of(in_shell, 'fish')}; complete -C 'tinyexp run --seed 0 wi'")
    assert (done.stdout, done.stderr) == ("wide\nwider\n", "")


ZSH = """
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell 'unsetopt zle_bracketed_paste; autoload -Uz compinit; compinit -u -D; PROMPT=READY; {line}'
zpty -r shell said '*READY*READY*'
zpty -w -n shell $'tinyexp plan does\t'
zpty -r shell said '*tinyexp plan does-*help*'
print -r -- $said
"""


def test_zsh_completes_by_the_lines_that_the_help_names(in_shell):
    """The tab key, pressed in a terminal."""
    done = in_shell("timeout", "60", "zsh", "-f", "-c", ZSH.replace("{line}", line_of(in_shell, "zsh")))
    assert "tinyexp plan does-width-help" in done.stdout, done


def test_options_of_the_commands_that_look_at_runs_are_completed(tmp_path):
    assert {"--checkpoints", "--work", "--yes", "--runs"} <= set(completed(tmp_path, "clean", "--"))
    assert "--watch" in completed(tmp_path, "status", "--w")
