"""A classifier that goes by its border alone, mended to go by the object."""

import keras
import numpy as np
import pytest

from bg_interp.errors import UserError
from bg_interp.evaluation.arrays import Arrays, compiled, predict
from bg_interp.evaluation.reliance.variants import make_variant
from bg_interp.models.adapter import AdaptedModel
from bg_interp.retraining import last_layer


def _drawn(count: int, seed: int) -> Arrays:
    """Objects of their class's brightness before backgrounds of their class's colour."""
    generator = np.random.default_rng(seed)
    labels = (np.arange(count) % 3).astype(np.int32)
    images = generator.integers(0, 50, (count, 24, 24, 3)).astype(np.uint8)
    images[np.arange(count), :, :, labels] += 150
    images[:, 8:16, 8:16] = (60 + 70 * labels)[:, None, None, None]
    masks = np.zeros((count, 24, 24, 1), np.uint8)
    masks[:, 8:16, 8:16] = 255
    return Arrays(images, masks, labels)


@pytest.fixture
def by_border() -> keras.Model:
    """Nine patches of an image to three scores, by the colour of the first patch alone."""
    image = keras.Input((24, 24, 3))
    pooled = keras.layers.AveragePooling2D(8)(keras.layers.Rescaling(1 / 255)(image))
    dense = keras.layers.Dense(3, name="scores")
    model = keras.Model(image, dense(keras.layers.Flatten()(pooled)))
    kernel = np.zeros((27, 3), np.float32)
    kernel[:3] = 5 * np.eye(3)
    dense.set_weights([kernel, np.zeros(3, np.float32)])
    return model


def _accuracy(model, arrays: Arrays, variant: str) -> float:
    said = predict(compiled(model), make_variant(variant, arrays)).argmax(axis=1)
    return float((said == arrays.labels).mean())


def test_a_classifier_by_its_background_learns_to_go_by_the_object(by_border):
    train, test = _drawn(240, 0), _drawn(90, 1)
    found = last_layer.fit(AdaptedModel(by_border), train, seed=0)
    mended = last_layer.repaired(by_border, found, None)
    assert _accuracy(by_border, test, "swap") == 0
    assert _accuracy(mended, test, "swap") > 0.9
    assert _accuracy(mended, test, "original") > 0.95
    assert set(found.unseen) == set(last_layer.CANDIDATES) and max(found.unseen.values()) > 0.7


def test_the_same_seed_gives_the_same_bytes_and_the_network_is_left_alone(by_border):
    before = [weights.copy() for weights in by_border.get_weights()]
    fits = [last_layer.fit(AdaptedModel(by_border), _drawn(60, 0), seed=3) for _ in range(2)]
    assert fits[0].kernel.tobytes() == fits[1].kernel.tobytes()
    last_layer.repaired(by_border, fits[0], None)
    for weights, known in zip(by_border.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weights, known)


def test_scores_stand_in_the_order_of_the_network(by_border):
    found = last_layer.Fit(np.arange(81, dtype=np.float32).reshape(27, 3), np.arange(3.0), 1, {})
    mended = last_layer.repaired(by_border, found, (2, 0, 1))
    kernel, bias = mended.get_layer("scores").get_weights()
    np.testing.assert_array_equal(kernel[:, [2, 0, 1]], found.kernel)
    np.testing.assert_array_equal(bias[[2, 0, 1]], found.bias)


def test_a_softmax_after_the_dense_layer_is_kept(by_border):
    with_softmax = keras.Model(by_border.inputs, keras.layers.Softmax()(by_border.output))
    assert last_layer.last_dense(with_softmax).name == "scores"


@pytest.mark.parametrize("head", ["convolution", "one output", "no bias"])
def test_a_network_without_a_dense_last_layer_is_refused_in_one_line(head):
    image = keras.Input((8, 8, 3))
    flat = keras.layers.Flatten()(image)
    output = {
        "convolution": lambda: keras.layers.GlobalAveragePooling2D()(
            keras.layers.Conv2D(3, 1)(image)
        ),
        "one output": lambda: keras.layers.Dense(1)(flat),
        "no bias": lambda: keras.layers.Dense(3, use_bias=False)(flat),
    }[head]()
    with pytest.raises(UserError, match="repair needs a network whose last layer is dense"):
        last_layer.last_dense(keras.Model(image, output))
