"""Images at their own size, or with the shorter side brought down to a stated one: what a pack may hold."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image


@dataclass(frozen=True)
class Sizing:
    """What is done to an image before it is packed.

    Parameters
    ----------
    side
        The shorter side in pixels; 0 to leave images as they are. Smaller images are never enlarged.
    """

    side: int = 0

    def shape(self, height: int, width: int) -> tuple[int, int]:
        """The size of an image afterwards; the longer side is cut to whole pixels, as torchvision's Resize has it."""
        short = min(height, width)
        if not self.side or short <= self.side:
            return height, width
        long = int(self.side * max(height, width) / short)
        return (self.side, long) if height <= width else (long, self.side)

    def sized(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The image afterwards, uint8 of shape (height, width, 3): Pillow's bilinear filter with antialias."""
        before = (pixels.shape[0], pixels.shape[1])
        height, width = self.shape(*before)
        if (height, width) == before:
            return pixels
        return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BILINEAR))

    def fingerprint(self, whole: str) -> str:
        """That of the data set at this size, from that of its files: other pixels are other data."""
        return hashlib.sha256(f"{whole} short side {self.side}".encode()).hexdigest() if self.side else whole


OWN_SIZE = Sizing()
