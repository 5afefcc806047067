"""The report: from the records of runs to pages."""

from __future__ import annotations

import os
import sys
from importlib import import_module


def _import_matplotlib() -> None:
    """Whatever backend the surroundings ask for: none is used here, and an unknown one must not end a report."""
    try:
        import_module("matplotlib")
    except ValueError:
        asked = os.environ.pop("MPLBACKEND", None)
        if asked is None:
            raise
        for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
            del sys.modules[name]
        try:
            import_module("matplotlib")
        finally:
            os.environ["MPLBACKEND"] = asked


_import_matplotlib()
