"""Files and folders that the system refuses for the moment, to any user, root too."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def refuse(monkeypatch: pytest.MonkeyPatch, path: Path, number: int) -> None:
    """From now on opening this file or listing this folder gives the error."""
    refused = path.resolve()

    def refusing(real):
        def call(target=".", *arguments, **keywords):
            if not isinstance(target, int) and Path(os.fsdecode(target)).absolute() == refused:
                raise OSError(number, os.strerror(number), str(target))
            return real(target, *arguments, **keywords)

        return call

    for name in ("open", "scandir", "listdir"):
        monkeypatch.setattr(os, name, refusing(getattr(os, name)))
