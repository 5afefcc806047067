"""Batches do not depend on workers, on what was loaded before, or on where an epoch is entered."""

import numpy as np
import pytest
import torch

from tinyexp.config.load import load_experiment
from tinyexp.errors import UserError
from tinyexp.trainers.vision.data.loader import EvaluationBatches, TrainBatches
from tinyexp.trainers.vision.data.patterns import open_patterns
from tinyexp.trainers.vision.settings import vision_settings


def spec_of(**overrides):
    settings = {"data.train_limit": 50, "data.test_limit": 20, "data.holdout": 0, "training.batch_size": 16}
    settings |= {key.replace("__", "."): value for key, value in overrides.items()}
    return vision_settings(load_experiment("tiny-design1", "embedded", settings))


def batches(workers=0, seed=0, **overrides):
    spec = spec_of(**overrides)
    return TrainBatches(open_patterns(spec.data).train, spec, seed, workers)


def same(left, right):
    left, right = list(left), list(right)
    return len(left) == len(right) and all(
        torch.equal(a, b)
        for one, other in zip(left, right, strict=True)
        for a, b in zip(one, other, strict=True)
    )


def test_workers_cannot_change_a_batch():
    assert same(batches().epoch(3), batches(workers=2).epoch(3))


def test_an_epoch_entered_in_the_middle_goes_on_as_it_would_have():
    assert same(list(batches().epoch(2))[2:], batches().epoch(2, first_step=2))


def test_an_epoch_does_not_depend_on_the_one_before():
    loader = batches()
    list(loader.epoch(1))
    assert same(loader.epoch(2), batches().epoch(2))


def test_epochs_and_seeds_differ():
    assert not same(batches().epoch(1), batches().epoch(2))
    assert not same(batches().epoch(1), batches(seed=1).epoch(1))


def test_an_epoch_shows_every_image_once_and_the_last_batch_is_the_rest():
    loader = batches()
    labels = [label for _, label in loader.epoch(1)]
    assert [len(label) for label in labels] == [16, 16, 16, 2]
    assert loader.steps == 4
    assert np.bincount(torch.cat(labels)).tolist() == [5] * 10


def test_loading_leaves_torchs_generators_alone():
    torch.manual_seed(1)
    before = torch.get_rng_state()
    list(batches().epoch(1))
    spec = spec_of()
    list(EvaluationBatches(open_patterns(spec.data).test, spec, 0))
    assert torch.equal(torch.get_rng_state(), before)


def test_a_last_batch_of_one_image_is_refused():
    with pytest.raises(UserError, match="leave a last batch of one image"):
        batches(data__train_limit=49)


def test_evaluation_gives_the_same_batches_from_memory_as_at_first():
    spec = spec_of(training__evaluation_batch_size=7)
    loader = EvaluationBatches(open_patterns(spec.data).test, spec, 0)
    first = [(images.clone(), labels) for images, labels in loader]
    assert same(first, loader)
    assert same(first, EvaluationBatches(open_patterns(spec.data).test, spec, 2))


def test_evaluation_left_in_the_middle_is_whole_the_next_time():
    spec = spec_of(training__evaluation_batch_size=7)
    loader = EvaluationBatches(open_patterns(spec.data).test, spec, 0)
    next(iter(loader))
    assert sum(len(labels) for _, labels in loader) == 20
