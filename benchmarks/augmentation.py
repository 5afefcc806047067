"""The source's training transform over a batch, one thread: the compiled kernel beside torchvision and others.

torchvision's first pipeline on PIL images is what the source runs, and the kernel gives its bits. The others are not
equivalents: v2 on tensors and OpenCV round otherwise, and one bilinear warp of crop, flip and turn together is another
augmentation. Without OpenCV installed its row is left out.
"""

from __future__ import annotations

from fair import Side, compare, one_thread, repeated

one_thread()

from importlib.util import find_spec

import numpy as np
import torch
from pictures import photos
from torchvision import transforms
from torchvision.transforms import v2

from tinyexp.config.load import load_experiment
from tinyexp.trainers.vision.data.draws import KeyedRng
from tinyexp.trainers.vision.data.kernel import Pixels, augmented
from tinyexp.trainers.vision.data.philox import CompiledKeyedRng
from tinyexp.trainers.vision.data.views import draw_views
from tinyexp.trainers.vision.settings import vision_settings

BATCH = 256
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def kernel(images, side):
    """Ours, as the loader has it: rows of one array in keyed order, draws, augmentation, normalised float32."""
    name = "tiny-design1" if side == 64 else "imagenet-resnet18"
    spec = vision_settings(load_experiment(name, "paper"))
    draws, order, stack = CompiledKeyedRng(0, "view"), KeyedRng(0, "order"), np.stack(images)
    epochs = iter(range(1, 10**9))

    def run():
        epoch = next(epochs)
        numbers = order.permutation(epoch, len(stack))
        pixels = Pixels.of_rows(stack, numbers)
        views = draw_views(draws, epoch, numbers, pixels.heights, pixels.widths, spec.augmentation)
        return augmented(pixels, views, spec.augmentation, spec.input)

    return run


def first_version(images, side):
    """torchvision v1 on PIL images, as the source lists it."""
    pipeline = transforms.Compose(
        [
            transforms.ToPILImage(),
            transforms.RandomResizedCrop(side),
            transforms.RandomHorizontalFlip(),
            transforms.RandomRotation(18),
            transforms.ToTensor(),
            transforms.Normalize(MEAN, STD),
        ]
    )
    return lambda: torch.stack([pipeline(image) for image in images])


def second_version(images, side, first):
    """torchvision v2, on PIL images or on tensors."""
    pipeline = v2.Compose(
        [
            first,
            v2.RandomResizedCrop(side, antialias=True),
            v2.RandomHorizontalFlip(),
            v2.RandomRotation(18),
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(MEAN, STD),
        ]
    )
    return lambda: torch.stack([pipeline(image) for image in images])


def opencv(images, side):
    """Resize with area or linear filter, then a nearest warp: what a hand-written pipeline does."""
    import cv2

    cv2.setNumThreads(1)
    spec = vision_settings(load_experiment("tiny-design1", "paper"))
    draws, numbers = KeyedRng(0, "view"), np.arange(len(images))
    heights = np.array([image.shape[0] for image in images])
    widths = np.array([image.shape[1] for image in images])
    mean, std = np.float32(MEAN) * 255, np.float32(STD) * 255

    def run():
        views = draw_views(draws, 1, numbers, heights, widths, spec.augmentation)
        out = np.empty((len(images), side, side, 3), np.float32)
        for place, image in enumerate(images):
            top, left = views.top[place], views.left[place]
            crop = image[top : top + views.height[place], left : left + views.width[place]]
            small = cv2.resize(crop, (side, side), interpolation=cv2.INTER_LINEAR)
            if views.flip[place]:
                small = cv2.flip(small, 1)
            matrix = cv2.getRotationMatrix2D(((side - 1) / 2, (side - 1) / 2), float(views.angle[place]), 1)
            small = cv2.warpAffine(small, matrix, (side, side), flags=cv2.INTER_NEAREST)
            out[place] = (small - mean) / std
        return torch.from_numpy(out.transpose(0, 3, 1, 2).copy())

    return run


def one_warp(images, side):
    """One batched bilinear sampling of crop, flip and turn together, on tensors."""
    spec = vision_settings(load_experiment("tiny-design1", "paper"))
    draws, numbers = KeyedRng(0, "view"), np.arange(len(images))
    stack = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous()
    size = stack.shape[-1]
    sizes = np.full(len(images), size)
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (MEAN, STD))

    def run():
        views = draw_views(draws, 1, numbers, sizes, sizes, spec.augmentation)
        turn = torch.from_numpy(np.deg2rad(views.angle)).float()
        flip = torch.from_numpy(np.where(views.flip, -1.0, 1.0)).float()
        wide, high = (torch.from_numpy(values / size).float() for values in (views.width, views.height))
        x = torch.from_numpy((2 * views.left + views.width) / size - 1).float()
        y = torch.from_numpy((2 * views.top + views.height) / size - 1).float()
        cos, sin = torch.cos(turn), torch.sin(turn)
        theta = torch.stack(
            [
                torch.stack([wide * flip * cos, wide * flip * sin, x], 1),
                torch.stack([-high * sin, high * cos, y], 1),
            ],
            1,
        )
        grid = torch.nn.functional.affine_grid(theta, [len(images), 3, side, side], align_corners=False)
        warped = torch.nn.functional.grid_sample(stack.float().div_(255), grid, align_corners=False)
        return warped.sub_(mean).div_(std)

    return run


def side(name, run, images, times):
    """A side that goes over the batch several times."""
    return Side(name, repeated(run, times), images * times)


if __name__ == "__main__":
    torch.set_num_threads(1)
    small = photos(BATCH, 64, 64)
    ours = side("tinyexp kernel, keyed draws included", kernel(small, 64), BATCH, 40)
    notes = {"batch": BATCH, "source_px": 64, "output_px": 64, "unit": "images"}
    peer = side("torchvision v1 on PIL", first_version(small, 64), BATCH, 2)
    compare("augmentation-64", ours, peer, goal=25, **notes)
    for name, first in (("PIL", v2.ToPILImage()), ("tensors", v2.ToImage())):
        peer = side(f"torchvision v2 on {name}", second_version(small, 64, first), BATCH, 2)
        compare(f"augmentation-64-v2-{name.lower()}", ours, peer, goal=20, **notes)
    if find_spec("cv2"):
        peer = side("OpenCV resize and warp", opencv(small, 64), BATCH, 6)
        compare("augmentation-64-opencv", ours, peer, goal=2.5, **notes)
    peer = side("one batched grid_sample", one_warp(small, 64), BATCH, 6)
    compare("augmentation-64-grid-sample", ours, peer, goal=4, **notes)
    large = photos(64, 300, 400)
    compare(
        "augmentation-128",
        side("tinyexp kernel, keyed draws included", kernel(large, 128), 64, 20),
        side("torchvision v1 on PIL", first_version(large, 128), 64, 3),
        goal=8,
        batch=64,
        source_px="400 x 300",
        output_px=128,
        unit="images",
    )
