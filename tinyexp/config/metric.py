"""What a metric is: a name with direction, unit, scale and bounds. The one place that knows the usual ones.

Nothing is guessed: a name that is neither in :data:`USUAL` nor in a ``[metrics.NAME]`` table is an error.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from tinyexp.config.section import Section
from tinyexp.errors import MetricValuesError, UserError, nearest

Direction = Literal["higher", "lower"]
Split = Literal["train", "validation", "test", "unknown"]
UnitName = Literal[
    "fraction", "percent", "plain", "seconds", "milliseconds", "megabytes", "nats", "bits", "decibels"
]

MetricName = Annotated[str, Field(min_length=1, max_length=120, pattern=r"^[^\x00-\x1f]+$")]
"""A metric's name as the log has it, such as ``val/acc``."""


@dataclass(frozen=True)
class Unit:
    """How values of a unit are written, and what is too small to matter in it."""

    suffix: str
    """After a value."""
    step: str
    """After a difference."""
    scale: float = 1.0
    """What a raw value is multiplied by to be shown."""
    decimals: int | None = None
    """None for significant digits: four of a value, three of a difference."""
    margin: float | None = None
    """The default margin, in raw values; None where a study must give one."""
    whole: float | None = None
    """All there is, of a share: 1 or 100."""


UNITS: Mapping[UnitName, Unit] = {
    "fraction": Unit("%", "points", 100.0, 1, margin=0.01, whole=1.0),
    "percent": Unit("%", "points", 1.0, 1, margin=1.0, whole=100.0),
    "plain": Unit("", ""),
    "seconds": Unit("s", "s"),
    "milliseconds": Unit("ms", "ms"),
    "nats": Unit("nats", "nats", decimals=3),
    "bits": Unit("bits", "bits", decimals=3),
    "decibels": Unit("dB", "dB", decimals=2),
    "megabytes": Unit("MB", "MB"),
}


_WHERE = ", in the experiment's file, the study's or source.toml"


class Usual(NamedTuple):
    """A metric that the field knows by name; ``{}`` in its label is where the split is named."""

    label: str
    direction: Direction
    unit: UnitName = "plain"
    low: float | None = None
    high: float | None = None


def _share(label: str, direction: Direction = "higher") -> Usual:
    return Usual(label, direction, "fraction", 0.0, 1.0)


_ACCURACY, _LOSS = _share("{}accuracy"), Usual("{}loss", "lower")
_REWARD, _SECONDS = Usual("{}reward", "higher"), Usual("{}time", "lower", "seconds", 0.0)

USUAL: Mapping[str, Usual] = {
    # What the higher is the better.
    "accuracy": _ACCURACY,
    "acc": _ACCURACY,
    "top1": _share("top-1 {}accuracy"),
    "acc1": _share("top-1 {}accuracy"),
    "top1_accuracy": _share("top-1 {}accuracy"),
    "accuracy_top1": _share("top-1 {}accuracy"),
    "top5": _share("top-5 {}accuracy"),
    "acc5": _share("top-5 {}accuracy"),
    "top5_accuracy": _share("top-5 {}accuracy"),
    "accuracy_top5": _share("top-5 {}accuracy"),
    "balanced_accuracy": _share("balanced {}accuracy"),
    "binary_accuracy": _ACCURACY,
    "categorical_accuracy": _ACCURACY,
    "sparse_categorical_accuracy": _ACCURACY,
    "exact_match": _share("{}exact match"),
    "precision": _share("{}precision"),
    "recall": _share("{}recall"),
    "sensitivity": _share("{}sensitivity"),
    "specificity": _share("{}specificity"),
    "f1": _share("{}F1"),
    "f1_score": _share("{}F1"),
    "f1_macro": _share("macro {}F1"),
    "macro_f1": _share("macro {}F1"),
    "f1_micro": _share("micro {}F1"),
    "micro_f1": _share("micro {}F1"),
    "auc": _share("{}AUC"),
    "auroc": _share("{}AUROC"),
    "roc_auc": _share("{}AUROC"),
    "auprc": _share("{}AUPRC"),
    "average_precision": _share("{}average precision"),
    "ap": _share("{}average precision"),
    "map": _share("{}mAP"),
    "map50": _share("{}mAP at 0.50"),
    "iou": _share("{}IoU"),
    "miou": _share("{}mean IoU"),
    "mean_iou": _share("{}mean IoU"),
    "dice": _share("{}Dice score"),
    "ndcg": _share("{}NDCG"),
    "mrr": _share("{}MRR"),
    "bleu": Usual("{}BLEU", "higher", low=0.0, high=100.0),
    "sacrebleu": Usual("{}BLEU", "higher", low=0.0, high=100.0),
    "chrf": Usual("{}chrF", "higher", low=0.0, high=100.0),
    "rouge": Usual("{}ROUGE", "higher", low=0.0, high=100.0),
    "rouge1": Usual("{}ROUGE-1", "higher", low=0.0, high=100.0),
    "rouge2": Usual("{}ROUGE-2", "higher", low=0.0, high=100.0),
    "rougel": Usual("{}ROUGE-L", "higher", low=0.0, high=100.0),
    "meteor": Usual("{}METEOR", "higher", low=0.0, high=100.0),
    "r2": Usual("{}R\u00b2", "higher", high=1.0),
    "r2_score": Usual("{}R\u00b2", "higher", high=1.0),
    "mcc": Usual("{}MCC", "higher", low=-1.0, high=1.0),
    "matthews_correlation": Usual("{}MCC", "higher", low=-1.0, high=1.0),
    "kappa": Usual("{}kappa", "higher", low=-1.0, high=1.0),
    "pearson": Usual("{}Pearson correlation", "higher", low=-1.0, high=1.0),
    "spearman": Usual("{}Spearman correlation", "higher", low=-1.0, high=1.0),
    "psnr": Usual("{}PSNR", "higher", "decibels"),
    "snr": Usual("{}SNR", "higher", "decibels"),
    "ssim": Usual("{}SSIM", "higher", low=-1.0, high=1.0),
    "inception_score": Usual("{}inception score", "higher", low=1.0),
    "reward": _REWARD,
    "mean_reward": _REWARD,
    "episode_reward": _REWARD,
    "ep_rew_mean": _REWARD,
    "return": Usual("{}return", "higher"),
    "mean_return": Usual("{}return", "higher"),
    "episode_return": Usual("{}return", "higher"),
    "episodic_return": Usual("{}return", "higher"),
    "success_rate": _share("{}success rate"),
    "win_rate": _share("{}win rate"),
    "elo": Usual("{}Elo rating", "higher"),
    "score": Usual("{}score", "higher"),
    "throughput": Usual("{}throughput", "higher", low=0.0),
    # What the lower is the better.
    "loss": _LOSS,
    "nll": Usual("{}negative log-likelihood", "lower", "nats"),
    "nll_loss": Usual("{}negative log-likelihood", "lower", "nats"),
    "cross_entropy": Usual("{}cross-entropy", "lower", "nats", 0.0),
    "ce": Usual("{}cross-entropy", "lower", "nats", 0.0),
    "ce_loss": Usual("{}cross-entropy", "lower", "nats", 0.0),
    "log_loss": Usual("{}log loss", "lower", "nats", 0.0),
    "kl": Usual("{}KL divergence", "lower", "nats"),
    "error": _share("{}error", "lower"),
    "err": _share("{}error", "lower"),
    "error_rate": _share("{}error rate", "lower"),
    "top1_error": _share("top-1 {}error", "lower"),
    "top5_error": _share("top-5 {}error", "lower"),
    "perplexity": Usual("{}perplexity", "lower", low=1.0),
    "ppl": Usual("{}perplexity", "lower", low=1.0),
    "bpc": Usual("{}bits per character", "lower", "bits", 0.0),
    "bpb": Usual("{}bits per byte", "lower", "bits", 0.0),
    "bpd": Usual("{}bits per dimension", "lower", "bits"),
    # Words put in count as errors too, so these two have no upper bound.
    "wer": Usual("{}WER", "lower", "fraction", 0.0),
    "cer": Usual("{}CER", "lower", "fraction", 0.0),
    "ter": Usual("{}TER", "lower", "fraction", 0.0),
    "eer": _share("{}EER", "lower"),
    "fnr": _share("{}false negative rate", "lower"),
    "fpr": _share("{}false positive rate", "lower"),
    "rmse": Usual("{}RMSE", "lower", low=0.0),
    "root_mean_squared_error": Usual("{}RMSE", "lower", low=0.0),
    "mse": Usual("{}MSE", "lower", low=0.0),
    "mean_squared_error": Usual("{}MSE", "lower", low=0.0),
    "mae": Usual("{}MAE", "lower", low=0.0),
    "mean_absolute_error": Usual("{}MAE", "lower", low=0.0),
    "rmsle": Usual("{}RMSLE", "lower", low=0.0),
    "mape": Usual("{}MAPE", "lower", low=0.0),
    "fid": Usual("{}FID", "lower"),
    "kid": Usual("{}KID", "lower"),
    "lpips": Usual("{}LPIPS", "lower", low=0.0),
    "brier": Usual("{}Brier score", "lower", low=0.0),
    "brier_score": Usual("{}Brier score", "lower", low=0.0),
    "ece": _share("{}calibration error", "lower"),
    "latency": Usual("{}latency", "lower", "seconds", 0.0),
    "latency_ms": Usual("{}latency", "lower", "milliseconds", 0.0),
    "seconds": _SECONDS,
    "time": _SECONDS,
    "runtime": _SECONDS,
    "peak_memory_mb": Usual("{}peak memory", "lower", "megabytes", 0.0),
}
"""By what is left of a name without its split; see :func:`parsed`. Direction, unit, bounds."""

LABELS: Mapping[str, str] = {
    "test_top5_accuracy": "top-5 test accuracy",
    "train_clean_accuracy": "accuracy on clean training images",
    "train_clean_loss": "loss on clean training images",
}
"""Names of our own trainer whose label says more than their parts would."""

CROSS_ENTROPIES = ("test_loss", "train_loss", "train_clean_loss", "val_loss")
"""Losses of our own trainer, which are mean cross-entropies."""

_SPLITS: Mapping[str, tuple[Split, str]] = {
    "train": ("train", "training "),
    "training": ("train", "training "),
    "val": ("validation", "validation "),
    "valid": ("validation", "validation "),
    "validation": ("validation", "validation "),
    "dev": ("validation", "validation "),
    "test": ("test", "test "),
    "testing": ("test", "test "),
    "eval": ("unknown", "evaluation "),
    "evaluation": ("unknown", "evaluation "),
}
"""What is evaluated may be validation or test data: ``eval`` does not say."""
_FILLERS = ("metrics", "metric", "epoch")
_SEPARATORS = re.compile(r"[/_\-.@ ]+")
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z][a-z])")
_RANK = re.compile(r"(top|acc)_(\d+)")


class Parsed(NamedTuple):
    """A metric's name in its parts."""

    base: str
    """What is measured, without the split."""
    split: Split
    on: str
    """The split in words with a space behind, empty where the name has none."""
    clean: bool
    """Whether training data were measured as test data are: ``clean`` in the name."""


@lru_cache(maxsize=10_000)
def parsed(name: str) -> Parsed:
    """The parts of a metric's name as logs write it.

    >>> parsed("val/acc"), parsed("metrics/accuracy_top1").base, parsed("test_top5_accuracy").base
    (Parsed(base='acc', split='validation', on='validation ', clean=False), 'accuracy_top1', 'top5_accuracy')
    """
    words = [word for word in _SEPARATORS.split(_HUMP.sub("_", name).lower()) if word]
    splits = {_SPLITS[word] for word in words if word in _SPLITS}
    clean = "clean" in words
    rest = [word for word in words if word not in _SPLITS and word not in _FILLERS and word != "clean"]
    base = _RANK.sub(r"\1\2", "_".join(rest))
    split, on = splits.pop() if len(splits) == 1 else ("unknown", "")
    return Parsed(base, split, on, clean)


class MetricTable(Section):
    """A table ``[metrics.NAME]``: what a name means where the usual table does not know it, or means something else."""

    label: str = ""
    """What the report calls it; made of the name where none is given."""
    direction: Direction | None = None
    """Whether the higher or the lower value is the better one; needed where the name is not a usual one."""
    unit: UnitName | None = None
    """The usual one, or ``plain``, if none is given. ``fraction`` is shown in percent, its differences in points."""
    low: float | None = None
    """The lowest value there can be."""
    high: float | None = None
    split: Split | None = None
    """Which data it is taken on, where the name does not say."""

    @model_validator(mode="after")
    def _bounds_in_order(self) -> Self:
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise ValueError("'low' must be below 'high'")
        return self


class Metric(Section):
    """What a metric is; everything that depends on which it is, is asked here."""

    name: str
    """As the log has it."""
    label: str
    """In words, as within a sentence."""
    direction: Direction
    unit: UnitName = "plain"
    low: float | None = None
    """The lowest value there can be; None where there is none."""
    high: float | None = None
    split: Split = "unknown"
    """Which data it is taken on."""

    def __str__(self) -> str:
        return self.name

    @property
    def base(self) -> str:
        """What is measured, whatever the split: ``accuracy`` of ``val_accuracy``."""
        return parsed(self.name).base

    @property
    def sense(self) -> float:
        """1 where the higher value wins, -1 where the lower does."""
        return 1.0 if self.direction == "higher" else -1.0

    @property
    def shown(self) -> Unit:
        """How its values are written."""
        return UNITS[self.unit]

    @property
    def is_share(self) -> bool:
        """Whether it is a part of a whole, from 0 to 1 or to 100."""
        whole = self.shown.whole
        return whole is not None and self.low == 0.0 and self.high == whole

    @property
    def is_accuracy(self) -> bool:
        """Whether it is a share of answers that are right."""
        usual = USUAL.get(self.base)
        return self.is_share and usual is not None and usual.label.endswith("accuracy")

    @property
    def first_counts(self) -> bool:
        """Whether it is an accuracy of the first answer alone, so that guessing reaches one over the classes."""
        usual = USUAL.get(self.base)
        return self.is_accuracy and usual is not None and usual.label in ("{}accuracy", "top-1 {}accuracy")

    @property
    def on_clean(self) -> bool:
        """Whether it is taken on training data as test data are."""
        return parsed(self.name).clean

    def gain(self, here: float, before: float) -> float:
        """How much better one value is than another; negative where it is worse."""
        return self.sense * (here - before)


GAP = "generalisation_gap"
GAP_OF = ("train_clean_accuracy", "test_accuracy")
"""The gap is the first minus the second."""
_GAP = Metric(
    name=GAP,
    label="gap between clean training and test accuracy",
    direction="lower",
    unit="fraction",
    low=-1.0,
    high=1.0,
)


def metric_of(name: str, tables: Mapping[str, MetricTable] | None = None, where: str = "metrics") -> Metric:
    """What a name means: by its own table, else by the usual one.

    Parameters
    ----------
    tables
        Those of a file's ``[metrics]``, by name.
    where
        The file or call that asks, for the message.

    Raises
    ------
    UserError
        Nobody says which direction is the better one.

    >>> metric_of("test_top5_accuracy").label, metric_of("val/ppl").label, metric_of("val/ppl").direction
    ('top-5 test accuracy', 'validation perplexity', 'lower')
    """
    found = known_metric(name, tables)
    if found is None:
        base = parsed(name).base
        raise UserError(
            f"{where}: of the metric '{name}' it is not known whether higher or lower is better."
            f"{nearest(base, USUAL) if base not in USUAL else ''} Say it in a table: "
            f'[metrics.{toml_key(name)}] with direction = "lower" or "higher"; in Python, pass a Metric.'
        )
    return found


def known_metric(name: str, tables: Mapping[str, MetricTable] | None = None) -> Metric | None:
    """As :func:`metric_of`; None where nobody says what the name means."""
    table = (tables or {}).get(name)
    usual = _usual(name)
    if table is None:
        return usual
    direction = table.direction or (usual.direction if usual else None)
    if direction is None:
        return None
    parts = parsed(name)
    unit = table.unit or (usual.unit if usual else "plain")
    low, high = _bounds(usual, unit)
    return Metric(
        name=name,
        label=table.label or (usual.label if usual else _words(name)),
        direction=direction,
        unit=unit,
        low=low if table.low is None else table.low,
        high=high if table.high is None else table.high,
        split=table.split or parts.split,
    )


def _bounds(usual: Metric | None, unit: UnitName) -> tuple[float | None, float | None]:
    """The usual bounds in another unit; a share of a name that nobody knows lies between nothing and all."""
    whole = UNITS[unit].whole
    if usual is None:
        return (None, None) if whole is None else (0.0, whole)
    if unit == usual.unit:
        return usual.low, usual.high
    was = usual.shown.whole
    if whole is None or was is None:
        return None, None
    factor = whole / was
    low, high = (None if edge is None else factor * edge for edge in (usual.low, usual.high))
    return low, high


@lru_cache(maxsize=10_000)
def _usual(name: str) -> Metric | None:
    if name == GAP:
        return _GAP
    parts = parsed(name)
    usual = USUAL.get(parts.base)
    if usual is None:
        return None
    on = parts.on
    label = LABELS.get(name) or (
        f"{usual.label.format('')} on clean {on or 'training '}data"
        if parts.clean
        else usual.label.format(on)
    )
    return Metric(
        name=name,
        label=label,
        direction=usual.direction,
        unit="nats" if name in CROSS_ENTROPIES else usual.unit,
        low=usual.low,
        high=usual.high,
        split=parts.split,
    )


def _words(name: str) -> str:
    """A name that nobody knows, in words."""
    parts = parsed(name)
    return f"{parts.on}{parts.base.replace('_', ' ')}".strip() or name


def toml_key(name: str) -> str:
    """A name as a key of TOML."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else f'"{name}"'


def default_margin(metric: Metric, where: str) -> float:
    """What is too small to matter where nobody says: a point of a share.

    Raises
    ------
    UserError
        The unit has no such default.
    """
    margin = metric.shown.margin
    if margin is None:
        raise UserError(
            f"{where}: no margin is given, and '{metric.name}' has none by itself, as its unit is '{metric.unit}'. Give "
            "'margin': the difference that is too small to matter, in the metric's own units."
        )
    return margin


def check_values(
    metric: Metric, values: NDArray[np.float64], starts: NDArray[np.intp], row: Callable[[int], str]
) -> None:
    """Refuse what cannot be values of a metric: NaN, infinity, beyond its bounds, fractions mixed with percents.

    Parameters
    ----------
    values
        Shape (rows,), the rows of a run together.
    starts
        Shape (runs,): the first row of each run.
    row
        Names a row for the message: its run, its epoch.

    Raises
    ------
    MetricValuesError
        Of bounds and scales; the message names the first such row and its value.
    UserError
        Of what is not finite.
    """
    wrong = np.flatnonzero(~np.isfinite(values))
    if wrong.size:
        raise UserError(
            f"the runs: '{metric.name}' is {values[wrong[0]]} at {row(int(wrong[0]))} ({wrong.size} such rows). "
            "Choose another metric, or leave that run out; a run of tinyexp's own is trained again with --fresh."
        )
    if metric.shown.whole is not None and values.size:
        _check_scale(metric, values, starts, row)
    # As far as rounding may have led beyond a bound.
    low = -math.inf if metric.low is None else metric.low - 1e-9 * max(1.0, abs(metric.low))
    high = math.inf if metric.high is None else metric.high + 1e-9 * max(1.0, abs(metric.high))
    wrong = np.flatnonzero((values < low) | (values > high))
    if wrong.size:
        bounds = " to ".join(
            "any" if edge is None else f"{edge:g}".replace("-", "\u2212")
            for edge in (metric.low, metric.high)
        )
        raise MetricValuesError(
            f"the runs: '{metric.name}' is {values[wrong[0]]:g} at {row(int(wrong[0]))}, outside its bounds, {bounds} "
            f"({wrong.size} such rows). Where it may be so, give 'low' and 'high' in [metrics.{toml_key(metric.name)}]{_WHERE}."
        )


def _check_scale(
    metric: Metric, values: NDArray[np.float64], starts: NDArray[np.intp], row: Callable[[int], str]
) -> None:
    """Of shares: whether all runs wrote them on the scale that the unit says."""
    most = np.maximum.reduceat(values, starts)
    small, large = most <= 1.0, most > 1.0 + 1e-9
    if metric.unit == "fraction" and metric.high is None:
        # Where words put in count, a share of errors may lie above 1, but not far, and not in every epoch.
        large = (most > 2.0) | (np.minimum.reduceat(values, starts) > 1.0)
    elif metric.unit == "percent":
        # A run that learned nothing may stay at a percent; a fraction lies a hundred times below its fellows.
        typical = float(np.sort(most[large])[np.count_nonzero(large) // 2]) if large.any() else 0.0
        small &= (typical > 10.0) & (100 * most > typical / 3) & (100 * most < typical * 3)
    if not large.any() or (metric.unit == "percent" and not small.any()):
        return

    def at(run: np.intp) -> str:
        end = starts[run + 1] if run + 1 < len(starts) else len(values)
        place = int(starts[run] + values[starts[run] : end].argmax())
        return f"{values[place]:g} at {row(place)}"

    told = at(np.flatnonzero(large)[0])
    if small.any():
        raise MetricValuesError(
            f"the runs: fractions are mixed with percents: '{metric.name}' is {told}, and at most {at(np.flatnonzero(small)[0])} "
            "in all of that run. Bring them to one scale."
        )
    if metric.high is None or float(most.max()) <= 100 * metric.high:
        raise MetricValuesError(
            f"the runs: '{metric.name}' is {told}, and a 'fraction' by its unit: this looks like percent. Give unit = \"percent\" "
            f"in [metrics.{toml_key(metric.name)}]{_WHERE}; in Python, pass a Metric of that unit. "
            f"Units: {', '.join(UNITS)}."
        )
