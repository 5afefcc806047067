"""``tinyexp init``: the first files of somebody's own project, from options, or from answers where a person is there to give them."""

from __future__ import annotations

import sys
from typing import Any

import click

from tinyexp.errors import UserError
from tinyexp.terminal import say, visible

_DIRECTIONS = click.Choice(["higher", "lower"])


@click.command()
@click.option(
    "--run", help="The command that trains, as 'python train.py --lr {lr} --seed {seed} --out {folder}'."
)
@click.option(
    "--change",
    "changes",
    multiple=True,
    metavar="KEY=BASELINE,CONTENDER",
    help="A setting in which the two designs differ, as lr=0.1,0.01.",
)
@click.option("--metric", metavar="NAME", help="The column of the log that decides, as test_accuracy.")
@click.option(
    "--log", default="metrics.csv", show_default=True, help="The log that it leaves below {folder}."
)
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="A setting that both have.")
@click.option(
    "--direction",
    type=click.Choice(["higher", "lower"]),
    help="Which is better, where the name does not say it.",
)
@click.option("--margin", type=float, help="What is too small to matter. [default: a point of a share]")
def init(
    run: str | None, changes: tuple[str, ...], metric: str | None, settings: tuple[str, ...], **options: Any
) -> None:
    """Write two experiments of your own trainer and the study over them, for a start."""
    from tinyexp.config.load import parse_override
    from tinyexp.config.metric import known_metric
    from tinyexp.starter import (
        Answers,
        absent_scripts,
        next_steps,
        open_places,
        parse_change,
        require_no_experiments,
        start_project,
    )

    require_no_experiments()  # before anything is asked
    run = run or _asked("--run", "The command that trains, with {seed}, {folder} and settings in braces")
    metric = metric or _asked("--metric", "The column of its log that decides, as test_accuracy")
    known = known_metric(metric, None)
    if known is None and not options["direction"]:
        options["direction"] = _asked("--direction", f"Is a higher or a lower {metric} better", _DIRECTIONS)
    if not (known and known.is_share) and options["margin"] is None:
        options["margin"] = float(
            _asked("--margin", f"What difference in {metric} is too small to matter", click.FLOAT)
        )
    changed = dict(map(parse_change, changes))
    shared = dict(map(parse_override, settings))
    if not changed:
        places = ", ".join(open_places(run, list(shared)))
        key = _asked("--change", f"In which setting the two designs differ ({places})")
        changed = dict([parse_change(f"{key}={_asked('--change', f'{key}: baseline,contender')}")])
    for key in open_places(run, [*shared, *changed]):
        if _is_answered():
            shared |= dict([parse_override(f"{key}={_asked('--set', f'{key}, the same in both')}")])
    written = start_project(
        Answers(
            run=run,
            changes=changed,
            metric=metric,
            settings=shared,
            log=options["log"],
            direction=options["direction"] or "",
            margin=options["margin"],
        )
    )
    for path in written:
        say(path)
    for name in absent_scripts(run):
        say(
            f"{name}: is not here yet. Once it is, name it in [command] inputs of both files, so that its content is part of each run.",
            err=True,
        )
    say("Next:", err=True)
    for line in next_steps():
        say(f"  {line}", err=True)


def _is_answered() -> bool:
    return sys.stdin.isatty()


def _asked(option: str, question: str, kind: Any = None) -> str:
    """An answer from the terminal; raises UserError where nobody is there."""
    if not _is_answered():
        raise UserError(
            f"init: {option} is needed where there is no terminal to ask at. {question}? See tinyexp init --help."
        )
    return str(click.prompt(visible(question), type=kind, err=True))
