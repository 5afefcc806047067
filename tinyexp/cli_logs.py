"""``tinyexp compare`` and ``tinyexp import``: logs that somebody else's trainer wrote."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click

from tinyexp.cli_shared import FOLDER, print_json, print_table
from tinyexp.terminal import say


@click.command("compare")
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


@click.command("import")
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
