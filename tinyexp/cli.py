"""The command line. No logic: commands gather their options, call one function, print its result.

Imports stand inside the commands, so that ``tinyexp --help`` loads none of torch, pandas, matplotlib.
"""

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

from tinyexp.errors import TinyexpError, UserError
from tinyexp.terminal import say, visible

if TYPE_CHECKING:
    from tinyexp.launch.job import Outcome
    from tinyexp.launch.session import Request

_FOLDER = click.Path(path_type=Path)
_AFTER_SHARDS = (
    "Once all shards are, join them with `tinyexp merge FOLDER... --into runs`; the same command without --shard then trains"
    " what is missing."
)
_PLANS = ("none", "one-at-a-time", "fraction", "full")


def _profile(preferred: str) -> str:
    """The profile where none is named; the folder of experiments says which there are."""
    from tinyexp.config.profile import default_profile

    return default_profile(preferred)


_DATA = click.Command("data", short_help="List, fetch, verify and pack data sets.")


class _Group(click.Group):
    """Turns this project's errors into a message and an exit code; loads ``tinyexp data`` where it is asked for."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        if command is _DATA:
            from tinyexp.cli_data import data

            return name, data, rest
        return name, command, rest

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except TinyexpError as error:
            for line in str(error).split("\n"):
                say(f"tinyexp: {line}", err=True)
            ctx.exit(getattr(error, "exit_code", 1))


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="tinyexp")
def main() -> None:
    """Train experiments that repeat bit for bit; report why one design beat another.

    \b
    tinyexp run-all --report reports/latest   train every experiment, on built-in images; write the report
    tinyexp report --out reports/latest       write it anew: HTML, Markdown, JSON, figures
    tinyexp show tiny-design1                 an experiment, complete
    tinyexp data list                         the data sets, and where to get them
    """  # noqa: D301 - click reads the backspace


main.add_command(_DATA)


def _training_options(command: Callable[..., None]) -> Callable[..., None]:
    options = [
        click.option(
            "--profile",
            default=lambda: _profile("embedded"),
            help="Scale and data: embedded, desk, paper. [default: embedded; without it the first]",
        ),
        click.option(
            "--jobs",
            type=click.IntRange(1, 256),
            help="Runs side by side. [default: the profile's; else one a processor, on slurm all]",
        ),
        click.option(
            "--on",
            default="local",
            show_default=True,
            metavar="ENGINE",
            help="Where to train: local, slurm, ray.",
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
            "--shard",
            metavar="I/N",
            help="Train the I-th of N shares of the runs, I from 1; auto takes both from SLURM's arrays or GitLab.",
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
            "--runs", type=_FOLDER, default=Path("runs"), show_default=True, help="Where runs are kept."
        ),
        click.option(
            "--data-folder",
            type=_FOLDER,
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


@main.command("run-all")
@click.option("--seeds", type=click.IntRange(1, 1000), help="How many seeds. [default: the profile's]")
@click.option(
    "--first-seed",
    type=click.IntRange(0, 1_000_000),
    default=0,
    metavar="N",
    help="The first of them, as 100 to find out whether other seeds say the same. [default: 0]",
)
@click.option("--only", multiple=True, metavar="GLOB", help="Only experiments whose name matches.")
@click.option(
    "--study",
    "studies",
    multiple=True,
    metavar="NAME",
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
    type=_FOLDER,
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

    many = seeds or (load_profile(options["profile"]).seeds if first_seed else 0)
    chosen = range(first_seed, first_seed + many)
    _train(as_json=as_json, seeds=chosen, only=only, studies=studies, plan=plan, **options)


@main.command()
@click.argument("experiment")
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


@main.command("try")
@click.argument("experiment")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True)
@click.option("--profile", help="Scale and data. [default: as for run]")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Override a key.")
@click.option(
    "--data-folder", type=_FOLDER, help="Where data sets are looked for. [default: $TINYEXP_DATA or ./data]"
)
def try_experiment(
    experiment: str, seed: int, profile: str | None, settings: tuple[str, ...], data_folder: Path | None
) -> None:
    """Train one run of EXPERIMENT in a folder that is thrown away, and show what was read from its log."""
    from tinyexp.config.load import load_experiment, parse_override
    from tinyexp.launch.tryout import try_run

    loaded = load_experiment(experiment, profile, dict(parse_override(text) for text in settings))
    tried = try_run(loaded, seed, data_folder or _data_folder(), lambda line: say(line, err=True))
    say(tried.sentence)
    _print_table(tried.table, ("column", "read_as", "first", "last", "lowest", "highest"))


def _train(
    *,
    as_json: bool,
    settings: tuple[str, ...],
    data_folder: Path | None,
    jobs: int | None,
    on: str,
    shard: str | None,
    sbatch: tuple[str, ...],
    dry_run: bool,
    ray_address: str,
    ray_cpus: float,
    ray_gpus: float | None,
    until_decided: bool = False,
    report: Path | None = None,
    **options: Any,
) -> None:
    from tinyexp.config.load import parse_override
    from tinyexp.launch.beside import Beside
    from tinyexp.launch.engines import Placement
    from tinyexp.launch.session import Request, summary
    from tinyexp.launch.shard import parse_shard

    share = parse_shard(shard, os.environ) if shard else None
    if share and (until_decided or report):
        option = "--until-decided" if until_decided else "--report"
        raise UserError(f"{option} needs the runs of all shards. {_AFTER_SHARDS}")
    if share and on != "local":
        raise UserError(
            f"--shard is for a command that is started several times, and --on {on} shares out the runs itself."
        )
    data_folder, beside = data_folder or _data_folder(), Beside()
    if report is not None:
        from tinyexp.report_beside import ReportBeside, report_command, require_place

        require_place(report, options["runs"])
        command = report_command(report, options["runs"], options["profile"], settings, data_folder)
        beside = ReportBeside(command)
    request = Request(
        overrides=dict(parse_override(text) for text in settings),
        data_folder=data_folder,
        jobs=jobs or 0,
        placement=Placement(
            on,
            sbatch=sbatch,
            dry_run=dry_run,
            ray_address=ray_address,
            ray_cpus=ray_cpus,
            ray_gpus=ray_gpus,
        ),
        shard=share,
        beside=beside,
        **options,
    )
    if dry_run:
        from tinyexp.launch.session import rehearse_session

        say(rehearse_session(request) or "Every run is finished: nothing would be submitted.")
        return
    _leave_if_followed(request)
    with contextlib.closing(beside):
        outcomes, code = _trained(request, until_decided=until_decided)
    rows = summary(outcomes)
    if as_json:
        _print_json(rows)
    else:
        _print_table(*_with_result(rows, ("run", "seed", "state", "epochs"), ("folder",)))
        for row in rows:
            if row["message"] and row["state"] != "finished":
                said = visible(row["message"], one_line=True)
                say(f"tinyexp: {row['run']} seed {row['seed']} {row['state']}: {said}", err=True)
    if code >= 128:
        again = [argument for argument in sys.argv[1:] if argument != "--fresh"]
        say(f"tinyexp: stopped, nothing is lost. To go on: {shlex.join(['tinyexp', *again])}", err=True)
    elif report is not None:
        reported = _report(
            report, request.runs, request.profile, settings, None, data_folder, path_to_stderr=as_json
        )
        code = code or reported
    elif share and not code and not as_json:
        say(f"tinyexp: shard {share} is done. {_AFTER_SHARDS}", err=True)
    elif not code and not as_json:
        say(
            f"To see them: tinyexp report --runs {shlex.quote(str(request.runs))} --profile {request.profile} --out reports/latest",
            err=True,
        )
    sys.exit(code)


def _leave_if_followed(request: Any) -> None:
    """In a process that only trains along with rank 0 of its run; see docs/many-machines.md."""
    from tinyexp.launch.follow import followed

    if (code := followed(request)) is not None:
        sys.exit(code)


def _trained(request: Request, *, until_decided: bool) -> tuple[list[Outcome], int]:
    """Train what a request asks for, and what its results ask for besides; gives the outcomes, and the exit code."""
    from tinyexp.decide import confirm_named, run_until_decided
    from tinyexp.launch.session import run_session

    def tell(line: str) -> None:
        say(line, err=True)

    if until_decided:
        outcomes, code, _ = run_until_decided(request, tell)
        return outcomes, code
    outcomes, code = run_session(request)
    if code or request.names or request.shard:
        return outcomes, code
    more, code = confirm_named(request, tell)
    return outcomes + more, code


@main.command()
@click.argument("sources", nargs=-1, required=True, type=_FOLDER, metavar="RUNS...")
@click.option(
    "--into", type=_FOLDER, default=Path("runs"), show_default=True, help="Folder of runs to copy into."
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
        _print_json([asdict(one) | {"path": str(one.path)} for one in outcomes])
    else:
        say(f"{into}: {sentence(outcomes)}.")
    for one in problems:
        say(f"tinyexp: {visible(f'{one.path}: {one.why}', one_line=True)}", err=True)
    sys.exit(1 if problems else 0)


@main.command()
@click.argument("study")
@click.option(
    "--profile",
    default=lambda: _profile("embedded"),
    help="Scale and data: embedded, desk, paper. [default: embedded; without it the first]",
)
@click.option("--seeds", type=click.IntRange(1, 1000), help="How many. [default: the study's or profile's]")
@click.option("--plan", "kind", type=click.Choice(_PLANS), help="Which mixtures. [default: the study's plan]")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Override a key.")
@click.option("--jobs", type=click.IntRange(1, 256), help="Runs side by side. [default: one a processor]")
@click.option("--runs", type=_FOLDER, default=Path("runs"), show_default=True, help="Folder of the runs.")
@click.option("--data-folder", type=_FOLDER, help="Where data sets are. [default: $TINYEXP_DATA or ./data]")
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

    overrides = dict(parse_override(text) for text in settings)
    found = forecast(
        study,
        overrides=overrides,
        seeds=seeds or 0,
        jobs=jobs or len(os.sched_getaffinity(0)),
        data_folder=data_folder or _data_folder(),
        **options,
    )
    from tinyexp.decide import expected_look  # after what says that something is not installed

    expected = expected_look(Request(found.profile, overrides=overrides, runs=options["runs"]), study)
    if as_json:
        _print_json(as_values(found) | {"expected_look": asdict(expected) if expected else None})
    else:
        lines = as_lines(found)
        say("\n".join([*lines, f"expected {expected.words}"] if expected else lines))


@main.command()
@click.option("--out", type=_FOLDER, required=True, help="Folder of the report; replaced whole.")
@click.option("--runs", type=_FOLDER, default=Path("runs"), show_default=True, help="Folder of the runs.")
@click.option("--profile", help="Whose runs. [default: the only profile there is]")
@click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="The runs that were trained with this."
)
@click.option(
    "--baseline",
    type=_FOLDER,
    metavar="REPORT",
    help="An earlier report, or its report.json: adds what changed since.",
)
@click.option(
    "--data-folder",
    type=_FOLDER,
    help="Where data sets are, for the test images that it shows. [default: $TINYEXP_DATA or ./data]",
)
@click.option(
    "--step-summary", is_flag=True, help="Append summary.md to the file that $GITHUB_STEP_SUMMARY names."
)
def report(
    out: Path,
    runs: Path,
    profile: str | None,
    settings: tuple[str, ...],
    baseline: Path | None,
    data_folder: Path | None,
    step_summary: bool,  # noqa: FBT001
) -> None:
    """Write report.html, report.md, summary.md, report.json, the figures, and the records they are made from.

    Once all is written, ends with exit code 1 where a gate fails that a study file sets under [fail_on], and with 2 where a
    metric has values that it cannot have, such as percents where its unit is a fraction.
    """
    from tinyexp.report.step_summary import append_summary, step_summary_file

    step = step_summary_file() if step_summary else None
    code = _report(out, runs, profile, settings, baseline, data_folder or _data_folder())
    if step:
        append_summary(out / "summary.md", step)
    sys.exit(code)


def _report(
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
    say(f"tinyexp: the SHA-256 of report.json is {result.digest}", err=True)
    failed = [gate for gate in result.gates if not gate.passed]
    for gate in failed:
        say(f"tinyexp: {gate_line(gate)}", err=True)
    for fault in result.faults:
        say(f"tinyexp: {fault}", err=True)
    return 2 if result.faults else 1 if failed else 0


@main.command()
@click.option(
    "--to",
    "form",
    type=click.Choice(["csv", "latex"]),
    required=True,
    help="Metrics, or comparisons with intervals.",
)
@click.option("--runs", type=_FOLDER, default=Path("runs"), show_default=True, help="Folder of the runs.")
@click.option("--profile", help="Whose runs. [default: the only profile there is]")
def export(form: str, runs: Path, profile: str | None) -> None:
    """Print what other programs take: the metrics of all runs as CSV, or the comparisons as a LaTeX table with intervals."""
    from tinyexp.report.export import as_csv, as_latex

    click.echo(visible(as_csv(runs) if form == "csv" else as_latex(runs, profile)), nl=False)


@main.command()
@click.argument("folder", type=_FOLDER)
def check(folder: Path) -> None:
    """Is everything in FOLDER what it should be? A report, a folder of runs, or one run.

    A report is rendered again from its records and compared byte for byte. Of runs the digests, identities, rows,
    predictions and checkpoints are verified; nothing is trained or written.
    """
    if not (folder / "report.json").exists():
        _check_runs(folder)
        return
    from tinyexp.report.check import examine

    checked = examine(folder)
    for note in checked.notes:
        say(f"tinyexp: {note}", err=True)
    for line in checked.found:
        say(line)
    if checked.found:
        sys.exit(1)
    say(f"{folder}: the report is what its records give{' in values' if checked.notes else ''}.")


def _check_runs(folder: Path) -> None:
    from tinyexp.launch.verify import verify

    verified = verify(folder)
    for finding in verified.found:
        say(finding)
    if verified.found:
        say(f"tinyexp: {verified.next_step}", err=True)
        sys.exit(1)
    checkpoints = f", every checkpoint whole (of {verified.checkpoints})" if verified.checkpoints else ""
    say(
        f"{folder}: {verified.runs} run{'s' * (verified.runs != 1)}, every record as it was written{checkpoints}."
    )


@main.command("compare")
@click.argument("paths", nargs=-1, required=True, metavar="BASELINE CONTENDER...")
@click.option(
    "--metric", metavar="NAME", help="What is compared. [default: what all measured, on test data first]"
)
@click.option(
    "--direction",
    type=click.Choice(["higher", "lower"]),
    help="Which is better, where the name does not say it.",
)
@click.option("--unit", type=click.Choice(["fraction", "percent", "plain"]), help="Of the metric's values.")
@click.option(
    "--margin",
    type=float,
    help="What is too small to matter, in the metric's units. [default: a point of a share, else 0]",
)
@click.option(
    "--endpoint",
    default="last",
    show_default=True,
    metavar="WHICH",
    help="last, epoch=N, step=N or best=METRIC.",
)
@click.option("--by", metavar="PATTERN", help="Design and seed in a run's name, as in '{design}/seed{seed}'.")
@click.option("--out", type=_FOLDER, help="Write the whole report into this folder, which is replaced whole.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def compare_paths(
    paths: tuple[str, ...], endpoint: str, *, out: Path | None, as_json: bool, **question: Any
) -> None:
    """Does a design beat another, by logs that somebody else's trainer wrote? Folders, files or patterns, the baseline first.

    One folder alone: the designs in it are told apart by the settings in the logs, or by names, and the first is the baseline.
    """
    from tinyexp.foreign.compare import compare_logs
    from tinyexp.foreign.question import Question, endpoint_of
    from tinyexp.foreign.text import as_values, recognised, remarks, results

    found = compare_logs(paths, Question(endpoint=endpoint_of(endpoint, question["direction"]), **question))
    if out is not None:
        from tinyexp.foreign.report import write_log_report

        write_log_report(found, out)
    if as_json:
        _print_json(as_values(found))
        return
    _print_table(recognised(found), ("design", "runs", "seeds", "log", "rows", "told_apart_by"))
    for line in (*remarks(found), *found.notes):
        say(f"- {line}")
    for comparison in found.comparisons:
        say(f"\n{comparison}")
    say("")
    _print_table(results(found), ("design", "runs", "mean", "median", "worst", "gave_no_result"))
    if out is not None:
        say(f"\n{out / 'report.html'}")


@main.command("import")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--by", metavar="PATTERN", help="Design and seed in a run's name, as in '{design}/seed{seed}'.")
@click.option("--into", type=_FOLDER, default=Path("runs"), show_default=True, help="Where runs are kept.")
@click.option(
    "--dry-run", is_flag=True, help="Write nothing; only say what would be imported, and how it is grouped."
)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def import_paths(paths: tuple[str, ...], by: str | None, into: Path, *, dry_run: bool, as_json: bool) -> None:
    """Make run folders of logs that somebody else's trainer wrote, so that studies, gates, reports and checks work on them."""
    from tinyexp.foreign.designs import once_a_seed
    from tinyexp.foreign.importing import import_logs, imported_remarks, imported_rows
    from tinyexp.logs.grouping import grouped
    from tinyexp.logs.walk import read_paths

    reading = read_paths(paths)
    grouping, twice = once_a_seed(grouped(reading, by))
    found = import_logs(grouping, into, write=not dry_run)
    rows = imported_rows(found)
    if as_json:
        _print_json(rows)
        return
    _print_table(rows, ("design", "seed", "log", "name", "rows", "state", "end", "run"))
    for line in imported_remarks(found, grouping, (*reading.left_out, *twice), reading.others):
        say(f"- {line}")
    if dry_run:
        say("Nothing was written.")
    else:
        say(
            f"To see them: tinyexp report --runs {shlex.quote(str(into))} --profile imported --out reports/latest",
            err=True,
        )


@main.command()
@click.option("--runs", type=_FOLDER, default=Path("runs"), show_default=True, help="Folder of the runs.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def status(runs: Path, as_json: bool) -> None:  # noqa: FBT001
    """List the runs there are, and how far they came."""
    from tinyexp.runs.overview import overview

    rows = overview(runs)
    if as_json:
        _print_json(rows)
    elif not rows:
        say(f"{runs}: no runs yet. Train some: tinyexp run-all --runs {runs}", err=True)
    else:
        _print_table(*_with_result(rows, ("run", "state", "epochs", "of"), ("message",)))


@main.command()
@click.argument("experiment")
@click.option(
    "--profile",
    default=lambda: _profile("paper"),
    help="Scale and data: embedded, desk, paper. [default: paper; without it the first]",
)
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Override a key.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def show(experiment: str, profile: str, settings: tuple[str, ...], as_json: bool) -> None:  # noqa: FBT001
    """Print EXPERIMENT complete, with every key, and what the source has where it is departed from."""
    from tinyexp.config.load import load_experiment, parse_override
    from tinyexp.config.show import as_toml

    loaded = load_experiment(experiment, profile, dict(parse_override(text) for text in settings))
    if as_json:
        _print_json(loaded.model_dump(mode="json"))
    else:
        click.echo(visible(as_toml(loaded)), nl=False)


@main.command()
@click.argument("a")
@click.argument("b")
@click.option(
    "--profile",
    default=lambda: _profile("paper"),
    help="Scale and data: embedded, desk, paper. [default: paper; without it the first]",
)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def diff(a: str, b: str, profile: str, as_json: bool) -> None:  # noqa: FBT001
    """Print the keys in which the experiments A and B differ."""
    from tinyexp.config.difference import differences
    from tinyexp.config.load import load_experiment

    left, right = (load_experiment(name, profile) for name in (a, b))
    rows = [
        {"key": change.key, a: change.left, b: change.right}
        for change in differences(left.settings, right.settings)
    ]
    if as_json:
        _print_json(rows)
    else:
        _print_table(rows, ("key", a, b))


@main.command()
@click.option("--report", "of_report", is_flag=True, help="Of a report's report.json, for programs.")
def schema(of_report: bool) -> None:  # noqa: FBT001
    """Print the JSON Schema of an experiment file, for editors."""
    if of_report:
        from tinyexp.report.schema import report_schema_text

        click.echo(report_schema_text(), nl=False)
        return
    from tinyexp.config.show import schema_text

    click.echo(schema_text(), nl=False)


def _data_folder() -> Path:
    return Path(os.environ.get("TINYEXP_DATA") or "data")


def _print_json(value: Any) -> None:
    from tinyexp.files import json_text

    click.echo(visible(json_text(value), pairs=True), nl=False)


def _print_table(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> None:
    """Left-aligned columns, two spaces apart."""
    cells = [[_cell(row[name]) for name in columns] for row in rows]
    widths = [max(len(line[place]) for line in [list(columns), *cells]) for place in range(len(columns))]
    for line in [[name.replace("_", " ") for name in columns], *cells]:
        say("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())


def _with_result(
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


if __name__ == "__main__":
    main()
