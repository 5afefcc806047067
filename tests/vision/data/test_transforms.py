"""Our transforms on drawn views give the bits of the source's own pipeline."""

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import transforms
from torchvision.transforms import functional as F  # noqa: N812

from tinyexp.config.load import load_experiment
from tinyexp.trainers.vision.data.transforms import as_input, as_pixels, test_view, train_view
from tinyexp.trainers.vision.data.views import AugmentParams
from tinyexp.trainers.vision.settings import vision_settings

test_view.__test__ = False  # a function of ours whose name pytest would take for a test
NORMALIZE = transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])


def photo(height, width, seed):
    random = np.random.default_rng(seed)
    coarse = Image.fromarray(random.integers(0, 256, (7, 7, 3), dtype=np.uint8)).resize(
        (width, height), Image.Resampling.BICUBIC
    )
    return Image.fromarray(
        (np.asarray(coarse) // 2 + random.integers(0, 128, (height, width, 3), dtype=np.uint8)).astype(
            np.uint8
        )
    )


@pytest.mark.parametrize("name", ["tiny-design1", "imagenet-resnet18"])
@pytest.mark.parametrize("size", [(64, 64), (250, 180), (90, 333)])
def test_a_training_image_has_the_bits_of_the_sources_pipeline(name, size):
    """The whole of it, as listed: ToPILImage, RandomResizedCrop, RandomHorizontalFlip, RandomRotation(18), ToTensor, Normalize."""
    spec = vision_settings(load_experiment(name, "paper"))
    side = spec.input.image_size
    for seed in range(8):
        image = photo(*size, seed)
        torch.manual_seed(seed)
        source = transforms.Compose(
            [
                transforms.ToPILImage(),
                transforms.RandomResizedCrop(side),
                transforms.RandomHorizontalFlip(),
                transforms.RandomRotation(18),
                transforms.ToTensor(),
                NORMALIZE,
            ]
        )(np.asarray(image))
        torch.manual_seed(seed)  # the draws that torchvision made, in its order
        top, left, height, width = transforms.RandomResizedCrop.get_params(image, [0.08, 1.0], [3 / 4, 4 / 3])
        flip = bool(torch.rand(1) < 0.5)
        angle = transforms.RandomRotation.get_params([-18.0, 18.0])
        one = [np.array([value]) for value in (top, left, height, width, flip, angle)]
        mine = train_view(image, AugmentParams(*one), 0, spec.augmentation, spec.input)
        assert torch.equal(as_input(as_pixels([mine]), spec.input)[0], source)


@pytest.mark.parametrize("size", [(64, 64), (50, 200)])
def test_a_test_image_has_the_bits_of_resize_and_normalize(size):
    image = photo(*size, 1)
    shape = vision_settings(load_experiment("tiny-design1", "paper")).input
    source = NORMALIZE(F.to_tensor(F.center_crop(transforms.Resize(64)(image), [64, 64])))
    assert torch.equal(as_input(as_pixels([test_view(image, shape)]), shape)[0], source)


def test_the_square_reading_stretches_the_whole_picture():
    image = photo(100, 200, 2)
    shape = vision_settings(
        load_experiment("imagenet-resnet18", "paper", {"readings.C9": "resize_square"})
    ).input
    assert test_view(image, shape).tobytes() == transforms.Resize([128, 128])(image).tobytes()


def test_an_image_without_augmentation_goes_through_the_test_transform():
    spec = vision_settings(load_experiment("tiny-design2", "paper"))
    image = photo(80, 80, 3)
    nothing = AugmentParams(*(np.array([value]) for value in (0, 0, 80, 80, False, 0.0)))
    assert (
        train_view(image, nothing, 0, spec.augmentation, spec.input).tobytes()
        == test_view(image, spec.input).tobytes()
    )


def test_without_normalization_the_input_lies_between_zero_and_one():
    shape = vision_settings(
        load_experiment("tiny-design2", "paper", {"readings.C5": "normalize_design1_only"})
    ).input
    values = as_input(as_pixels([photo(64, 64, 4)]), shape)
    assert 0 <= values.min() < values.max() <= 1
