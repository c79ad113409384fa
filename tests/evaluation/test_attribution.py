"""Attribution of models that look where we told them to."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from bg_interp.evaluation.arrays import Arrays
from bg_interp.evaluation.attribution import (
    _smoothgrad_graph,
    attribution,
    gradcam_plus_plus,
    pointing_game,
    share_in_mask,
    smoothgrad,
)
from bg_interp.models.adapter import AdaptedModel, adapt
from bg_interp.pixels import of_range


def _arrays(count: int = 6) -> Arrays:
    """Grey images whose object is the upper left quarter."""
    masks = np.zeros((count, 16, 16, 1), np.uint8)
    masks[:, :8, :8] = 255
    labels = np.arange(count, dtype=np.int32) % 2
    images = np.random.default_rng(0).integers(50, 200, (count, 16, 16, 3)).astype(np.uint8)
    return Arrays(images, masks, labels)


def _quarter(images: tf.Tensor) -> tf.Tensor:
    """Logits that hang on the upper left quarter alone."""
    mean = tf.reduce_mean(images[:, :8, :8], axis=(1, 2, 3))
    return tf.stack([mean, -mean], axis=1)


def _background(images: tf.Tensor) -> tf.Tensor:
    mean = tf.reduce_mean(images[:, 8:], axis=(1, 2, 3))
    return tf.stack([mean, -mean], axis=1)


def test_smoothgrad_lies_where_the_model_looks():
    some = _arrays()
    on_object = smoothgrad(adapt(_quarter), some.images, some.labels)
    np.testing.assert_allclose(share_in_mask(on_object, some.masks), 1.0)
    beside = smoothgrad(adapt(_background), some.images, some.labels)
    np.testing.assert_allclose(share_in_mask(beside, some.masks), 0.0)


def test_smoothgrad_of_a_linear_model_is_its_gradient():
    some = _arrays()
    maps = smoothgrad(adapt(_quarter), some.images, some.labels)
    np.testing.assert_allclose(maps[:, :8, :8], 3 / (8 * 8 * 3), rtol=1e-4)


def test_smoothgrad_is_keyed_by_its_seed():
    some = _arrays()
    model = adapt(lambda images: tf.square(_quarter(images)))
    first, again, other = (smoothgrad(model, some.images, some.labels, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_samples_are_taken_one_after_the_other():
    maps = _smoothgrad_graph(adapt(_quarter), (16, 16, 3))
    loops = [one for one in maps.graph.as_graph_def().node if "While" in one.op]
    # Each that is taken at once holds all that the network computes.
    assert [one.attr["parallel_iterations"].i for one in loops] == [1]


def test_shares_weigh_soft_masks_and_know_empty_maps():
    masks = np.full((2, 4, 4, 1), 51, np.uint8)
    maps = np.stack([np.ones((4, 4)), np.zeros((4, 4))])
    np.testing.assert_allclose(share_in_mask(maps, masks), [0.2, np.nan])
    np.testing.assert_allclose(pointing_game(maps, masks), [0.0, np.nan])


def test_an_even_map_has_the_share_of_the_masks_area():
    some = _arrays(1)
    np.testing.assert_allclose(share_in_mask(np.ones((1, 16, 16)), some.masks), 0.25)


def test_the_pointing_game_looks_at_the_strongest_pixel():
    maps = np.zeros((2, 16, 16))
    maps[0, 3, 3] = maps[1, 12, 3] = 1
    np.testing.assert_array_equal(pointing_game(maps, _arrays(2).masks), [1.0, 0.0])


@pytest.fixture(scope="module")
def bright_network() -> keras.Model:
    """Two logits: how bright the image is, and how dark, through one convolution."""
    image = keras.Input((16, 16, 3))
    x = keras.layers.Conv2D(1, 1, kernel_initializer="ones", use_bias=False)(image)
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.AveragePooling2D(4)(x))
    model = keras.Model(image, keras.layers.Dense(2, use_bias=False)(x))
    model.layers[-1].set_weights([np.array([[1.0, 1.0]], np.float32)])
    return model


def test_gradcam_lies_on_a_bright_object(bright_network):
    some = _arrays()
    images = np.where(some.masks > 127, 255, 0).astype(np.uint8).repeat(3, axis=3)
    maps = gradcam_plus_plus(adapt(bright_network), images, some.labels)
    assert maps.shape == (6, 16, 16) and np.isfinite(maps).all()
    assert (share_in_mask(maps, some.masks) > 0.9).all()


def test_large_logits_do_not_overflow_gradcam(bright_network):
    some = _arrays()
    logits = bright_network(some.images.astype(np.float32)).numpy()
    assert logits.max() > 100  # exp(100) is beyond float32.
    assert np.isfinite(gradcam_plus_plus(adapt(bright_network), some.images, some.labels)).all()


def test_what_cannot_be_had_is_left_out_with_its_reason():
    def rounded(images: tf.Tensor) -> tf.Tensor:
        return _quarter(tf.cast(tf.cast(images, tf.int32), tf.float32))

    measured = attribution(adapt(rounded), _arrays(), classes=2)
    assert measured["smoothgrad"] == {
        "left_out": "the model cannot be differentiated with respect to its images"
    }
    assert measured["gradcam_plus_plus"] == {"left_out": "a SavedModel or function has no layers"}


def test_everything_is_given_by_class_beside_the_masks_area(bright_network):
    measured = attribution(adapt(bright_network), _arrays(), classes=3)
    assert measured["mask_area"] == [0.25, 0.25, None]
    assert measured["smoothgrad"]["share"][:2] == pytest.approx([0.25, 0.25], abs=1e-3)
    assert measured["gradcam_plus_plus"]["empty_maps"] == 0


def test_a_sequential_model_of_a_file_gives_the_maps_of_the_one_it_was(tmp_path):
    keras.utils.set_random_seed(0)
    layers = [
        keras.Input((16, 16, 3)),
        keras.layers.Conv2D(4, 3, 2, activation="relu"),
        keras.layers.Conv2D(4, 3, activation="relu"),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(2, activation="softmax"),
    ]
    model, some = keras.Sequential(layers), _arrays()
    model.save(tmp_path / "model.keras")
    read = keras.models.load_model(tmp_path / "model.keras", compile=False)
    first, second = (
        gradcam_plus_plus(
            AdaptedModel(one, of_range(0, 1), output_kind="probabilities"),
            some.images,
            some.labels,
        )
        for one in (model, read)
    )
    assert first.max() > 0
    np.testing.assert_allclose(first, second, rtol=1e-5)


def test_a_model_inside_of_a_model_gives_the_maps_of_the_flat_one():
    keras.utils.set_random_seed(0)
    inside = [keras.layers.Conv2D(4, 3, 2, activation="relu"), keras.layers.Conv2D(4, 3)]
    head = [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2)]
    flat = keras.Sequential([keras.Input((16, 16, 3)), *inside, *head])
    image, nested_image = keras.Input((16, 16, 3)), keras.Input((16, 16, 3))
    backbone = keras.Model(nested_image, inside[1](inside[0](nested_image)))
    nested = keras.Model(image, head[1](head[0](backbone(image))))
    some, before = _arrays(), nested.get_weights()
    first, second = (
        gradcam_plus_plus(AdaptedModel(one), some.images, some.labels) for one in (flat, nested)
    )
    assert first.max() > 0
    np.testing.assert_allclose(first, second, rtol=1e-5)
    for was, now in zip(before, nested.get_weights(), strict=True):
        np.testing.assert_array_equal(was, now)
