"""Experiment files, profiles, interpretations and overrides, and what is said when one of them is wrong."""

import errno
import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyexp.config import toml
from tinyexp.config.identity import configuration_of
from tinyexp.config.load import (
    experiment_names,
    load_experiment,
    load_profile,
    parse_override,
    profile_names,
)
from tinyexp.config.source import ambiguities
from tinyexp.errors import TinyexpError, UnreadableError, UserError
from tinyexp.files import read_bounded
from tinyexp.resources import shipped
from tinyexp.trainers.vision.settings import vision_settings


@pytest.fixture
def own_folder(tmp_path):
    """A copy of the shipped experiments to spoil."""
    return shutil.copytree(shipped("experiments"), tmp_path / "experiments")


def message(*arguments, **keywords):
    with pytest.raises(UserError) as caught:
        load_experiment(*arguments, **keywords)
    assert caught.value.exit_code == 2
    return str(caught.value)


@pytest.mark.parametrize("file", ["tiny-design1.toml", "profiles/embedded.toml", "source.toml"])
def test_a_file_that_cannot_be_read_this_time_is_not_taken_for_one_that_is_wrong(
    own_folder, file, monkeypatch
):
    def fails_at_it(path, limit):
        if path == own_folder / file:
            raise OSError(errno.EIO, "Input/output error")
        return read_bounded(path, limit)

    monkeypatch.setattr(toml, "read_bounded", fails_at_it)
    with pytest.raises(UnreadableError, match=rf"{file}: cannot be read \(Input/output error\)"):
        load_experiment("tiny-design1", "embedded", folder=own_folder)


@pytest.mark.parametrize("profile", profile_names())
@pytest.mark.parametrize("name", experiment_names())
def test_every_shipped_experiment_loads_in_every_profile(name, profile):
    assert vision_settings(load_experiment(name, profile)).training.stop_after >= 1


def test_the_shipped_names_are_those_of_the_design():
    assert experiment_names() == ["imagenet-design1", "imagenet-resnet18", "tiny-design1", "tiny-design2"]
    assert profile_names() == ["desk", "embedded", "paper"]


@pytest.mark.parametrize("name", experiment_names())
def test_the_paper_profile_deviates_in_nothing(name):
    assert load_experiment(name, "paper").deviations == ()


def test_the_hyperparameters_are_the_sources():
    for name, batch, epochs in [
        ("tiny-design1", 256, 65),
        ("tiny-design2", 256, 65),
        ("imagenet-resnet18", 64, 12),
    ]:
        spec = vision_settings(load_experiment(name, "paper"))
        sgd = spec.optimizer
        assert (sgd.learning_rate, sgd.momentum, sgd.weight_decay) == (0.01, 0.9, 0.0005)
        assert (spec.training.epochs, spec.training.stop_after, spec.training.batch_size) == (
            200,
            epochs,
            batch,
        )


def test_what_a_profile_or_an_override_changes_is_a_deviation():
    changed = {
        change.key: (change.left, change.right)
        for change in load_experiment("tiny-design1", "paper", {"training.stop_after": 2}).deviations
    }
    assert changed == {"training.stop_after": (65, 2)}
    assert "data.dataset" in {change.key for change in load_experiment("tiny-design1", "desk").deviations}


def test_where_and_how_a_run_is_carried_out_is_no_deviation():
    assert (
        load_experiment("tiny-design1", "paper", {"data.root": "/x", "execution.workers": 7}).deviations == ()
    )


def test_every_ambiguity_of_the_source_is_read_somewhere():
    taken = {number for name in experiment_names() for number in load_experiment(name, "paper").readings}
    assert taken == set(ambiguities())


@pytest.mark.parametrize(
    ("name", "number", "choice"),
    [
        (name, number, choice)
        for name in experiment_names()
        for number in load_experiment(name, "paper").readings
        for choice in ambiguities()[number].interpretations
    ],
)
def test_every_interpretation_that_is_offered_loads(name, number, choice):
    experiment = load_experiment(name, "paper", {f"readings.{number}": choice})
    default = load_experiment(name, "paper").readings[number]
    assert bool(experiment.deviations) == (choice != default)


def test_the_interpretation_in_the_file_agrees_with_the_keys_in_the_file():
    for name in experiment_names():
        loaded = load_experiment(name, "paper")
        for number, choice in loaded.readings.items():
            again = load_experiment(name, "paper", {f"readings.{number}": choice})
            assert again.settings == loaded.settings


def test_a_profile_goes_over_an_interpretation_and_an_override_over_both():
    overrides = {"readings.C1": "resize32"}
    assert vision_settings(load_experiment("tiny-design2", "paper", overrides)).input.image_size == 32
    overrides["input.image_size"] = 48
    assert vision_settings(load_experiment("tiny-design2", "embedded", overrides)).input.image_size == 48


def test_an_unknown_key_is_named_with_its_file_the_known_ones_and_the_nearest(own_folder):
    path = own_folder / "tiny-design1.toml"
    path.write_text(path.read_text().replace("dropout = 0.5", "dropuot = 0.5"))
    said = message("tiny-design1", folder=own_folder)
    assert f"{path}: unknown key 'dropuot' in [model]. Known: architecture, channels" in said
    assert "Did you mean 'dropout'?" in said
    assert "is missing" not in said  # one mistake, one line


def test_a_wrong_key_in_a_profile_is_said_of_the_profile(own_folder):
    path = own_folder / "profiles" / "embedded.toml"
    path.write_text(path.read_text().replace("train_limit", "train_limits"))
    assert f"{path}: unknown key 'train_limits' in [data]" in message("tiny-design1", folder=own_folder)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        (
            {"model.hidden_activation": "rellu"},
            "--set: model.hidden_activation = 'rellu' is not a choice. Known: relu, softmax. Did you mean 'relu'?",
        ),
        (
            {"model.width": "wide"},
            "--set: model.width = 'wide' cannot be used: input should be a valid number.",
        ),
        ({"training.batch_size": True}, "training.batch_size = true cannot be used"),
        ({"training.batch_size": 64.0}, "training.batch_size = 64.0 cannot be used"),
        ({"optimizer.learning_rate": float("nan")}, "optimizer.learning_rate = nan cannot be used"),
        (
            {"readings.C1": "resize"},
            "--set: unknown interpretation of C1 'resize'. Known: linear2048, resize32, extra_pool. Did you mean 'resize32'?",
        ),
        ({"readings.C7": "resnet10"}, "unknown ambiguity of this experiment 'C7'. Known: C1, C3"),
        ({"readings.C99": "x"}, "unknown ambiguity (a table of source.toml) 'C99'. Known: C1, C2"),
        ({"model.kernels": [5, 5]}, "'kernels' has 2 entries and 'channels' has 5"),
        ({"training.stop_after": 900}, "'stop_after' (900) must not exceed 'epochs' (200)"),
        ({"training.epochs": 10**9}, "training.epochs = 1000000000 cannot be used"),
        (
            {"model.architecture": "resne"},
            "model.architecture = 'resne' is not a choice. Known: five-conv, resnet. Did you mean 'resnet'?",
        ),
        ({"foo.bar": 3}, "--set: unknown key 'foo'. Known: title"),
        (
            {"trainer": "command"},
            "--set: trainer: experiments/tiny-design2.toml is of the trainer 'vision', and so are its settings.",
        ),
        (
            {"trainer": float("nan")},
            "--set: trainer: experiments/tiny-design2.toml is of the trainer 'vision'",
        ),
        ({"title.x": 3}, "'title.x' is set inside 'title', which is a value and no table"),
        (
            {"augmentation.crop_scale": [0.9, 0.1]},
            "'crop_scale' must be two numbers with 0 < low <= high <= 1",
        ),
    ],
)
def test_a_wrong_override_is_said_with_what_would_be_right(override, words):
    assert words in message("tiny-design2", "paper", override)


def test_an_unknown_name_lists_the_known_and_the_nearest():
    assert "unknown experiment 'tiny-desing1'. Known: imagenet-design1" in message("tiny-desing1")
    assert "Did you mean 'tiny-design1'?" in message("tiny-desing1")
    assert "unknown profile 'pape'. Known: desk, embedded, paper. Did you mean 'paper'?" in message(
        "tiny-design1", "pape"
    )


def test_a_name_cannot_lead_out_of_the_folder():
    assert "unknown experiment '../../etc/passwd'" in message("../../etc/passwd")
    with pytest.raises(UserError, match="unknown profile"):
        load_profile("../profiles/paper")


def test_a_file_that_is_no_toml_is_named_with_line_and_column(own_folder):
    (own_folder / "tiny-design1.toml").write_text("title = \n")
    assert "tiny-design1.toml: is not valid TOML" in message("tiny-design1", folder=own_folder)
    assert "line 1" in message("tiny-design1", folder=own_folder)


def test_a_huge_file_is_refused_unparsed(own_folder):
    (own_folder / "tiny-design1.toml").write_text("# " + "x" * 1_000_001)
    assert "at most 1,000,000 are read" in message("tiny-design1", folder=own_folder)


@given(st.binary(max_size=300))
def test_arbitrary_bytes_in_an_experiment_file_are_a_message_and_no_traceback(tmp_path_factory, content):
    folder = tmp_path_factory.mktemp("experiments")
    (folder / "profiles").mkdir()
    (folder / "profiles" / "embedded.toml").write_text("title = 'x'\nseeds = 1\n")
    (folder / "a.toml").write_bytes(content)
    with pytest.raises(TinyexpError):
        load_experiment("a", "embedded", folder=folder)


keys = st.sampled_from(
    [
        "model",
        "model.width",
        "model.kernels",
        "data",
        "input.std",
        "readings",
        "readings.C1",
        "title",
        "reported",
        "training.epochs",
        "x.y",
    ]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)


@given(st.dictionaries(keys, values, max_size=4))
def test_arbitrary_overrides_load_or_give_a_message(overrides):
    try:
        load_experiment("tiny-design2", "paper", overrides)
    except TinyexpError as error:
        assert str(error)  # noqa: PT017 - either outcome is right


@pytest.mark.parametrize("text", ["width", "=3", "a b=3", "model..width=3"])
def test_an_override_that_is_no_key_and_value_is_refused(text):
    with pytest.raises(UserError, match="write KEY=VALUE"):
        parse_override(text)


@pytest.mark.parametrize(
    "value", ["9" * 5000, "0x" + "f" * 5000, "[" * 3000 + "]" * 3000], ids=["digits", "hexadecimal", "nested"]
)
@pytest.mark.parametrize(
    "key", ["title", "training.epochs", "data.dataset", "readings.C1", "model.hidden_activation"]
)
def test_endless_numbers_and_lists_are_refused_by_name(own_folder, key, value):
    with pytest.raises(UserError, match=r"--set"):
        load_experiment("tiny-design2", overrides=dict([parse_override(f"{key}={value}")]))
    path = own_folder / "profiles" / "embedded.toml"
    path.write_text(f"{path.read_text()}\n[only.tiny-design2]\n{key} = {value}\n")
    with pytest.raises(UserError, match=r"embedded\.toml: "):
        load_experiment("tiny-design2", folder=own_folder)


def test_a_value_cannot_forge_a_line_of_the_message():
    said = message("tiny-design2", overrides={"model.hidden_activation": "x\ntinyexp: all is well\x1b[31m"})
    assert len(said.splitlines()) == 1
    assert "\x1b" not in said


@pytest.mark.parametrize("typed", ["2024", "2024.10", "1e5", "true", "2024-01-01", "0x10", "a b"])
def test_a_text_that_looks_like_something_else_is_the_text_that_was_typed(typed):
    loaded = load_experiment("tiny-design1", overrides=dict([parse_override(f"data.root={typed}")]))
    wanted = "16" if typed == "0x10" else typed
    assert loaded.settings["data"]["root"] == wanted
    assert loaded.overrides == {"data.root": wanted}


def test_a_number_is_a_number_however_it_was_typed():
    loaded = load_experiment("tiny-design1", overrides=dict([parse_override("optimizer.learning_rate=1e-3")]))
    rate = loaded.overrides["optimizer.learning_rate"]
    assert (rate, type(rate)) == (0.001, float)
    assert configuration_of(loaded) == configuration_of(
        load_experiment("tiny-design1", overrides={"optimizer.learning_rate": 0.001})
    )


def test_a_file_in_another_encoding_is_named_with_what_to_do(own_folder):
    path = own_folder / "tiny-design2.toml"
    content = path.read_text(encoding="utf-8")
    for encoding in ("utf-16", "utf-16-le", "latin-1"):
        path.write_bytes((content + "# é\n").encode(encoding, errors="replace"))
        with pytest.raises(UserError, match=r"tiny-design2\.toml: is (not UTF-8|not valid TOML)"):
            load_experiment("tiny-design2", folder=own_folder)
    path.write_text(content, encoding="utf-8-sig")
    assert load_experiment("tiny-design2", folder=own_folder) == load_experiment("tiny-design2")
