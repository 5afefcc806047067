"""Settings of a Hugging Face training: of its state, of the model card that the Trainer writes, and of files beside it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tinyexp.errors import UserError
from tinyexp.logs.folder import Folder
from tinyexp.logs.settings import dotted, settings_in
from tinyexp.logs.yaml import MAX_SETTINGS_BYTES
from tinyexp.logs.yaml_scalars import resolved

NO_SEED = "the seed is not in the log: it stands in training_args.bin alone, a pickle, which is never read."
_OF_STATE = ("max_steps", "num_train_epochs", "train_batch_size")
_FILES = tuple(
    f"{stem}.{ending}"
    for stem in ("training_args", "train_args", "training_config", "hparams", "args")
    for ending in ("json", "yaml", "yml")
)
"""As scripts call them. ``config.json`` is the model's, and is no setting of a training."""
_CARD = "README.md"
_HEADING = "### Training hyperparameters"


def settings_of(
    folder: Path, state: Mapping[str, Any], notes: list[str]
) -> tuple[dict[str, Any], list[Path]]:
    """All settings by dotted keys, and the files besides the state that they stand in."""
    settings = {key: state[key] for key in _OF_STATE if isinstance(state.get(key), int | float)}
    files: list[Path] = []
    names = Folder(folder).files
    for name in (_CARD, *_FILES):
        if name in names:
            own = _card(folder / name) if name == _CARD else settings_in(folder / name, notes)
            settings.update(own)
            files += [folder / name] if own else []
    trial = state.get("trial_params")
    if isinstance(trial, dict):
        try:
            settings.update(dotted(trial))
        except UserError as error:
            notes.append(f"settings of the trial are not known: {error}")
    if not any(key.rpartition(".")[2].lower() == "seed" for key in settings):
        notes.append(NO_SEED)
    return settings, files


def _card(path: Path) -> dict[str, Any]:
    """The list of settings in a model card; none where the card has no such list."""
    try:
        with path.open("rb") as file:
            text = file.read(MAX_SETTINGS_BYTES).decode("utf-8", errors="replace")
    except OSError:
        return {}
    _, _, below = text.replace("\r\n", "\n").partition(f"\n{_HEADING}\n")
    found: dict[str, Any] = {}
    for line in below.split("\n"):
        if line.startswith("#"):
            break
        key, colon, value = line.removeprefix("- ").partition(": ")
        if line.startswith("- ") and colon:
            found[key] = resolved(value.strip())
    return found
