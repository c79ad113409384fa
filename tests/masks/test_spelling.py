"""All spellings of the same masks give the same opacities, and what can't be told is refused."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from bg_interp.errors import UserError
from bg_interp.masks import reading
from bg_interp.masks.spelling import spelling_of, to_opacity

HARD = np.zeros((3, 6, 5), bool)
HARD[0, 2:4, 1:3] = HARD[1, :, 2] = True
EXPECTED = HARD[..., None].astype(np.uint8) * 255


@pytest.mark.parametrize(
    "masks",
    [
        HARD,
        HARD[..., None],
        HARD.astype(np.uint8),
        HARD.astype(np.int64),
        HARD.astype(np.float32),
        HARD.astype(np.float64)[..., None],
        HARD * np.uint8(255),
        HARD * 255.0,
        HARD.tolist(),
    ],
    ids=lambda masks: str(getattr(masks, "dtype", "list")),
)
def test_every_spelling_is_the_same_mask(masks):
    opacity = to_opacity(masks)
    assert opacity.dtype == np.uint8
    np.testing.assert_array_equal(opacity, EXPECTED)


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


@pytest.mark.parametrize("kind", WRITERS)
def test_pngs_of_every_mode_are_the_same_masks(kind, tmp_path):
    keys = [f"{number}.jpg" for number in range(len(HARD))]
    for key, mask in zip(keys, HARD, strict=True):
        WRITERS[kind](mask).save(tmp_path / key.replace("jpg", "png"))
    read = reading.png_folder_reader(tmp_path, keys)
    data = tf.data.Dataset.range(len(keys)).map(read)
    np.testing.assert_array_equal(list(data.as_numpy_iterator()), EXPECTED)
    np.testing.assert_array_equal(read(tf.constant(0, tf.int64)), EXPECTED[0])


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
