"""The logs that can be read: a literal table, in the order in which readers are asked; what claims least comes last."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module

from tinyexp.logs.folder import Reader

READERS: Mapping[str, str] = {
    "mlflow": "tinyexp.logs.readers.mlflow:READER",
    "wandb": "tinyexp.logs.readers.wandb:READER",
    "tensorboard": "tinyexp.logs.readers.tensorboard:READER",
    "huggingface": "tinyexp.logs.readers.huggingface:READER",
    "mmengine": "tinyexp.logs.readers.mmengine:READER",
    "dvclive": "tinyexp.logs.readers.dvclive:READER",
    "lightning": "tinyexp.logs.readers.lightning:READER",
    "timm": "tinyexp.logs.readers.tables:TIMM",
    "ultralytics": "tinyexp.logs.readers.tables:ULTRALYTICS",
    "fastai": "tinyexp.logs.readers.tables:FASTAI",
    "keras": "tinyexp.logs.readers.tables:KERAS",
    "table": "tinyexp.logs.readers.tables:GENERIC",
}
"""A log that two could read is the first one's. ``table`` reads any CSV, TSV or JSON lines with an index column."""

TRAINERS: Mapping[str, str] = {
    "mlflow": "MLflow",
    "wandb": "Weights & Biases",
    "tensorboard": "TensorBoard events",
    "huggingface": "Hugging Face Trainer",
    "mmengine": "mmengine",
    "dvclive": "DVCLive",
    "lightning": "Lightning or Fabric",
    "timm": "timm",
    "ultralytics": "ultralytics",
    "fastai": "fastai",
    "keras": "Keras",
    "table": "a table",
}
"""As messages call them."""


@cache
def reader_of(name: str) -> Reader:
    """A reader by its name; loading one loads nothing heavy."""
    module, _, attribute = READERS[name].partition(":")
    reader: Reader = getattr(import_module(module), attribute)
    return reader
