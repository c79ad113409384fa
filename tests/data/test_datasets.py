"""Treatments of anybody's tf.data: every spelling alike, nothing repeats, ready to fit."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from bg_interp.data.datasets import Treatment
from bg_interp.errors import UserError

DRAWS = np.random.default_rng(0)
IMAGES = DRAWS.integers(0, 256, (6, 8, 8, 3)).astype(np.uint8)
MASKS = np.zeros((6, 8, 8), bool)
MASKS[:, 2:6, 3:7] = True
LABELS = np.arange(6, dtype=np.int32) % 3


def data_of(images=IMAGES, labels=LABELS, masks=MASKS):
    return tf.data.Dataset.from_tensor_slices((images, labels, masks))


def images_of(data):
    return np.stack([image for image, _ in data.as_numpy_iterator()])


@pytest.mark.parametrize(
    "masks",
    [
        MASKS,
        MASKS[..., None],
        MASKS.astype(np.uint8),
        MASKS * np.uint8(255),
        MASKS.astype(np.float32),
        MASKS * 255.0,
    ],
    ids=lambda masks: f"{masks.dtype}{masks.ndim}",
)
@pytest.mark.parametrize("labels", [LABELS, np.eye(3, dtype=np.float32)[LABELS]], ids=["n", "hot"])
def test_every_spelling_is_treated_alike(masks, labels):
    treated = images_of(data_of(masks=masks, labels=labels).apply(Treatment("black")))
    np.testing.assert_array_equal(treated, IMAGES * MASKS[..., None])
    batched = data_of(masks=masks, labels=labels).batch(3).apply(Treatment("swap")).unbatch()
    inside = MASKS[..., None] & np.ones(3, bool)
    np.testing.assert_array_equal(images_of(batched)[inside], IMAGES[inside])


def test_images_keep_their_range_and_dtype():
    data = data_of(images=(IMAGES / 255).astype(np.float32)).apply(Treatment("black"))
    expected = (IMAGES * MASKS[..., None] / 255).astype(np.float32)
    np.testing.assert_allclose(images_of(data), expected, atol=1e-6)
    assert images_of(data).dtype == np.float32
    floats = data_of(images=IMAGES.astype(np.float64)).apply(Treatment("none"))
    assert images_of(floats).dtype == np.float64


def test_each_element_and_each_pass_get_their_own_noise_and_seeds_repeat_it():
    same = tf.data.Dataset.from_tensors((IMAGES[0], 0, MASKS[0])).repeat(3)
    data = same.apply(Treatment("noise", seed=1))
    passes = [images_of(data) for _ in range(2)]
    drawn = np.concatenate(passes)
    assert len(np.unique(drawn.reshape(6, -1), axis=0)) == 6
    again = same.apply(Treatment("noise", seed=1))
    np.testing.assert_array_equal(drawn, np.concatenate([images_of(again) for _ in range(2)]))
    other = images_of(same.apply(Treatment("noise", seed=2)))
    assert (other != passes[0]).any()


def test_mix_chooses_anew_in_each_pass():
    treated = data_of().apply(Treatment("mix", seed=0))
    left = [
        [(a == b).all() for a, b in zip(images_of(treated), IMAGES, strict=True)] for _ in range(4)
    ]
    assert len({tuple(row) for row in left}) > 1


def test_dictionaries_keep_what_else_they_hold():
    data = tf.data.Dataset.from_tensor_slices(
        {"image": IMAGES, "label": LABELS, "mask": MASKS, "name": [b"a"] * 6}
    )
    first = next(data.apply(Treatment("black")).as_numpy_iterator())
    assert first["name"] == b"a"
    np.testing.assert_array_equal(first["image"], IMAGES[0] * MASKS[0][..., None])


def test_the_result_fits():
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(3)]
    )
    model.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(data_of().apply(Treatment("mix")).batch(2), epochs=2, verbose=0)


def test_as_a_layer_it_treats_in_training_only():
    layer = Treatment("noise", seed=3).layer()
    batch = {
        "images": tf.constant(IMAGES, tf.float32),
        "labels": tf.constant(LABELS),
        "segmentation_masks": tf.constant(MASKS * np.uint8(255))[..., None],
    }
    first, second = layer(batch)["images"], layer(batch)["images"]
    assert (first != second).numpy().any()
    inside = np.broadcast_to(MASKS[..., None], IMAGES.shape)
    np.testing.assert_array_equal(first.numpy()[inside], IMAGES[inside])
    np.testing.assert_array_equal(layer(batch, training=False)["images"], batch["images"])


@pytest.mark.parametrize("scale", [1, 1.0, 255, True])
def test_a_layer_takes_masks_of_any_range(scale):
    batch = {
        "images": tf.constant(IMAGES, tf.float32),
        "labels": tf.constant(LABELS),
        "segmentation_masks": tf.constant((MASKS * scale).astype(type(scale)))[..., None],
    }
    treated = Treatment("black").layer()(batch)["images"]
    np.testing.assert_array_equal(treated, IMAGES * MASKS[..., None])


def _batch(masks):
    images, labels = tf.constant(IMAGES, tf.float32), tf.constant(LABELS)
    return {"images": images, "labels": labels, "segmentation_masks": tf.constant(masks)}


@pytest.mark.parametrize(
    ("batch", "said"),
    [
        (_batch(MASKS[..., None] * np.uint8(15)), "^segmentation_masks must be opacities"),
        (
            _batch(MASKS[:, ::2, ::2, None]),
            "^segmentation_masks must be of the images' size, .8, 8.",
        ),
        ({"images": IMAGES}, "^the layer takes dictionaries with .* Received: images$"),
    ],
)
def test_a_layer_names_mistakes_in_one_line(batch, said):
    with pytest.raises(UserError, match=said) as error:
        Treatment("black").layer()(batch)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Treatment("blakc"), "background must be one of.*did you mean 'black'"),
        (lambda: Treatment("mix", mix_fraction=2), "mix_fraction must be from 0 to 1"),
        (lambda: Treatment("noise", noise_stddev=0), "noise_stddev must be above 0"),
        (lambda: data_of().map(Treatment("mix")), "data.apply"),
        (lambda: data_of().apply(Treatment("swap")), "batch the data before"),
        (lambda: data_of().take(0).apply(Treatment()), "empty"),
        (lambda: data_of().map(lambda i, n, m: (i, n)).apply(Treatment()), "tuple of 2"),
        (
            lambda: data_of(masks=np.arange(3, dtype=np.uint8).repeat(128).reshape(6, 8, 8)).apply(
                Treatment()
            ),
            "all hold values 0, 1 and 2",
        ),
    ],
)
def test_mistakes_are_named(make, said):
    with pytest.raises(UserError, match=said):
        make()
