"""What a classifier takes and gives is found, whatever it is, and said."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from bg_interp.errors import UserError
from bg_interp.models.functions import ArrayFunction
from bg_interp.models.opening import opened
from bg_interp.models.outputs import kind_of
from bg_interp.pixels import of_range

LABELS = np.arange(40) % 4
# Four shades of grey, one for each class.
IMAGES = np.broadcast_to((30 + 60 * LABELS)[:, None, None, None], (40, 4, 4, 3)).astype(np.uint8)


def _by_shade(low, high):
    """Returns a function that knows the four shades in one range."""

    def scores(images):
        shade = (np.asarray(images, np.float32).mean(axis=(1, 2, 3)) - low) / (high - low) * 255
        return -((shade[:, None] - (30 + 60 * np.arange(4))) ** 2)

    return ArrayFunction(scores, "mine:scores")


@pytest.mark.parametrize("span", [(0, 255), (0, 1), (-1, 1)])
def test_the_range_is_the_one_in_which_it_is_right(span):
    found = opened(_by_shade(*span), IMAGES, LABELS)
    assert found.model.pixels == of_range(*span) and found.model.output_kind == "logits"
    assert f"40 in {of_range(*span).name}" in found.notes[-1]
    assert not found.doubts


def test_of_ranges_that_are_right_alike_the_one_that_is_not_too_sure_is_taken():
    """Networks of ReLUs without biases are right about the same images in 0 to 1 and 0 to 255."""
    images = np.repeat(IMAGES, 2, axis=2)
    # The first column tells the class; that of one in five tells another one.
    images[:, :, :4] = 0
    said = np.where(np.arange(40) % 5 == 0, (LABELS + 1) % 4, LABELS)
    images[np.arange(40), said, 0, 0] = 255
    network = ArrayFunction(lambda images: images[:, :4, 0, 0] * 4, "mine:scores")
    found = opened(network, images, LABELS)
    assert "32 in 0:255" in found.notes[-1] and "32 in 0:1" in found.notes[-1]
    assert found.model.pixels == of_range(0, 1)


def test_a_classifier_at_chance_in_every_reading_is_doubted():
    model = ArrayFunction(lambda images: images.mean(axis=(1, 2)), "mine:mean")
    found = opened(model, IMAGES, LABELS)
    assert found.model.pixels == of_range(0, 255)
    assert "it is taken to expect pixels in 0:255" in found.notes[-1]
    (doubt,) = found.doubts
    assert doubt.about == "preprocessing" and "no more often than by chance" in doubt.reason
    assert "preprocess says" in doubt.way_out


def test_what_is_given_is_not_looked_for():
    given = of_range(0, 255)
    found = opened(_by_shade(0, 1), IMAGES, LABELS, pixels=given, output_kind="logits")
    assert found.model.pixels == given and found.notes == () and found.doubts == ()


def test_a_function_of_bytes_gets_bytes():
    def scores(images):
        if images.dtype != np.uint8:
            raise TypeError("bytes only")
        return np.eye(4)[images[:, 0, 0, 0] // 60]

    found = opened(ArrayFunction(scores, "mine:scores"), IMAGES, LABELS)
    assert found.notes[:2] == ("it takes uint8 images", "it gives probabilities")
    logits = np.asarray(found.model(IMAGES + np.float32(0.4)))
    assert (logits.argmax(axis=1) == LABELS).all()


def test_a_function_that_takes_neither_says_why_for_floats():
    def scores(images):
        raise RuntimeError(f"no {images.dtype}")

    with pytest.raises(UserError, match=r"mine:scores raises RuntimeError .* no float32"):
        opened(ArrayFunction(scores, "mine:scores"), IMAGES, LABELS)


@pytest.mark.parametrize(
    ("scores", "kind"),
    [
        ([[0.2, 0.8], [0.5, 0.5]], "probabilities"),
        ([[0.2], [0.9]], "probabilities"),
        ([[0.2, 0.7], [0.5, 0.5]], "logits"),
        ([[-2.0, 3.0]], "logits"),
        ([[4.0]], "logits"),
    ],
)
def test_probabilities_lie_in_0_to_1_and_add_up(scores, kind):
    assert kind_of(np.array(scores)) == kind


class Subclassed(keras.Model):
    """Layers in code: Keras knows no inputs of it."""

    def __init__(self):
        super().__init__()
        self.seen = keras.layers.Conv2D(3, 1, use_bias=False)
        self.last = keras.layers.Dense(4)

    def call(self, images):
        return self.last(keras.ops.mean(self.seen(images), axis=(1, 2)))


def test_a_subclassed_model_is_asked_as_any_other():
    model = Subclassed()
    model(np.zeros((1, 4, 4, 3), np.float32))
    model.seen.set_weights([np.eye(3, dtype=np.float32)[None, None] / 255])
    centres = (30 + 60 * np.arange(4)) / 255
    model.last.set_weights([np.tile(2 * centres / 3, (3, 1)), -(centres**2)])
    found = opened(model, IMAGES, LABELS)
    assert found.model.pixels == of_range(0, 255)
    assert (np.asarray(found.model(IMAGES)).argmax(axis=1) == LABELS).all()


def test_so_many_images_are_asked_about_that_a_weak_classifier_shows_its_range():
    generator = np.random.default_rng(0)
    labels = np.arange(240) % 4
    images = np.zeros((240, 4, 4, 3), np.uint8)
    ranks = generator.permutation(np.arange(240) // 4 % 10)
    images[:, 0, 0] = np.stack([np.full(240, 255), 40 * labels, 20 * ranks], axis=1)

    def scores(shown):
        first = np.asarray(shown)[:, 0, 0]
        wanted = np.isclose(first[:, :1], 1.0)
        seen = np.rint(first / first[:, :1] * 255)
        known = np.where(wanted[:, 0], seen[:, 2] < 120, np.isin(seen[:, 2], [0, 20, 120, 140]))
        said = (np.rint(seen[:, 1] / 40).astype(int) + np.where(known, 0, 1)) % 4
        return 2 * np.eye(4, dtype=np.float32)[said]

    found = opened(ArrayFunction(scores, "mine:scores"), images, labels)
    assert found.model.pixels == of_range(0, 1)


def test_outputs_in_another_order_than_the_classes_are_doubted():
    order = np.array([2, 0, 3, 1])
    known = _by_shade(0, 255)
    model = ArrayFunction(
        lambda images: np.asarray(known(tf.constant(images, tf.float32)))[:, order], "mine:f"
    )
    (doubt,) = opened(model, IMAGES, LABELS).doubts
    assert doubt.about == "labels" and "in the best order about 40" in doubt.reason
    assert "with class_names" in doubt.way_out


@pytest.mark.parametrize("colour", [0, 2])
def test_colours_in_another_order_are_noticed(colour):
    """One that looks at the first channel alone, which is red or blue."""
    images = np.random.default_rng(0).integers(0, 256, (40, 4, 4, 3)).astype(np.uint8)
    images[..., colour] = (30 + 60 * LABELS)[:, None, None]

    def scores(shown):
        first = shown[..., 0].mean(axis=(1, 2)) * 255
        return -((first[:, None] - (30 + 60 * np.arange(4))) ** 2)

    found = opened(ArrayFunction(scores, "mine:scores"), images, LABELS)
    assert found.model.pixels.name == ("bgr:0:1" if colour else "0:1")


def test_readings_that_fit_as_well_and_answer_differently_are_a_doubt():
    """Right about another half of the images in 0:255 than in 0:1."""

    def scores(shown):
        of_bytes = shown.max() > 2
        if shown.min() < 0 or (of_bytes and shown.max() < 200):
            return np.zeros((len(shown), 4))
        levels = shown[:, 0, 0, 0] * (1 if of_bytes else 255)
        true = np.rint((levels - 30) / 60).astype(int) % 4
        half = np.arange(len(shown)) % 2 == int(of_bytes)
        return np.eye(4)[np.where(half, true, (true + 1 + of_bytes) % 4)]

    (doubt,) = opened(ArrayFunction(scores, "mine:scores"), IMAGES, LABELS).doubts
    assert doubt.about == "preprocessing" and "0:255 and 0:1" in doubt.reason
