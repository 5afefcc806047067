"""The commands that look at a folder of runs: status and clean. No logic: they gather their options, call a function, print."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from tinyexp import stopping
from tinyexp.cli_shared import FOLDER, print_json, print_table, with_result
from tinyexp.errors import TinyexpError, UserError
from tinyexp.terminal import counted, say

_LOOK_S = 2.0
_SHARE = 20
"""Looking takes at most one part in so many of the time, however many runs there are."""
_STEP_S = 0.1


@click.command()
@click.option("--runs", type=FOLDER, default=Path("runs"), show_default=True, help="Folder of the runs.")
@click.option("--watch", is_flag=True, help="Go on looking until all are finished; Ctrl-C ends it.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def status(runs: Path, *, watch: bool, as_json: bool) -> None:
    """List the runs there are, and how far they came.

    With --watch a terminal shows the list anew every two seconds; elsewhere there is a line for each run that got on.
    """
    from tinyexp.runs.overview import overview

    if watch and as_json:
        raise UserError(
            "--watch: prints for people. Leave --json out, or give `tinyexp status --json` again and again."
        )
    if watch:
        _watch(runs, _redrawn if sys.stdout.isatty() else _lines())
    elif as_json:
        print_json(overview(runs))
    else:
        _print_runs(runs, overview(runs))


def _print_runs(runs: Path, rows: list[dict[str, Any]]) -> None:
    import shlex

    if rows:
        print_table(*with_result(rows, ("run", "state", "epochs", "of"), ("message",)))
    else:
        say(
            f"{runs}: no runs yet. Train some: {shlex.join(['tinyexp', 'run-all', '--runs', str(runs)])}",
            err=True,
        )


def _watch(runs: Path, show: Callable[[list[dict[str, Any]], str], None]) -> None:
    """Look until all is finished, or a signal comes; Ctrl-C is the way to end it, and no failure."""
    from tinyexp.runs.overview import awaited, overview

    try:
        with stopping.heeded() as asked:
            while not asked():
                began = time.monotonic()
                rows = overview(runs)
                left = awaited(runs, rows)
                show(rows, _summary(rows, left))
                if rows and not left:
                    return
                until = time.monotonic() + max(_LOOK_S, _SHARE * (time.monotonic() - began))
                while not asked() and time.monotonic() < until:
                    time.sleep(_STEP_S)
    except stopping.Stopped as stopped:
        if stopped.number != signal.SIGINT:
            raise


def _summary(rows: list[dict[str, Any]], left: int) -> str:
    finished = sum(row["state"] == "finished" for row in rows)
    running = sum(row["state"] == "running" for row in rows)
    return f"{counted(finished, 'run')} finished, {running} under way, {left - running} to come or to be gone on with"


def _redrawn(rows: list[dict[str, Any]], summary: str) -> None:
    click.clear()
    if rows:
        print_table(*with_result(rows, ("run", "state", "epochs", "of"), ("message",)))
    say(f"{summary}. Ctrl-C ends this, and no run.")


def _lines() -> Callable[[list[dict[str, Any]], str], None]:
    """A line for each run that got on since the last look, for logs."""
    seen: dict[str, tuple[Any, ...]] = {}
    told = ""

    def show(rows: list[dict[str, Any]], summary: str) -> None:
        nonlocal told
        for row in rows:
            now = (row["state"], row["epochs"], row["message"])
            if seen.get(row["run"]) != now:
                seen[row["run"]] = now
                of = f" of {row['of']}" if row["of"] else ""
                more = f": {row['message']}" if row["message"] else ""
                say(f"{row['run']}: {row['state']}, {row['epochs'] or 0}{of} epochs{more}")
        if summary != told:
            told = summary
            say(summary)
        sys.stdout.flush()

    return show


@click.command()
@click.option("--runs", type=FOLDER, default=Path("runs"), show_default=True, help="Folder of the runs.")
@click.option(
    "--checkpoints",
    is_flag=True,
    help="Also the checkpoints of finished runs: they can then not be gone on with.",
)
@click.option("--work", is_flag=True, help="Of runs that go, also what their commands wrote.")
@click.option("--yes", is_flag=True, help="Remove it; without this it is only listed.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def clean(runs: Path, *, checkpoints: bool, work: bool, yes: bool, as_json: bool) -> None:
    """List what no experiment of this folder describes any more, with its size; with --yes remove it.

    Only what a run writes is removed, and nothing of a run that is being trained or was imported.
    """
    from tinyexp.clean import cleaning, remove
    from tinyexp.cli_train import say_whose_experiments

    say_whose_experiments()
    found = cleaning(runs, checkpoints=checkpoints, work=work)
    rows = [one.row() for one in found.removals]
    total = sum(one.size for one in found.removals)
    if as_json:
        print_json(rows)
    elif rows:
        print_table(rows, ("run", "what", "bytes", "why", "report"))
    for note in found.notes:
        say(f"tinyexp: {note}", err=True)
    if not yes or not rows:
        many = f"{total:,} bytes could be freed. Nothing was removed; to remove it, give the same command with --yes."
        say(f"{runs}: {many if rows else 'there is nothing to remove.'}", err=as_json)
        return
    failed = 0
    for one in found.removals:
        try:
            left = remove(one)
        except TinyexpError as error:
            left, failed = str(error), 1
        if left:
            say(f"tinyexp: {left}", err=True)
    done = "not all of it was removed" if failed else f"{total:,} bytes were removed"
    say(f"{runs}: {done}.", err=as_json)
    sys.exit(failed)
