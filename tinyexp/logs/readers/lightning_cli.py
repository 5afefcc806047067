"""Settings of a LightningCLI: ``config.yaml``, which it writes beside the log [1.5 to 2.6].

It holds the whole command line: ``seed_everything``, ``trainer``, ``model`` and ``data``. Loggers and checkpoints say where
a run was carried out, and are left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tinyexp.logs.folder import Folder
from tinyexp.logs.long import SEEDS
from tinyexp.logs.settings import settings_in

CONFIG = "config.yaml"
SEVERAL = "config.yaml above several versions is of one of them, and which is not known: it is not used."
_SECTIONS = (b"trainer:", b"model:", b"data:", b"fit:")
_VERSION = re.compile(r"version_\d+\Z")
_CALLBACKS = "trainer.callbacks"


def config_of(version: Path) -> Path | None:
    """The command line of a version: in its folder, else above it."""
    for path in (version, version.parent):
        folder = Folder(path)
        if CONFIG in folder.files and _is_command_line(folder.head(CONFIG)):
            return path / CONFIG
        if not _VERSION.match(version.name):
            break
    return None


def _is_command_line(head: bytes) -> bool:
    lines = head.split(b"\n")
    sections = sum(any(line.startswith(one) for line in lines) for one in _SECTIONS)
    return sections > 1 or (sections == 1 and any(line.startswith(b"seed_everything:") for line in lines))


def with_config(own: Mapping[str, Any], path: Path, version: Path, notes: list[str]) -> dict[str, Any]:
    """The settings that the logger kept, and of a command line those that do not say the same again."""
    if path.parent != version and sum(map(_is_version, Folder(path.parent).folders)) > 1:
        notes.append(SEVERAL)
        return dict(own)
    found = settings_in(path, notes)
    found = {key.removeprefix("fit."): value for key, value in found.items()}
    has_seed = any(key.rpartition(".")[2].lower() in SEEDS | {"seed_everything"} for key in own)
    known = {(key.rpartition(".")[2], repr(value)) for key, value in own.items()}
    told = {
        key: value
        for key, value in found.items()
        if not key.startswith(("trainer.logger", "trainer.default_root_dir"))
        and (key.rpartition(".")[2], repr(value)) not in known
        and not (has_seed and key == "seed_everything")
    }
    if isinstance(callbacks := told.get(_CALLBACKS), Sequence) and not isinstance(callbacks, str):
        told[_CALLBACKS] = [one for one in callbacks if "ModelCheckpoint" not in str(one)]
    return {**told, **own}


def _is_version(name: str) -> bool:
    return _VERSION.match(name) is not None
