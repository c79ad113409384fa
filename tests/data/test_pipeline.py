"""The same batch for the same step, each image once an epoch, masks that move along."""

import collections
import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from bg_interp.config.data import DataConfig
from bg_interp.config.treatment import AugmentationConfig
from bg_interp.data import pipeline, treatments
from bg_interp.data.augmentation import add_pixel_noise, move
from bg_interp.data.examples import InMemory, OnDisk, labels_of
from bg_interp.data.opening import open_examples

STILL = AugmentationConfig(shift=0, pixel_noise=0)
KEY = tf.constant([3, 4])


def random_images(count=4, size=16, seed=0):
    generator = np.random.default_rng(seed)
    images = generator.integers(0, 256, (count, size, size, 3)).astype(np.uint8)
    masks = generator.integers(1, 256, (count, size, size, 1)).astype(np.uint8)
    return images, masks


@pytest.fixture(scope="module")
def examples() -> InMemory:
    images, masks = random_images(10)
    labels = np.arange(10, dtype=np.int32) % 3
    return InMemory({"image": images, "mask": masks, "label": labels, "index": 100 + np.arange(10)})


def batches(examples, start=0, stop=12, seed=5, batch_size=4, **options):
    found = pipeline.training_batches(
        examples,
        options.get("treatment", treatments.Noise()),
        options.get("augmentation", AugmentationConfig(scale=0.1, flip=True)),
        batch_size=batch_size,
        seed=seed,
        start=start,
        stop=stop,
    )
    return list(found.as_numpy_iterator())


def assert_equal(ours, theirs):
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        assert one.keys() == other.keys()
        for key in one:
            np.testing.assert_array_equal(one[key], other[key])


def test_a_step_has_the_same_batch_wherever_the_run_begins(examples):
    assert_equal(batches(examples)[7:], batches(examples, start=7))


def test_the_same_seed_gives_the_same_batches_and_another_does_not(examples):
    first, again, other = batches(examples), batches(examples), batches(examples, seed=6)
    assert_equal(first, again)
    assert any((a["index"] != b["index"]).any() for a, b in zip(first, other, strict=True))


def test_no_global_seed_plays_a_part(examples):
    first = batches(examples, stop=3)
    tf.random.set_seed(99)
    np.random.seed(99)
    assert_equal(first, batches(examples, stop=3))


def test_each_epoch_shows_each_example_once_in_an_order_of_its_own(examples):
    # 4 images a step, 10 an epoch: epochs begin within batches.
    shown = np.concatenate([batch["index"] for batch in batches(examples, stop=25)])
    epochs = shown.reshape(10, 10)
    for epoch in epochs:
        assert sorted(epoch) == list(range(100, 110))
    assert len({tuple(epoch) for epoch in epochs}) == 10


@pytest.mark.parametrize("seed", [0, 1, 100])
def test_batches_of_sorted_classes_hold_a_fair_share_of_each(seed):
    count, batch_size, classes = 900, 30, 6
    numbers = pipeline.shuffled_numbers(count, batch_size, seed=seed, start=0, stop=90)
    labels = np.stack(list(numbers.as_numpy_iterator())) * classes // count
    found = np.stack([np.bincount(row, minlength=classes) for row in labels])
    drawn_at_random = batch_size * (1 / classes) * (1 - 1 / classes)
    assert found.var(axis=0).mean() < 1.5 * drawn_at_random


def test_batches_larger_than_the_data_show_it_more_than_once(examples):
    (batch,) = batches(examples, stop=1, batch_size=25)
    assert set(collections.Counter(batch["index"].tolist()).values()) <= {2, 3}


def test_labels_and_indices_stay_with_their_images(examples):
    for batch in batches(examples, treatment=treatments.none, augmentation=STILL):
        for n, index in enumerate(batch["index"] - 100):
            np.testing.assert_array_equal(batch["image"][n], examples.arrays["image"][index])
            np.testing.assert_array_equal(batch["mask"][n], examples.arrays["mask"][index])
            assert batch["label"][n] == index % 3


def test_random_numbers_are_fresh_in_each_epoch(examples):
    shown = [b["image"] for b in batches(examples, stop=4, batch_size=10, augmentation=STILL)]
    order = [b["index"] for b in batches(examples, stop=4, batch_size=10, augmentation=STILL)]
    same = [image[list(places).index(100)] for image, places in zip(shown, order, strict=True)]
    assert not np.array_equal(same[0], same[1])


def test_shapes_are_static(examples):
    found = pipeline.training_batches(
        examples, treatments.black, AugmentationConfig(), batch_size=4, seed=0, start=0, stop=2
    )
    spec = found.element_spec
    assert spec["image"] == tf.TensorSpec([4, 16, 16, 3], tf.float32)
    assert spec["mask"] == tf.TensorSpec([4, 16, 16, 1], tf.uint8)
    assert spec["label"] == tf.TensorSpec([4], tf.int32)
    assert spec["index"] == tf.TensorSpec([4], tf.int64)


def test_decoded_each_epoch_equals_kept_in_memory(tiny_habitats):
    config = DataConfig(image_size=24)
    kept, _ = open_examples(tiny_habitats, "train", config)
    on_disk, _ = open_examples(tiny_habitats, "train", dataclasses.replace(config, cache_gb=0.0))
    assert isinstance(kept, InMemory)
    assert isinstance(on_disk, OnDisk)
    assert_equal(batches(kept, stop=3), batches(on_disk, stop=3))
    treated = [
        list(pipeline.treated_for_evaluation(some, treatments.swap, batch_size=9))
        for some in (kept, on_disk)
    ]
    assert_equal(*treated)


def test_images_of_the_right_size_are_kept_bit_for_bit(tiny_habitats):
    split = tiny_habitats.splits["test"]
    kept, _ = open_examples(tiny_habitats, "test", DataConfig(image_size=32))
    np.testing.assert_array_equal(kept.arrays["image"], np.stack(list(split.images())))
    np.testing.assert_array_equal(kept.arrays["mask"], np.stack(list(split.masks())))
    assert kept.arrays["index"].tolist() == list(range(len(split)))


def test_without_masks_all_is_foreground(tiny_habitats):
    kept, chosen = open_examples(tiny_habitats, "test", DataConfig(masks="none", image_size=32))
    assert (kept.arrays["mask"] == 255).all()
    assert chosen.read is None


def test_evaluation_shows_all_images_once_and_always_the_same_way(examples):
    runs = [
        list(pipeline.treated_for_evaluation(examples, treatments.Noise(), batch_size=4))
        for _ in range(2)
    ]
    assert_equal(*runs)
    assert sorted(np.concatenate([b["index"] for b in runs[0]])) == list(range(100, 110))
    assert [len(b["label"]) for b in runs[0]] == [4, 4, 2]


def test_evaluation_neither_moves_nor_adds_noise(examples):
    for batch in pipeline.treated_for_evaluation(examples, treatments.none, batch_size=4):
        assert batch["image"].dtype == np.float32
        expected = examples.arrays["image"][batch["index"] - 100]
        np.testing.assert_array_equal(batch["image"], expected)


def test_a_sample_has_no_example_twice(examples):
    found = pipeline.sample(examples, 6, seed=1).arrays["index"]
    assert len(set(found.tolist())) == 6
    assert len(pipeline.sample(examples, 99, seed=1)) == 10
    np.testing.assert_array_equal(found, pipeline.sample(examples, 6, seed=1).arrays["index"])


@pytest.mark.parametrize("compiled", [False, True])
def test_whole_pixel_shifts_are_exact_and_move_the_mask_along(compiled):
    images, masks = random_images(32)
    settings = AugmentationConfig(shift=4 / 16)
    call = tf.function(move) if compiled else move
    moved, moved_masks = (v.numpy() for v in call(images, masks, settings, KEY))
    assert moved.dtype == moved_masks.dtype == np.uint8
    padded = np.pad(images, [(0, 0), (4, 4), (4, 4), (0, 0)], "symmetric")
    padded_masks = np.pad(masks, [(0, 0), (4, 4), (4, 4), (0, 0)])
    found = set()
    for n in range(32):
        for y in range(9):
            for x in range(9):
                if np.array_equal(moved[n], padded[n, y : y + 16, x : x + 16]):
                    # What comes into view is background, whatever it looks like.
                    expected = padded_masks[n, y : y + 16, x : x + 16]
                    np.testing.assert_array_equal(moved_masks[n], expected)
                    found.add((n, y, x))
    assert len(found) == 32
    assert len({place[1:] for place in found}) > 20
    assert {0, 8} <= {y for _, y, _ in found} | {x for _, _, x in found}


def test_flips_mirror_about_half_of_the_images_with_their_masks():
    images, masks = random_images(64, size=8)
    moved, moved_masks = move(images, masks, AugmentationConfig(shift=0, flip=True), KEY)
    flipped = [np.array_equal(a, b[:, ::-1]) for a, b in zip(moved.numpy(), images, strict=True)]
    for n, turned in enumerate(flipped):
        step = -1 if turned else 1
        np.testing.assert_array_equal(moved[n], images[n, :, ::step])
        np.testing.assert_array_equal(moved_masks[n], masks[n, :, ::step])
    assert 20 <= sum(flipped) <= 44


def test_scaling_changes_the_area_of_the_mask_within_its_bounds():
    masks = np.zeros((64, 40, 40, 1), np.uint8)
    masks[:, 10:30, 10:30] = 255
    images = np.repeat(masks, 3, axis=-1)
    moved, moved_masks = move(images, masks, AugmentationConfig(shift=0, scale=0.2), KEY)
    # White on black: image and mask can only agree when they moved alike.
    np.testing.assert_array_equal(moved[..., :1], moved_masks)
    areas = moved_masks.numpy().sum(axis=(1, 2, 3)) / masks[0].sum()
    assert 0.8**2 * 0.97 < areas.min() < 0.8
    assert 1.3 < areas.max() < 1.2**2 * 1.03


def test_nothing_asked_changes_nothing():
    images, masks = random_images()
    moved, moved_masks = move(images, masks, STILL, KEY)
    np.testing.assert_array_equal(moved, images)
    np.testing.assert_array_equal(moved_masks, masks)


def test_borders_that_come_into_view_are_treated():
    images, masks = np.full((16, 16, 16, 3), 200, np.uint8), np.full((16, 16, 16, 1), 255, np.uint8)
    batch = {
        "image": tf.constant(images),
        "mask": tf.constant(masks),
        "label": tf.zeros(16, tf.int32),
    }
    settings = AugmentationConfig(shift=0.25, pixel_noise=0)
    found = pipeline.treat_for_training(
        batch, tf.constant(0, tf.int64), treatments.black, settings, 0
    )
    np.testing.assert_array_equal(found["image"] == 0, np.repeat(found["mask"] == 0, 3, axis=-1))
    assert (found["mask"].numpy() == 0).any()


@pytest.mark.parametrize("compiled", [False, True])
def test_pixel_noise_has_a_deviation_of_its_own_for_each_image(compiled):
    images = tf.fill([400, 16, 16, 3], 100.0)
    call = tf.function(add_pixel_noise) if compiled else add_pixel_noise
    noise = call(images, 16.0, KEY).numpy() - 100.0
    deviations = noise.std(axis=(1, 2, 3))
    assert abs(noise.mean()) < 0.2
    assert deviations.max() < 16 * 1.1
    assert abs(deviations.mean() - 8) < 0.8  # Uniform from 0 to 16.
    assert abs(deviations.std() - 16 / 12**0.5) < 0.6


def test_no_pixel_noise_leaves_the_images():
    images = tf.fill([2, 4, 4, 3], 100.0)
    assert add_pixel_noise(images, 0.0, KEY) is images


def test_labels_are_known_without_decoding_where_the_split_tells_them():
    class Labelled:
        labels = np.array([0, 2, 2, 5])

    on_disk = OnDisk(Labelled(), None, 8, np.array([1, 3]))
    assert labels_of(on_disk).tolist() == [2, 5]
    assert labels_of(InMemory({"label": np.array([4])})).tolist() == [4]
    untold = OnDisk(object(), None, 8, np.array([1]))
    assert labels_of(untold) is None
