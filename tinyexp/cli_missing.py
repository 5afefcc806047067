"""What is said where a command was given without something that it needs: the names there are, or the command as it may look."""

from __future__ import annotations

import click

_EXAMPLES = {
    "check": "tinyexp check reports/latest",
    "compare": "tinyexp compare logs/base logs/wide",
    "import": "tinyexp import logs",
    "merge": "tinyexp merge shard-1 shard-2 --into runs",
    "report": "tinyexp report --out reports/latest",
}
_MOST = 10
"""So many names are listed at most."""


def advice(error: click.MissingParameter) -> str:
    """What follows on "Missing argument 'EXPERIMENT'."; empty where nothing is known that helps."""
    if error.param is None or error.ctx is None:
        return ""
    names = [item.value for item in error.param.shell_complete(error.ctx, "") if item.type == "plain"]
    if names:
        more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
        return f"There are: {', '.join(names[:_MOST])}{more}."
    example = _EXAMPLES.get(error.ctx.info_name or "")
    return f"As in: {example}" if example else ""
