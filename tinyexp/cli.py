"""The command line. No logic: commands gather their options, call one function, print its result.

Imports stand inside the commands, and commands in modules that are loaded where one of theirs is asked for, so that
``tinyexp --help`` loads neither torch, pandas and matplotlib nor any command's options.
"""

from __future__ import annotations

import sys

from tinyexp import stopping

if sys.argv[0].endswith(("/tinyexp", "\\tinyexp.exe")):  # installed before the program began in `__main__`
    stopping.hear_first()

from importlib import import_module
from typing import Any, NoReturn

import click

from tinyexp import streams
from tinyexp.errors import TinyexpError, UserError, call_failed
from tinyexp.terminal import say

_BY_TASK = {
    "Train": {
        "run-all": ("train", "Every experiment with every seed, and what the studies plan."),
        "run": ("train", "One experiment."),
        "try": ("train", "One run that is thrown away: what was read from its log?"),
        "plan": ("train", "What a study takes, before anything is trained."),
        "status": ("runs", "The runs that there are, and how far they came."),
        "merge": ("train", "Join runs that were trained apart."),
        "clean": ("runs", "What no experiment describes any more: list it, remove it."),
    },
    "Report": {
        "report": ("report", "The page, in HTML and Markdown, with figures and records."),
        "check": ("check", "Is a report, or a folder of runs, what it should be?"),
        "compare": ("logs", "Does a design beat another, by anybody's logs?"),
        "export": ("report", "Metrics as CSV, or the comparison as a LaTeX table."),
    },
    "Bring your own": {
        "init": ("init", "The first files for a trainer of your own."),
        "import": ("logs", "Runs made of logs that another trainer wrote."),
    },
    "Look things up": {
        "show": ("look", "An experiment, complete."),
        "diff": ("look", "In which keys two experiments differ."),
        "data": ("data", "List, fetch, verify and pack data sets."),
        "schema": ("look", "The JSON Schema of experiment files or of report.json."),
    },
}
"""The commands as ``--help`` lists them: for each the module ``tinyexp.cli_...`` that has it, and a line."""
_HOMES = {name: home for lines in _BY_TASK.values() for name, (home, _) in lines.items()}


_COMPLETION = """\b
To complete names with the tab key:
  in ~/.bashrc  eval "$(_TINYEXP_COMPLETE=bash_source tinyexp)"
  in ~/.zshrc   eval "$(_TINYEXP_COMPLETE=zsh_source tinyexp)"
  fish, in ~/.config/fish/completions/tinyexp.fish
                _TINYEXP_COMPLETE=fish_source tinyexp | source
"""
"""Ends ``--help``; click writes the script, :mod:`tinyexp.cli_complete` has the names."""


class _Group(click.Group):
    """Loads a command where it is asked for; turns this project's errors into a message and an exit code."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """As a program, which hears signals, and which nothing that it writes to can end."""
        streams.keep()
        stopping.hear()
        code: Any = 0
        try:
            self.main(*args, **kwargs)
        except stopping.Stopped as stopped:
            say(stopping.line(stopped.number), err=True)
            code = stopped.exit_code
        except SystemExit as end:
            code = end.code
        code = stopping.code_so_far() or code
        if problem := streams.problem_with_results():
            say(
                f"tinyexp: standard output: cannot be written ({problem}), so what was to be printed is not complete.",
                err=True,
            )
            code = code or 1
        stopping.deafen(code or 0)
        sys.exit(code)

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return sorted(_HOMES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in _HOMES:
            return None
        found = vars(import_module(f"tinyexp.cli_{_HOMES[cmd_name]}")).values()
        return next(one for one in found if isinstance(one, click.Command) and one.name == cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        for task, lines in _BY_TASK.items():
            with formatter.section(task):
                formatter.write_dl([(name, line) for name, (_, line) in lines.items()])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except click.MissingParameter as error:
            from tinyexp.cli_missing import advice

            raise click.MissingParameter(advice(error), error.ctx, error.param) from error
        except TinyexpError as error:
            self._end(ctx, error)
        except click.Abort:  # the input ended at a question, whose line is ended first
            say("", err=True)
            self._end(
                ctx,
                UserError(
                    f"{ctx.invoked_subcommand}: the question was not answered. Give the answer as an option: --help lists them."
                ),
            )
        except OSError as error:
            # Of the system's refusals that nobody foresaw none is a traceback.
            self._end(ctx, call_failed(error))

    @staticmethod
    def _end(ctx: click.Context, error: TinyexpError) -> NoReturn:
        for line in str(error).split("\n"):
            say(f"tinyexp: {line}", err=True)
        ctx.exit(getattr(error, "exit_code", 1))


@click.group(
    cls=_Group,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=_COMPLETION,
)
@click.version_option(package_name="tinyexp")
def main() -> None:
    """Train experiments that repeat bit for bit; report why one design beat another.

    \b
    tinyexp run-all --report reports/latest   train every experiment, on built-in images; write the report
    tinyexp report --out reports/latest       write it anew: HTML, Markdown, JSON, figures
    tinyexp init                              begin with a trainer of your own
    tinyexp compare logs/base logs/wide       begin with logs that are there
    """  # noqa: D301 - click reads the backspace


if __name__ == "__main__":
    main()
