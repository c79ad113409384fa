"""What a classifier takes and gives is found, whatever it is, and said."""

import keras
import numpy as np
import pytest

from bg_interp.errors import UserError
from bg_interp.models.adapter import AdaptedModel
from bg_interp.models.functions import ArrayFunction
from bg_interp.models.probing import kind_of, named, probe

LABELS = np.arange(40) % 4
# Four shades of grey, one for each class.
IMAGES = np.broadcast_to((30 + 60 * LABELS)[:, None, None, None], (40, 4, 4, 3)).astype(np.uint8)


def _by_shade(low, high):
    """Returns a function that knows the four shades in one range."""

    def scores(images):
        shade = (np.asarray(images, np.float32).mean(axis=(1, 2, 3)) - low) / (high - low) * 255
        return -((shade[:, None] - (30 + 60 * np.arange(4))) ** 2)

    return AdaptedModel(ArrayFunction(scores, "mine:scores"))


@pytest.mark.parametrize("span", [(0, 255), (0, 1), (-1, 1)])
def test_the_range_is_the_one_in_which_it_is_right(span):
    found = probe(_by_shade(*span), IMAGES, LABELS)
    assert found.model.input_range == span and found.model.output_kind == "logits"
    assert f"40 in {named(span)}" in found.said[-1]


def test_of_ranges_that_are_right_alike_the_one_that_is_not_too_sure_is_taken():
    """Networks of ReLUs without biases are right about the same images in 0 to 1 and 0 to 255."""
    images = np.repeat(IMAGES, 2, axis=2)
    # The first column tells the class; that of one in five tells another one.
    images[:, :, :4] = 0
    said = np.where(np.arange(40) % 5 == 0, (LABELS + 1) % 4, LABELS)
    images[np.arange(40), said, 0, 0] = 255
    network = ArrayFunction(lambda images: images[:, :4, 0, 0] * 4, "mine:scores")
    found = probe(AdaptedModel(network), images, LABELS)
    assert "32 in 0:255" in found.said[-1] and "32 in 0:1" in found.said[-1]
    assert found.model.input_range == (0, 1)


def test_a_range_that_does_not_matter_is_the_usual_one():
    model = AdaptedModel(ArrayFunction(lambda images: images.mean(axis=(1, 2)), "mine:mean"))
    found = probe(model, IMAGES, LABELS)
    assert found.model.input_range == (0, 255)
    assert "it is taken to want pixels in 0:255" in found.said[-1]


def test_what_is_given_is_not_looked_for():
    found = probe(_by_shade(0, 1), IMAGES, LABELS, input_range=(0, 255), output_kind="logits")
    assert found.model.input_range == (0, 255) and found.said == ()


def test_a_function_of_bytes_gets_bytes():
    def scores(images):
        if images.dtype != np.uint8:
            raise TypeError("bytes only")
        return np.eye(4)[images[:, 0, 0, 0] // 60]

    found = probe(AdaptedModel(ArrayFunction(scores, "mine:scores")), IMAGES, LABELS)
    assert found.said == ("it takes uint8 images", "it gives probabilities")
    logits = np.asarray(found.model(IMAGES + np.float32(0.4)))
    assert (logits.argmax(axis=1) == LABELS).all()


def test_a_function_that_takes_neither_says_why_for_floats():
    def scores(images):
        raise RuntimeError(f"no {images.dtype}")

    with pytest.raises(UserError, match=r"mine:scores raises RuntimeError .* no float32"):
        probe(AdaptedModel(ArrayFunction(scores, "mine:scores")), IMAGES, LABELS)


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
    found = probe(AdaptedModel(model), IMAGES, LABELS)
    assert found.model.input_range == (0, 255)
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

    found = probe(AdaptedModel(ArrayFunction(scores, "mine:scores")), images, labels)
    assert found.model.input_range == (0, 1)
