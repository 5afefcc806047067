"""A study: a question over experiments, as a file says it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from tinyexp.errors import unknown
from tinyexp.resources import experiments_folder
from tinyexp.spec.explain import explained
from tinyexp.spec.load import Name, read_toml
from tinyexp.spec.schema import Section

Metric = Literal["test_accuracy", "test_top5_accuracy", "val_accuracy", "test_loss", "train_clean_accuracy"]


class Study(Section):
    """Two experiments, what is compared of them, and how large a difference must be to count."""

    name: Name
    title: str
    question: str
    baseline: Name
    contender: Name
    metric: Metric
    margin: Annotated[float, Field(ge=0)]
    """Differences within plus or minus this are noise; in the units of the metric."""


def study_names(folder: Path | None = None) -> list[str]:
    """The studies there are, by file name."""
    return sorted(path.stem for path in ((folder or experiments_folder()) / "studies").glob("*.toml"))


def load_study(name: str, folder: Path | None = None) -> Study:
    """Read ``studies/NAME.toml``; raises UserError with the choices where it is missing or wrong."""
    studies = (folder or experiments_folder()) / "studies"
    if name not in (known := study_names(folder)):
        raise unknown(str(studies), "study", name, known)
    path = studies / f"{name}.toml"
    try:
        return Study.model_validate({"name": name, **read_toml(path)})
    except ValidationError as error:
        raise explained(error, Study, lambda _: str(path)) from error
