"""What the commands have in common: where things are by default, tables and JSON as they print them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from tinyexp.terminal import say, visible

FOLDER = click.Path(path_type=Path)


def usual_profile(preferred: str) -> str | None:
    """The profile where none is named; the folder of experiments says which there are. None while a shell completes a line."""
    if click.get_current_context().resilient_parsing:
        return None
    from tinyexp.config.profile import default_profile

    return default_profile(preferred)


def data_folder_of() -> Path:
    return Path(os.environ.get("TINYEXP_DATA") or "data")


def print_json(value: Any) -> None:
    from tinyexp.files import json_text

    click.echo(visible(json_text(value), pairs=True), nl=False)


def print_table(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> None:
    """Left-aligned columns, two spaces apart."""
    cells = [[_cell(row[name]) for name in columns] for row in rows]
    widths = [max(len(line[place]) for line in [list(columns), *cells]) for place in range(len(columns))]
    for line in [[name.replace("_", " ") for name in columns], *cells]:
        say("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())


def with_result(
    rows: list[dict[str, Any]], before: tuple[str, ...], after: tuple[str, ...]
) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    """Rows with a column of what came out, called by its metric where all have the same."""
    metrics = {row["metric"] for row in rows if row["metric"]}
    column = metrics.pop() if len(metrics) == 1 else "result"
    shown = [row | {column: _result(row, named=column == "result")} for row in rows]
    return shown, (*before, column, *after)


def _result(row: dict[str, Any], *, named: bool) -> str | None:
    if row["value"] is None:
        return None
    is_fraction = row["metric"].endswith("accuracy") and 0 <= row["value"] <= 1
    told = f"{row['value']:.2%}" if is_fraction else f"{row['value']:.6g}"
    return f"{row['metric'].replace('_', ' ')} {told}" if named else told


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return visible(str(value), one_line=True)


def report_written(
    out: Path,
    runs: Path,
    profile: str | None,
    settings: tuple[str, ...],
    baseline: Path | None,
    data_folder: Path,
    *,
    path_to_stderr: bool = False,
) -> int:
    """Write a report and say what is to be said of it; gives the exit code."""
    from tinyexp.config.load import parse_override
    from tinyexp.report.gates import gate_line
    from tinyexp.report.render import write_report

    result = write_report(
        runs,
        out,
        profile=profile,
        overrides=dict(parse_override(text) for text in settings),
        baseline=baseline,
        data_folder=data_folder,
    )
    if result.left_out:
        say(
            f"tinyexp: {len(result.left_out)} runs of other profiles or configurations are not in the report.",
            err=True,
        )
    if result.since:
        say(f"tinyexp: {result.since}", err=True)
    say(out / "report.html", err=path_to_stderr)
    under = "" if result.faults else result.next_words  # faults say below why nothing was compared
    said = " ".join(f"{result.verdict}. {under}".split())
    say(f"tinyexp: {said}", err=True)
    say(f"tinyexp: the SHA-256 of the whole report is {result.digest}", err=True)
    failed = [gate for gate in result.gates if not gate.passed]
    for gate in failed:
        say(f"tinyexp: {gate_line(gate)}", err=True)
    for fault in result.faults:
        say(f"tinyexp: {fault}", err=True)
    return 2 if result.faults else 1 if failed else 0
