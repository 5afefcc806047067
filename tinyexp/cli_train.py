"""The commands that train: run-all, run, try, plan and merge. No logic: they gather their options, call one function, print its result."""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tinyexp.cli_complete import complete_engine, complete_experiment, complete_profile, complete_study
from tinyexp.cli_shared import (
    FOLDER,
    data_folder_of,
    print_json,
    print_table,
    report_written,
    usual_profile,
    with_result,
)
from tinyexp.errors import UserError
from tinyexp.terminal import say, visible

if TYPE_CHECKING:
    from tinyexp.launch.beside import Beside
    from tinyexp.launch.engines import Placement
    from tinyexp.launch.job import Outcome
    from tinyexp.launch.session import Request
    from tinyexp.launch.shard import Shard

_AFTER_SHARDS = (
    "Once all shards are, join them with `tinyexp merge FOLDER... --into runs`; the same command without --shard then trains"
    " what is missing."
)
_PLANS = ("none", "one-at-a-time", "fraction", "full")


def _training_options(command: Callable[..., None]) -> Callable[..., None]:
    options = [
        click.option(
            "--profile",
            shell_complete=complete_profile,
            default=lambda: usual_profile("embedded"),
            help="Scale and data: embedded, desk, paper. [default: embedded; without it the first]",
        ),
        click.option(
            "--jobs",
            type=click.IntRange(1, 10_000),
            help="Runs side by side. [default: the profile's; else one a processor; on slurm and ray as many as there is room for]",
        ),
        click.option(
            "--on",
            shell_complete=complete_engine,
            default="local",
            show_default=True,
            metavar="ENGINE",
            help="Where to train: local, slurm, ray.",
        ),
        click.option(
            "--shard",
            metavar="I/N",
            help="Train the I-th of N shares of the runs, I from 1; auto takes both from SLURM's arrays or GitLab.",
        ),
        click.option(
            "--sbatch",
            multiple=True,
            metavar="OPTION",
            help="An option of sbatch, as --sbatch=--partition=gpu; may be given again.",
        ),
        click.option(
            "--dry-run", is_flag=True, help="Print the script that --on slurm would submit; submit nothing."
        ),
        click.option(
            "--ray-address",
            default="",
            metavar="HOST:PORT",
            help="With --on ray. [default: $RAY_ADDRESS; else the cluster that runs here]",
        ),
        click.option(
            "--ray-cpus",
            type=click.FloatRange(0, 4096),
            default=1.0,
            show_default=True,
            help="Processors that a run takes of a node.",
        ),
        click.option(
            "--ray-gpus",
            type=click.FloatRange(0, 64),
            help="GPUs, or a part of one as 0.5. [default: 1 where execution.device is cuda, else 0]",
        ),
        click.option(
            "--set",
            "settings",
            multiple=True,
            metavar="KEY=VALUE",
            help="Override a key; reported as a deviation.",
        ),
        click.option(
            "--runs", type=FOLDER, default=Path("runs"), show_default=True, help="Where runs are kept."
        ),
        click.option(
            "--data-folder",
            type=FOLDER,
            help="Where data sets are looked for. [default: $TINYEXP_DATA or ./data]",
        ),
        click.option("--fresh", is_flag=True, help="Train anew; what was trained before is moved aside."),
        click.option(
            "--accept-environment",
            is_flag=True,
            help="Go on under other versions; marked 'not bit-identical'.",
        ),
        click.option("--json", "as_json", is_flag=True, help="Print the outcomes as JSON."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@click.command("run-all")
@click.option("--seeds", type=click.IntRange(1, 1000), help="How many seeds. [default: the profile's]")
@click.option(
    "--first-seed",
    type=click.IntRange(0, 1_000_000),
    default=0,
    metavar="N",
    help="The first of them, as 100 to find out whether other seeds say the same. [default: 0]",
)
@click.option(
    "--only",
    multiple=True,
    metavar="GLOB",
    shell_complete=complete_experiment,
    help="Only experiments whose name matches.",
)
@click.option(
    "--study",
    "studies",
    multiple=True,
    metavar="NAME",
    shell_complete=complete_study,
    help="Only what this study needs. [default: the profile's]",
)
@click.option(
    "--plan",
    type=click.Choice(_PLANS),
    help="How much of a study's mixtures to train; none for the designs alone. [default: each study's own]",
)
@click.option(
    "--until-decided",
    is_flag=True,
    help="Train the studies look by look, and stop where their verdict is clear.",
)
@click.option(
    "--report",
    type=FOLDER,
    metavar="OUT",
    help="Write the report into this folder: anew as runs finish, and at the end as `tinyexp report` does.",
)
@_training_options
def run_all(
    seeds: int | None,
    first_seed: int,
    only: tuple[str, ...],
    studies: tuple[str, ...],
    plan: str | None,
    as_json: bool,  # noqa: FBT001 - click gives it
    **options: Any,
) -> None:
    """Train every experiment with every seed, and what the studies over them plan; finished runs are used again.

    A study is trained where all of its experiments are. `tinyexp plan STUDY` says beforehand what that takes.
    """
    from tinyexp.config.load import load_profile

    say_whose_experiments()
    many = seeds or (load_profile(options["profile"]).seeds if first_seed else 0)
    chosen = range(first_seed, first_seed + many)
    _train(as_json=as_json, seeds=chosen, only=only, studies=studies, plan=plan, **options)


def say_whose_experiments() -> None:
    """Hours of training are not to begin where somebody took another folder for the one with the own experiments."""
    from tinyexp.resources import experiments_folder, shipped

    if experiments_folder() == shipped("experiments"):
        say(
            f"tinyexp: {Path.cwd()} has no experiments/*.toml: these are the experiments that come with tinyexp.",
            err=True,
        )


@click.command()
@click.argument("experiment", shell_complete=complete_experiment)
@click.option(
    "--seed",
    "seeds",
    type=click.IntRange(0, 2**31 - 1),
    multiple=True,
    default=(0,),
    show_default=True,
    help="May be given again.",
)
@_training_options
def run(experiment: str, seeds: tuple[int, ...], as_json: bool, **options: Any) -> None:  # noqa: FBT001
    """Train one EXPERIMENT."""
    _train(as_json=as_json, seeds=seeds, names=(experiment,), **options)


@click.command("try")
@click.argument("experiment", shell_complete=complete_experiment)
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True)
@click.option("--profile", shell_complete=complete_profile, help="Scale and data. [default: as for run]")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Override a key.")
@click.option(
    "--data-folder", type=FOLDER, help="Where data sets are looked for. [default: $TINYEXP_DATA or ./data]"
)
def try_experiment(
    experiment: str, seed: int, profile: str | None, settings: tuple[str, ...], data_folder: Path | None
) -> None:
    """Train one run of EXPERIMENT in a folder that is thrown away, and show what was read from its log."""
    from tinyexp.config.load import load_experiment, parse_override
    from tinyexp.launch.tryout import try_run

    loaded = load_experiment(experiment, profile, dict(parse_override(text) for text in settings))
    tried = try_run(loaded, seed, data_folder or data_folder_of(), lambda line: say(line, err=True))
    say(tried.sentence)
    print_table(tried.table, ("column", "read_as", "first", "last", "lowest", "highest"))
    for note in tried.notes:
        say(f"tinyexp: {note}", err=True)


def _train(
    *,
    as_json: bool,
    settings: tuple[str, ...],
    data_folder: Path | None,
    shard: str | None,
    until_decided: bool = False,
    report: Path | None = None,
    **options: Any,
) -> None:
    from tinyexp.config.load import parse_override
    from tinyexp.launch.session import Request, rehearse_session, summary

    data_folder = data_folder or data_folder_of()
    placement = _placement(options)
    request = Request(
        overrides=dict(parse_override(text) for text in settings),
        data_folder=data_folder,
        jobs=options.pop("jobs") or 0,
        placement=placement,
        shard=_share(
            shard, placement.on, "--until-decided" if until_decided else "--report" if report else ""
        ),
        beside=_beside(report, options, settings, data_folder),
        **options,
    )
    if placement.dry_run:
        say(rehearse_session(request) or "Every run is finished: nothing would be submitted.")
        return
    _leave_if_followed(request)
    with contextlib.closing(request.beside):
        outcomes, code = _trained(request, until_decided=until_decided)
    _print_outcomes(summary(outcomes), as_json=as_json)
    if code < 128 and report is not None:
        written = report_written(
            report, request.runs, request.profile, settings, None, data_folder, path_to_stderr=as_json
        )
        code = code or written
    elif code >= 128 or not (code or as_json):
        say(_next_step(request, code, settings), err=True)
    sys.exit(code)


def _placement(options: dict[str, Any]) -> Placement:
    """What the options say of where to train, taken out of them."""
    from tinyexp.launch.engines import Placement

    names = ("on", "sbatch", "dry_run", "ray_address", "ray_cpus", "ray_gpus")
    return Placement(**{name: options.pop(name) for name in names})


def _share(text: str | None, on: str, needs_all: str) -> Shard | None:
    """What --shard says; ``needs_all`` is an option that was given and needs the runs of all shards."""
    from tinyexp.launch.shard import parse_shard

    if text is None:
        return None
    if needs_all:
        raise UserError(f"{needs_all} needs the runs of all shards. {_AFTER_SHARDS}")
    if on != "local":
        raise UserError(
            f"--shard is for a command that is started several times, and --on {on} shares out the runs itself."
        )
    return parse_shard(text, os.environ)


def _beside(
    report: Path | None, options: dict[str, Any], settings: tuple[str, ...], data_folder: Path
) -> Beside:
    """The report that is written while runs are trained, where one is asked for."""
    from tinyexp.launch.beside import Beside

    if report is None:
        return Beside()
    from tinyexp.report_beside import ReportBeside, report_command, require_place

    require_place(report, options["runs"])
    return ReportBeside(report_command(report, options["runs"], options["profile"], settings, data_folder))


def _print_outcomes(rows: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        print_json(rows)
        return
    print_table(*with_result(rows, ("run", "seed", "state", "epochs"), ("folder",)))
    for row in rows:
        if row["message"] and row["state"] != "finished":
            said = visible(row["message"], one_line=True)
            say(f"tinyexp: {row['run']} seed {row['seed']} {row['state']}: {said}", err=True)


def _next_step(request: Request, code: int, settings: tuple[str, ...]) -> str:
    """What to do after a command that was stopped, or that did all it was asked to."""
    if code:
        again = [argument for argument in sys.argv[1:] if argument != "--fresh"]
        return f"tinyexp: stopped, nothing is lost. To go on: {shlex.join(['tinyexp', *again])}"
    if request.shard:
        return f"tinyexp: shard {request.shard} is done. {_AFTER_SHARDS}"
    runs = shlex.quote(str(request.runs))
    chosen = "".join(
        f" --set {shlex.quote(text)}" for text in settings
    )  # among those that were trained otherwise
    return (
        f"To see them: tinyexp report --runs {runs} --profile {request.profile}{chosen} --out reports/latest"
    )


def _leave_if_followed(request: Request) -> None:
    """In a process that only trains along with rank 0 of its run; see docs/many-machines.md."""
    from tinyexp.launch.follow import followed

    if (code := followed(request)) is not None:
        sys.exit(code)


def _trained(request: Request, *, until_decided: bool) -> tuple[list[Outcome], int]:
    """Train what a request asks for, and what its results ask for besides; gives the outcomes, and the exit code."""
    from tinyexp.launch.session import run_session

    def tell(line: str) -> None:
        say(line, err=True)

    if until_decided:
        from tinyexp.decide import run_until_decided

        outcomes, code, _ = run_until_decided(request, tell)
        return outcomes, code
    outcomes, code = run_session(request)
    if code or request.names or request.shard:
        return outcomes, code
    from tinyexp.decide import confirm_named  # loads what draws, which training does without

    more, code = confirm_named(request, tell)
    return outcomes + more, code


@click.command()
@click.argument("sources", nargs=-1, required=True, type=FOLDER, metavar="RUNS...")
@click.option(
    "--into", type=FOLDER, default=Path("runs"), show_default=True, help="Folder of runs to copy into."
)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def merge(sources: tuple[Path, ...], into: Path, *, as_json: bool) -> None:
    """Join folders of runs that were trained apart, as by `run-all --shard`. Only whole, verified runs are copied, each once.

    Merging again does nothing. A run of which two folders say different things is left as it is and named; so is one that is
    damaged or still being trained: then the exit code is 1, and all others are merged.
    """
    from tinyexp.launch.merge import merge as merge_runs
    from tinyexp.launch.merge import sentence

    outcomes = merge_runs(sources, into)
    problems = [one for one in outcomes if one.is_problem]
    if as_json:
        print_json([asdict(one) | {"path": str(one.path)} for one in outcomes])
    else:
        say(f"{into}: {sentence(outcomes)}.")
    for one in problems:
        say(f"tinyexp: {visible(f'{one.path}: {one.why}', one_line=True)}", err=True)
    sys.exit(1 if problems else 0)


@click.command()
@click.argument("study", shell_complete=complete_study)
@click.option(
    "--profile",
    shell_complete=complete_profile,
    default=lambda: usual_profile("embedded"),
    help="Scale and data: embedded, desk, paper. [default: embedded; without it the first]",
)
@click.option("--seeds", type=click.IntRange(1, 1000), help="How many. [default: the study's or profile's]")
@click.option("--plan", "kind", type=click.Choice(_PLANS), help="Which mixtures. [default: the study's plan]")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Override a key.")
@click.option("--jobs", type=click.IntRange(1, 256), help="Runs side by side. [default: one a processor]")
@click.option("--runs", type=FOLDER, default=Path("runs"), show_default=True, help="Folder of the runs.")
@click.option("--data-folder", type=FOLDER, help="Where data sets are. [default: $TINYEXP_DATA or ./data]")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def plan(
    study: str,
    seeds: int | None,
    settings: tuple[str, ...],
    jobs: int | None,
    data_folder: Path | None,
    as_json: bool,  # noqa: FBT001
    **options: Any,
) -> None:
    """Print what STUDY takes before anything is trained: runs, those that are there, time, and what so many seeds can show."""
    from tinyexp.config.load import parse_override
    from tinyexp.launch.forecast import as_json as as_values
    from tinyexp.launch.forecast import forecast
    from tinyexp.launch.forecast_text import as_lines
    from tinyexp.launch.session import Request
    from tinyexp.processor import processors

    overrides = dict(parse_override(text) for text in settings)
    found = forecast(
        study,
        overrides=overrides,
        seeds=seeds or 0,
        jobs=jobs or processors(),
        data_folder=data_folder or data_folder_of(),
        **options,
    )
    from tinyexp.decide import expected_look  # after what says that something is not installed

    expected = expected_look(Request(found.profile, overrides=overrides, runs=options["runs"]), study)
    if as_json:
        print_json(as_values(found) | {"expected_look": asdict(expected) if expected else None})
    else:
        lines = as_lines(found)
        say("\n".join([*lines, f"expected {expected.words}"] if expected else lines))
