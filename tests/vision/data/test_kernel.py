"""The compiled kernel gives the bits of torchvision's transforms, for every image, view and shape tried."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tinyexp.config.load import load_experiment
from tinyexp.trainers.vision.data.draws import KeyedRng
from tinyexp.trainers.vision.data.transforms import as_input, as_pixels, test_view, train_view
from tinyexp.trainers.vision.data.views import AugmentParams, draw_views
from tinyexp.trainers.vision.settings import vision_settings

numba = pytest.importorskip("numba")
from filelock import FileLock, Timeout  # noqa: E402

from tinyexp.trainers.vision.data import kernel, makers, resample  # noqa: E402 - only where numba is there
from tinyexp.trainers.vision.data.kernel import Pixels, augmented, tested  # noqa: E402

test_view.__test__ = False  # functions of ours whose names pytest would take for tests
tested.__test__ = False
SPEC = vision_settings(load_experiment("tiny-design1", "paper"))
SHORT, SQUARE = "short-side-center-crop", "square"
ANGLES = [
    0.0,
    -0.0,
    90.0,
    -90.0,
    180.0,
    -180.0,
    270.0,
    360.0,
    45.0,
    1e-14,
    -1e-14,
    -1e-300,
    1e-6,
    90 + 2e-14,
    -7.3,
]


def shaped(side=64, resize=SHORT, **others):
    return SPEC.input.model_copy(update={"image_size": side, "resize": resize, **others})


def augmenting(**changes):
    return SPEC.augmentation.model_copy(update=changes)


def noise(height, width, seed=0):
    """The hardest picture: neighbours have nothing in common."""
    return np.random.default_rng([seed, height, width]).integers(0, 256, (height, width, 3), dtype=np.uint8)


def views_of(*rows):
    top, left, height, width, flip, angle = zip(*rows, strict=True)
    boxes = (np.array(column, dtype=np.int64) for column in (top, left, height, width))
    return AugmentParams(*boxes, np.array(flip, dtype=np.bool_), np.array(angle, dtype=np.float64))


def bits(values):
    return np.ascontiguousarray(values).view(np.int32)


def expected(images, views, spec, shape):
    pictures = [Image.fromarray(image) for image in images]
    seen = [train_view(picture, views, place, spec, shape) for place, picture in enumerate(pictures)]
    return as_input(as_pixels(seen), shape).numpy()


def differing(images, views, spec=None, shape=None, pixels=None):
    """How many images of a batch differ in any bit from what torchvision makes of them."""
    spec, shape = spec or augmenting(), shape or shaped()
    mine = augmented(pixels or Pixels.of_list(images), views, spec, shape)
    wrong = bits(mine) != bits(expected(images, views, spec, shape))
    return int(wrong.reshape(len(images), -1).any(axis=1).sum())


def differing_in_test(images, shape):
    theirs = as_pixels([test_view(Image.fromarray(image), shape) for image in images]).numpy()
    return int((tested(Pixels.of_list(images), shape) != theirs).reshape(len(images), -1).any(axis=1).sum())


def some_batch(seed, count, largest, spec):
    """Images of random sizes, one in eight of them grey, with their drawn views."""
    random = np.random.default_rng(seed)
    sizes = np.exp(random.uniform(0, np.log(largest), (count, 2))).astype(np.int64)  # as many small as large
    images = [noise(height, width, seed) for height, width in sizes]
    images[::8] = [np.array(Image.fromarray(image).convert("L").convert("RGB")) for image in images[::8]]
    return images, draw_views(KeyedRng(seed, "view"), 1, np.arange(count), *sizes.T, spec)


@pytest.mark.parametrize("side", [64, 128, 37, 8])
def test_drawn_views_give_the_bits_of_torchvision(side):
    for seed, degrees in enumerate([18.0, 180.0, 0.0]):
        spec = augmenting(rotation_degrees=degrees)
        assert differing(*some_batch(seed, 80, 500, spec), spec, shaped(side)) == 0


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(40))
def test_ten_thousand_images_give_the_bits_of_torchvision(seed):
    spec = augmenting(
        rotation_degrees=[18.0, 180.0][seed % 2], crop_scale=[(0.08, 1.0), (0.001, 0.2)][seed % 3 == 0]
    )
    shape = shaped([64, 128, 37, 96][seed % 4], normalize=seed % 5 != 0)
    images, views = some_batch(seed, 250, 500, spec)
    assert differing(images, views, spec, shape) == 0
    assert differing_in_test(images, shaped([64, 128, 37, 96][seed % 4], [SHORT, SQUARE][seed // 4 % 2])) == 0


@st.composite
def cases(draw):
    height, width = draw(st.integers(1, 300)), draw(st.integers(1, 300))
    crop_height, crop_width = draw(st.integers(1, height)), draw(st.integers(1, width))
    top, left = draw(st.integers(0, height - crop_height)), draw(st.integers(0, width - crop_width))
    angle = draw(st.sampled_from(ANGLES) | st.floats(-180, 180))
    return noise(height, width), (top, left, crop_height, crop_width, draw(st.booleans()), angle)


@settings(max_examples=150)
@given(st.lists(cases(), min_size=1, max_size=4), st.sampled_from([64, 128, 37, 8, 16]))
def test_any_crop_and_angle_gives_the_bits_of_torchvision(batch, side):
    images, rows = zip(*batch, strict=True)
    assert differing(images, views_of(*rows), shape=shaped(side)) == 0


@pytest.mark.parametrize("angle", ANGLES)
@pytest.mark.parametrize("side", [64, 37])
def test_angles_that_pillow_treats_apart_are_no_exception(angle, side):
    rows = [(3, 5, 40, 50, flip, sign * angle) for flip in (False, True) for sign in (1, -1)]
    assert differing([noise(60, 60, seed) for seed in range(4)], views_of(*rows), shape=shaped(side)) == 0


@pytest.mark.parametrize(
    "size",
    [
        (1, 1),
        (1, 2),
        (2, 1),
        (1, 500),
        (500, 1),
        (3, 400),
        (400, 3),
        (7, 7),
        (64, 64),
        (65, 64),
        (64, 300),
        (300, 64),
    ],
)
@pytest.mark.parametrize("side", [64, 128, 37])
@pytest.mark.parametrize("resize", [SHORT, SQUARE])
def test_the_test_transform_gives_the_bits_of_torchvision(size, side, resize):
    images = [noise(*size, seed) for seed in range(2)]
    assert differing_in_test(images, shaped(side, resize)) == 0


@pytest.mark.parametrize("resize", [SHORT, SQUARE])
@pytest.mark.parametrize("degrees", [0.0, 18.0])
def test_without_a_crop_the_test_transform_is_mirrored_and_turned(resize, degrees):
    spec = augmenting(random_resized_crop=False, rotation_degrees=degrees)
    assert differing(*some_batch(7, 60, 400, spec), spec, shaped(64, resize)) == 0


def test_one_pixel_in_every_corner_fills_the_picture():
    corners = [(top, left, 1, 1, False, 10.0) for top in (0, 29) for left in (0, 39)]
    assert differing([noise(30, 40)] * 4, views_of(*corners)) == 0


@pytest.mark.parametrize("more", [-2, -1, 0, 1, 2])
def test_the_pass_that_comes_first_changes_where_it_does_in_pillow(more):
    """Rows lost against twice the columns lost, about the bound; narrow crops and wide ones."""
    rows = [(0, 0, 64 + 2 * (width - 64) + more, width, False, 0.0) for width in (65, 70, 100, 160)]
    rows += [(0, 0, 64 + max(more, 0), width, True, 0.0) for width in (1, 10, 21, 22, 63)]
    assert differing([noise(300, 200, seed) for seed in range(len(rows))], views_of(*rows)) == 0


@pytest.mark.parametrize(
    ("version", "first"),
    [("10.0.1", [0, 0, 0, 0]), ("12.1.1", [0, 0, 0, 0]), ("12.3.0", [0, 0, 0, 1]), ("13.0.0", [0, 1, 1, 1])],
)
def test_which_pass_comes_first_depends_on_the_version_of_pillow(version, first):
    height, width = np.array([[64, 64], [101, 80], [100, 20], [6500, 64]]).T
    sides = np.full(4, 64)
    assert kernel.vertical_pass_first(height, width, sides, sides, version).tolist() == [
        bool(it) for it in first
    ]


def test_a_weight_off_by_a_thousandth_is_seen(monkeypatch):
    """What these tests compare is fine enough to tell."""
    right = resample.coefficients

    @numba.njit
    def wrong(size, resized, first, starts, weights, shares):
        taps = right(size, resized, first, starts, weights, shares)
        weights[len(starts) // 2, 0] += 1 << (precision - 10)
        return taps

    precision = resample.PRECISION_BITS
    images, views = [noise(50, 50)], views_of((0, 0, 50, 50, False, 0.0))
    assert differing(images, views) == 0
    for name, function in (("coefficients", wrong), ("resize", None), ("batch", None)):
        again = function or numba.njit(getattr(resample, name).py_func)
        monkeypatch.setattr(resample, name, again)
    monkeypatch.setattr(kernel, "batch", resample.batch)
    assert differing(images, views) == 1


def test_a_level_off_by_one_bit_is_seen(monkeypatch):
    table = kernel.lookup(shaped())
    table[1] = np.nextafter(table[1], np.float32(9))
    monkeypatch.setattr(kernel, "lookup", lambda _: table)
    assert differing([noise(50, 50)], views_of((0, 0, 50, 50, False, 0.0))) == 1


@pytest.mark.parametrize("normalize", [True, False])
def test_the_table_of_levels_has_the_bits_of_as_input(normalize):
    shape = shaped(normalize=normalize)
    levels = np.tile(np.arange(256, dtype=np.uint8), (3, 1)).reshape(3, 16, 16).transpose(1, 2, 0)
    theirs = as_input(as_pixels([Image.fromarray(np.ascontiguousarray(levels))]), shape).numpy()
    assert np.array_equal(bits(kernel.lookup(shape)), bits(theirs.reshape(3, 256)))


@given(st.floats(-1, 1) | st.integers(-(10**16), 10**16).map(lambda tenths: tenths / 1e16))
@settings(max_examples=500)
def test_entries_of_a_matrix_are_rounded_as_python_rounds(value):
    assert resample.rounded(value) == round(value, 15)


def test_a_list_and_rows_of_an_array_give_the_same(tmp_path):
    packed = np.stack([noise(48, 56, seed) for seed in range(9)])
    np.save(tmp_path / "packed.npy", packed)
    mapped = np.load(tmp_path / "packed.npy", mmap_mode="r")
    picked = np.array([8, 0, 3, 3, 8])
    views = draw_views(KeyedRng(1, "view"), 1, picked, np.full(5, 48), np.full(5, 56), augmenting())
    images = [packed[index] for index in picked]
    assert differing(images, views) == 0
    assert differing(images, views, pixels=Pixels.of_rows(packed, picked)) == 0
    assert differing(images, views, pixels=Pixels.of_rows(mapped, picked)) == 0


def test_images_that_do_not_lie_in_one_piece_are_taken_too():
    image = noise(100, 90)[10:60:2, 5:70][:, ::-1]
    assert differing([image], views_of((1, 2, 20, 30, True, 5.0))) == 0


def test_any_order_of_memory_gives_the_same_values():
    images, views = some_batch(3, 10, 200, augmenting())
    plain = augmented(Pixels.of_list(images), views, augmenting(), shaped())
    given_out = np.full_like(plain, np.nan)
    channels_last = np.full((10, 64, 64, 3), np.nan, dtype=np.float32).transpose(0, 3, 1, 2)
    for out in (given_out, channels_last):
        assert augmented(Pixels.of_list(images), views, augmenting(), shaped(), out) is out
        assert np.array_equal(bits(plain), bits(out))


def test_the_batch_an_image_is_in_does_not_matter():
    images, views = some_batch(4, 24, 300, augmenting())
    whole = augmented(Pixels.of_list(images), views, augmenting(), shaped())
    for place, image in enumerate(images):
        alone = AugmentParams(
            *(getattr(views, name)[place : place + 1] for name in AugmentParams.__dataclass_fields__)
        )
        assert np.array_equal(
            bits(augmented(Pixels.of_list([image]), alone, augmenting(), shaped())[0]), bits(whole[place])
        )
    none = AugmentParams(*(getattr(views, name)[:0] for name in AugmentParams.__dataclass_fields__))
    assert augmented(Pixels.of_list([]), none, augmenting(), shaped()).shape == (0, 3, 64, 64)


def test_a_crop_that_leaves_its_image_is_refused():
    for box in [(-1, 0, 9, 9), (0, 2, 9, 9), (0, 0, 0, 9)]:
        with pytest.raises(AssertionError, match="a crop leaves its image"):
            augmented(Pixels.of_list([noise(10, 10)]), views_of((*box, False, 0.0)), augmenting(), shaped())


def test_the_kernel_needs_no_torch():
    code = "import sys, tinyexp.trainers.vision.data.kernel; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_while_compiled_code_is_checked_no_other_process_touches_the_cache(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two that fill it at once can leave an entry of one under the key of the other."""
    lock = resample.cache_folder() / "tinyexp-kernel.lock"

    def agrees() -> bool:
        with pytest.raises(Timeout), FileLock(lock, timeout=0):
            pass
        return True

    monkeypatch.setattr(makers, "_agrees", agrees)
    makers.kernel_problem.cache_clear()
    assert makers.kernel_problem() == ""
    with FileLock(lock, timeout=0):
        pass  # it is let go of
    makers.kernel_problem.cache_clear()


def test_a_cache_that_cannot_be_locked_is_used_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with makers.alone_with(tmp_path / "file" / "below"):
        pass


def test_each_row_function_has_an_index_of_its_own_in_the_cache() -> None:
    rows = [value for name, value in vars(resample).items() if name.startswith("_row_of_")]
    assert len({row.py_func.__qualname__ for row in rows}) == len(rows) == 6
