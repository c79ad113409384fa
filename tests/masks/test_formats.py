"""All spellings of the same masks give the same opacities, and what can't be told is refused."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageDraw

import bg_interp as bg
from bg_interp.config.mask_rules import MaskRules
from bg_interp.errors import UserError
from bg_interp.masks import opening
from bg_interp.masks.arrays import opacity_of, to_opacity
from bg_interp.masks.formats import format_of, labels_in
from bg_interp.masks.in_memory import Masks
from bg_interp.masks.raw import of_array

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


def of_levels(*levels, dtype=np.int64):
    """A mask half of which is background, the rest in bands of each level."""
    bands = np.array([0] * len(levels) + list(levels), dtype)
    return of_array(np.repeat(bands, 24).reshape(-1, 12))


@pytest.mark.parametrize(
    ("levels", "said"),
    [
        ([1, 128], "values 0, 1 and 128 side by side"),
        ([1, 2], "values 0, 1 and 2 side by side"),
        ([1, 255], "values 0, 1 and 255"),
        ([38], "values 0 and 38 side by side"),
        ([128], "values 0 and 128 side by side"),
        ([40, 80], "values 0, 40 and 80"),
        (range(1, 21), "values 0, 1, 2, 3, 4, 5, 6, 7, ..., 20"),
        ([*range(1, 21), 255], "values 0, 1, 2"),
        ([-1], "from -1 to 0"),
        ([70000], "from 0 to 70000"),
        ([257 * 3, 257 * 9], "values 0, 771 and 2313"),
    ],
)
def test_what_is_no_opacity_is_refused(levels, said):
    with pytest.raises(UserError, match=r"^my masks must.*--mask_values|mask_values") as error:
        format_of([of_levels(*levels)] * 5, "my masks")
    assert said in str(error.value)


@pytest.mark.parametrize(
    "levels", [[128, 255, 255], [85, 170, 255, 255, 255], range(1, 256), range(17, 256, 17)]
)
def test_opacities_of_few_steps_are_taken(levels):
    assert format_of([of_levels(*levels)], "masks").white == 255


def test_16_bits_are_read_whole():
    found = format_of([of_levels(65535, dtype=np.uint16)], "masks")
    np.testing.assert_array_equal(np.unique(found.opacity(of_levels(65535))), [0, 255])
    few = of_levels(255, dtype=np.uint16)
    np.testing.assert_array_equal(np.unique(format_of([few], "masks").opacity(few)), [0, 255])


def test_soft_rims_are_no_labels():
    ramp = np.repeat(np.linspace(0, 255, 60).astype(np.uint8)[None], 20, 0)
    assert not labels_in(ramp) and not labels_in(np.zeros((4, 4), np.uint8))


def test_small_objects_with_smooth_outlines_are_no_maps_of_labels():
    for radius in range(2, 40):
        drawn = Image.new("L", (640, 640))
        ImageDraw.Draw(drawn).ellipse((81, 80, 81 + 2 * radius, 80 + 2 * radius), fill=255)
        assert not labels_in(np.asarray(drawn.resize((320, 320)))), radius


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


class Read:
    """What reads the masks of a folder by number, in a graph or eagerly."""

    def __init__(self, folder, keys):
        self.masks = opening.folder_masks(folder, keys).masks

    def __call__(self, number):
        return self.masks.in_graph(number, tf.zeros([*HARD.shape[1:], 3], tf.uint8))


def reader_of(kind, folder):
    """Writes the masks as PNGs, and returns what reads them by number."""
    keys = [f"{number}.jpg" for number in range(len(HARD))]
    for key, mask in zip(keys, HARD, strict=True):
        WRITERS[kind](mask).save(folder / key.replace("jpg", "png"))
    return Read(folder, keys)


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
        opening.folder_masks(tmp_path, ["0.jpg"])


def test_a_mask_that_was_not_looked_at_is_noted_when_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr("bg_interp.masks.formats.LOOKED_AT", 1)
    for number, top in enumerate((1, 2)):
        Image.fromarray(np.array([[0, 1, top]], np.uint8)).save(tmp_path / f"{number}.png")
    (tmp_path / "2.png").write_bytes((tmp_path / "1.png").read_bytes()[:30])
    masks = opening.folder_masks(tmp_path, ["0.jpg", "1.jpg", "2.jpg"]).masks
    assert masks.mask(0, (1, 3)).max() == 255 and not masks.odd
    assert masks.mask(1, (1, 3)).max() == masks.mask(2, (1, 3)).max() == 0
    assert "1.png holds 0 to 255, where the others hold 0 and 1" in masks.odd[1]
    assert "2.png cannot be read" in masks.odd[2]


@pytest.mark.parametrize(
    ("values", "kind"),
    [("1", "P"), ("1:3", "P"), ([1], "P"), ("#800000", "P"), ((128, 0, 0), "P"), (255, "L")],
)
def test_somebody_says_which_values_are_object(values, kind, tmp_path):
    keys = [f"{number}.png" for number in range(len(HARD))]
    for key, mask in zip(keys, HARD, strict=True):
        WRITERS[kind](mask).save(tmp_path / key)
    rules = MaskRules.of(values=values)
    masks = opening.folder_masks(tmp_path, keys, rules=rules).masks
    found = [masks.mask(number, HARD.shape[1:]) for number in range(len(HARD))]
    np.testing.assert_array_equal(found, EXPECTED)


@pytest.mark.parametrize("values", ["", "a", "1:", "#12", [], -1, 1.5])
def test_what_names_no_values_is_refused(values):
    with pytest.raises(UserError, match="mask_values must be labels, ranges of labels or colours"):
        MaskRules.of(values=values)


def test_black_may_be_the_object():
    found = to_opacity(HARD, rules=MaskRules(invert=True))
    np.testing.assert_array_equal(found, 255 - EXPECTED)


def test_fractions_of_few_steps_are_opacities():
    steps = np.kron(
        np.array([[0, 0.25, 0.5], [0.0625, 1.0, 0.5], [0, 0.25, 0.25]]), np.ones((8, 8))
    )
    raws = [of_array(steps.astype(np.float32))]
    assert (format_of(raws, "masks").opacity(raws[0])[8:16, 8:16] == 255).all()
    with pytest.raises(UserError):
        format_of([of_array(np.float32(38 / 255) * (steps > 0))], "masks")
