"""The page on reproducing the source: its commands are accepted, its tables printed, its readings those that there are."""

from __future__ import annotations

import importlib
import re
import shlex
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from data_folders import make_imagenet, make_tiny_imagenet

from tinyexp.analysis.decisions import departs
from tinyexp.analysis.design import study_design
from tinyexp.cli import main
from tinyexp.config.load import experiment_names, load_experiment, load_profile, parse_override
from tinyexp.config.source import ambiguities
from tinyexp.errors import UserError
from tinyexp.launch.wanted import designs, studies_over

PROJECT = Path(__file__).parent.parent
PAGE = (PROJECT / "docs" / "reproducing-the-source.md").read_text(encoding="utf-8")
COMMANDS = [
    line
    for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    for line in block.splitlines()
    if line.startswith("tinyexp ")
]
SPANS = [span for span in re.findall(r"`(tinyexp [^`]+)`", PAGE) if " " in span]
AS_PRINTED = [
    line for line in COMMANDS if line.startswith(("tinyexp plan", "tinyexp data list", "tinyexp data pack"))
]


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """The layouts of both data sets, with all their classes, in ``./data``."""
    make_tiny_imagenet(
        tmp_path / "data" / "tiny-imagenet-200", classes=200, train_per_class=6, val_per_class=1, size=16
    )
    make_imagenet(tmp_path / "data" / "imagenet", classes=1000, train_per_class=1, val_per_class=1, size=16)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TINYEXP_DATA", raising=False)
    return tmp_path


def parsed(line: str) -> click.Context:
    """A command with its arguments taken in by the program, and not carried out; raises where it takes them not."""
    words = shlex.split(line)[1:]
    command: click.Command = main
    parent = click.Context(main, info_name="tinyexp")
    while isinstance(command, click.Group):
        name, found, words = command.resolve_command(parent, words)
        assert found is not None, line
        command, parent = found, click.Context(found, info_name=name, parent=parent)
    return command.make_context(command.name, list(words))


def test_the_page_shows_the_commands_in_full():
    assert len(COMMANDS) > 20
    assert len(AS_PRINTED) > 6


@pytest.mark.parametrize("line", [*COMMANDS, *SPANS])
def test_a_command_of_the_page_is_one_that_the_program_takes(line):
    context = parsed(line)
    given = context.params
    if line.startswith("tinyexp run"):
        profile = given["profile"]
        settings = dict(parse_override(text) for text in given["settings"])
        names = [given["experiment"]] if "experiment" in given else experiment_names()
        assert designs(names, profile, settings)
        assert (
            studies_over(names, given.get("studies") or load_profile(profile).studies)
            or "experiment" in given
        )


def test_a_command_that_does_not_exist_is_noticed():
    for line in (
        "tinyexp run-all --studies why",
        "tinyexp data grab x",
        "tinyexp plan a --profile paper extra",
    ):
        with pytest.raises(click.UsageError):
            parsed(line)


def test_commands_that_train_nothing_run_as_they_are_printed(folders):
    for line in AS_PRINTED:
        result = CliRunner().invoke(main, shlex.split(line)[1:])
        assert result.exit_code == 0, (line, result.output)
    assert not (folders / "runs").exists()


def test_the_runs_in_the_table_are_those_that_plan_counts(folders):
    rows = dict(re.findall(r"^\| ([a-z0-9-]+) \| (\d+) \|", PAGE.split("| study |")[1], re.MULTILINE))
    assert len(rows) == 4
    for study, runs in rows.items():
        said = CliRunner().invoke(main, ["plan", study, "--profile", "paper"]).output
        assert f"runs     {runs} = " in said, (study, said)
    [most] = re.findall(r"factors alone at most \| (\d+) \|", PAGE)
    said = CliRunner().invoke(main, ["plan", "why-design1-beat-design2", "--profile", "paper"]).output
    assert f"up to {most} = " in said


def test_the_tables_are_what_the_script_prints(monkeypatch):
    monkeypatch.syspath_prepend(str(PROJECT / "benchmarks"))
    budget = importlib.import_module("paper_budget")
    for table in (budget.table(budget.runs(), "one run of"), budget.table(budget.studies(), "study")):
        assert table in PAGE
    [row] = [row for row in budget.studies() if row["study"] == "deeper-on-imagenet"]
    assert f"are {row['core_hours_at_1000_decoded_per_s']} core hours" in PAGE


def test_the_reported_figures_are_those_of_the_experiments():
    told = {f"{value} %" for value in re.findall(r"(\d\d\.\d\d) %", PAGE)}
    reported = [load_experiment(name, "paper").reported for name in experiment_names()]
    assert told == {f"{100 * one.test_accuracy:.2f} %" for one in reported if one}


def test_every_reading_that_can_be_switched_is_in_the_table_and_no_other():
    experiments = [load_experiment(name, "paper") for name in experiment_names()]
    taken = {name: chosen for one in experiments for name, chosen in one.readings.items()}
    rows = [line for line in PAGE.splitlines() if line.startswith("| `readings.")]
    found = {}
    for row in rows:
        settings, _, instead = row.strip("| ").split(" | ")
        named = [text.split("=") for text in re.findall(r"readings\.(C\d+=\w+)", settings)]
        [number] = {one for one, _ in named}
        assert instead == f"`{taken[number]}`"
        found[number] = {chosen for _, chosen in named} | {taken[number]}
    assert found == {
        number: set(one.interpretations)
        for number, one in ambiguities().items()
        if len(one.interpretations) > 1
    }


@pytest.mark.parametrize("reading", re.findall(r"`(readings\.C\d+=\w+)`", PAGE))
def test_under_every_reading_some_study_can_be_trained_and_none_is_confounded(reading):
    taken_by = []
    for study in studies_over(experiment_names()):
        try:
            experiments = designs(study.experiments, "paper", dict([parse_override(reading)]))
        except UserError as error:
            assert "concerns none of" in str(error)  # noqa: PT017 - of the studies without it there is nothing to say
            continue
        assert not study_design(study, experiments).problem
        taken_by.append(study.name)
    assert taken_by


def test_claims_are_judged_as_the_sources_own_under_this_profile_and_not_with_all_200_epochs():
    for reading, here in (("readings.C2=kernels_as_printed", False), ("readings.C10=as_planned", True)):
        for study in studies_over(experiment_names()):
            experiments = designs(study.experiments, "paper", dict([parse_override(reading)]))
            members = {
                name: point.experiment for name, point in study_design(study, experiments).members.items()
            }
            assert {departs(claim, study, members) for claim in study.claims} == {here}, study.name
