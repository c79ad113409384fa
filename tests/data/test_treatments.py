"""Each treatment eagerly and inside tf.data, against exact properties."""

import numpy as np
import pytest
import tensorflow as tf

from bg_interp.config.treatment import TreatmentConfig
from bg_interp.data import treatments

NAMES = ["none", "black", "noise", "mix", "blur", "mean", "swap", "random_mask"]
KEY = tf.constant([3, 7], tf.int32)


def _eagerly(treatment, batch, key):
    return treatment(batch["image"], batch["mask"], batch["label"], key)


def _in_tf_data(treatment, batch, key):
    dataset = tf.data.Dataset.from_tensors(batch)
    treat = lambda b: treatment(b["image"], b["mask"], b["label"], key)  # noqa: E731
    return next(iter(dataset.map(treat)))


@pytest.fixture(params=[_eagerly, _in_tf_data], ids=["eager", "tf.data"])
def run(request):
    """Applies a treatment to a batch, and gives an array."""

    def apply(name, batch, key=KEY, mean_colour=None, **settings):
        colour = {"mean_colour": mean_colour} if mean_colour else {}
        treatment = treatments.make(name, TreatmentConfig(**settings), **colour)
        return np.asarray(request.param(treatment, batch, tf.constant(key)))

    return apply


@pytest.fixture(scope="module")
def batch():
    """Sixteen images of four classes, their foreground a square at a place of its own."""
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (16, 32, 32, 3), np.uint8)
    masks = np.zeros((16, 32, 32, 1), np.uint8)
    for number, mask in enumerate(masks):
        mask[4 + number % 5 : 18, 6:20] = 255
        mask[18, 6:20] = 100  # a soft edge
    return {"image": images, "mask": masks, "label": np.arange(16, dtype=np.int32) % 4}


def test_none_leaves_the_images_bit_identical(run, batch):
    out = run("none", batch)
    np.testing.assert_array_equal(out, batch["image"])


@pytest.mark.parametrize("name", NAMES)
def test_shape_and_dtype_are_those_of_images(run, batch, name):
    out = run(name, batch)
    assert out.shape == batch["image"].shape
    assert out.dtype == np.uint8


@pytest.mark.parametrize("name", ["none", "black", "noise", "mix", "blur", "mean", "swap"])
def test_foreground_is_untouched(run, batch, name):
    inside = np.broadcast_to(batch["mask"] == 255, batch["image"].shape)
    np.testing.assert_array_equal(run(name, batch)[inside], batch["image"][inside])


def test_black_is_exactly_zero_where_the_mask_is_zero(run, batch):
    out = run("black", batch)
    assert np.all(out[np.broadcast_to(batch["mask"] == 0, out.shape)] == 0)


def test_soft_edges_blend(run, batch):
    out = run("black", batch)
    edge = np.broadcast_to(batch["mask"] == 100, out.shape)
    np.testing.assert_allclose(out[edge], batch["image"][edge] * (100 / 255), atol=0.51)


def test_noise_has_the_asked_mean_and_deviation(run, batch):
    out = run("noise", batch, noise_mean=127.0, noise_stddev=30.0)
    background = out[np.broadcast_to(batch["mask"] == 0, out.shape)]
    error = 30 / np.sqrt(background.size)
    assert abs(background.mean() - 127) < 4 * error
    assert abs(background.std() - 30) < 4 * error


def test_noise_differs_between_images_and_steps_and_repeats_with_the_key(run, batch):
    first, again = run("noise", batch), run("noise", batch)
    later = run("noise", batch, key=[3, 8])
    outside = batch["mask"][0, :, :, 0] == 0
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, later)
    assert not np.array_equal(first[0][:3], first[1][:3])
    assert outside[:3].all()


@pytest.mark.parametrize("fraction", [0.0, 0.25, 1.0])
def test_mix_treats_the_asked_share(run, fraction):
    images = np.full((4000, 2, 2, 3), 200, np.uint8)
    batch = {
        "image": images,
        "mask": np.zeros((4000, 2, 2, 1), np.uint8),
        "label": np.zeros(4000, np.int32),
    }
    treated = np.all(run("mix", batch, mix_fraction=fraction) == 0, axis=(1, 2, 3))
    deviation = np.sqrt(fraction * (1 - fraction) / 4000)
    assert abs(treated.mean() - fraction) <= 4 * deviation


def test_mix_draws_other_images_with_another_key(run, batch):
    black = lambda key: np.all(run("mix", batch, key=key)[:, :3] == 0, axis=(1, 2, 3))  # noqa: E731
    drawn = {tuple(black([0, step])) for step in range(8)}
    assert len(drawn) > 1


def test_mix_can_hold_another_treatment(run, batch):
    mean = run(
        "mix", batch, background_in_mix="mean", mix_fraction=1.0, mean_colour=(10.0, 20.0, 30.0)
    )
    np.testing.assert_array_equal(mean[0, 0, 0], [10, 20, 30])


def test_blur_takes_no_colour_from_the_foreground(run, batch):
    images = np.zeros_like(batch["image"])
    images[...] = 50
    images[np.broadcast_to(batch["mask"] == 255, images.shape)] = 255
    out = run("blur", batch | {"image": images})
    background = np.broadcast_to(batch["mask"] == 0, out.shape)
    np.testing.assert_array_equal(out[background], 50)


def test_blur_removes_texture(run, batch):
    outside = np.broadcast_to(batch["mask"] == 0, batch["image"].shape)
    assert run("blur", batch)[outside].std() < 0.35 * batch["image"][outside].std()


def test_swap_takes_the_background_of_another_class_without_its_object(run, batch):
    labels = batch["label"]
    images = np.broadcast_to((labels * 50 + 10)[:, None, None, None], batch["image"].shape).copy()
    images[np.broadcast_to(batch["mask"] > 0, images.shape)] = 255
    out = run("swap", batch | {"image": images.astype(np.uint8)})
    colours = out[:, 0, 0, 0]
    assert not np.any(colours == labels * 50 + 10)
    for image, mask in zip(out, batch["mask"], strict=True):
        assert len(np.unique(image[mask[..., 0] == 0])) == 1  # no trace of the other object


def test_swap_in_a_batch_of_one_class_keeps_the_own_background(run, batch):
    same = batch | {"label": np.zeros(16, np.int32)}
    out = run("swap", same)
    np.testing.assert_array_equal(out[:, 0, 0], batch["image"][:, 0, 0])


def test_random_mask_uses_the_mask_of_another_image(run):
    masks = np.zeros((4, 4, 4, 1), np.uint8)
    for number in range(4):
        masks[number, number] = 255
    batch = {
        "image": np.full((4, 4, 4, 3), 9, np.uint8),
        "mask": masks,
        "label": np.arange(4, dtype=np.int32),
    }
    shown = run("random_mask", batch)[..., 0].max(axis=2).argmax(axis=1)
    assert not np.any(shown == np.arange(4))


def test_an_unknown_name_is_refused():
    with pytest.raises(ValueError, match="blak"):
        treatments.make("blak")


def test_hard_masks_leave_no_soft_edge(batch):
    hard = treatments.with_hard_masks(treatments.black)
    out = hard(batch["image"], batch["mask"], batch["label"], tf.constant(KEY)).numpy()
    kept = batch["mask"] >= 128
    np.testing.assert_array_equal(out, np.where(kept, batch["image"], 0))
    assert ((batch["mask"] > 0) & ~kept).any()
