"""``tinyexp check``: is a report, or a folder of runs, what it should be?"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tinyexp.cli_shared import FOLDER, data_folder_of, print_json
from tinyexp.errors import UserError
from tinyexp.terminal import say

if TYPE_CHECKING:
    from tinyexp.report.check import Checked
    from tinyexp.retrain import Retrained

_GUARD = (
    "this finds accidents, not forgery: whoever can write the folder can write its digests too. --expect compares a digest that was"
    " kept elsewhere, --retrain trains some of the runs anew."
)


@click.command()
@click.argument("folder", type=FOLDER)
@click.option(
    "--expect",
    metavar="DIGEST",
    default="",
    help="The report's SHA-256 as CI's log shows it; another one is an error.",
)
@click.option(
    "--retrain",
    type=click.IntRange(min=1),
    metavar="K",
    help="Train K of the report's runs anew, and compare bits.",
)
@click.option(
    "--number",
    type=int,
    metavar="N",
    help="A number of yours that decides which. [default: a random one, which is told]",
)
@click.option("--data-folder", type=FOLDER, help="Where data sets are. [default: $TINYEXP_DATA or ./data]")
@click.option(
    "--run-commands",
    is_flag=True,
    help="Run the commands that the report's records name, which are anybody's.",
)
@click.option(
    "--values-only", is_flag=True, help="Compare the values alone, of pages that other versions made."
)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def check(folder: Path, *, as_json: bool, **asked: Any) -> None:
    """Is everything in FOLDER what it should be? A report, a folder of runs, or one run.

    A report is rendered again from its records and compared byte for byte. Of runs the digests, identities, rows,
    predictions and checkpoints are verified; nothing is trained or written. This is a guard against accident, not against
    forgery: whoever can write a folder can write its digests too.

    Against forgery, --retrain K trains K of a report's runs anew in a folder that is thrown away. Which, its author cannot steer: those of
    its finished runs come first whose SHA-256 of the text "DIGEST N RUN" is lowest, of the report's digest, the number and the run's name. In the same environment
    their bits must be the same; in another one the result may lie as far off as the spread of seeds in the report allows.
    """
    if (folder / "report.json").exists():
        sys.exit(_check_report(folder, as_json=as_json, **asked))
    if asked["expect"] or asked["retrain"] or asked["values_only"]:
        raise UserError(
            f"{folder}: --expect, --retrain and --values-only are of reports, and this folder has no report.json. Name the folder that"
            " `tinyexp report --out` wrote."
        )
    sys.exit(_check_runs(folder, as_json=as_json))


def _check_report(
    folder: Path,
    *,
    expect: str,
    retrain: int | None,
    number: int | None,
    data_folder: Path | None,
    run_commands: bool,
    values_only: bool,
    as_json: bool,
) -> int:
    import secrets  # loads what hashes and draws, which --help need not wait for

    from tinyexp.report.check import examine

    if expect and not re.fullmatch("[0-9a-f]{64}", expect):
        raise UserError(
            f"--expect {expect}: is no SHA-256, which has 64 digits from 0 to f. `tinyexp report` prints it."
        )
    if number is not None and not retrain:
        raise UserError("--number: chooses the runs that are trained anew; say how many: --retrain 2.")
    checked = examine(folder, values_only=values_only, expect=expect)
    if not as_json:
        _tell(folder, checked)
    number = secrets.randbelow(10**9) if number is None else number
    runs: list[Retrained] = []
    if retrain and not checked.found:
        runs = _retrained(folder, checked.digest, retrain, number, data_folder, run_commands=run_commands)
        if not as_json:
            for one in runs:
                say(f"{one.run}: {one.told}")
    elif not (retrain or checked.found or as_json):
        say(f"tinyexp: {_GUARD}", err=True)
    sound = not checked.found and all(one.holds for one in runs)
    if as_json:
        print_json(_as_values(folder, checked, runs, number if runs else None) | {"sound": sound})
    return 0 if sound else 1


def _tell(folder: Path, checked: Checked) -> None:
    for note in checked.notes:
        say(f"tinyexp: {note}", err=True)
    for line in checked.found:
        say(line)
    if not checked.found:
        say(f"{folder}: the report is what its records give{' in values' if checked.in_values else ''}.")
    if checked.digest:
        say(f"tinyexp: the SHA-256 of the whole report is {checked.digest}", err=True)


def _retrained(
    folder: Path, digest: str, count: int, number: int, data_folder: Path | None, *, run_commands: bool
) -> list[Retrained]:
    from tinyexp.retrain import retrain

    def tell(words: str) -> None:
        say(f"tinyexp: {words}", err=True)

    tell(f"trained anew by the number {number}; the same number chooses the same runs")
    return retrain(
        folder / "runs",
        digest,
        count,
        number,
        data_folder or data_folder_of(),
        tell,
        run_commands=run_commands,
    )


def _as_values(folder: Path, checked: Checked, runs: list[Retrained], number: int | None) -> dict[str, Any]:
    from dataclasses import asdict

    from tinyexp.files import read_json

    return {
        "report": str(folder),
        "digest": checked.digest or None,
        "verdict": read_json(folder / "report.json").get("verdict"),
        "found": list(checked.found),
        "notes": list(checked.notes),
        "number": number,
        "retrained": [asdict(one) | {"holds": one.holds} for one in runs],
    }


def _check_runs(folder: Path, *, as_json: bool) -> int:
    from tinyexp.launch.verify import verify

    verified = verify(folder)
    if as_json:
        told = {"runs": verified.runs, "checkpoints": verified.checkpoints, "next_step": verified.next_step}
        print_json(told | {"found": [str(one) for one in verified.found], "sound": not verified.found})
        return 1 if verified.found else 0
    for finding in verified.found:
        say(finding)
    if verified.found:
        say(f"tinyexp: {verified.next_step}", err=True)
        return 1
    checkpoints = f", every checkpoint whole (of {verified.checkpoints})" if verified.checkpoints else ""
    say(
        f"{folder}: {verified.runs} run{'s' * (verified.runs != 1)}, every record as it was written{checkpoints}."
    )
    return 0
