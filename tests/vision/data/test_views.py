"""Views have torchvision's distributions, and are keyed."""

import math

import numpy as np
import pytest
import torch
from torchvision.transforms import RandomResizedCrop

from tinyexp.trainers.vision.data.draws import KeyedRng
from tinyexp.trainers.vision.data.views import draw_views
from tinyexp.trainers.vision.settings import Augmentation

SOURCE = Augmentation(random_resized_crop=True, flip_probability=0.5, rotation_degrees=18.0)


def views(count=4000, height=64, width=64, spec=SOURCE, seed=0, epoch=1):
    indices = np.arange(count)
    return draw_views(
        KeyedRng(seed, "view"), epoch, indices, np.full(count, height), np.full(count, width), spec
    )


@pytest.mark.parametrize(("height", "width"), [(64, 64), (120, 40), (30, 200), (3, 3), (1, 1)])
def test_every_crop_lies_inside_the_image(height, width):
    drawn = views(height=height, width=width)
    assert (drawn.top >= 0).all()
    assert (drawn.left >= 0).all()
    assert (drawn.top + drawn.height <= height).all()
    assert (drawn.left + drawn.width <= width).all()
    assert (drawn.height >= 1).all()
    assert (drawn.width >= 1).all()


@pytest.mark.parametrize(("height", "width"), [(64, 64), (120, 40), (30, 200)])
def test_the_crops_are_distributed_as_torchvisions(height, width):
    """Quantiles of area and of position over 4,000 crops each; the bounds are five standard errors wide."""
    torch.manual_seed(0)
    image = torch.zeros(3, height, width)
    theirs = np.array([RandomResizedCrop.get_params(image, [0.08, 1.0], [3 / 4, 4 / 3]) for _ in range(4000)])
    drawn = views(height=height, width=width)
    ours = np.stack([drawn.top, drawn.left, drawn.height, drawn.width], axis=1)
    for of in (lambda crop: crop[:, 2] * crop[:, 3], lambda crop: crop[:, 0], lambda crop: crop[:, 1]):
        levels = np.quantile(of(theirs), [0.1, 0.25, 0.5, 0.75, 0.9])
        for level in levels:
            share_ours, share_theirs = (of(ours) <= level).mean(), (of(theirs) <= level).mean()
            assert share_ours == pytest.approx(share_theirs, abs=5 * math.sqrt(0.5 / 4000))


def test_an_image_too_narrow_for_any_crop_is_cut_in_the_middle_as_torchvision_does():
    drawn = views(count=50, height=1000, width=10)
    torch.manual_seed(0)
    expected = RandomResizedCrop.get_params(torch.zeros(3, 1000, 10), [0.9, 1.0], [3 / 4, 4 / 3])
    narrow = views(count=50, height=1000, width=10, spec=SOURCE.model_copy(update={"crop_scale": (0.9, 1.0)}))
    got = {
        tuple(map(int, row)) for row in zip(narrow.top, narrow.left, narrow.height, narrow.width, strict=True)
    }
    assert got == {tuple(expected)}
    assert len(drawn) == 50


def test_half_of_the_images_are_mirrored_and_the_angles_fill_their_range():
    drawn = views()
    assert drawn.flip.mean() == pytest.approx(0.5, abs=5 * 0.5 / math.sqrt(4000))
    assert np.abs(drawn.angle).max() <= 18
    assert drawn.angle.std() == pytest.approx(18 / math.sqrt(3), rel=0.05)


def test_without_augmentation_nothing_is_cropped_mirrored_or_turned():
    off = Augmentation(random_resized_crop=False, flip_probability=0.0, rotation_degrees=0.0)
    drawn = views(spec=off)
    assert not drawn.flip.any()
    assert not drawn.angle.any()
    assert (drawn.height == 64).all()


def test_a_view_depends_on_its_image_and_epoch_and_not_on_its_batch():
    whole = views(count=10)
    part = draw_views(
        KeyedRng(0, "view"), 1, np.array([7, 3]), np.array([64, 64]), np.array([64, 64]), SOURCE
    )
    assert (part.top[0], part.left[1], part.angle[0]) == (whole.top[7], whole.left[3], whole.angle[7])
    assert not np.array_equal(views(count=10, epoch=2).angle, whole.angle)


def test_switching_one_step_off_leaves_the_draws_of_the_others():
    """Factors of a study are compared on the same draws: without the crop, flips and angles stay."""
    no_crop = views(spec=SOURCE.model_copy(update={"random_resized_crop": False}))
    assert np.array_equal(no_crop.flip, views().flip)
    assert np.array_equal(no_crop.angle, views().angle)
