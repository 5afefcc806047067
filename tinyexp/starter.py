"""The first files of somebody's own project: two command experiments, the study over them, and what keeps git off the records."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tinyexp.analysis.study import load_study
from tinyexp.config.load import load_experiment, parse_override
from tinyexp.errors import UserError, listed
from tinyexp.files import GIT_ATTRIBUTES, write_text
from tinyexp.trainers.base import trainer_of
from tinyexp.trainers.command.template import RESERVED, places_in, words_of

NAMES = ("baseline", "contender")
STUDY = "contender-against-baseline"
_STUDY_FILE = Path("experiments", "studies", f"{STUDY}.toml")
_FILES = {Path("experiments", f"{name}.toml") for name in NAMES} | {_STUDY_FILE}
_CODE = (".py", ".sh", ".R", ".jl", ".lua", ".ipynb")
_KEPT_AS_THEY_ARE = "runs/** -text\nreports/** -text\n"


@dataclass(frozen=True)
class Answers:
    """What a project is started from."""

    run: str
    """The command that trains, with places in braces: ``{seed}``, ``{folder}`` and the settings."""
    changes: Mapping[str, tuple[Any, Any]]
    """In what the two designs differ: of each setting the baseline's value and the contender's."""
    metric: str
    log: str = "metrics.csv"
    """Where the command leaves its log, below ``{folder}``."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What both have in common."""
    direction: str = ""
    """Which way the metric is better, where its name does not say it."""
    margin: float | None = None


def parse_change(text: str) -> tuple[str, tuple[Any, Any]]:
    """``KEY=BASELINE,CONTENDER``.

    >>> parse_change("lr=0.1,0.01")
    ('lr', (0.1, 0.01))

    Raises
    ------
    UserError
        It is not of that form.
    """
    key, _, both = text.partition("=")
    values = both.split(",")
    if not key.strip() or len(values) != 2:
        raise UserError(f"--change {text!r}: write KEY=BASELINE,CONTENDER, as in --change lr=0.1,0.01.")
    first, second = (parse_override(f"{key}={value.strip()}")[1] for value in values)
    return key.strip(), (first, second)


def open_places(run: str, given: Sequence[str]) -> list[str]:
    """The settings of a command of which nothing was said yet, in their order."""
    return [name for name in dict.fromkeys(places_in(run, "--run")) if name not in {*RESERVED, *given}]


def absent_scripts(run: str) -> list[str]:
    """The words of a command that look like files of code below this folder and are none."""
    words = [word for word in words_of(run, "--run") if not [*places_in(word, "--run")]]
    return [word for word in words if word.endswith(_CODE) and not Path(word).is_file()]


def require_no_experiments(texts: Mapping[Path, str] | None = None) -> None:
    """Raise UserError where there are experiments: nothing is written over.

    Parameters
    ----------
    texts
        What is to be written, once that is known. What was begun with the same when it was killed is gone on with.
    """
    found = sorted(Path("experiments").rglob("*.toml"))
    is_begun = {*found} < _FILES and all(texts is None or _is(path, texts[path]) for path in found)
    if found and not is_begun:
        raise UserError(
            f"{found[0]}: there are experiments here already; they are left as they are. Start in another folder, or write"
            " another experiment beside them."
        )


def start_project(answers: Answers) -> list[Path]:
    """Write the files below the current folder; gives them.

    Raises
    ------
    UserError
        There are experiments already, or the answers do not fit together; then nothing was written.
    """
    if missing := open_places(answers.run, [*answers.settings, *answers.changes]):
        raise UserError(
            f"--run: nothing says what {listed(missing)} {'is' if len(missing) == 1 else 'are'}. Add --set {missing[0]}=VALUE,"
            f" or --change {missing[0]}=BASELINE,CONTENDER where the two designs differ in it."
        )
    texts = _texts(answers)
    require_no_experiments(texts)
    try:
        for path, text in texts.items():
            write_text(path, text)
        experiments = [load_experiment(name, None) for name in NAMES]
        trainer_of("command").inputs(experiments, Path("data"))
        load_study(STUDY)
    except BaseException:
        for path, text in texts.items():
            if _is(path, text):
                path.unlink()
        _remove_empty(Path("experiments", "studies"), Path("experiments"))
        raise
    return [*texts]


def _texts(answers: Answers) -> dict[Path, str]:
    first = {} if Path(GIT_ATTRIBUTES).exists() else {Path(GIT_ATTRIBUTES): _KEPT_AS_THEY_ARE}
    folder = Path("experiments")
    experiments = {
        folder / f"{name}.toml": _experiment(answers, name, place) for place, name in enumerate(NAMES)
    }
    return first | experiments | {_STUDY_FILE: _study(answers)}


def _is(path: Path, text: str) -> bool:
    """Whether a file says just this."""
    return path.is_file() and path.read_bytes() == text.encode()


def _experiment(answers: Answers, name: str, place: int) -> str:
    settings = {**answers.settings, **{key: both[place] for key, both in answers.changes.items()}}
    # What of the command is a file here decides its result: its content is part of each run's identity.
    inputs = [
        word
        for word in words_of(answers.run, "--run")
        if Path(word).is_file() and not Path(word).is_absolute()
    ]
    lines = [
        f"# Command    tinyexp try {name}",
        "",
        f"title = {_toml(name.capitalize())}",
        'trainer = "command"',
        "",
        "[command]",
        f"run = {_toml(answers.run)}",
        f"metrics = {_toml(answers.log)}",
        f"inputs = {_toml(inputs)}                 # files whose content decides the result, as src/**/*.py",
        "",
        "[settings]",
        *(f"{key} = {_toml(value)}" for key, value in settings.items()),
    ]
    return "\n".join(lines) + "\n"


def _study(answers: Answers) -> str:
    changed = listed(answers.changes)
    lines = [
        "# Command    tinyexp run-all --seeds 3 && tinyexp report --out reports/latest",
        "",
        'title = "Contender against baseline"',
        f"question = {_toml(f'Does the contender beat the baseline, from which it differs in {changed}?')}",
        'baseline = "baseline"',
        'contender = "contender"',
        f"metric = {_toml(answers.metric)}",
    ]
    if answers.margin is not None:
        lines.append(f"margin = {answers.margin}                        # what is too small to matter")
    if answers.direction:
        lines += ["", f"[metrics.{answers.metric}]", f"direction = {_toml(answers.direction)}"]
    if len(answers.changes) > 1:  # of one change there is nothing to share out
        for key in answers.changes:
            lines += ["", "[[factors]]", f"name = {_toml(key.replace('.', '-'))}", f"keys = [{_toml(key)}]"]
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    """Text, numbers, booleans and lists of them are written alike in TOML and JSON."""
    return json.dumps(value, ensure_ascii=False)


def _remove_empty(*folders: Path) -> None:
    for folder in folders:
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def next_steps() -> list[str]:
    """The commands that follow, as they are to be given."""
    commands = (
        ["tinyexp", "try", NAMES[0]],
        ["tinyexp", "run-all", "--seeds", "3"],
        ["tinyexp", "report", "--out", "reports/latest"],
    )
    return [shlex.join(words) for words in commands]
