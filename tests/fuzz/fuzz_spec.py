"""Fuzzers of what people write: experiment, profile and study files, and ``--set`` on the command line."""

from __future__ import annotations

import shutil
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from harness import Fuzzer
from hypothesis import strategies as st
from mutations import anything, edited, json_bytes, scalars, texts, toml_bytes

from tinyexp.analysis.design import check_members, study_design
from tinyexp.analysis.study import load_study
from tinyexp.config.difference import flatten
from tinyexp.config.experiment import Experiment
from tinyexp.config.identity import configuration_of
from tinyexp.config.load import load_experiment, parse_override
from tinyexp.config.show import as_toml
from tinyexp.files import json_text
from tinyexp.resources import experiments_folder
from tinyexp.trainers.vision.models.cost import multiply_adds, parameters
from tinyexp.trainers.vision.models.geometry import flatten_size
from tinyexp.trainers.vision.settings import vision_settings

FILES = ("tiny-design2.toml", "imagenet-resnet18.toml", "profiles/embedded.toml")
STUDIES = ("why-design1-beat-design2", "deeper-on-imagenet", "larger-images")


def copy_experiments(place: Path) -> Path:
    """The experiments that come with tinyexp, to be spoiled."""
    return Path(shutil.copytree(experiments_folder(), place / "experiments"))


def read_experiments(folder: Path, given: tuple[str, bytes, tuple[str, ...]]) -> None:
    """Load the experiments from a folder in which one file is another, with some ``--set``; then use them."""
    name, content, settings = given
    path = folder / name
    whole = path.read_bytes()
    try:
        path.write_bytes(content)
        overrides = dict(parse_override(text) for text in settings)
        for experiment in ("tiny-design2", "imagenet-resnet18"):
            use(load_experiment(experiment, "embedded", overrides, folder=folder))
    finally:
        path.write_bytes(whole)


def use(experiment: Experiment) -> None:
    """What is done with an experiment before anything is trained."""
    configuration_of(experiment)
    as_toml(experiment)
    _ = experiment.deviations
    text = json_text(experiment.model_dump(mode="json"))
    assert Experiment.model_validate_json(text) == experiment, "its record says something else"
    flatten_size(vision_settings(experiment))
    parameters(vision_settings(experiment))
    multiply_adds(vision_settings(experiment))


def _table(name: str) -> dict[str, Any]:
    return tomllib.loads((experiments_folder() / name).read_text(encoding="utf-8"))


KEYS = sorted({key for name in FILES[:2] for key in flatten(_table(name))})
settings = st.one_of(
    st.builds(
        lambda key, value: f"{key}={json_bytes(value).decode(errors='replace')}",
        st.sampled_from([*KEYS, "execution.threads", "data.root", "model", "input.std"]),
        scalars | anything,
    ),
    st.builds(lambda key, value: f"{key}={value}", st.sampled_from(KEYS) | texts, texts),
    texts,
)
experiment_inputs = st.one_of(
    *(st.tuples(st.just(name), edited(_table(name), toml_bytes), st.just(())) for name in FILES),
    st.tuples(
        st.just(FILES[0]),
        st.just((experiments_folder() / FILES[0]).read_bytes()),
        st.lists(settings, min_size=1, max_size=3).map(tuple),
    ),
)


@cache
def _experiments() -> dict[str, Experiment]:
    names = ("tiny-design1", "tiny-design2", "imagenet-design1", "imagenet-resnet18")
    return {name: load_experiment(name) for name in names}


def read_study(folder: Path, given: tuple[str, bytes]) -> None:
    """Load a study whose file is another, and make everything that it asks for."""
    name, content = given
    path = folder / "studies" / f"{name}.toml"
    whole = path.read_bytes()
    try:
        path.write_bytes(content)
        study = load_study(name, folder)
        check_members(study, list(_experiments()))
        for part in study_design(study, _experiments()).everything:
            configuration_of(part.experiment)
    finally:
        path.write_bytes(whole)


study_inputs = st.one_of(
    *(st.tuples(st.just(name), edited(_table(f"studies/{name}.toml"), toml_bytes)) for name in STUDIES)
)

EXPERIMENTS = Fuzzer(
    experiment_inputs, copy_experiments, read_experiments, (".toml", "--set", "input.image_size")
)
STUDY_FILES = Fuzzer(study_inputs, copy_experiments, read_study, (".toml",))
