"""A net for which no machine has the memory is refused before anything is trained; one that fits is not."""

import pytest
from click.testing import CliRunner

from tinyexp.cli import main
from tinyexp.config.load import experiment_names, load_experiment
from tinyexp.errors import UserError
from tinyexp.trainers.vision.models import memory
from tinyexp.trainers.vision.models.memory import least_memory, require_memory
from tinyexp.trainers.vision.settings import vision_settings

HUGE = [
    {"model.width": 16.0, "model.fc_width": 10**9},
    {"model.channels": [65_536] * 5},
    {"model.classes": 10**9},
    {"input.image_size": 4096},
]


@pytest.mark.parametrize("name", experiment_names())
@pytest.mark.parametrize("profile", ["embedded", "desk", "paper"])
def test_what_the_experiments_need_is_there(name, profile):
    require_memory(vision_settings(load_experiment(name, profile)), 1_300_000, name)


@pytest.mark.parametrize("overrides", HUGE, ids=str)
def test_what_is_too_large_is_refused_with_both_numbers(overrides, monkeypatch):
    monkeypatch.setattr(memory, "_memory", lambda: 20_000_000_000)
    spec = vision_settings(load_experiment("tiny-design1", "embedded", overrides))
    with pytest.raises(
        UserError, match=r"a training step needs [0-9,]+ GB of memory at the least, and there are 20 GB"
    ):
        require_memory(spec, 100_000, "tiny-design1")


def test_a_batch_is_no_larger_than_the_training_set():
    spec = vision_settings(load_experiment("tiny-design1", "embedded", {"training.batch_size": 65_536}))
    assert least_memory(spec, 40) < least_memory(spec, 65_536) / 100
    assert least_memory(spec, 65_536) == least_memory(spec, 10**9)


def test_it_counts_weights_thrice_a_batch_and_its_largest_map():
    spec = vision_settings(load_experiment("tiny-design1", "paper"))
    images, channels = 256 * 3 * 64**2 * 4, 64 * 64**2
    assert least_memory(spec, 100_000) >= 3 * 4 * 4_790_728 + images + 256 * channels * 2


@pytest.mark.parametrize(
    "setting", ["model.channels=[65536,65536,65536,65536,65536]", "model.fc_width=1000000000"]
)
def test_the_command_says_so_and_trains_nothing(tmp_path, setting, monkeypatch):
    monkeypatch.setattr(memory, "_memory", lambda: 20_000_000_000)
    result = CliRunner().invoke(
        main, ["run", "tiny-design1", "--runs", str(tmp_path / "runs"), "--set", setting]
    )
    assert result.exit_code == 2
    assert "GB of memory at the least" in result.output
    assert not list((tmp_path / "runs").glob("*/*/*"))
