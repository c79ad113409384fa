"""All spellings of the same masks give the same opacities, and what can't be told is refused."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import bg_interp as bg
from bg_interp.errors import UserError
from bg_interp.masks import reading
from bg_interp.masks.in_memory import Masks
from bg_interp.masks.spelling import opacity_of, spelling_of, to_opacity

HARD = np.zeros((3, 6, 5), bool)
HARD[0, 2:4, 1:3] = HARD[1, :, 2] = True
EXPECTED = HARD[..., None].astype(np.uint8) * 255


ARRAYS = {
    "bool": HARD,
    "bool, a channel": HARD[..., None],
    "uint8 of 0 and 1": HARD.astype(np.uint8),
    "int64 of 0 and 1": HARD.astype(np.int64),
    "0.0 to 1.0": HARD.astype(np.float32),
    "0.0 to 1.0, a channel": HARD.astype(np.float64)[..., None],
    "uint8": HARD * np.uint8(255),
    "uint8, a channel": (HARD * np.uint8(255))[..., None],
    "0.0 to 255.0": HARD * 255.0,
    "a list": HARD.tolist(),
}


@pytest.mark.parametrize("spelling", ARRAYS)
def test_every_spelling_is_the_same_mask(spelling):
    opacity = to_opacity(ARRAYS[spelling])
    assert opacity.dtype == np.uint8
    np.testing.assert_array_equal(opacity, EXPECTED)


def test_masks_that_are_doubtful_measure_nothing():
    images, values = np.zeros((3, 4, 4, 3), np.uint8), np.zeros((3, 4, 4, 1), np.uint8)
    values[:, 1:3] = 255
    made = Masks(values, ("ok", "unsure", "failed"), images)
    found = opacity_of(made, images)
    np.testing.assert_array_equal(found[0], values[0])
    assert found[1:].min() == 255 and values[1:].min() == 0


def test_soft_masks_stay_soft():
    soft = np.linspace(0, 1, 24, dtype=np.float32).reshape(1, 4, 6)
    expected = np.round(soft * 255).astype(np.uint8)[..., None]
    np.testing.assert_array_equal(to_opacity(soft), expected)
    np.testing.assert_array_equal(to_opacity(expected), expected)
    np.testing.assert_array_equal(to_opacity(expected.astype(np.float32)), expected)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([0, 1, 128], "values 0, 1 and 128 side by side"),
        ([0, 1, 2], "values 0, 1 and 2 side by side"),
        ([0, 1, 255], "values 0, 1 and 255"),
        (range(21), "values 0, 1, 2, 3, 4, 5, 6, 7, ..., 20"),
        ([*range(21), 255], "as a map of labels"),
        ([-1, 0], "from -1 to 0"),
        ([0, 65535], "from 0 to 65535"),
    ],
)
def test_what_is_no_opacity_is_refused(values, said):
    with pytest.raises(UserError, match=r"^my masks must") as error:
        spelling_of(values, "my masks")
    assert said in str(error.value)


@pytest.mark.parametrize(
    "values", [[0, 128, 255], [0, 85, 170, 255], range(256), range(0, 256, 17)]
)
def test_opacities_of_few_steps_are_taken(values):
    assert spelling_of(values, "masks").scale == 1


@pytest.mark.parametrize(
    ("masks", "said"),
    [
        (np.zeros((2, 4, 4, 3)), r"of shape \[N, height, width\].*Received: \[2, 4, 4, 3\]"),
        (np.full((1, 2, 2), np.nan), "from nan to nan"),
        (np.full((1, 2, 2), -0.5), "from -0.5 to -0.5"),
        (np.full((1, 2, 2), "x"), "must be numbers or booleans"),
    ],
)
def test_what_is_no_mask_is_refused(masks, said):
    with pytest.raises(UserError, match=said):
        to_opacity(masks)


def _palette(values):
    image = Image.fromarray(values.astype(np.uint8), mode="P")
    image.putpalette([0, 0, 0, 128, 0, 0] + [0] * 762)
    return image


def _with_alpha(mode):
    def make(mask):
        image = Image.new(mode[:-1], mask.shape[::-1], 90)
        image.putalpha(Image.fromarray(mask * np.uint8(255)))
        return image

    return make


def _opaque(mask):
    image = Image.fromarray(mask * np.uint8(255)).convert("RGBA")
    image.putalpha(255)
    return image


WRITERS = {
    "1": Image.fromarray,
    "L of 0 and 1": lambda mask: Image.fromarray(mask.astype(np.uint8)),
    "L": lambda mask: Image.fromarray(mask * np.uint8(255)),
    "P": _palette,
    "RGB": lambda mask: Image.fromarray(mask * np.uint8(255)).convert("RGB"),
    "LA": _with_alpha("LA"),
    "RGBA": _with_alpha("RGBA"),
    "RGBA, opaque": _opaque,
}


def reader_of(kind, folder):
    """Writes the masks as PNGs, and returns what reads them by number."""
    keys = [f"{number}.jpg" for number in range(len(HARD))]
    for key, mask in zip(keys, HARD, strict=True):
        WRITERS[kind](mask).save(folder / key.replace("jpg", "png"))
    return reading.png_folder_reader(folder, keys)


@pytest.mark.parametrize("kind", WRITERS)
def test_pngs_of_every_mode_are_the_same_masks(kind, tmp_path):
    read = reader_of(kind, tmp_path)
    data = tf.data.Dataset.range(len(HARD)).map(read)
    np.testing.assert_array_equal(list(data.as_numpy_iterator()), EXPECTED)
    np.testing.assert_array_equal(read(tf.constant(0, tf.int64)), EXPECTED[0])


IMAGES = np.random.default_rng(0).integers(0, 256, (3, 6, 5, 3)).astype(np.uint8)
LABELS = np.array([0, 1, 1])


@pytest.fixture(scope="module")
def treated_and_measured():
    """Returns what masks lead to: noise where the background was, and every measure."""

    def lead_to(masks):
        data = tf.data.Dataset.from_tensor_slices((IMAGES, LABELS, np.asarray(masks)))
        treated = [image for image, _ in data.apply(bg.Treatment("noise")).as_numpy_iterator()]
        report = bg.evaluate(lambda images: images[:, 2, :2, 0], IMAGES, LABELS, masks)
        return np.stack(treated), report.to_dict()["measures"]

    return lead_to


@pytest.fixture(scope="module")
def expected(treated_and_measured):
    return treated_and_measured(EXPECTED)


@pytest.mark.parametrize("spelling", [*ARRAYS, *WRITERS])
def test_treatments_and_measures_are_the_same(spelling, treated_and_measured, expected, tmp_path):
    if spelling in ARRAYS:
        masks = ARRAYS[spelling]
    else:
        read = reader_of(spelling, tmp_path)
        masks = np.stack([read(tf.constant(number, tf.int64)) for number in range(len(HARD))])
    treated, measures = treated_and_measured(masks)
    np.testing.assert_array_equal(treated, expected[0])
    assert measures == expected[1]


def test_a_folder_of_label_maps_is_refused_by_name(tmp_path):
    Image.fromarray(np.array([[0, 1, 128]], np.uint8)).save(tmp_path / "0.png")
    with pytest.raises(UserError, match=f"folder:{tmp_path}.*0, 1 and 128"):
        reading.png_folder_reader(tmp_path, ["0.jpg"])


def test_a_mask_that_was_not_looked_at_is_refused_when_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr("bg_interp.masks.spelling._LOOKED_AT", 1)
    for number, top in enumerate((1, 2)):
        Image.fromarray(np.array([[0, 1, top]], np.uint8)).save(tmp_path / f"{number}.png")
    read = reading.png_folder_reader(tmp_path, ["0.jpg", "1.jpg"])
    assert read(tf.constant(0, tf.int64)).numpy().max() == 255
    with pytest.raises(
        tf.errors.InvalidArgumentError, match=r"UserError: the mask .*1.png must hold"
    ):
        read(tf.constant(1, tf.int64))
