"""A resolved experiment as TOML, and the schema for editors."""

import json
import tomllib

import jsonschema
import pytest

from tinyexp.config.load import experiment_names, load_experiment
from tinyexp.config.show import as_toml, schema_text
from tinyexp.resources import shipped


@pytest.mark.parametrize("name", experiment_names())
def test_what_is_shown_is_toml_of_the_whole_spec(name):
    experiment = load_experiment(name, "embedded")
    shown = tomllib.loads(as_toml(experiment))
    tables = {name: table for name, table in shown.items() if name in experiment.settings}
    assert tables == experiment.settings
    assert shown["readings"] == experiment.readings
    assert (shown["title"], shown["trainer"]) == (experiment.title, "vision")


def test_a_deviating_line_says_what_the_source_has():
    assert "width = 0.125  # file: 1.0" in as_toml(load_experiment("tiny-design1", "embedded"))


def test_the_committed_schema_is_the_one_the_models_give():
    """After a change of the schema: tinyexp schema > experiments/experiment.schema.json."""
    assert (shipped("experiments") / "experiment.schema.json").read_text() == schema_text()


@pytest.mark.parametrize("name", experiment_names())
def test_the_shipped_experiments_satisfy_the_schema_and_a_misspelt_key_does_not(name):
    content = tomllib.loads((shipped("experiments") / f"{name}.toml").read_text())
    schema = json.loads(schema_text())
    jsonschema.validate(content, schema)
    content["model"]["widht"] = 1.0
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(content, schema)
