"""``tinyexp show``, ``diff`` and ``schema``: what experiments say, and what they may say."""

from __future__ import annotations

import click

from tinyexp.cli_complete import complete_experiment, complete_profile
from tinyexp.cli_shared import print_json, print_table, usual_profile
from tinyexp.terminal import visible

_profile = click.option(
    "--profile",
    shell_complete=complete_profile,
    default=lambda: usual_profile("paper"),
    help="Scale and data: embedded, desk, paper. [default: paper; without it the first]",
)
_as_json = click.option("--json", "as_json", is_flag=True, help="Print as JSON.")


@click.command()
@click.argument("experiment", shell_complete=complete_experiment)
@_profile
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Override a key.")
@_as_json
def show(experiment: str, profile: str, settings: tuple[str, ...], as_json: bool) -> None:  # noqa: FBT001
    """Print EXPERIMENT complete, with every key, and what the source has where it is departed from."""
    from tinyexp.config.load import load_experiment, parse_override
    from tinyexp.config.show import as_toml

    loaded = load_experiment(experiment, profile, dict(parse_override(text) for text in settings))
    if as_json:
        print_json(loaded.model_dump(mode="json"))
    else:
        click.echo(visible(as_toml(loaded)), nl=False)


@click.command()
@click.argument("a", shell_complete=complete_experiment)
@click.argument("b", shell_complete=complete_experiment)
@_profile
@_as_json
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
        print_json(rows)
    else:
        from tinyexp.config.explain import as_typed

        print_table([{name: as_typed(value) for name, value in row.items()} for row in rows], ("key", a, b))


@click.command()
@click.option("--report", "of_report", is_flag=True, help="Of a report's report.json, for programs.")
def schema(of_report: bool) -> None:  # noqa: FBT001
    """Print the JSON Schema of an experiment file, for editors."""
    if of_report:
        from tinyexp.report.schema import report_schema_text

        click.echo(report_schema_text(), nl=False)
        return
    from tinyexp.config.show import schema_text

    click.echo(schema_text(), nl=False)
