"""Settings of a Hydra job are found for the log that lies in its folder or below it."""

from __future__ import annotations

import json

import pytest
from truth import FIXTURES

from tinyexp.logs.hydra import job_settings
from tinyexp.logs.settings import dotted, settings_in


def settings_beside(folder, root):
    """Settings and files, where nothing is to be said of them."""
    found = job_settings(folder, root)
    return found.settings, found.files


def job(folder, config=None, overrides=None):
    (folder / ".hydra").mkdir(parents=True, exist_ok=True)
    if config is not None:
        (folder / ".hydra" / "config.yaml").write_text(config)
    if overrides is not None:
        (folder / ".hydra" / "overrides.yaml").write_text(overrides)
    return folder


@pytest.mark.parametrize(
    "run", json.loads((FIXTURES / "hydra/truth.json").read_text())["runs"], ids=lambda run: run["run"]
)
def test_seed_and_design_of_every_real_job(run):
    folder = FIXTURES / "hydra" / run["run"]
    settings, files = settings_beside(folder, FIXTURES / "hydra")
    assert settings["seed"] == run["seed"]
    width = {"small": 4, "big": 8}
    wanted = dict(part.split("=") for part in run["design"].split(","))
    assert settings["lr"] == float(wanted["lr"])
    assert str(settings["aug"]).lower() == wanted["aug"]
    assert (settings["model.width"] == width["small"]) == (wanted["model"] == "small")
    assert files == (folder / ".hydra" / "config.yaml",)


def test_without_a_configuration_what_was_given_on_the_command_line(tmp_path):
    lines = "- lr=1e-3\n- +model=big\n- ++opt.betas=[0.9,0.99]\n- ~sched\n- note='a=b'\n- aug=off\n- x={a:1}\n- n=null\n"
    settings, files = settings_beside(job(tmp_path, overrides=lines), tmp_path)
    assert settings == {
        "lr": 0.001,
        "model": "big",
        "opt.betas": [0.9, 0.99],
        "~sched": None,
        "note": "a=b",
        "aug": "off",
        "x": "{a:1}",
        "n": None,
    }
    assert [file.name for file in files] == ["overrides.yaml"]


def test_interpolations_stay_as_written(tmp_path):
    settings, _ = settings_beside(
        job(tmp_path, "dir: ${oc.env:HOME}/x\nlr: ${base.lr}\nmust: ???\n"), tmp_path
    )
    assert settings == {"dir": "${oc.env:HOME}/x", "lr": "${base.lr}", "must": "???"}


def test_the_nearest_folder_above_counts_and_none_above_what_was_asked_for(tmp_path):
    job(tmp_path, "a: 0")
    inner = job(tmp_path / "sweep" / "0", "a: 1")
    deep = inner / "logs" / "version_0"
    deep.mkdir(parents=True)
    (deep / "metrics.csv").touch()
    assert settings_beside(deep, tmp_path)[0] == {"a": 1}
    assert settings_beside(deep / "metrics.csv", tmp_path)[0] == {"a": 1}
    assert settings_beside(deep, deep) == ({}, ())
    assert settings_beside(inner / "metrics.csv", tmp_path / "sweep")[0] == {"a": 1}
    assert settings_beside(tmp_path / "sweep", tmp_path / "sweep") == ({}, ())
    assert settings_beside(deep, tmp_path / "elsewhere") == ({}, ())
    assert settings_beside(tmp_path / "sweep" / "1" / "logs", tmp_path / "sweep") == ({}, ())


def test_a_sweep_above_is_no_setting_of_a_job(tmp_path):
    (tmp_path / "multirun.yaml").write_text("seed: 5\n")
    (tmp_path / "0").mkdir()
    assert settings_beside(tmp_path / "0", tmp_path) == ({}, ())


def test_a_broken_configuration_is_told_and_what_was_given_counts(tmp_path):
    found = job_settings(job(tmp_path, "a: [1\n", "- a=1\n"), tmp_path)
    assert found.settings == {"a": 1}
    assert "config.yaml: line 2" in found.notes[0]
    broken = job_settings(job(tmp_path, overrides="a: [1\n"), tmp_path)
    assert broken.settings == {}
    assert len(broken.notes) == 2
    assert job_settings(job(tmp_path, overrides="a: 1\n"), tmp_path).notes[1].endswith("holds no list.")


def test_settings_of_json_and_yaml_or_a_note_of_why_not(tmp_path):
    notes = []
    (tmp_path / "a.json").write_text('{"a": {"b": 1}}')
    assert settings_in(tmp_path / "a.json", notes) == {"a.b": 1}
    assert notes == []
    for name, content in (
        ("b.json", "[" * 100_000),
        ("c.json", "[]"),
        ("d.json", "{"),
        ("e.yaml", "a.b: 1\na:\n  b: 2\n"),
    ):
        (tmp_path / name).write_text(content)
        assert settings_in(tmp_path / name, notes) == {}
        assert name in notes[-1]
    assert len(notes) == 4
    assert settings_in(tmp_path / "missing.json", notes) == {}


def test_mappings_within_mappings_have_dotted_keys_in_their_order():
    assert list(dotted({"b": {"c": {1: 2}, "a": []}, "a": None}).items()) == [
        ("b.c.1", 2),
        ("b.a", []),
        ("a", None),
    ]
