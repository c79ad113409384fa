"""bg.evaluate on arrays: every spelling and every kind of classifier give the same figures."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from bg_interp.api.evaluate import evaluate, leak
from bg_interp.errors import UserError

DRAWS = np.random.default_rng(0)
COUNT, CLASSES, SIDE = 48, 4, 16
LABELS = np.arange(COUNT) % CLASSES
NAMES = ["ant", "bee", "cat", "dog"]
MASKS = np.zeros((COUNT, SIDE, SIDE), bool)
MASKS[:, 4:12, 5:11] = True
# Object and background both tell the class, each by how bright one colour is.
PLACES = np.where(DRAWS.random(COUNT) < 0.9, LABELS, DRAWS.integers(0, CLASSES, COUNT))
IMAGES = np.zeros((COUNT, SIDE, SIDE, 3), np.uint8)
IMAGES[..., 2] = (30 + 60 * PLACES)[:, None, None]
IMAGES[MASKS] = 0
IMAGES[..., 0] = MASKS * (30 + 60 * LABELS)[:, None, None]


def by_background(images):
    """Scores each class by the mean blue: a classifier that knows backgrounds alone."""
    blue = np.asarray(images)[..., 2].mean(axis=(1, 2)) / (1 - 48 / SIDE**2)
    return -((blue[:, None] - (30 + 60 * np.arange(CLASSES))) ** 2) / 100


def network():
    inputs = keras.Input((SIDE, SIDE, 3))
    blue = keras.layers.GlobalAveragePooling2D()(inputs)
    dense = keras.layers.Dense(CLASSES)
    model = keras.Model(inputs, dense(blue), name="by_blue")
    means = (30 + 60 * np.arange(CLASSES)) * (1 - 48 / SIDE**2)
    kernel = np.zeros((3, CLASSES), np.float32)
    kernel[2] = 2 * means / 100
    dense.set_weights([kernel, -(means**2) / 100])
    return model


@pytest.fixture(scope="module")
def report():
    return evaluate(network(), IMAGES, LABELS, MASKS, class_names=NAMES, backgrounds=2)


def test_a_classifier_of_backgrounds_is_found_out(report):
    measures = report.measures
    assert measures["original"].value == (PLACES == LABELS).mean()
    assert measures["swap"].value < 0.2
    assert measures["bg_gap"].low > 0.3
    assert "relies on backgrounds" in str(report)
    assert "<table>" in report._repr_html_()
    assert not report.check(bg_gap=0.1)
    assert report.check(original=0.5)


def test_the_worst_images_are_shown_as_they_are_and_swapped(report):
    worst = report.worst(5)
    assert len(worst) == 5
    assert worst.images.shape == worst.swapped.shape == (5, SIDE, SIDE, 3)
    # A partner of another class may stand on the same background.
    assert (worst.images != worst.swapped).any(axis=(1, 2, 3)).sum() >= 4
    assert "data:image/png;base64," in worst._repr_html_()


def test_it_saves_a_page_numbers_and_a_table(report, tmp_path):
    for name in ("report.html", "numbers.json", "images.csv"):
        report.save(tmp_path / name)
        assert (tmp_path / name).stat().st_size > 500
    with pytest.raises(UserError, match=r"must end in .html, .json, .csv or .md"):
        report.save(tmp_path / "report.pdf")


SPELLINGS = {
    "masks of 255": (IMAGES, LABELS, MASKS[..., None] * np.uint8(255)),
    "masks of 0 and 1": (IMAGES, LABELS, MASKS.astype(np.int64)),
    "soft masks": (IMAGES, LABELS, MASKS.astype(np.float32)),
    "one-hot labels": (IMAGES, np.eye(CLASSES)[LABELS], MASKS),
    "float labels": (IMAGES, LABELS.astype(np.float32), MASKS),
    "lists": (IMAGES.tolist(), LABELS.tolist(), MASKS.tolist()),
    "float images": (IMAGES.astype(np.float64), LABELS, MASKS),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_gives_the_same(spelling, report):
    other = evaluate(network(), *SPELLINGS[spelling], class_names=NAMES, backgrounds=2)
    assert other.to_dict()["measures"] == report.to_dict()["measures"]


def test_every_kind_of_classifier_gives_the_same(report, tmp_path):
    model = network()
    model.save(tmp_path / "model.keras")
    softmax = keras.Model(model.inputs[0], keras.layers.Softmax()(model.outputs[0]))
    narrow = keras.Sequential([keras.Input((SIDE, SIDE, 3)), keras.layers.Rescaling(255.0), model])
    kinds = {
        "function": (by_background, {}),
        "path": (str(tmp_path / "model.keras"), {}),
        "probabilities": (softmax, {}),
        "range": (narrow, {"input_range": (0.0, 1.0)}),
        "preprocess": (narrow, {"preprocess": lambda x: x / 255.0}),
        "tf.function": (tf.function(model), {}),
    }
    for kind, (one, how) in kinds.items():
        found = evaluate(one, IMAGES, LABELS, MASKS, backgrounds=0, **how).measures
        for name in ("original", "swap", "bg_gap"):
            assert found[name].value == report.measures[name].value, (kind, name)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"labels": LABELS[:5]}, "images=48, labels=5"),
        ({"labels": LABELS + 1}, "labels must be whole numbers from 0 to 3"),
        ({"masks": IMAGES}, "masks must be of shape"),
        ({"masks": np.zeros_like(MASKS)}, "none of the 48 masks has both"),
        ({"images": IMAGES / 127.5 - 1.0}, "images must lie in"),
        ({"class_names": 4}, "class_names must name the model's classes in their order, in a list"),
        ({"class_names": ["ant"]}, "class_names must name the model's 4 classes"),
        ({"model": 3}, "model must be a Keras model, a path, or a function"),
        ({"model": lambda x: x[..., 0]}, "model must give scores"),
        ({"model": lambda x: np.full((len(x), 4), np.nan)}, "NaN or infinity"),
        ({"output_kind": "logit"}, "output_kind must be one of"),
        ({"output_kind": "probabilities"}, "needs outputs from 0 to 1"),
    ],
)
def test_mistakes_are_one_line_about_arguments(change, said):
    given = {"model": network(), "images": IMAGES, "labels": LABELS, "masks": MASKS, **change}
    with pytest.raises(UserError, match=said) as error:
        evaluate(**given)
    assert "\n" not in str(error.value)
    assert "--" not in str(error.value)


def test_leak_tells_what_backgrounds_give_away():
    found = leak(IMAGES, LABELS, MASKS)
    assert found.accuracy.low > found.chance
    shuffled = leak(IMAGES[DRAWS.permutation(COUNT)], LABELS, MASKS)
    assert shuffled.accuracy.low < shuffled.chance


def test_a_subclassed_model_is_measured_without_what_needs_its_layers(report):
    class Subclassed(keras.Model):
        def __init__(self):
            super().__init__()
            self.inner, self.unused = network(), keras.layers.Conv2D(2, 3)

        def call(self, images):
            return self.inner(images)

    found = evaluate(Subclassed(), IMAGES, LABELS, MASKS, backgrounds=0)
    assert found.measures["bg_gap"].value == report.measures["bg_gap"].value
    assert "Grad-CAM++ left out" in str(found)


def test_a_classifier_at_chance_is_not_cleared():
    constant = evaluate(lambda images: np.ones((len(images), CLASSES)), IMAGES, LABELS, MASKS)
    assert constant.measures["bg_gap"].value == 0
    assert "In doubt" in str(constant) and "no more often than by chance" in str(constant)
    with_word = evaluate(
        lambda images: np.ones((len(images), CLASSES)), IMAGES, LABELS, MASKS, preprocess=None
    )
    assert "No better than chance (0.25), it shows nothing" in str(with_word)
