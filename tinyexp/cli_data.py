"""``tinyexp data``: list, fetch, verify and pack data sets. Results go to stdout, everything else to stderr."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from tinyexp.cli_complete import complete_data_set
from tinyexp.extras import require
from tinyexp.terminal import say, visible

_data_folder = click.option(
    "--data-folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("data"),
    envvar="TINYEXP_DATA",
    show_default=True,
    show_envvar=True,
    help="The folder of data sets.",
)
_root = click.option(
    "--root", default="", metavar="FOLDER", help="Where the data set is, if not in the data folder."
)
_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


@click.group("data")
def data() -> None:
    """List, fetch, verify and pack data sets."""


@data.command("list")
@_data_folder
@_as_json
def list_command(*, data_folder: Path, as_json: bool) -> None:
    """The known data sets, and whether they are there."""
    _require_pillow("list")
    from tinyexp.files import json_text

    rows = _rows(data_folder)
    if as_json:
        click.echo(visible(json_text(rows), pairs=True), nl=False)
        return
    for row in rows:
        say(f"{row['name']}: {row['root'] or f'not there; {_how_to_take(row)}'}")
        say(f"    {row['title']}: {row['summary']}")
        say(
            f"    {row['train_images']:,} + {row['test_images']:,} images, {row['classes']:,} classes,"
            f" {_size(row)}. Licence: {row['licence']}. {row['home']}"
        )


def _how_to_take(row: dict[str, Any]) -> str:
    if row["built_in"]:
        return "it comes with tinyexp, so install tinyexp anew"
    return (
        f"`tinyexp data fetch {row['name']}`" if row["fetchable"] else "it needs an account at its home page"
    )


def _size(row: dict[str, Any]) -> str:
    return "built in" if row["built_in"] else f"{row['download_bytes'] / 1e6:,.0f} MB to download"


def _rows(data_folder: Path) -> list[dict[str, Any]]:
    """A row a data set; ``root`` is where it is, None if nowhere."""
    from tinyexp.trainers.vision.data.catalogue import CATALOGUE
    from tinyexp.trainers.vision.data.places import is_there, standard_places

    told = (
        "title",
        "summary",
        "classes",
        "train_images",
        "test_images",
        "licence",
        "home",
        "fetchable",
        "built_in",
    )
    rows = []
    for name, entry in CATALOGUE.items():
        place = next((place for place in standard_places(entry, data_folder) if is_there(entry, place)), None)
        values = {key: getattr(entry, key) for key in told}
        root = None if place is None else str(place)
        rows.append({"name": name, **values, "download_bytes": entry.bytes, "root": root})
    return rows


@data.command("fetch")
@click.argument("name", shell_complete=complete_data_set)
@_data_folder
@click.option(
    "--mirror",
    metavar="URL",
    help="Take the files from here: replaces scheme and host of the known addresses.",
)
def fetch_command(name: str, data_folder: Path, mirror: str | None) -> None:
    """Download NAME, check it, and put it into the data folder. Goes on where it was interrupted."""
    _require_pillow("fetch")
    from tinyexp.trainers.vision.data.fetch import fetch

    with _progress() as progress:
        place = fetch(name, data_folder, mirror, progress)
    say(place)


@data.command("verify")
@click.argument("name", shell_complete=complete_data_set)
@_data_folder
@_root
@_as_json
def verify_command(*, name: str, data_folder: Path, root: str, as_json: bool) -> None:
    """Count the images of NAME and decode every one."""
    _require_pillow("verify")
    import dataclasses

    from tinyexp.errors import TinyexpError
    from tinyexp.files import json_text
    from tinyexp.runs.reduced import reduced_lines
    from tinyexp.trainers.vision.data.verify import verify
    from tinyexp.words import NBSP

    with _progress() as progress:
        result = verify(name, data_folder, root, progress)
    if as_json:
        click.echo(visible(json_text(dataclasses.asdict(result)), pairs=True), nl=False)
    else:
        say(
            f"{name}: {result.root}: {result.train_images:,} + {result.test_images:,} images,"
            f" {result.classes:,} classes, fingerprint {result.fingerprint or 'none'}"
        )
        for problem in result.problems:
            say(f"  {problem}")
        for line in reduced_lines(result.reduced):
            say(f"  {line}".replace(NBSP, " "))
        if not result.problems:
            say("  whole: no problem was found, and every image can be decoded")
    if result.problems:
        raise TinyexpError(
            f"{result.root}: {name} is not whole; {len(result.problems)} problems are listed above."
        )


@data.command("pack")
@click.argument("name", shell_complete=complete_data_set)
@_data_folder
@_root
@click.option(
    "--check", is_flag=True, help="Pack nothing; read a pack that is there and compare its digests."
)
@click.option(
    "--side",
    type=click.IntRange(8, 4096),
    help="Bring the shorter side of every image down to this; another data set, for data.packed_side.",
)
def pack_command(*, name: str, data_folder: Path, root: str, check: bool, side: int | None) -> None:
    """Decode the images of NAME once, for all runs. Goes on where it was interrupted."""
    _require_pillow("pack")
    from tinyexp.trainers.vision.data.build import find_folder
    from tinyexp.trainers.vision.data.pack import pack
    from tinyexp.trainers.vision.data.packed import check_pack
    from tinyexp.trainers.vision.data.sizing import Sizing

    folder, sizing = find_folder(name, data_folder, root), Sizing(side or 0)
    with _progress() as progress:
        if check:
            place = check_pack(name, folder, data_folder, progress, sizing)
        else:
            place = pack(name, folder, data_folder, progress, lambda words: say(words, err=True), sizing)
    say(f"{place}: whole: every byte is what was written" if check else place)


def _require_pillow(command: str) -> None:
    """The readers of data sets decode with it."""
    require("train", "PIL", purpose=f"`tinyexp data {command}`")


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    """Where progress goes: a bar on a terminal, else a line for every tenth."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        tasks: dict[str, TaskID] = {}

        def report(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(escape(visible(what, one_line=True)), total=total)
            bar.update(tasks[what], completed=done, total=total)

        yield report


class _Lines:
    """Plain lines on stderr, one when a tenth more is done."""

    def __init__(self) -> None:
        self._tenths: dict[str, int] = {}

    def __call__(self, what: str, done: int, total: int) -> None:
        tenth = 10 * done // max(total, 1)
        if tenth > self._tenths.get(what, 0):
            self._tenths[what] = tenth
            say(f"{what}: {10 * tenth} % of {total:,}", err=True)
