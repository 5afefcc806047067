"""Which runs are of one design, and under which seed each was trained: by their settings, a pattern, or their paths.

A design is what agrees in everything but the seed. What was decided, and by what, is kept with every run.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any, Literal

from tinyexp.errors import UserError, listed
from tinyexp.logs.folds import fold_of, is_fold, told_folds, without_fold
from tinyexp.logs.log import RunLog
from tinyexp.logs.walk import Reading

By = Literal["settings", "pattern", "folder"]

SEEDS = frozenset(
    {
        "seed",
        "seeds",
        "random_seed",
        "manual_seed",
        "rng_seed",
        "global_seed",
        "torch_seed",
        "random_state",
        "seed_everything",
        "manualseed",
    }
)
"""Last parts of the keys under which settings have the seed."""
_CARRIED_OUT = re.compile(
    r"(^|[._/-])((out|output|outputs|save|log|logs|logging|work|run|exp|ckpt|checkpoint|tensorboard|wandb|hub|cache)"
    r"_?(dir|dirs|path|folder|root|file|name|id|version|time|group)|outdir|logdir|(run|exp|experiment|project|job|trial|host|user)_?(name|id)"
    r"|time|timestamp|date|host|hostname|port|device|devices|gpu|gpus|rank|local_rank|world_size|workers|num_workers|resume|resume_from"
    r"|resume_from_checkpoint|load_from|ckpt_path|auto_resume|initial_checkpoint|project|tags|notes|job_type|entity|command|username|user"
    r"|email|platform|os|python|executable|start_method)$"
    r"|^(name|id|version|path|group|output|out)$|(^|[._/-])(run|exp|project|log|logger|output|ckpt|checkpoint|user|host|job|tracker|wandb|mlflow)[./](name|id|version|path|group)$",
    re.IGNORECASE,
)
"""Settings that say where and how a run was carried out: they name no design."""
_TOOL = ("hydra.", "_wandb", "mlflow.", "_target_", "_timestamp", "_runtime")
_SEED_PART = re.compile(
    r"(?:^|[^a-z0-9])(?:seed_everything|seed|rng)[-_=. ]?(\d{1,9})(?![0-9a-z])", re.IGNORECASE
)
_SHORT_SEED = re.compile(r"(?:^|[^a-z0-9])s[-_=. ]?(\d{1,9})(?![0-9a-z])", re.IGNORECASE)
"""Looked for where no name says ``seed``; of several the last counts."""
_NUMBERED = re.compile(
    r"(?:^|[-_. ])(?:run|version|rep|repeat|trial|try|attempt|n|no|r|v)[-_. ]?\d{1,6}$", re.IGNORECASE
)
_TRAILING = re.compile(r"(?:[-_ #](?<!\de[-_])|(?<=[A-Za-z])\.)\d{1,4}$")
"""A number at the end of a name, but for that of ``1e-3``."""
_AT_END = re.compile(r"\d{1,4}$")
_DATED = re.compile(
    r"^(?:[A-Z][a-z]{2}\d\d_\d\d-\d\d-\d\d_|\d{8}[-_]\d{6}[-_]|\d{4}-\d\d-\d\d[-_T]?(?:\d\d[-:_]\d\d(?:[-:_]\d\d)?)?[-_])|[-_]\d{8}[-_]\d{6}$"
)
"""What TensorBoard and timm put before a run's name."""
_SERIAL = re.compile(
    r"^(?:\d{4}-?\d{2}-?\d{2}(?:[T_-]?\d{2}[-:_.]?\d{2}(?:[-:_.]?\d{2})?)?|\d{2}[-:_.]\d{2}(?:[-:_.]\d{2})?|[0-9a-f]{8}|[0-9a-f]{32}|"
    r"(?:offline-)?run-\d{8}_\d{6}-\w+|version_\d+|lightning_logs|\d{8}_\d{6})$"
)
"""Folders that a tool numbered, dated or named by chance."""
_BY_CHANCE = re.compile(r"(^|/)[0-9a-f]{32}$")
"""Runs whose folder is called by chance; a tracker has a name besides."""
_COPY = re.compile(r" \(\d+\)$")
"""Tells runs of one file apart."""
_WEIGHTS = (".pt", ".pth", ".ckpt", ".bin", ".safetensors", ".h5", ".keras")
_RESUMED = re.compile(
    r"(^|[._])(resume|resume_from|resume_from_checkpoint|load_from|ckpt_path)$", re.IGNORECASE
)
_NAMELESS = "runs"
_SAYS_IT = ("design", "experiment", "variant", "method", "config")
"""Settings whose value is a design's name."""
_ENDINGS = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".txt", ".log", ".wandb", ".db")


@dataclass(frozen=True)
class Placed:
    """A run and where it belongs."""

    run: RunLog
    name: str
    design: str
    seed: int | None
    """None where nothing says it."""
    by: By
    """What told the design."""
    seed_by: str
    """What told the seed: a key, ``pattern`` or ``folder``; empty where nothing did; ``fold`` where folds of one seed have none."""
    settings: Mapping[str, Any]
    """Those that can tell designs apart, by dotted keys; without the seed's and the fold's."""
    fold: int | None = None
    """Of the data, where runs are folds."""


@dataclass(frozen=True)
class Grouping:
    """All runs, each in its design."""

    placed: tuple[Placed, ...]
    """By design, in the order in which designs were met, then by seed and name."""
    notes: tuple[str, ...]
    """What a reader must know about how it was decided, a sentence each."""

    @property
    def designs(self) -> dict[str, list[Placed]]:
        """Runs by design."""
        found: dict[str, list[Placed]] = {}
        for one in self.placed:
            found.setdefault(one.design, []).append(one)
        return found


def grouped(reading: Reading, pattern: str | None = None) -> Grouping:
    """Sort runs into designs.

    Parameters
    ----------
    pattern
        As ``{design}/seed{seed}``: what a run's name ends with, or a part of it between slashes. Other names in braces are
        settings, and name the design where there is no ``{design}``.

    Raises
    ------
    UserError
        The pattern is none, or fits no run.
    """
    placed = [_by_path(run, name) for run, name in zip(reading.runs, reading.names, strict=True)]
    placed = _in_folds(placed)
    notes: list[str] = []
    placed = _by_settings(placed, notes) if pattern is None else _by_pattern(placed, pattern, notes)
    notes += _numbers_at_ends(placed)
    order = {name: place for place, name in enumerate(dict.fromkeys(one.design for one in placed))}
    placed.sort(key=lambda one: (order[one.design], one.seed is None, one.seed or 0))
    folded = {design: own for design, own in Grouping(tuple(placed), ()).designs.items() if _is_folded(own)}
    if folded:
        folds = {design: [one.fold for one in own] for design, own in folded.items()}
        notes.append(told_folds(folds, [one.seed for own in folded.values() for one in own]))
    return Grouping(tuple(placed), tuple(notes))


def _numbers_at_ends(placed: Sequence[Placed]) -> list[str]:
    """Designs of one run each whose names would be fewer without the digits at their ends: seeds, perhaps, and perhaps widths."""
    names = [one.design for one in placed]
    shorter = Counter(_AT_END.sub("", name) for name in names)
    if not all(one.by == "folder" for one in placed) or len(set(names)) < len(names):
        return []
    if not min(shorter.values(), default=0) > 1 or "" in shorter:
        return []
    some = listed(names[:2])
    return [
        f"Each run was taken for a design of its own. Where the numbers that end {some} are seeds, give --by '{{design}}{{seed}}'."
    ]


def _in_folds(placed: list[Placed]) -> list[Placed]:
    """Runs with their folds, which name no design, where there is more than one fold."""
    folds = [fold_of(one.name, one.run.settings) for one in placed]
    if len({*folds} - {None}) < 2:
        return placed
    return [
        one
        if fold is None
        else replace(
            one,
            fold=fold,
            design=split_name(
                without_fold(one.run.name if _BY_CHANCE.search(one.name) and one.run.name else one.name)
            )[0],
            settings={key: value for key, value in one.settings.items() if not is_fold(key)},
        )
        for one, fold in zip(placed, folds, strict=True)
    ]


def _is_folded(own: Sequence[Placed]) -> bool:
    return len({one.fold for one in own} - {None}) > 1


def seed_in(settings: Mapping[str, Any]) -> tuple[int | None, str]:
    """The seed that settings name, and its key: of several the one nearest to the top.

    >>> seed_in({"trainer.seed": 3, "lr": 0.1}), seed_in({"data.seed": 1, "seed": 2}), seed_in({"lr": 1})
    ((3, 'trainer.seed'), (2, 'seed'), (None, ''))
    """
    found = []
    for key, value in settings.items():
        if (
            key.replace("/", ".").rpartition(".")[2].lower() in SEEDS
            and (number := _whole(value)) is not None
        ):
            found.append((key.count("."), key, number))
    if not found:
        return None, ""
    _, key, number = min(found)
    return number, key


def _whole(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return int(number) if number.is_integer() and 0 <= number < 2**63 else None


def _by_path(run: RunLog, name: str) -> Placed:
    """By names of folders alone; the settings are laid beside."""
    seed, key = seed_in(run.settings)
    telling = {
        name: value
        for name, value in run.settings.items()
        if name.replace("/", ".").rpartition(".")[2].lower() not in SEEDS
        and not name.startswith(_TOOL)
        and not _CARRIED_OUT.search(name)
    }
    if run.reader == "mlflow" and "/" in run.name:
        # Runs of two of MLflow's experiments were not meant as one, whatever their parameters.
        telling.setdefault("experiment", run.name.rpartition("/")[0])
    design, from_path = split_name(run.name if _BY_CHANCE.search(name) and run.name else name)
    if seed is None and from_path is not None:
        seed, key = from_path, "folder"
    return Placed(run, name, design, seed, "folder", key, telling)


def split_name(name: str) -> tuple[str, int | None]:
    """A run's name without what numbers it, and the seed that it names.

    ``run-3``, ``version_3`` and a number at the end only number runs: they are no seeds.

    >>> split_name("wide/seed3"), split_name("base_s0.csv"), split_name("lr0.1/version_2"), split_name("net-4")
    (('wide', 3), ('base', 0), ('lr0.1', None), ('net', None))
    """
    path = PurePosixPath(_COPY.sub("", name))
    parts = [*path.parts[:-1], path.name.removesuffix(path.suffix) if path.suffix in _ENDINGS else path.name]
    parts = [rest for part in parts if (rest := _DATED.sub("", part)) and not _SERIAL.match(rest)]
    seed, parts = _without_seed(parts)
    if seed is None:
        numbered = [_NUMBERED.sub("", part) if not part.isdecimal() else "" for part in parts]
        if numbered == parts and len(parts) == len(path.parts) and parts:
            numbered[-1] = _TRAILING.sub("", parts[-1])  # a number at the end is what tells runs apart
        parts = numbered
    kept = [told for part in parts if (told := part.strip("-_. "))]
    return "/".join(kept), seed


def _without_seed(parts: Sequence[str]) -> tuple[int | None, list[str]]:
    """The seed that a name says, the last of several, and the parts without it."""
    for pattern in (_SEED_PART, _SHORT_SEED):
        found = [(place, match) for place, part in enumerate(parts) for match in pattern.finditer(part)]
        if found:
            place, match = found[-1]
            left = parts[place][: match.start()] + parts[place][match.end() :]
            return int(match[1]), [*parts[:place], left, *parts[place + 1 :]]
    return None, [*parts]


def _by_settings(placed: list[Placed], notes: list[str]) -> list[Placed]:
    """By the settings that vary, where every run has some; else by folders."""
    placed = [
        replace(one, design=design)
        for one, design in zip(placed, _short([one.design for one in placed]), strict=True)
    ]
    varying = _varying(placed)
    if not varying:
        if any(one.settings for one in placed) and len({one.design for one in placed}) > 1:
            notes.append(
                "The settings in the logs are equal or missing: designs are told apart by folders and names."
            )
        return placed
    groups: dict[tuple[str, ...], list[Placed]] = {}
    for one in sorted(placed, key=lambda own: len(_overwritten(own.run.settings))):
        gone = _overwritten(one.run.settings)
        values = tuple(repr(one.settings.get(key)) for key in varying)
        alike = [
            own
            for own in groups
            if all(key in gone or a == b for key, a, b in zip(varying, own, values, strict=True))
        ]
        groups.setdefault(alike[0] if len(alike) == 1 else values, []).append(one)
    by_path = {one.design for one in placed}
    if len(groups) == len(placed) > len(by_path) > 1:
        notes.append(
            f"No two runs agree in all settings ({listed(varying[:4])}): designs are told apart by folders and names."
        )
        return placed
    names = _names_of(groups, varying)
    return [replace(one, design=names[key], by="settings") for key, own in groups.items() for one in own]


def _overwritten(settings: Mapping[str, Any]) -> set[str]:
    """Settings that a resumed run no longer tells, as they name the checkpoint that it went on from."""
    if not any(value for key, value in settings.items() if _RESUMED.search(key)):
        return set()
    return {key for key, value in settings.items() if isinstance(value, str) and value.endswith(_WEIGHTS)}


def _varying(placed: Sequence[Placed]) -> list[str]:
    """The settings in which runs differ, if all have settings; those that only repeat a run's own name are none."""
    if len(placed) < 2 or not all(one.settings for one in placed):
        return []
    keys = dict.fromkeys(key for one in placed for key in one.settings)
    found = []
    for key in keys:
        values = [one.settings.get(key) for one in placed]
        if len({repr(value) for value in values}) < 2:
            continue
        own_name = all(
            isinstance(value, str)
            and (value in one.name or one.name in value or PurePosixPath(one.name).name in value)
            for value, one in zip(values, placed, strict=True)
        )
        if not own_name:
            found.append(key)
    return found


def _names_of(
    groups: Mapping[tuple[str, ...], Sequence[Placed]], varying: Sequence[str]
) -> dict[tuple[str, ...], str]:
    """Of each group what its runs' paths share, where that tells the groups apart; else what its settings are."""
    said = [key for key in varying if key.rpartition(".")[2].lower() in _SAYS_IT]
    for key in said[:1]:
        titles = {own_key: str(own[0].settings.get(key)) for own_key, own in groups.items()}
        if len(set(titles.values())) == len(groups):
            return titles
    paths = {key: Counter(one.design for one in own).most_common(1)[0][0] for key, own in groups.items()}
    if all(name and name != _NAMELESS for name in paths.values()) and len(set(paths.values())) == len(groups):
        return paths
    short = _short_keys(varying)
    return (
        {
            key: ", ".join(
                f"{name}={_text(own[0].settings.get(full))}"
                for full, name in zip(varying[:4], short, strict=False)
            )
            for key, own in groups.items()
        }
        if len({tuple(key[:4]) for key in groups}) == len(groups)
        else {key: f"design {place}" for place, key in enumerate(groups, 1)}
    )


def _short_keys(keys: Sequence[str]) -> list[str]:
    last = [key.rpartition(".")[2] for key in keys]
    return [name if last.count(name) == 1 else key for key, name in zip(keys, last, strict=True)]


def _text(value: Any) -> str:
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _short(names: Sequence[str]) -> list[str]:
    """Names without the folders that all of them share, in front and behind; never empty."""
    parts = [name.split("/") if name else [] for name in names]
    if len(set(names)) == 1:
        return [own[-1] if own else _NAMELESS for own in parts]
    for end in (0, -1):
        while all(len(own) > 1 for own in parts) and len({own[end] for own in parts}) == 1:
            for own in parts:
                own.pop(end)
    return ["/".join(own) or _NAMELESS for own in parts]


def _by_pattern(placed: list[Placed], pattern: str, notes: list[str]) -> list[Placed]:
    fields = re.findall(r"\{(\w+)\}", pattern)
    if not fields or len(set(fields)) < len(fields) or re.sub(r"\{\w+\}", "", pattern).count("{"):
        raise UserError(
            f"--by {pattern!r}: is no pattern. Write what a run's name looks like, as in --by '{{design}}/seed{{seed}}'."
        )
    form = "".join(
        f"(?P<{part[1:-1]}>{'[0-9]+' if part == '{seed}' else '[^/]+?'})"
        if part.startswith("{")
        else re.escape(part)
        for part in re.split(r"(\{\w+\})", pattern)
    )
    whole = re.compile(rf"(?:^|/){form}(?:\.\w+)?(?:/|$)")
    found, lost = [], []
    for one in placed:
        match = whole.search(one.name)
        if match is None:
            lost.append(one.name)
            continue
        told = match.groupdict()
        seed = int(told["seed"]) if "seed" in told else one.seed
        own = {key: value for key, value in told.items() if key not in ("design", "seed")}
        design = told.get("design") or ", ".join(f"{key}={value}" for key, value in own.items()) or "runs"
        found.append(
            replace(
                one,
                design=design,
                seed=seed,
                by="pattern",
                seed_by="pattern" if "seed" in told else one.seed_by,
                fold=None if "seed" in told else one.fold,
                settings={**one.settings, **own},
            )
        )
    if not found:
        raise UserError(f"--by {pattern!r}: fits none of the {len(placed)} runs, such as {listed(lost[:3])}.")
    if lost:
        more = f" and {len(lost) - 5} more" if len(lost) > 5 else ""
        notes.append(f"Left out, as --by does not fit: {listed(lost[:5])}{more}.")
    return found
