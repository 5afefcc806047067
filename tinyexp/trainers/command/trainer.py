"""Anybody's trainer: a command that leaves a log; see :class:`tinyexp.trainers.base.Trainer`."""

from __future__ import annotations

import contextlib
import glob
import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from tinyexp.clutter import is_clutter
from tinyexp.config.difference import flatten
from tinyexp.config.experiment import Experiment
from tinyexp.config.metric import check_values, known_metric
from tinyexp.errors import (
    DamagedError,
    InterruptedRunError,
    MetricValuesError,
    TinyexpError,
    UserError,
    listed,
    nearest,
)
from tinyexp.files import append_text, read_bounded, rename_anew, sha256_of_file, sha256_of_json, write_text
from tinyexp.logs.one import read_one
from tinyexp.logs.tables import Log, read_table
from tinyexp.runs.chance import is_no_chance
from tinyexp.runs.environment import describe_environment
from tinyexp.runs.folder import RunFolder, find_runs
from tinyexp.runs.plan import RunPlan
from tinyexp.runs.records import (
    INTEGER_COLUMNS,
    DataRecord,
    RunRecord,
    Status,
    read_section,
    table_text,
    write_predictions,
    write_section,
)
from tinyexp.runs.verify import record_digests
from tinyexp.terminal import visible
from tinyexp.trainers.base import Listener, Row, WithoutImages
from tinyexp.trainers.command.hints import instead_of_log, program_fault
from tinyexp.trainers.command.predictions import read_predictions_table
from tinyexp.trainers.command.process import passed_on, run_command
from tinyexp.trainers.command.settings import CommandTable
from tinyexp.trainers.command.template import RESERVED, filled, places_in
from tinyexp.trainers.owned import Held, new_folder, owned, set_aside

State = Literal["running", "finished", "interrupted", "failed"]
WORK = "work"
"""The command's own folder, below the run's."""
OUTPUT = "output.txt"
"""What the command printed."""
_LAST_LINES = 3
_MAX_OUTPUT_BYTES = 1_000_000_000
_LOOK_S = 1.0
"""Between two looks at a log that grows."""


class CommandTrainer(WithoutImages):
    """Runs commands in process groups of their own."""

    needs = ()

    def inputs(self, experiments: Sequence[Experiment], data_folder: Path) -> list[DataRecord]:
        """Check every command line, and take the digests of the files that it pins."""
        del data_folder
        return [self._inputs(experiment) for experiment in experiments]

    def _inputs(self, experiment: Experiment) -> DataRecord:
        command = command_of(experiment)
        require_command(experiment, command)
        files = pinned_files(experiment.name, command)
        return DataRecord(fingerprint=sha256_of_json(files), files=files)

    def try_out(self, experiments: Sequence[Experiment], before: Callable[[int], None]) -> None:
        """Nothing is known of a command before it has run."""

    def train(
        self, plan: RunPlan, data_folder: Path, listener: Listener, *, fresh: bool, accept_environment: bool
    ) -> Status:
        """Run the command, or let it go on, and make the run's records from the log that it leaves."""
        del data_folder, accept_environment  # bits of a command are its own matter
        with owned(plan.folder) as held:
            before = (
                set_aside(plan.folder, plan.folder.path / OUTPUT, plan.folder.path / WORK) if fresh else None
            )
            return _Run(plan, listener, before, held).to_the_end()


TRAINER = CommandTrainer()


class _Run:
    """One run of a command."""

    def __init__(self, plan: RunPlan, listener: Listener, before: Path | None, held: Held) -> None:
        self.plan, self.folder, self.listener, self.before = plan, plan.folder, listener, before
        self.held = held
        self.command = command_of(plan.experiment)
        self.work = self.folder.path / WORK
        self.log_path = self.work / self.command.metrics
        self.told, self.looked, self.size = 0, 0.0, -1
        self.timings: list[Row] = []
        self.since = time.monotonic()

    def to_the_end(self) -> Status:
        words = self._begin()
        ending, code = run_command(
            words,
            self.folder.path / OUTPUT,
            passed_on(self.command.environment),
            timeout_s=self.command.timeout_s,
            stop_wanted=lambda: self.listener.stop_code() != 0,
            watch=self._look,
        )
        self.held.require()  # before what it left is missed
        if ending == "stopped":
            self._project("interrupted", "stopped; the same command goes on")
            raise InterruptedRunError(
                "stopped; nothing is lost that the command has saved.", self.listener.stop_code()
            )
        if ending == "timeout":
            return self._failed(f"ended after command.timeout_s = {self.command.timeout_s:g} seconds")
        if code:
            return self._failed(f"its command {_how(code)}{self._last_words()}")
        self._require_pinned()
        log = self._read()
        self._tell(log)
        self._require_possible(log)
        self._take_predictions(log)
        status = self._project("finished", log=log)
        # Only now: of two seeds that end at once, each before the other is finished, neither would see the other.
        self._require_own_curve(log)
        self._tell_of_noise(log)
        return status

    def _begin(self) -> list[str]:
        """The words to run: those that go on where something is to go on from, else those that start anew in a clean folder."""
        where = f"{self.plan.experiment.name}: command.run"
        begun = self.work.is_dir() and not all(is_clutter(path.name) for path in self.work.iterdir())
        goes_on = bool(begun and self.command.resume and self._was_stopped())
        if begun and not goes_on:
            rename_anew(self.work, new_folder(self.folder.path, "ended") / WORK)
        self.work.mkdir(exist_ok=True)
        write_section(self.folder.record, self.plan.record)
        passed = passed_on(self.command.environment)
        named = {name: passed[name] for name in self.command.environment if name in passed}
        write_section(self.folder.environment, describe_environment(("tinyexp",), named))
        template = self.command.resume if goes_on else self.command.run
        words = filled(template, self._values(), where)
        self._log(f"{'goes on' if goes_on else 'runs'}: {' '.join(words)}")
        self._project("running")
        return words

    def _values(self) -> dict[str, Any]:
        return {
            **_settings(self.plan.experiment),
            "seed": self.plan.record.seed,
            "folder": str(self.work.resolve()),
        }

    def _was_stopped(self) -> bool:
        """Whether the run before was this very one, was ended, and did not fail by itself."""
        try:
            same = read_section(self.folder.record, RunRecord).identity == self.plan.record.identity
            return same and read_section(self.folder.status, Status).state in ("running", "interrupted")
        except DamagedError:
            return False

    def _look(self) -> None:
        """Tell of what the log has gained; a log that cannot be read yet is looked at again."""
        if time.monotonic() - self.looked < _LOOK_S:
            return
        self.looked = time.monotonic()
        log = None
        with contextlib.suppress(OSError, UserError):
            size = _size_of(self.log_path)
            if size != self.size:
                self.size = size
                log = read_one(self.log_path, whole=False)
                self._tell(log)
                self._project("running", log=log)
        if log is not None:
            self._require_possible(log)  # hours before its end, which would be refused

    def _tell(self, log: Log) -> None:
        for row in log.rows[self.told :]:
            seconds, self.since = time.monotonic() - self.since, time.monotonic()
            timing: Row = {log.index: row[log.index], "train_s": round(seconds, 3)}
            self.timings.append(timing)
            self.listener.epoch_done(dict(row), timing)
        self.told = max(self.told, len(log.rows))

    def _read(self) -> Log:
        if not self.log_path.exists():
            raise TinyexpError(
                f"the command ended well and left no log: {self.log_path} is not there. {instead_of_log(self.work, self.command)}"
            )
        log = read_one(self.log_path)
        for note in log.notes:
            self._warn(f"{self.command.metrics}: {note}")
        return log

    def _require_pinned(self) -> None:
        files = pinned_files(self.plan.experiment.name, self.command)
        if sha256_of_json(files) != self.plan.record.data.fingerprint:
            before = self.plan.record.data.files
            changed = sorted(name for name in {*files, *before} if files.get(name) != before.get(name))
            raise UserError(
                f"{listed(changed)} changed while the command ran, so what it was trained with is not known. "
                "Start the same command again."
            )

    def _take_predictions(self, log: Log) -> None:
        """Put what was said of each test image into the run's own form, where the experiment names a table of it."""
        if not self.command.predictions:
            return
        try:
            told = read_predictions_table(self.work / self.command.predictions)
        except UserError as error:
            self._project("failed", str(error), log)
            raise
        write_predictions(self.folder.predictions, told)

    def _require_possible(self, log: Log) -> None:
        """Values that a metric can have, of every column whose meaning is known; what is empty or no number is passed over."""
        run = f"{self.plan.experiment.name}, seed {self.plan.record.seed}"
        try:
            for name in log.columns[1:]:
                metric = known_metric(name, self.plan.experiment.metrics)
                rows = [row for row in log.rows if _is_finite(row[name])]
                if metric is None or not rows:
                    continue
                places = [f"{run}, {log.index} {row[log.index]:g} of {self.log_path}" for row in rows]
                values = np.array([row[name] for row in rows], dtype=np.float64)
                check_values(metric, values, np.zeros(1, dtype=np.intp), places.__getitem__)
        except MetricValuesError as error:
            self._project("failed", str(error), log)
            raise

    def _require_own_curve(self, log: Log) -> None:
        """Two seeds of one configuration never have equal curves, unless the seed is ignored."""
        own, equal = _curve(log.rows, log.columns), []
        for folder in find_runs(self.folder.path.parents[2]):
            if folder.path.parent != self.folder.path.parent or folder.path == self.folder.path:
                continue
            with contextlib.suppress(DamagedError, UserError):
                record, status = read_section(folder.record, RunRecord), read_section(folder.status, Status)
                if (
                    status.state == "finished"
                    and record.configuration == self.plan.record.configuration
                    and record.seed != self.plan.record.seed
                    and own == _curve(*_recorded_curve(folder))
                ):
                    equal.append(record.seed)
        if equal and is_no_chance(np.array(own, dtype=np.float64)):
            reason = (
                f"the command ignores the seed: the curve of seed {self.plan.record.seed} is that of seed {equal[0]} to the last "
                "digit. Pass {seed} to everything that draws random numbers"
            )
            self._project("failed", reason, log)
            raise UserError(f"{reason}.")

    def _tell_of_noise(self, log: Log) -> None:
        """Where the run was trained before and set aside: whether it repeats, and if not by how much."""
        if self.before is None or not (self.before / "metrics.csv").is_file():
            return
        with contextlib.suppress(UserError):
            earlier = read_table(self.before / "metrics.csv")
            shared = [name for name in log.columns[1:] if name in earlier.columns]
            ends = {name: (earlier.rows[-1][name], log.rows[-1][name]) for name in shared}
            apart = {
                name: (a, b) for name, (a, b) in ends.items() if a is not None and b is not None and a != b
            }
            if apart:
                told = "; ".join(f"{name} {a:.6g} then, {b:.6g} now" for name, (a, b) in apart.items())
                self._warn(f"the command does not repeat under one seed; run-to-run noise at its end: {told}")

    def _failed(self, reason: str) -> Status:
        self._project("failed", reason)
        raise TinyexpError(f"{reason.removesuffix('.')}. What it printed is in {self.folder.path / OUTPUT}.")

    def _last_words(self) -> str:
        try:
            lines = (
                read_bounded(self.folder.path / OUTPUT, _MAX_OUTPUT_BYTES)
                .decode(errors="replace")
                .splitlines()
            )
        except OSError:
            return ""
        said = [visible(line, one_line=True) for line in lines if line.strip(" ^~")][-_LAST_LINES:]
        return f"; it last said: {' | '.join(said)}" if said else ""

    def _project(self, state: State, message: str = "", log: Log | None = None) -> Status:
        """Write the records that follow from the log, then the status with their digests, which is the heartbeat too."""
        self.held.require()
        if log is None:
            with contextlib.suppress(UserError, OSError):
                log = read_one(self.log_path, whole=False)
        if log is not None:
            rows = [{name: _counted(name, row[name]) for name in log.columns} for row in log.rows]
            write_text(self.folder.metrics, table_text(log.columns, rows))
            write_text(
                self.folder.timing,
                table_text((log.index, "train_s"), [t for t in self.timings if log.index in t]),
            )
        digests = record_digests(self.folder, state)
        done = len(log.rows) if log else 0
        status = Status(
            state=state,
            epochs_done=done,
            epochs=done if state == "finished" else 0,
            message=message,
            digests=digests,
        )
        status = write_section(self.folder.status, status)
        self.held.require()
        return status

    def _warn(self, message: str) -> None:
        self._log(f"warning: {message}")
        self.listener.warn(message)

    def _log(self, line: str) -> None:
        with contextlib.suppress(TinyexpError):
            append_text(self.folder.log, f"{visible(line, one_line=True)}\n")


def command_of(experiment: Experiment) -> CommandTable:
    """The command's table of an experiment."""
    return CommandTable.model_validate(experiment.settings["command"])


def require_command(experiment: Experiment, command: CommandTable) -> None:
    """Refuse a command line that could only fail, or would not say what it seems to say.

    Raises
    ------
    UserError
        A place that no setting fills, a setting that no place uses, a program that is not there, or a log outside ``{folder}``.
    """
    name, settings = experiment.name, _settings(experiment)
    values = {**settings, **dict.fromkeys(RESERVED, "")}
    lines = {"command.run": command.run, **({"command.resume": command.resume} if command.resume else {})}
    for key, template in lines.items():
        words = filled(template, {**values, "seed": 0, "folder": "/folder"}, f"{name}: {key}")
        _require_program(name, key, words[0])
    used = set(places_in(command.run, f"{name}: command.run"))
    unused = [key for key in settings if key not in used]
    if unused:
        raise UserError(
            f"{name}: the command does not use {listed(unused)}: changing it would change nothing. Put {{{unused[0]}}} into "
            f"command.run, or take the setting out.{nearest(unused[0], used)}"
        )
    clash = [key for key in settings if key in RESERVED]
    if clash:
        raise UserError(f"{name}: '{clash[0]}' is filled by every run itself. Give the setting another name.")
    if "seed" not in used:
        raise UserError(
            f"{name}: command.run has no place {{seed}}, so every seed would be the same training. Add it, as in --seed {{seed}}."
        )
    for key, path in (("metrics", command.metrics), ("predictions", command.predictions or "none")):
        if not path or Path(path).is_absolute() or ".." in Path(path).parts:
            raise UserError(
                f"{name}: command.{key} = '{path}' must be a path below {{folder}}, such as {key}.csv."
            )


def pinned_files(name: str, command: CommandTable) -> dict[str, str]:
    """The SHA-256 of every file that the command's inputs name, by path from the current folder.

    Raises
    ------
    UserError
        A pattern that no file matches, or a file that cannot be read.
    """
    found: dict[str, str] = {}
    for pattern in command.inputs:
        # Path.glob refuses absolute patterns, which are as good.
        paths = sorted(path for path in glob.glob(pattern, recursive=True) if Path(path).is_file())  # noqa: PTH207
        if not paths:
            raise UserError(
                f"{name}: command.inputs: no file matches '{pattern}' below {Path.cwd()}. Correct it, or take it out."
            )
        for path in paths:
            try:
                found[Path(path).as_posix()] = sha256_of_file(Path(path))
            except OSError as error:
                raise UserError(
                    f"{name}: command.inputs: {path} cannot be read ({error.strerror})."
                ) from error
    return found


def _settings(experiment: Experiment) -> dict[str, Any]:
    """The user's settings by dotted keys."""
    return flatten({key: value for key, value in experiment.settings.items() if key != "command"})


def _require_program(name: str, key: str, program: str) -> None:
    if fault := program_fault(program):
        raise UserError(f"{name}: {key}: {fault}")


def _size_of(log: Path) -> int:
    """Of a file, or of all files below a folder."""
    if log.is_dir():
        return sum(path.stat().st_size for path in log.rglob("*") if path.is_file())
    return log.stat().st_size


def _recorded_curve(folder: RunFolder) -> tuple[tuple[Mapping[str, float | None], ...], tuple[str, ...]]:
    log = read_table(folder.metrics)
    return log.rows, log.columns


def _curve(
    rows: Sequence[Mapping[str, float | None]], columns: Sequence[str]
) -> tuple[tuple[float | None, ...], ...]:
    """The metrics, but for times, which differ between equal trainings."""
    names = sorted(
        name for name in columns[1:] if "time" not in name.lower() and "second" not in name.lower()
    )
    return tuple(tuple(row[name] for name in names) for row in rows)


def _counted(name: str, value: float | None) -> int | float | None:
    return int(value) if value is not None and name in INTEGER_COLUMNS and value % 1 == 0 else value


def _is_finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _how(code: int) -> str:
    return f"was ended by signal {code - 128}" if code > 128 else f"ended with code {code}"
