from __future__ import annotations

import io
import itertools
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from tinyexp.errors import UserError
from tinyexp.trainers.vision.data import folders, jpeg
from tinyexp.trainers.vision.data.folders import FileImages, decode, decode_pixels, image_shape

SIZES = ((64, 64), (1, 1), (1, 7), (7, 1), (2, 3), (17, 33), (63, 40), (150, 90))
QUALITIES = (1, 30, 75, 95, 100)
fast = pytest.mark.skipif(jpeg.simplejpeg is None, reason="simplejpeg is not installed")


def picture(width: int, height: int, *, smooth: bool = False) -> Image.Image:
    """Noise, which no two decoders agree on by chance; smooth, as photos are."""
    noise = np.random.default_rng(width * height).integers(0, 256, (height, width, 3), dtype=np.uint8)
    image = Image.fromarray(noise)
    return image.filter(ImageFilter.GaussianBlur(2)) if smooth else image


def as_jpeg(image: Image.Image, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", **options)
    return buffer.getvalue()


def by_pillow(content: bytes) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image.convert("RGB"))


def put(folder: Path, content: bytes) -> Path:
    path = folder / "a.JPEG"
    path.write_bytes(content)
    return path


def require_same(path: Path, content: bytes) -> None:
    """Pillow's bits from both functions, and by the fast way where there is one."""
    path.write_bytes(content)
    wanted = by_pillow(content)
    pixels = decode_pixels(path)
    assert pixels.dtype == np.uint8
    assert np.array_equal(pixels, wanted)
    assert image_shape(path) == wanted.shape[:2]
    image = decode(path)
    assert image.mode == "RGB"
    assert np.array_equal(np.asarray(image), wanted)


@fast
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
def test_colours_are_pillows_to_the_last_bit(tmp_path: Path, size: tuple[int, int], subsampling: str) -> None:
    path = tmp_path / "a.JPEG"
    for quality, smooth, progressive in itertools.product(QUALITIES, (False, True), (False, True)):
        image = picture(*size, smooth=smooth)
        content = as_jpeg(image, quality=quality, subsampling=subsampling, progressive=progressive)
        require_same(path, content)
        assert jpeg.read_jpeg(path, 10**6) is not None, "it was the fast way"


@fast
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_greys_are_pillows_and_come_as_rgb(tmp_path: Path, size: tuple[int, int]) -> None:
    path = tmp_path / "a.JPEG"
    for quality, progressive in itertools.product(QUALITIES, (False, True)):
        require_same(path, as_jpeg(picture(*size).convert("L"), quality=quality, progressive=progressive))
        assert jpeg.read_jpeg(path, 10**6) is not None, "it was the fast way"


@fast
@pytest.mark.parametrize(
    "options",
    [
        {"keep_rgb": True, "subsampling": "4:4:4"},
        {"restart_marker_blocks": 2},
        {"optimize": True},
        {"icc_profile": bytes(200)},
        {"comment": b"made on the spot"},
    ],
    ids=lambda options: next(iter(options)),
)
def test_other_forms_of_jpeg_are_pillows(tmp_path: Path, options: dict[str, Any]) -> None:
    path = tmp_path / "a.JPEG"
    for smooth in (False, True):
        require_same(path, as_jpeg(picture(63, 40, smooth=smooth), **options))
        assert jpeg.read_jpeg(path, 10**6) is not None, "it was the fast way"


def test_an_image_is_not_rotated_by_its_exif(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: turn by a quarter
    content = as_jpeg(picture(40, 20), exif=exif)
    require_same(tmp_path / "a.JPEG", content)
    assert decode_pixels(tmp_path / "a.JPEG").shape == (20, 40, 3)


def test_four_channels_are_left_to_pillow(tmp_path: Path) -> None:
    """simplejpeg would give them too, a level beside Pillow's here and there."""
    content = as_jpeg(picture(63, 40).convert("CMYK"))
    require_same(tmp_path / "a.JPEG", content)
    assert jpeg.read_jpeg(tmp_path / "a.JPEG", 10**6) is None


@pytest.mark.parametrize("form", ["png", "gif", "bmp", "webp"])
def test_what_is_no_jpeg_is_left_to_pillow_whatever_its_name(tmp_path: Path, form: str) -> None:
    buffer = io.BytesIO()
    picture(9, 5).save(buffer, form)
    require_same(tmp_path / "a.JPEG", buffer.getvalue())
    assert jpeg.read_jpeg(tmp_path / "a.JPEG", 10**6) is None


@pytest.mark.parametrize("options", [{}, {"progressive": True}], ids=["baseline", "progressive"])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_jpeg_cut_off_anywhere_is_never_taken_for_whole(
    tmp_path: Path, options: dict[str, Any], mode: str
) -> None:
    """Of the end marker alone Pillow does not take notice, so neither do we."""
    content = as_jpeg(picture(33, 20, smooth=True).convert(mode), **options)
    whole = by_pillow(content)
    ends = [*range(0, len(content) - 40, 7), *range(len(content) - 40, len(content))]
    for end in ends:
        path = put(tmp_path, content[:end])
        try:
            wanted = by_pillow(content[:end])
        except (OSError, SyntaxError):
            for function in (decode, decode_pixels):
                with pytest.raises(UserError, match=r"a\.JPEG: cannot be decoded"):
                    function(path)
        else:
            assert end >= len(content) - 2
            assert np.array_equal(wanted, whole)
            assert np.array_equal(decode_pixels(path), whole)


def test_a_damaged_jpeg_is_what_it_is_to_pillow(tmp_path: Path) -> None:
    """Some bytes changed: the same pixels as from Pillow, or the same refusal."""
    random = np.random.default_rng(0)
    clean = [as_jpeg(picture(33, 20, smooth=True), progressive=progressive) for progressive in (False, True)]
    refused = 0
    for number in range(300):
        content = bytearray(clean[number % 2])
        for place in random.integers(0, len(content), 2):
            content[place] ^= 1 << random.integers(8)
        path = put(tmp_path, bytes(content))
        try:
            wanted = by_pillow(bytes(content))
        except Exception:  # noqa: BLE001 - Pillow's parsers raise whatever they run into
            refused += 1
            with pytest.raises(UserError, match=r"a\.JPEG: "):
                decode_pixels(path)
        else:
            assert np.array_equal(decode_pixels(path), wanted)
    assert 20 < refused < 280, "the damage is of both kinds"


def test_a_jpeg_of_too_many_pixels_is_refused_before_it_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(tmp_path, as_jpeg(picture(40, 30)))
    monkeypatch.setattr(folders, "MAX_PIXELS", 1200)
    assert decode_pixels(path).shape == (30, 40, 3)
    monkeypatch.setattr(folders, "MAX_PIXELS", 1199)
    assert jpeg.read_jpeg(path, 1199) is None
    for function in (decode, decode_pixels, image_shape):
        with pytest.raises(UserError, match="has 40 x 30 = 1,200 pixels; at most 1,199"):
            function(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    for function in (decode, decode_pixels, image_shape):
        with pytest.raises(UserError, match=r"gone\.JPEG: cannot be decoded"):
            function(tmp_path / "gone.JPEG")


def test_file_images_hand_out_pixels_in_the_order_asked(tmp_path: Path) -> None:
    names = [f"{number}.JPEG" for number in range(3)]
    for number, name in enumerate(names):
        (tmp_path / name).write_bytes(as_jpeg(picture(20 + number, 10)))
    images = FileImages(tmp_path, names, np.arange(3))
    pixels = images.pixels(np.array([2, 0, 2]))
    assert [one.shape for one in pixels] == [(10, 22, 3), (10, 20, 3), (10, 22, 3)]
    assert np.array_equal(pixels[1], np.asarray(images.image(0)))


@fast
def test_a_decoder_that_differs_from_pillow_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where Pillow was built on another libjpeg."""
    path, real = put(tmp_path, as_jpeg(picture(17, 33))), jpeg.simplejpeg

    class Other:
        decode_jpeg_header = staticmethod(real.decode_jpeg_header)

        @staticmethod
        def decode_jpeg(content: bytes, colours: str, **options: Any) -> NDArray[np.uint8]:
            return real.decode_jpeg(content, colours, **(options | {"fastupsample": True}))

    assert jpeg.read_jpeg(path, 10**6) is not None
    jpeg._is_exact.cache_clear()
    monkeypatch.setattr(jpeg, "simplejpeg", Other)
    try:
        assert jpeg.read_jpeg(path, 10**6) is None
        require_same(path, path.read_bytes())
    finally:
        jpeg._is_exact.cache_clear()


def test_without_simplejpeg_pillow_does_everything(tmp_path: Path) -> None:
    path = put(tmp_path, as_jpeg(picture(17, 33)))
    program = """
import sys
from pathlib import Path
sys.modules["simplejpeg"] = None
from tinyexp.trainers.vision.data import folders, jpeg
assert jpeg.simplejpeg is None
path = Path(sys.argv[1])
assert jpeg.read_jpeg(path, 10**6) is None
pixels = folders.decode_pixels(path)
assert folders.decode(path).tobytes() == pixels.tobytes()
sys.stdout.buffer.write(pixels.tobytes())
"""
    result = subprocess.run([sys.executable, "-c", program, str(path)], check=True, capture_output=True)
    assert result.stdout == by_pillow(path.read_bytes()).tobytes()
