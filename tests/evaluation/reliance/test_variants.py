"""Background variants computed by hand after Xiao et al. 2020, and models of known answer."""

import numpy as np
import pytest
import tensorflow as tf

from bg_interp.data.tiling import tile_arrays
from bg_interp.errors import UserError
from bg_interp.evaluation.answers import Answers
from bg_interp.evaluation.arrays import Arrays, compiled
from bg_interp.evaluation.measures import BY_NAME, VARIANTS, take_all
from bg_interp.evaluation.reliance import variants as variants_module
from bg_interp.evaluation.reliance.variants import (
    Variants,
    behind,
    compose,
    confusion_matrix,
    partners,
)

# A 4 x 4 image: the object is the pixel (3, 3), of value 200 + label, before a background of
# value 10 * label + row. The largest rectangle outside its box is rows 0 to 2, or columns 0 to 2;
# the rows come first, so that pixel (3, 3) of the tiled background repeats pixel (0, 3).
_LABELS = np.array([0, 0, 1, 1, 2, 2], np.int32)


def _tiny() -> Arrays:
    rows = np.arange(4, dtype=np.uint8)[None, :, None, None]
    background = 10 * _LABELS.astype(np.uint8)[:, None, None, None] + rows
    images = np.broadcast_to(background, (6, 4, 4, 3)).copy()
    images[:, 3, 3] = 200 + _LABELS[:, None]
    masks = np.zeros((6, 4, 4, 1), np.uint8)
    masks[:, 3, 3] = 255
    return Arrays(images, masks, _LABELS)


def _background_by_hand(label: int) -> np.ndarray:
    """Rows 10 * label + 0, 1, 2, 3 with the object's pixel (3, 3) replaced by row 0's value."""
    expected = np.repeat(10 * label + np.arange(4)[:, None], 4, axis=1)
    expected[3, 3] = 10 * label
    return expected


def test_one_class_has_no_other_backgrounds_and_is_refused():
    tiny = _tiny()
    with pytest.raises(
        UserError, match=r"two classes or more .* Received: 2 images, all of class 1"
    ):
        Variants(tiny.take(tiny.labels == 1))


def test_original_is_untouched():
    np.testing.assert_array_equal(Variants(_tiny()).make("original"), _tiny().images)


def test_of_no_rows_there_are_no_images():
    made = Variants(_tiny()).make("swap", np.zeros(0, np.int64))
    assert made.shape == (0, 4, 4, 3) and made.dtype == np.uint8


def test_foreground_only_by_hand():
    expected = np.zeros((6, 4, 4))
    expected[:, 3, 3] = 200 + _LABELS
    np.testing.assert_array_equal(Variants(_tiny()).make("foreground_only")[..., 0], expected)


def test_no_foreground_by_hand():
    expected = _tiny().images[..., 0].copy()
    expected[:, 3, 3] = 0
    np.testing.assert_array_equal(Variants(_tiny()).make("no_foreground")[..., 0], expected)


def test_background_only_by_hand():
    expected = np.stack([_background_by_hand(label) for label in _LABELS])
    np.testing.assert_array_equal(Variants(_tiny()).make("background_only")[..., 0], expected)


@pytest.mark.parametrize(
    ("variant", "background_label"), [("mixed_same", [0, 1, 2]), ("mixed_next", [1, 2, 0])]
)
def test_mixed_same_and_next_by_hand(variant, background_label):
    made = Variants(_tiny()).make(variant)[..., 0]
    for image, label in zip(made, _LABELS, strict=True):
        expected = _background_by_hand(background_label[label])
        expected[3, 3] = 200 + label
        np.testing.assert_array_equal(image, expected)


def test_mixed_random_takes_the_background_of_the_partner_that_was_drawn():
    chosen = partners("mixed_random", _LABELS, seed=3)
    made = Variants(_tiny(), seed=3).make("mixed_random")[..., 0]
    for image, label, other in zip(made, _LABELS, _LABELS[chosen], strict=True):
        expected = _background_by_hand(other)
        expected[3, 3] = 200 + label
        np.testing.assert_array_equal(image, expected)


def test_partners_follow_the_rule_of_each_variant():
    labels = np.random.default_rng(0).integers(0, 4, 400)
    same, random, following, swap = (
        partners(variant, labels, seed=0)
        for variant in ("mixed_same", "mixed_random", "mixed_next", "swap")
    )
    assert (labels[same] == labels).all() and (same != np.arange(400)).all()
    assert (random != np.arange(400)).all() and 0.15 < (labels[random] == labels).mean() < 0.35
    assert (labels[following] == (labels + 1) % 4).all()
    assert (labels[swap] != labels).all()


def test_the_background_of_every_variant_is_told():
    labels = np.arange(30) % 3
    for name, rule in (("swap_inpainted", "swap"), ("same_masks_eroded", "mixed_same")):
        np.testing.assert_array_equal(behind(name, labels, 1), partners(rule, labels, 1))
    for name in ("original", "own_pasted", "background_only"):
        np.testing.assert_array_equal(behind(name, labels, 1), np.arange(30))


def test_an_object_on_its_own_background_by_hand():
    made = Variants(_tiny()).make("own_pasted")[..., 0]
    expected = np.stack([_background_by_hand(label) for label in _LABELS])
    expected[:, 3, 3] = 200 + _LABELS
    np.testing.assert_array_equal(made, expected)


def test_a_rim_that_the_mask_leaves_out_is_in_no_background():
    images = np.full((4, 64, 64, 3), 10, np.uint8)
    images[:, 20:44, 20:44] = 200
    masks = np.zeros((4, 64, 64, 1), np.uint8)
    masks[:, 23:41, 23:41] = 255
    made = Variants(Arrays(images, masks, np.array([0, 0, 1, 1], np.int32)))
    assert (made.make("background_only") == 10).all()


def test_partners_are_keyed_by_the_seed():
    first, second = (partners("mixed_random", _LABELS, seed) for seed in (1, 1))
    np.testing.assert_array_equal(first, second)
    long = np.zeros(50, np.int64)
    assert (partners("mixed_same", long, 1) != partners("mixed_same", long, 2)).any()


def test_an_image_alone_in_its_class_is_its_own_partner():
    assert partners("mixed_same", np.array([0, 1, 1]), 0)[0] == 0


def test_the_next_class_is_the_next_that_has_images():
    labels = np.array([0, 0, 5, 5, 9])
    assert labels[partners("mixed_next", labels, 0)].tolist() == [5, 5, 9, 9, 0]


def test_each_background_is_tiled_once(monkeypatch):
    tiled = []

    def counted(images, masks, margin):
        tiled.append(len(images))
        return tile_arrays(images, masks, margin)

    monkeypatch.setattr(variants_module, "tile_arrays", counted)
    variants = Variants(_many())
    made = [variants.make(name) for name in VARIANTS]
    assert sum(tiled) == len(_many().labels)
    anew = [Variants(_many()).make(name) for name in VARIANTS]
    np.testing.assert_array_equal(made, anew)


def test_rows_are_those_of_the_whole():
    rows = np.array([5, 0, 5])
    for name in VARIANTS:
        whole = Variants(_tiny(), seed=2).make(name, draw=1)
        np.testing.assert_array_equal(Variants(_tiny(), seed=2).make(name, rows, 1), whole[rows])


def test_soft_masks_blend():
    tiny = _tiny()
    half = tiny._replace(masks=np.full_like(tiny.masks, 128))
    made = compose("foreground_only", half.images, half.masks, None)
    np.testing.assert_array_equal(made, np.rint(tiny.images * np.float32(128 / 255)))


def test_composing_gives_the_bytes_of_the_treatment():
    rng = np.random.default_rng(0)
    images, behind = rng.integers(0, 256, (2, 5, 16, 16, 3)).astype(np.uint8)
    masks = rng.integers(0, 256, (5, 16, 16, 1)).astype(np.uint8)
    opacity = tf.cast(masks, tf.float32) / 255.0
    blended = tf.cast(images, tf.float32) * opacity + tf.cast(behind, tf.float32) * (1.0 - opacity)
    expected = tf.cast(tf.round(blended), tf.uint8)
    np.testing.assert_array_equal(compose("swap", images, masks, behind), expected)


def test_an_unknown_variant_is_a_programming_error():
    with pytest.raises(ValueError, match="variant must be one of"):
        compose("upside_down", _tiny().images, _tiny().masks, None)


def _many(seed: int = 0) -> Arrays:
    tiny = _tiny()
    return tiny.take(np.random.default_rng(seed).integers(0, 6, 300))


def _measured(pixel_to_class) -> tuple[Answers, dict]:
    """Measures a model that looks at one pixel."""
    model = compiled(lambda images: 100 * tf.one_hot(pixel_to_class(images), 3))
    logits = Variants(_many(), seed=0).logits(model)
    said = {name: one.argmax(axis=1) for name, one in logits.items()}
    answers = Answers(_many().labels, ("a", "b", "c"), said, seed=0)
    return answers, take_all(answers)


def test_a_model_that_sees_backgrounds_only_relies_on_nothing_else():
    _, measures = _measured(lambda images: tf.cast(images[:, 0, 0, 0] / 10, tf.int32))
    for name in ("original", "background_only", "mixed_same", "reliance"):
        assert measures[name].value == pytest.approx(1)
    assert measures["mixed_next"].value == measures["swap"].value == 0
    # All of its accuracy on mixed_same, but for the backgrounds that agree by chance (1/3).
    gap = measures["bg_gap"]
    assert gap.value == pytest.approx(2 / 3, abs=0.1)
    assert gap.low < gap.value < gap.high
    assert measures["reliance"].low > 0.95


def test_a_model_that_sees_objects_only_has_no_reliance():
    answers, measures = _measured(lambda images: tf.cast(images[:, 3, 3, 0] - 200, tf.int32))
    for variant in ("original", "foreground_only", "mixed_same", "mixed_random", "swap"):
        assert measures[variant].value == 1
    for name in ("reliance", "bg_gap"):
        assert measures[name].value == 0 and -0.05 < measures[name].low < measures[name].high < 0.05
        assert BY_NAME[name].by_class(answers) == [0, 0, 0]


def test_a_model_that_always_says_the_same_is_at_chance():
    answers, measures = _measured(lambda images: tf.zeros(tf.shape(images)[0], tf.int32))
    assert all(0.25 < measures[variant].value < 0.42 for variant in VARIANTS)
    assert measures["reliance"].value == measures["bg_gap"].value == 0
    assert BY_NAME["original"].by_class(answers) == [1.0, 0.0, 0.0]


def test_confusion_counts_true_classes_in_rows():
    counts = confusion_matrix(np.array([0, 0, 1, 2]), np.array([0, 1, 1, 0]), 3)
    assert counts.tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 0]]
