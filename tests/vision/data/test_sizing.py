"""Packing at a stated size: another data set, named as a deviation, and refused where it was not packed."""

from __future__ import annotations

import numpy as np
import pytest
from click.testing import CliRunner
from data_folders import make_imagenet
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torchvision.transforms import functional as F  # noqa: N812

from tinyexp.cli_data import data
from tinyexp.config.identity import configuration_of
from tinyexp.config.load import load_experiment
from tinyexp.errors import UserError
from tinyexp.report.settings import named
from tinyexp.trainers.vision.data.build import open_dataset
from tinyexp.trainers.vision.data.sizing import OWN_SIZE, Sizing
from tinyexp.trainers.vision.settings import Data


@given(height=st.integers(1, 300), width=st.integers(1, 300), side=st.integers(8, 200))
def test_a_larger_image_becomes_what_torchvisions_resize_makes_of_it(height, width, side):
    pixels = np.random.default_rng(height * width).integers(0, 256, (height, width, 3), dtype=np.uint8)
    sized = Sizing(side).sized(pixels)
    assert sized.shape[:2] == Sizing(side).shape(height, width)
    if min(height, width) > side:
        assert np.array_equal(sized, np.asarray(F.resize(Image.fromarray(pixels), [side])))
    else:
        assert np.array_equal(sized, pixels)


def test_another_size_is_another_data_set():
    whole = "a" * 64
    assert OWN_SIZE.fingerprint(whole) == whole
    assert len({Sizing(side).fingerprint(whole) for side in (0, 64, 96)}) == 3


@pytest.fixture
def photos(tmp_path):
    make_imagenet(tmp_path / "imagenet", classes=2, train_per_class=4, val_per_class=2)
    return tmp_path


def packed(place, *options):
    result = CliRunner().invoke(data, ["pack", "imagenet", "--data-folder", str(place), *options])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_images_packed_at_a_size_are_taken_on_request_and_only_then(photos):
    small = Data(dataset="imagenet", packed_side=24)
    with pytest.raises(
        UserError, match=r"not packed at this size. Pack it with `tinyexp data pack imagenet .* --side 24`"
    ):
        open_dataset(small, photos)
    packed(photos, "--side", "24")
    own, sized = open_dataset(Data(dataset="imagenet"), photos), open_dataset(small, photos)
    assert own.fingerprint != sized.fingerprint
    for number in range(len(own.train)):
        image = own.train.image(number)
        wanted = F.resize(image, [24]) if min(image.size) > 24 else image
        assert sized.train.image(number).tobytes() == wanted.tobytes()
    assert np.array_equal(own.train.labels, sized.train.labels)
    assert "every byte is what was written" in packed(photos, "--side", "24", "--check")


def test_both_sizes_lie_side_by_side(photos):
    assert packed(photos) != packed(photos, "--side", "24")
    assert len([path for path in (photos / "packed").iterdir() if path.is_dir()]) == 2


def test_arrays_have_no_size_to_be_packed_at(tmp_path):
    with pytest.raises(UserError, match="only image files are packed"):
        open_dataset(Data(dataset="patterns", packed_side=24), tmp_path)


def test_it_is_a_deviation_with_an_identity_of_its_own_and_leaves_the_others_theirs():
    own = load_experiment("imagenet-resnet18", "paper")
    sized = load_experiment("imagenet-resnet18", "paper", {"data.packed_side": 160})
    assert [one.key for one in sized.deviations] == ["data.packed_side"]
    assert "packed at" in named("data.packed_side", "vision")
    assert configuration_of(own) != configuration_of(sized)
