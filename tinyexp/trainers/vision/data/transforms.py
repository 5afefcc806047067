"""The source's transforms on PIL images, through torchvision, with the views drawn beforehand.

Train: crop and resize (bilinear with antialias), mirror, turn (nearest neighbour, zero fill). Test: resize, cut the middle
out or stretch. Then, for a whole batch, to [0, 1] and normalised: elementwise, so the bits are those of ToTensor and Normalize.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as F  # noqa: N812 - the name that torchvision's own pages use

from tinyexp.trainers.vision.data.views import AugmentParams
from tinyexp.trainers.vision.settings import Augmentation, Input


def train_view(
    image: Image.Image, views: AugmentParams, place: int, spec: Augmentation, shape: Input
) -> Image.Image:
    """One training image as the net will see it, of ``image_size`` pixels a side.

    Parameters
    ----------
    place
        The image's place in ``views``.
    """
    if spec.random_resized_crop:
        box = (
            int(views.top[place]),
            int(views.left[place]),
            int(views.height[place]),
            int(views.width[place]),
        )
        image = F.resized_crop(
            image, *box, [shape.image_size, shape.image_size], InterpolationMode.BILINEAR, antialias=True
        )
    else:
        image = test_view(image, shape)
    if views.flip[place]:
        image = F.hflip(image)
    if spec.rotation_degrees:
        image = F.rotate(image, float(views.angle[place]), InterpolationMode.NEAREST)
    return image


def test_view(image: Image.Image, shape: Input) -> Image.Image:
    """One image under the test transform."""
    side = shape.image_size
    size = [side, side] if shape.resize == "square" else [side]
    resized: Image.Image = F.resize(image, size, InterpolationMode.BILINEAR, antialias=True)
    cut: Image.Image = F.center_crop(resized, [side, side])
    return cut


def as_pixels(images: list[Image.Image]) -> Tensor:
    """RGB images of one size as uint8 of shape (images, 3, height, width)."""
    stacked: NDArray[np.uint8] = np.stack([np.asarray(image) for image in images])
    return torch.from_numpy(stacked).permute(0, 3, 1, 2).contiguous()


def as_input(pixels: Tensor, shape: Input) -> Tensor:
    """uint8 pixels as the net's float32 input, same shape."""
    scaled = pixels.to(torch.float32).div_(255)
    if not shape.normalize:
        return scaled
    mean, std = (
        torch.tensor(values, dtype=torch.float32).view(1, 3, 1, 1) for values in (shape.mean, shape.std)
    )
    return scaled.sub_(mean).div_(std)
