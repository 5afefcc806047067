"""The mistakes in files and names that are made first, and whether what is said leads on."""

import pytest

from tinyexp.analysis.study import load_study
from tinyexp.config.load import load_experiment
from tinyexp.errors import UserError

MINE = 'title = "Größe"\ntrainer = "command"\n[command]\nrun = "train {seed}"\nmetrics = "metrics.csv"\n'
STUDY = 'title = "t"\nquestion = "q"\nbaseline = "mine"\ncontender = "other"\nmetric = "test_accuracy"\n'


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with an experiment and a study; it is the current one."""
    (tmp_path / "experiments" / "studies").mkdir(parents=True)
    (tmp_path / "experiments" / "studies" / "why.toml").write_text(STUDY)
    write(tmp_path, MINE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(place, text, encoding="utf-8"):
    (place / "experiments" / "mine.toml").write_bytes(text.encode(encoding))


def refused(load, name):
    with pytest.raises(UserError) as caught:
        load(name)
    return str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_file_is_read_with_a_byte_order_mark_tabs_and_the_line_ends_of_windows(place, encoding, line_end):
    write(place, (MINE + "[settings]\n\tlr = 0.1\n").replace("\n", line_end), encoding)
    assert load_experiment("mine").title == "Größe"


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_a_file_that_is_no_utf_8_is_to_be_saved_as_utf_8(place, encoding):
    write(place, MINE, encoding)
    assert refused(load_experiment, "mine") == (
        "experiments/mine.toml: is not UTF-8, which TOML takes. Save it as UTF-8 in your editor."
    )


def test_a_place_without_experiments_says_that_the_shipped_ones_were_looked_through(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = refused(load_experiment, "mine")
    assert f"These come with tinyexp: {tmp_path} has no experiments/*.toml." in said
    assert "Go to the folder that has, or write the first: `tinyexp init`." in said
    assert "`tinyexp init`" not in refused(
        load_experiment, "tiny-desing1"
    )  # whose author knows the shipped ones


def test_a_study_that_was_taken_for_an_experiment_is_named_with_its_command_and_the_other_way_round(place):
    assert "'why' is a study: `tinyexp run-all --study why`." in refused(load_experiment, "why")
    assert "'mine' is an experiment: `tinyexp run mine`." in refused(load_study, "mine")


@pytest.mark.parametrize("name", ["experiments/mine.toml", "mine.toml", "./experiments/mine.toml"])
def test_a_file_where_a_name_is_wanted_is_answered_with_the_name(place, name):
    assert refused(load_experiment, name).endswith("Known: mine. Did you mean 'mine'?")


def test_a_misspelt_key_is_not_called_missing_too(place):
    write(place, MINE.replace("title", "titel"))
    (said,) = refused(load_experiment, "mine").splitlines()
    assert said.startswith("experiments/mine.toml: unknown key 'titel'. Known: title, section, trainer")
    assert said.endswith("Did you mean 'title'?")


def test_a_missing_key_is_told_with_a_command_that_works(place):
    write(place, MINE.replace('title = "Größe"\n', ""))
    assert "'title' is missing. Add it; `tinyexp schema` prints all keys." in refused(load_experiment, "mine")
    study = place / "experiments" / "studies" / "why.toml"
    study.write_text(STUDY.replace('question = "q"\n', ""))
    assert "'question' is missing. Add it. Known: name, title, question" in refused(load_study, "why")


@pytest.mark.parametrize("spelt", ["trianer", None])
def test_a_command_without_its_trainer_is_one_line_and_not_a_list_of_what_images_need(place, spelt):
    line = 'trainer = "command"\n'
    write(place, MINE.replace(line, f'{spelt} = "command"\n' if spelt else ""))
    (said,) = refused(load_experiment, "mine").splitlines()
    assert "the key 'trainer' is missing" in said
    assert 'Write trainer = "command" above the first table' in said
    assert (f"'{spelt}'" in said) == bool(spelt)


def test_a_text_in_place_of_a_list_is_answered_with_the_list(place):
    write(place, MINE + 'inputs = "train.py"\n')
    assert "command.inputs = 'train.py' cannot be used: it takes a list, as ['train.py']." in refused(
        load_experiment, "mine"
    )


@pytest.mark.parametrize(
    ("key", "meant"), [("wdith", "model.width"), ("learning_rate", "optimizer.learning_rate")]
)
def test_an_override_without_its_table_is_answered_with_the_whole_key(key, meant):
    with pytest.raises(UserError, match=rf"unknown key '{key}'.*Did you mean '{meant}'\?"):
        load_experiment("tiny-design1", overrides={key: 3})
