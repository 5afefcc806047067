"""The runs of a folder at a glance; a damaged one is a line like any other, never the end of the list."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tinyexp.errors import DamagedError, UserError
from tinyexp.runs.asked import NAME, read_asked
from tinyexp.runs.folder import RunFolder, find_runs, no_folder
from tinyexp.runs.heartbeat import stale_words
from tinyexp.runs.holder import is_abandoned
from tinyexp.runs.records import RunRecord, Status, last_result, read_section, result
from tinyexp.runs.verify import State, changed_records, held_instead

_ENDED = {"finished", "failed", "diverged", "damaged"}


def overview(runs: Path) -> list[dict[str, Any]]:
    """A row for each run: its name, state, epochs, the metric that tells most with its last value (or None), and a message.

    Raises
    ------
    UserError
        There is no such folder.
    """
    if not runs.is_dir():
        raise no_folder(runs)
    rows = []
    for folder in find_runs(runs):
        row: dict[str, Any] = {
            "run": folder.name,
            "state": "damaged",
            "epochs": None,
            "of": None,
            "metric": "",
            "value": None,
        }
        try:
            status = read_section(folder.status, Status)
        except DamagedError as error:
            rows.append(row | {"message": str(error)})
            continue
        if other := held_instead(folder):
            rows.append(row | {"message": f"holds the run {other}"})
            continue
        changed = changed_records(folder, status)
        message = _told(changed) or status.message
        state: str = status.state
        if state == "running" and is_abandoned(folder):
            state, message = (
                "killed",
                "its process is gone; the command that trained it goes on from the last commit",
            )
        elif state == "running":
            message = stale_words(folder.status) or message
        metric, value = _result(folder)
        rows.append(
            row
            | {
                "state": state,
                "epochs": status.epochs_done,
                "of": status.epochs,
                "metric": metric,
                "value": value,
                "message": message,
            }
        )
    return rows


def awaited(runs: Path, rows: list[dict[str, Any]]) -> int:
    """How many runs have not come to their end: those under way or interrupted, and those that ``run-all`` has yet to begin."""
    ended = {row["run"] for row in rows if row["state"] in _ENDED}
    asked = {name for note in runs.glob(f"*/{NAME}") for name in _asked(note.parent)}
    return len((asked | {row["run"] for row in rows}) - ended)


def _asked(profile_runs: Path) -> tuple[str, ...]:
    try:
        return read_asked(profile_runs)
    except DamagedError:
        return ()


def _told(changed: Mapping[str, State]) -> str:
    """As in ``cannot be read: metrics.csv; changed since it was written: run.json``."""
    unread = [name for name, state in changed.items() if state == "unreadable"]
    others = [name for name in changed if name not in unread]
    kinds = (("cannot be read", unread), ("changed since it was written", others))
    return "; ".join(f"{what}: {', '.join(names)}" for what, names in kinds if names)


def _result(folder: RunFolder) -> tuple[str, float | None]:
    """What a line about a run tells, also of one whose record cannot be read."""
    try:
        return result(folder, read_section(folder.record, RunRecord).experiment)
    except (DamagedError, UserError):
        return last_result(folder)
