"""A folder of experiments of one's own: with or without profiles, and whatever else lies in it."""

import errno
import os
import shutil

import pytest
from click.testing import CliRunner
from refusals import refuse

from tinyexp.cli import main
from tinyexp.config.load import experiment_names, load_experiment
from tinyexp.config.profile import default_profile, load_profile, profile_names
from tinyexp.errors import UserError
from tinyexp.resources import experiments_folder, shipped

RULE = "A name begins with a letter or a digit and has up to 80 letters (a to z, A to Z), digits, '-', '_' and '.'."


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """``./experiments`` with one file in it, and nothing else."""
    monkeypatch.chdir(tmp_path)
    own = tmp_path / "experiments"
    own.mkdir()
    shutil.copy(shipped("experiments") / "tiny-design1.toml", own / "mine.toml")
    text = (own / "mine.toml").read_text().partition("[reported]")[0]
    (own / "mine.toml").write_text(text)
    return own


def test_a_folder_with_an_experiment_takes_the_place_of_the_shipped_one(folder):
    assert experiment_names() == ["mine"]
    (folder / "mine.toml").unlink()
    assert experiments_folder() == shipped("experiments"), "nothing of ours is in it"


@pytest.mark.parametrize("number", [errno.EMFILE, errno.EACCES, errno.EIO])
def test_a_folder_that_cannot_be_listed_is_named_and_not_taken_for_none(folder, monkeypatch, number):
    """Else the experiments that are shipped would be trained in its place."""
    refuse(monkeypatch, folder, number)
    told = CliRunner().invoke(main, ["show", "mine"])
    assert told.exit_code == 1
    assert told.stderr.startswith(f"tinyexp: experiments: {os.strerror(number)}. ")
    assert told.stderr.endswith(", then give the same command again.\n")


def test_without_profiles_the_profile_is_called_default_and_changes_nothing(folder):
    assert (profile_names(), default_profile(), default_profile("paper")) == (["default"],) + ("default",) * 2
    mine = load_experiment("mine")
    assert (mine.profile, mine.deviations) == ("default", ())
    assert mine == load_experiment("mine", "default")
    assert load_profile("default").seeds >= 3, "as many as a comparison takes"
    with pytest.raises(UserError, match=r"unknown profile 'embedded'\. Known: default"):
        load_experiment("mine", "embedded")
    assert not (folder / "profiles").exists()


def test_where_there_are_profiles_the_default_is_the_one_asked_for_or_the_first(folder):
    (folder / "profiles").mkdir()
    for name in ("quick", "big"):
        (folder / "profiles" / f"{name}.toml").write_text(f'title = "{name}"\nseeds = 1\n')
    assert (default_profile(), load_experiment("mine").profile) == ("big", "big")
    (folder / "profiles" / "embedded.toml").write_text('title = "x"\nseeds = 1\n')
    assert (default_profile(), default_profile("quick")) == ("embedded", "quick")
    with pytest.raises(UserError, match="unknown profile 'default'"):
        load_experiment("mine", "default")


@pytest.mark.parametrize("name", ["ResNet_18", "v2.1", "0-base", "A" * 80, "a..b"])
def test_names_have_letters_of_any_case_digits_and_three_signs(folder, name):
    shutil.copy(folder / "mine.toml", folder / f"{name}.toml")
    assert load_experiment(name).name == name
    assert name in experiment_names()


@pytest.mark.parametrize("name", ["my net", "-x", "netz\u00e4", "a" * 81, "x;y", "_x"])
def test_a_file_whose_name_cannot_be_used_is_named_once_and_stops_no_other(folder, capsys, name):
    path = folder / f"{name}.toml"
    path.write_text("this is not even TOML")
    assert experiment_names() == experiment_names() == ["mine"]
    assert load_experiment("mine").name == "mine"
    [line] = capsys.readouterr().err.splitlines()
    assert line == f"tinyexp: experiments/{name}.toml: cannot be used by this name. {RULE} Rename the file."


def test_asking_for_such_a_file_is_an_error_that_says_the_rule(folder, capsys):
    (folder / "my net.toml").write_text("")
    with pytest.raises(UserError) as caught:
        load_experiment("my net")
    assert (
        str(caught.value) == f"experiments/my net.toml: cannot be used by this name. {RULE} Rename the file."
    )
    assert not capsys.readouterr().err, "it is said once"


@pytest.mark.parametrize(
    "name", [".DS_Store", "._mine.toml", ".mine.toml.swp", "Thumbs.db", "notes.txt", "mine.toml~"]
)
def test_clutter_is_ignored_without_a_word(folder, capsys, name):
    (folder / name).write_bytes(b"\0")
    assert experiment_names() == ["mine"]
    assert not capsys.readouterr().err
