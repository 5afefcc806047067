"""The source of a folder of experiments: read where it is, checked, and missed by nobody where it is not."""

import pytest

from tinyexp.analysis.reproduction import incomparable
from tinyexp.config.load import experiment_names, load_experiment
from tinyexp.config.source import ambiguities, load_source
from tinyexp.errors import UserError
from tinyexp.resources import shipped

WHOLE = """
title = "A paper"
address = "https://example.org/paper"

[ambiguities.A1]
what = "The size is given twice."

[ambiguities.A1.interpretations.large]
meaning = "64 px."

[ambiguities.A1.interpretations.small]
meaning = "32 px."
set = { "input.image_size" = 32 }
"""
SMALL_AS_TABLES = "[ambiguities.A1.interpretations.small.set.input]\nimage_size = 32"


@pytest.fixture
def folder(tmp_path):
    """One experiment of a source of one's own, without profiles."""
    text = (shipped("experiments") / "tiny-design1.toml").read_text()
    head, _, _ = text.partition("[reported]")
    (tmp_path / "mine.toml").write_text(f'{head}\n[readings]\nA1 = "large"\n')
    (tmp_path / "source.toml").write_text(WHOLE)
    return tmp_path


def refused(action, *arguments, **keywords):
    with pytest.raises(UserError) as caught:
        action(*arguments, **keywords)
    return str(caught.value)


def test_the_shipped_source_has_a_title_and_twelve_ambiguities_in_order():
    source = load_source(shipped("experiments"))
    assert source is not None
    assert source.title == "Tiny Imagenet"
    assert list(source.ambiguities) == [f"C{number}" for number in range(1, 13)]
    assert list(source.ambiguities["C1"].interpretations) == ["linear2048", "resize32", "extra_pool"]
    assert dict(source.ambiguities["C1"].interpretations["resize32"].set) == {"input.image_size": 32}


def test_the_source_is_no_experiment(folder):
    assert experiment_names(folder) == ["mine"]
    assert "unknown experiment 'source'. Known: mine" in refused(load_experiment, "source", folder=folder)


def test_an_interpretation_of_ones_own_source_sets_its_keys(folder):
    small = load_experiment("mine", overrides={"readings.A1": "small"}, folder=folder)
    assert (small.settings["input"]["image_size"], small.readings) == (32, {"A1": "small"})
    assert load_experiment("mine", folder=folder).settings["input"]["image_size"] == 64


def test_keys_in_tables_mean_the_same_as_dotted_keys(folder):
    (folder / "source.toml").write_text(
        WHOLE.replace('set = { "input.image_size" = 32 }', "") + SMALL_AS_TABLES
    )
    assert dict(ambiguities(folder)["A1"].interpretations["small"].set) == {"input.image_size": 32}


def test_a_folder_without_the_file_has_no_source_and_no_ambiguity(folder):
    (folder / "source.toml").unlink()
    assert load_source(folder) is None
    said = refused(load_experiment, "mine", folder=folder)
    assert said.startswith(
        f"{folder / 'mine.toml'}: unknown ambiguity (a table of source.toml) 'A1'. Known: (none)"
    )
    text = (folder / "mine.toml").read_text()
    (folder / "mine.toml").write_text(text.partition("[readings]")[0])
    assert load_experiment("mine", folder=folder).readings == {}


def test_a_reading_that_the_source_does_not_have_is_refused_with_the_choices(folder):
    path = folder / "mine.toml"
    text = path.read_text()
    path.write_text(text.replace('A1 = "large"', 'A1 = "smal"'))
    said = refused(load_experiment, "mine", folder=folder)
    assert f"{path}: unknown interpretation of A1 'smal'. Known: large, small. Did you mean 'small'?" in said
    path.write_text(text.replace('A1 = "large"', 'A2 = "large"'))
    said = refused(load_experiment, "mine", folder=folder)
    assert "unknown ambiguity (a table of source.toml) 'A2'. Known: A1." in said


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("address =", "adress =", "unknown key 'adress'. Known: title, address, claims, ambiguities, metrics. Did you mean 'address'?"),
        ("what =", "waht =", "unknown key 'waht' in [ambiguities.A1]. Known: what, interpretations, concerns. Did you mean 'what'?"),
        ("set =", "sets =", "unknown key 'sets' in [ambiguities.A1.interpretations.small]. Known: meaning, set."),
        ('title = "A paper"', "", "the key 'title' is missing"),
        ('title = "A paper"', "title = 3", "title = 3 cannot be used"),
        ("[ambiguities.A1]", '[ambiguities."A 2"]\nwhat = ""\ninterpretations = {}\n[ambiguities.A1]', "cannot be used"),
        ('"A paper"', '"A paper', "is not valid TOML"),
    ],
)  # fmt: skip
def test_a_source_that_is_wrong_is_said_with_file_key_choices_and_nearest(folder, old, new, words):
    path = folder / "source.toml"
    path.write_text(WHOLE.replace(old, new, 1))
    said = refused(load_experiment, "mine", folder=folder)
    assert said.startswith(f"{path}: ")
    assert words in said


def test_a_changed_file_is_read_again_and_an_unchanged_one_is_not(folder):
    first = load_source(folder)
    assert load_source(folder) is first
    (folder / "source.toml").write_text(WHOLE.replace("A paper", "Another paper"))
    assert load_source(folder).title == "Another paper"


def test_a_key_that_an_interpretation_sets_is_no_departure_only_where_the_source_says_so(
    folder, monkeypatch, tmp_path_factory
):
    place = tmp_path_factory.mktemp("own")
    folder.rename(place / "experiments")
    path = place / "experiments" / "mine.toml"
    reported = "[reported]\nafter_epochs = 65\ntrain_loss = 1.0\ntest_loss = 1.0\ntest_accuracy = 0.4\ntolerance = 0.1\n"
    path.write_text(path.read_text().replace("[readings]", f"{reported}\n[readings]"))
    monkeypatch.chdir(place)
    small = load_experiment("mine", overrides={"readings.A1": "small"})
    assert incomparable(small) == ()
    (place / "experiments" / "source.toml").unlink()
    assert incomparable(small) == ("input.image_size",)
