"""Nothing of anybody's acts on the terminal: every command, every way of progress, every kind of text."""

import io
import json
import os
import tomllib
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from rich.console import Console
from small_runs import small_plan

from tinyexp.cli import main
from tinyexp.launch.progress import PlainProgress, TerminalProgress
from tinyexp.runs.records import Status, table_text, write_section
from tinyexp.terminal import visible
from tinyexp.trainers.vision.columns import METRIC_COLUMNS
from tinyexp.trainers.vision.training.run import _Run

ATTACKS = {
    "colour": "\x1b[31mred\x1b[0m",
    "title": "\x1b]0;owned\x07",
    "cleared": "\x1b[2J\x1b[H",
    "one byte": "\x9b31m",
    "backspace": "all well\b\b\b\b\b\b\b\b",
    "return": "bad\rgood",
    "right to left": "\u202elufraeh\u202c",
    "isolate": "\u2067x\u2069",
    "zero width": "a\u200bb\ufeff",
    "separator": "one\u2028tinyexp: two",
    "half a pair": "\udcff",
    "markup": "[bold]x[/bold] [link=http://evil.example]y[/link] [/] :smile: [",
    "lines": "one\ntinyexp: all is well\n",
}
SEEN = "\x1b\x9b\x07\x08\r\u202e\u202c\u2067\u2069\u200b\ufeff\u2028\udcff\x00"
"""What must never be in an output."""


def harmless(text):
    assert not set(text) & set(SEEN), repr(text)


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_text_made_visible_has_nothing_that_acts(attack):
    harmless(visible(attack))
    assert visible(attack, one_line=True).isprintable()


def test_plain_text_of_any_script_stays_as_it_is():
    for text in ("ResNet-18, 57.9\u00a0%", "\u05e9\u05dc\u05d5\u05dd", "\u65e5\u672c\u8a9e", "\U0001f600"):
        assert visible(text) == text


def test_escapes_are_those_of_toml_and_of_json():
    for text in ("\x1b[31m\u202e", "\U000e0041 tag"):
        assert tomllib.loads(f'a = "{visible(text)}"')["a"] == text
        assert json.loads(f'"{visible(text, pairs=True)}"') == text


def record(runs, message):
    plan = small_plan(runs)
    write_section(plan.folder.record, plan.record)
    write_section(plan.folder.status, Status(state="failed", epochs_done=0, epochs=3, message=message))
    return plan


@pytest.mark.parametrize("attack", [text for text in ATTACKS.values() if text != "\udcff"])
@pytest.mark.parametrize("options", [(), ("--json",)])
def test_the_list_of_runs_shows_messages_as_text(tmp_path, attack, options):
    record(tmp_path, attack)
    result = CliRunner().invoke(main, ["status", "--runs", str(tmp_path), *options])
    assert result.exit_code == 0
    harmless(result.output)
    if options:
        assert json.loads(result.stdout)[0]["message"] == attack
    else:
        assert len(result.stdout.splitlines()) == 2


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
@pytest.mark.parametrize(
    "command",
    [
        ("show", "{}"),
        ("diff", "tiny-design1", "{}"),
        ("run", "{}"),
        ("run-all", "--only", "{}"),
        ("run-all", "--study", "{}"),
        ("show", "tiny-design1", "--profile", "{}"),
        ("show", "tiny-design1", "--set", "model.hidden_activation={}"),
        ("show", "tiny-design1", "--set", "{}=1"),
        ("status", "--runs", "{}"),
        ("check", "{}"),
        ("report", "--runs", "{}", "--out", "x"),
        ("plan", "{}"),
        ("data", "fetch", "{}"),
        ("data", "verify", "fashion-mnist", "--root", "{}"),
    ],
    ids=" ".join,
)
def test_what_was_typed_comes_back_as_text(attack, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(
        main, [part.format(attack) if part == "{}" else part.replace("{}", attack) for part in command]
    )
    assert result.exit_code == 2, result.output
    assert not isinstance(result.exception, Exception) or isinstance(result.exception, SystemExit)
    harmless(result.output)


@pytest.mark.parametrize("attack", [text for text in ATTACKS.values() if text != "\udcff"])
def test_an_experiments_title_is_shown_as_text_that_can_be_read_back(attack):
    value = json.dumps(attack)
    for options in ((), ("--json",)):
        result = CliRunner().invoke(main, ["show", "tiny-design1", "--set", f"title={value}", *options])
        harmless(result.output)
        assert result.exit_code == 0
    shown = CliRunner().invoke(main, ["show", "tiny-design1", "--set", f"title={value}"]).stdout
    assert tomllib.loads(shown)["title"] == attack


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_progress_shows_names_and_messages_as_text(tmp_path, attack, capsys):
    plan = small_plan(tmp_path)
    plan = type(plan)(plan.experiment, plan.record, plan.folder, label=attack)
    status = Status(state="failed", epochs_done=0, epochs=3, message="x").model_copy(
        update={"message": attack}
    )
    screen = io.StringIO()
    for progress in (
        PlainProgress(1),
        TerminalProgress(1, Console(file=screen, force_terminal=True, color_system=None, width=200)),
    ):
        progress.begin([plan], 0)
        progress.started(plan)
        progress.note(attack)
        progress.ended(plan, status)
        progress.end()
    harmless(capsys.readouterr().err)
    # rich itself moves the cursor, and may: what is looked for is what the text brought along.
    shown = screen.getvalue()
    for part in ("\x1b[31m", "\x1b]0;", "\x9b", "\x07", "\b", *"\u202e\u2067\u200b\u2028\udcff"):
        assert part not in shown
    if "[bold]" in attack:
        assert "[bold]x[/bold] [link=http://evil.example]y[/link] [/] :smile: [" in shown
        assert "\x1b]8;" not in shown


def test_a_file_name_that_is_no_utf8_is_shown(tmp_path):
    name = os.fsdecode(b"bad\xff\x1b[31m.toml")
    result = CliRunner().invoke(main, ["check", str(tmp_path / name)])
    assert result.exit_code == 2
    harmless(result.output)
    assert "bad\\udcff\\u001b[31m" in result.output


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "|calc"])
def test_text_in_a_table_is_no_formula_and_numbers_stay_numbers(text):
    """Tables hold numbers; a text that got into one would be quoted."""
    line = table_text(["a", "b"], [{"a": text, "b": -0.5}]).splitlines()[1]
    assert line[0] in "'\""
    assert line.endswith(",-0.5")


def test_every_cell_of_the_kept_tables_is_a_number():
    row = dict.fromkeys(METRIC_COLUMNS, -0.5) | {"val_loss": None}
    cells = table_text(METRIC_COLUMNS, [row]).splitlines()[1].split(",")
    assert [cell for cell in cells if cell] == ["-0.5"] * (len(METRIC_COLUMNS) - 1)


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_a_line_of_a_runs_log_is_one_line_of_text(tmp_path, attack):
    """Logs are looked at in terminals."""
    plan = small_plan(tmp_path)
    plan.folder.path.mkdir(parents=True)
    _Run._log(SimpleNamespace(folder=plan.folder), attack)
    harmless(plan.folder.log.read_text())
    assert len(plan.folder.log.read_text().splitlines()) == 1
