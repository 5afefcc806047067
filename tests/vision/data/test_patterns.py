"""The built-in set: balanced, repeatable, canonical in training and disturbed in testing."""

import numpy as np
import pytest

from tinyexp.trainers.vision.data.patterns import CLASSES, open_patterns
from tinyexp.trainers.vision.settings import Data


def patterns(train=40, test=30, holdout=20):
    return open_patterns(Data(dataset="patterns", train_limit=train, test_limit=test, holdout=holdout))


def test_the_splits_have_the_sizes_asked_for_and_every_class_in_turn():
    data = patterns()
    assert (len(data.train), len(data.test), len(data.holdout)) == (40, 30, 20)
    assert np.bincount(data.train.labels).tolist() == [4] * 10
    assert data.classes == CLASSES
    assert data.train.image(0).size == (64, 64)
    assert data.train.image(0).mode == "RGB"


def test_an_image_is_the_same_whatever_the_size_of_its_split():
    assert patterns(train=40).train.image(7).tobytes() == patterns(train=50).train.image(7).tobytes()


def test_the_splits_share_no_image():
    data = patterns()
    images = [
        source.image(k).tobytes()
        for source in (data.train, data.test, data.holdout)
        for k in range(len(source))
    ]
    assert len(set(images)) == len(images)


def test_the_fingerprint_tells_sizes_apart_and_repeats():
    assert patterns().fingerprint == patterns().fingerprint
    assert patterns().fingerprint != patterns(train=41).fingerprint


def test_training_stripes_stand_upright_and_test_stripes_do_not():
    """Rows of upright horizontal stripes differ by grain alone; turned ones do not."""
    data = patterns(train=100, test=100)
    stripes = CLASSES.index("horizontal stripes")

    def spread_along_rows(source):
        chosen = np.flatnonzero(source.labels == stripes)
        return np.mean([np.asarray(source.image(int(k)), dtype=float).std(axis=1).mean() for k in chosen])

    assert spread_along_rows(data.train) < 14  # the grain has a standard deviation of 12
    assert spread_along_rows(data.test) > 20


def test_the_mean_colour_says_nothing_about_the_class():
    """A nearest-mean rule on the colour of an image does no better than chance allows (five standard errors)."""
    data = patterns(train=1000, test=500)

    def colour(source):
        return np.array([np.asarray(source.image(k)).mean(axis=(0, 1)) for k in range(len(source))])

    train, test = colour(data.train), colour(data.test)
    means = np.array([train[data.train.labels == label].mean(axis=0) for label in range(10)])
    guessed = np.argmin(((test[:, None] - means) ** 2).sum(axis=2), axis=1)
    assert (guessed == data.test.labels).mean() == pytest.approx(0.1, abs=5 * np.sqrt(0.09 / 500))
