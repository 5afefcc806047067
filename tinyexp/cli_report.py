"""``tinyexp report`` and ``tinyexp export``: what is made of runs."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from tinyexp.cli_complete import complete_trained_profile
from tinyexp.cli_shared import FOLDER, data_folder_of, report_written
from tinyexp.terminal import visible


@click.command()
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


@click.command()
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
