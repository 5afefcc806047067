"""The command line. No logic: commands gather their options, call one function, print its result.

Imports stand inside the commands, so that ``tinyexp --help`` loads none of torch, pandas, matplotlib.
"""

from __future__ import annotations

import shlex
import sys

from tinyexp import stopping

if sys.argv[0].endswith(("/tinyexp", "\\tinyexp.exe")):  # installed before the program began in `__main__`
    stopping.hear_first()

from pathlib import Path
from typing import Any, NoReturn

import click

from tinyexp import streams
from tinyexp.cli_check import check
from tinyexp.cli_complete import complete_experiment, complete_profile, complete_trained_profile
from tinyexp.cli_init import init
from tinyexp.cli_missing import advice
from tinyexp.cli_runs import clean, status
from tinyexp.cli_shared import (
    FOLDER,
    data_folder_of,
    print_json,
    print_table,
    report_written,
    usual_profile,
)
from tinyexp.cli_train import merge, plan, run, run_all, try_experiment
from tinyexp.errors import TinyexpError, UserError, call_failed
from tinyexp.terminal import say, visible

_DATA = click.Command("data", short_help="List, fetch, verify and pack data sets.")


_BY_TASK = {
    "Train": {
        "run-all": "Every experiment with every seed, and what the studies plan.",
        "run": "One experiment.",
        "try": "One run that is thrown away: what was read from its log?",
        "plan": "What a study takes, before anything is trained.",
        "status": "The runs that there are, and how far they came.",
        "merge": "Join runs that were trained apart.",
        "clean": "What no experiment describes any more: list it, remove it.",
    },
    "Report": {
        "report": "The page, in HTML and Markdown, with figures and records.",
        "check": "Is a report, or a folder of runs, what it should be?",
        "compare": "Does a design beat another, by anybody's logs?",
        "export": "Metrics as CSV, or the comparison as a LaTeX table.",
    },
    "Bring your own": {
        "init": "The first files for a trainer of your own.",
        "import": "Runs made of logs that another trainer wrote.",
    },
    "Look things up": {
        "show": "An experiment, complete.",
        "diff": "In which keys two experiments differ.",
        "data": "List, fetch, verify and pack data sets.",
        "schema": "The JSON Schema of experiment files or of report.json.",
    },
}
"""The commands as ``--help`` lists them, each in a line."""


_COMPLETION = """\b
To complete names with the tab key:
  in ~/.bashrc  eval "$(_TINYEXP_COMPLETE=bash_source tinyexp)"
  in ~/.zshrc   eval "$(_TINYEXP_COMPLETE=zsh_source tinyexp)"
  fish, in ~/.config/fish/completions/tinyexp.fish
                _TINYEXP_COMPLETE=fish_source tinyexp | source
"""
"""Ends ``--help``; click writes the script, :mod:`tinyexp.cli_complete` has the names."""


class _Group(click.Group):
    """Turns this project's errors into a message and an exit code; loads ``tinyexp data`` where it is asked for."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """As a program, which hears signals, and which nothing that it writes to can end."""
        streams.keep()
        stopping.hear()
        code: Any = 0
        try:
            self.main(*args, **kwargs)
        except stopping.Stopped as stopped:
            say(stopping.line(stopped.number), err=True)
            code = stopped.exit_code
        except SystemExit as end:
            code = end.code
        code = stopping.code_so_far() or code
        if problem := streams.problem_with_results():
            say(
                f"tinyexp: standard output: cannot be written ({problem}), so what was to be printed is not complete.",
                err=True,
            )
            code = code or 1
        stopping.deafen(code or 0)
        sys.exit(code)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        for task, lines in _BY_TASK.items():
            with formatter.section(task):
                formatter.write_dl(list(lines.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        if command is _DATA:
            from tinyexp.cli_data import data

            return name, data, rest
        return name, command, rest

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except click.MissingParameter as error:
            raise click.MissingParameter(advice(error), error.ctx, error.param) from error
        except TinyexpError as error:
            self._end(ctx, error)
        except click.Abort:  # the input ended at a question, whose line is ended first
            say("", err=True)
            self._end(
                ctx,
                UserError(
                    f"{ctx.invoked_subcommand}: the question was not answered. Give the answer as an option: --help lists them."
                ),
            )
        except OSError as error:
            # Of the system's refusals that nobody foresaw none is a traceback.
            self._end(ctx, call_failed(error))

    @staticmethod
    def _end(ctx: click.Context, error: TinyexpError) -> NoReturn:
        for line in str(error).split("\n"):
            say(f"tinyexp: {line}", err=True)
        ctx.exit(getattr(error, "exit_code", 1))


@click.group(
    cls=_Group,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=_COMPLETION,
)
@click.version_option(package_name="tinyexp")
def main() -> None:
    """Train experiments that repeat bit for bit; report why one design beat another.

    \b
    tinyexp run-all --report reports/latest   train every experiment, on built-in images; write the report
    tinyexp report --out reports/latest       write it anew: HTML, Markdown, JSON, figures
    tinyexp init                              begin with a trainer of your own
    tinyexp compare logs/base logs/wide       begin with logs that are there
    """  # noqa: D301 - click reads the backspace


main.add_command(_DATA)
for _command in (init, run_all, run, try_experiment, plan, merge, status, clean, check):
    main.add_command(_command)


@main.command()
@click.option("--out", type=FOLDER, required=True, help="Folder of the report; replaced whole.")
@click.option("--runs", type=FOLDER, default=Path("runs"), show_default=True, help="Folder of the runs.")
@click.option(
    "--profile",
    shell_complete=complete_trained_profile,
    help="Whose runs. [default: the only profile there is]",
)
@click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="The runs that were trained with this."
)
@click.option(
    "--baseline",
    type=FOLDER,
    metavar="REPORT",
    help="An earlier report, or its report.json: adds what changed since.",
)
@click.option(
    "--data-folder",
    type=FOLDER,
    help="Where data sets are, for the test images that it shows. [default: $TINYEXP_DATA or ./data]",
)
@click.option(
    "--step-summary", is_flag=True, help="Append summary.md to the file that $GITHUB_STEP_SUMMARY names."
)
def report(
    out: Path,
    runs: Path,
    profile: str | None,
    settings: tuple[str, ...],
    baseline: Path | None,
    data_folder: Path | None,
    step_summary: bool,  # noqa: FBT001
) -> None:
    """Write report.html, report.md, summary.md, report.json, the figures, and the records they are made from.

    Once all is written, ends with exit code 1 where a gate fails that a study file sets under [fail_on], and with 2 where a
    metric has values that it cannot have, such as percents where its unit is a fraction.
    """
    from tinyexp.report.digest import report_digest
    from tinyexp.report.step_summary import append_summary, step_summary_file

    step = step_summary_file() if step_summary else None
    code = report_written(out, runs, profile, settings, baseline, data_folder or data_folder_of())
    if step:
        append_summary(out / "summary.md", step, report_digest(out))
    sys.exit(code)


@main.command()
@click.option(
    "--to",
    "form",
    type=click.Choice(["csv", "latex"]),
    required=True,
    help="Metrics, or comparisons with intervals.",
)
@click.option("--runs", type=FOLDER, default=Path("runs"), show_default=True, help="Folder of the runs.")
@click.option(
    "--profile",
    shell_complete=complete_trained_profile,
    help="Whose runs. [default: the only profile there is]",
)
def export(form: str, runs: Path, profile: str | None) -> None:
    """Print what other programs take: the metrics of all runs as CSV, or the comparisons as a LaTeX table with intervals."""
    from tinyexp.report.export import as_csv, as_latex

    click.echo(visible(as_csv(runs) if form == "csv" else as_latex(runs, profile)), nl=False)


@main.command("compare")
@click.argument("paths", nargs=-1, required=True, metavar="BASELINE CONTENDER...")
@click.option(
    "--metric", metavar="NAME", help="What is compared. [default: what all measured, on test data first]"
)
@click.option(
    "--direction",
    type=click.Choice(["higher", "lower"]),
    help="Which is better, where the name does not say it.",
)
@click.option("--unit", type=click.Choice(["fraction", "percent", "plain"]), help="Of the metric's values.")
@click.option(
    "--margin",
    type=float,
    help="What is too small to matter, in the metric's units. [default: a point of a share, else 0]",
)
@click.option(
    "--endpoint",
    default="last",
    show_default=True,
    metavar="WHICH",
    help="last, epoch=N, step=N or best=METRIC.",
)
@click.option("--by", metavar="PATTERN", help="Design and seed in a run's name, as in '{design}/seed{seed}'.")
@click.option("--out", type=FOLDER, help="Write the whole report into this folder, which is replaced whole.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def compare_paths(
    paths: tuple[str, ...], endpoint: str, *, out: Path | None, as_json: bool, **question: Any
) -> None:
    """Does a design beat another, by logs that somebody else's trainer wrote? Folders, files or patterns, the baseline first.

    One folder alone: the designs in it are told apart by the settings in the logs, or by names, and the first is the baseline.
    """
    from tinyexp.foreign.compare import compare_logs
    from tinyexp.foreign.question import Question, endpoint_of
    from tinyexp.foreign.text import as_values, recognised, remarks, results

    found = compare_logs(paths, Question(endpoint=endpoint_of(endpoint, question["direction"]), **question))
    if out is not None:
        from tinyexp.foreign.report import write_log_report

        write_log_report(found, out)
    if as_json:
        print_json(as_values(found))
        return
    print_table(recognised(found), ("design", "runs", "seeds", "log", "rows", "told_apart_by"))
    for line in (*remarks(found), *found.notes):
        say(f"- {line}")
    for comparison in found.comparisons:
        say(f"\n{comparison}")
    say("")
    print_table(results(found), ("design", "runs", "mean", "median", "worst", "gave_no_result"))
    if out is not None:
        say(f"\n{out / 'report.html'}")


@main.command("import")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--by", metavar="PATTERN", help="Design and seed in a run's name, as in '{design}/seed{seed}'.")
@click.option("--into", type=FOLDER, default=Path("runs"), show_default=True, help="Where runs are kept.")
@click.option(
    "--dry-run", is_flag=True, help="Write nothing; only say what would be imported, and how it is grouped."
)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def import_paths(paths: tuple[str, ...], by: str | None, into: Path, *, dry_run: bool, as_json: bool) -> None:
    """Make run folders of logs that somebody else's trainer wrote, so that studies, gates, reports and checks work on them."""
    from tinyexp.foreign.designs import once_a_seed
    from tinyexp.foreign.importing import import_logs, imported_remarks, imported_rows
    from tinyexp.logs.grouping import grouped
    from tinyexp.logs.walk import read_paths

    reading = read_paths(paths)
    grouping, twice = once_a_seed(grouped(reading, by))
    found = import_logs(grouping, into, write=not dry_run)
    rows = imported_rows(found)
    if as_json:
        print_json(rows)
        return
    print_table(rows, ("design", "seed", "log", "name", "rows", "state", "end", "run"))
    for line in imported_remarks(found, grouping, (*reading.left_out, *twice), reading.others):
        say(f"- {line}")
    if dry_run:
        say("Nothing was written.")
    else:
        say(
            f"To see them: tinyexp report --runs {shlex.quote(str(into))} --profile imported --out reports/latest",
            err=True,
        )


@main.command()
@click.argument("experiment", shell_complete=complete_experiment)
@click.option(
    "--profile",
    shell_complete=complete_profile,
    default=lambda: usual_profile("paper"),
    help="Scale and data: embedded, desk, paper. [default: paper; without it the first]",
)
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Override a key.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def show(experiment: str, profile: str, settings: tuple[str, ...], as_json: bool) -> None:  # noqa: FBT001
    """Print EXPERIMENT complete, with every key, and what the source has where it is departed from."""
    from tinyexp.config.load import load_experiment, parse_override
    from tinyexp.config.show import as_toml

    loaded = load_experiment(experiment, profile, dict(parse_override(text) for text in settings))
    if as_json:
        print_json(loaded.model_dump(mode="json"))
    else:
        click.echo(visible(as_toml(loaded)), nl=False)


@main.command()
@click.argument("a", shell_complete=complete_experiment)
@click.argument("b", shell_complete=complete_experiment)
@click.option(
    "--profile",
    shell_complete=complete_profile,
    default=lambda: usual_profile("paper"),
    help="Scale and data: embedded, desk, paper. [default: paper; without it the first]",
)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def diff(a: str, b: str, profile: str, as_json: bool) -> None:  # noqa: FBT001
    """Print the keys in which the experiments A and B differ."""
    from tinyexp.config.difference import differences
    from tinyexp.config.load import load_experiment

    left, right = (load_experiment(name, profile) for name in (a, b))
    rows = [
        {"key": change.key, a: change.left, b: change.right}
        for change in differences(left.settings, right.settings)
    ]
    if as_json:
        print_json(rows)
    else:
        from tinyexp.config.explain import as_typed

        print_table([{name: as_typed(value) for name, value in row.items()} for row in rows], ("key", a, b))


@main.command()
@click.option("--report", "of_report", is_flag=True, help="Of a report's report.json, for programs.")
def schema(of_report: bool) -> None:  # noqa: FBT001
    """Print the JSON Schema of an experiment file, for editors."""
    if of_report:
        from tinyexp.report.schema import report_schema_text

        click.echo(report_schema_text(), nl=False)
        return
    from tinyexp.config.show import schema_text

    click.echo(schema_text(), nl=False)


if __name__ == "__main__":
    main()
