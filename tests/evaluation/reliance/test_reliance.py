"""Reliance of models that look at known things, under exact and under wrong masks."""

import cv2
import numpy as np
import pytest
import tensorflow as tf

from bg_interp.evaluation.arrays import Arrays
from bg_interp.evaluation.finding import Finding
from bg_interp.evaluation.gate import State
from bg_interp.evaluation.measuring import measure
from bg_interp.models.adapter import AdaptedModel
from bg_interp.models.functions import ArrayFunction

SIDE = 32


def world(labels: np.ndarray, seed: int = 0) -> Arrays:
    """Discs of their class's red on backgrounds of their class's red; green tells them apart."""
    generator = np.random.default_rng(seed)
    images = np.zeros((len(labels), SIDE, SIDE, 3), np.uint8)
    masks = np.zeros((len(labels), SIDE, SIDE, 1), np.uint8)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    images[..., 2] = generator.integers(0, 256, images.shape[:3])
    images[..., 0] = level(labels)[:, None, None]
    for image, mask in zip(images, masks, strict=True):
        down, across = generator.uniform(12, 20, 2)
        inside = np.hypot(rows - down, columns - across) <= generator.uniform(6, 9)
        image[inside, 1], mask[inside] = 255, 255
    return Arrays(images, masks, labels.astype(np.int32))


def level(labels):
    return 4 * labels + 20


def scorer(classes: int, background: float, noise: float = 0.0):
    """Returns a function of the share of each red on objects and on backgrounds, weighed."""

    def scores(images: np.ndarray) -> np.ndarray:
        generator = np.random.default_rng(int(images.sum()) % 1000)
        number = np.clip(np.rint((images[..., 0] - 20.0) / 4), 0, classes - 1).astype(int)
        of_object, total = images[..., 1] > 127, generator.normal(0, noise, (len(images), classes))
        for there, weight in ((of_object, 1 - background), (~of_object, background)):
            share = np.stack([((number == k) & there).sum((1, 2)) for k in range(classes)], 1)
            total += weight * share / np.maximum(share.sum(axis=1, keepdims=True), 1)
        return 10 * total

    return scores


def reads(classes: int, background: float, noise: float = 0.0) -> AdaptedModel:
    return AdaptedModel(ArrayFunction(scorer(classes, background, noise), "scores"))


def measured(model, arrays: Arrays, **how):
    names = [str(label) for label in range(int(arrays.labels.max()) + 1)]
    return measure(model, arrays, names, backgrounds=0, explains=False, **how)


def balances() -> list[np.ndarray]:
    even = [np.arange(100 * 2) % classes for classes in (2, 3, 8, 50)]
    return [*even, np.repeat([0, 1], [194, 6])]


@pytest.mark.parametrize("labels", balances(), ids=["2", "3", "8", "50", "97 to 3"])
def test_reliance_is_1_of_backgrounds_and_0_of_objects_whatever_the_classes(labels):
    arrays, classes = world(labels), int(labels.max()) + 1
    by_background = measured(reads(classes, 1.0), arrays, controls=False)
    assert by_background.measures["reliance"].value >= 0.95
    assert by_background.finding is Finding.RELIES
    by_object = measured(reads(classes, 0.0), arrays, controls=False)
    assert abs(by_object.measures["reliance"].value) <= 0.03
    assert by_object.finding is not Finding.RELIES


def _changed(arrays: Arrays, how: str) -> Arrays:
    masks, kernel = arrays.masks.copy(), np.ones((5, 5), np.uint8)
    if how in ("eroded", "dilated"):
        change = cv2.erode if how == "eroded" else cv2.dilate
        masks = np.stack([change(mask[..., 0], kernel)[..., None] for mask in masks])
    elif how == "shifted":
        masks = np.roll(masks, (2, 2), (1, 2))
    elif how == "wrong":
        wrong = np.random.default_rng(1).random(len(masks)) < 0.13
        masks[wrong] = 0
        masks[wrong, 1:7, 1:7] = 255
    return arrays._replace(masks=masks)


@pytest.mark.parametrize("how", ["exact", "eroded", "dilated", "shifted", "wrong"])
def test_wrong_masks_make_no_reliance_of_a_model_that_looks_at_objects(how):
    arrays = _changed(world(np.arange(240) % 4), how)
    found = measured(reads(4, 0.0, noise=0.15), arrays)
    assert found.finding in (Finding.CLEAR, Finding.UNCLEAR)
    if how != "wrong":
        assert abs(found.measures["reliance"].value) <= 0.03
    else:
        assert found.to_dict()["reliance_range"][0] <= 0
        assert "could explain" in found.answer() or found.measures["reliance"].low <= 0
        assert not found.check(reliance=0.02) or found.measures["reliance"].low <= 0.02


@pytest.mark.parametrize("how", ["exact", "eroded", "dilated", "shifted", "wrong"])
def test_a_model_that_looks_at_backgrounds_is_found_under_all_masks(how):
    found = measured(reads(4, 0.7, noise=0.15), _changed(world(np.arange(120) % 4), how))
    assert found.finding is Finding.RELIES


def test_a_model_that_errs_on_half_of_all_that_is_pasted_relies_on_nothing():
    arrays = world(np.arange(240) % 4)
    known = {image.tobytes() for image in arrays.images}
    by_object = scorer(4, 0.0)

    def scores(images: np.ndarray) -> np.ndarray:
        found = by_object(images)
        for row, image in enumerate(images.astype(np.uint8)):
            if image.tobytes() not in known and int(image.sum()) % 2:
                found[row] = np.roll(found[row], 1)
        return found

    found = measured(AdaptedModel(ArrayFunction(scores, "scores")), arrays)
    assert found.finding in (Finding.CLEAR, Finding.UNCLEAR)
    assert abs(found.measures["reliance"].value) < 0.1
    assert "Pasting alone, on the object's own background, costs" in found.answer()
    assert found.measures["own_pasted"].value < 0.6


def test_few_images_clear_no_model():
    found = measured(reads(4, 0.0), world(np.arange(12) % 4))
    assert found.measures["reliance"].value == 0 and found.finding is Finding.UNCLEAR
    assert "With 12 images a reliance of 0.3 is found in" in found.answer()
    assert measured(reads(4, 0.0), world(np.arange(400) % 4)).finding is Finding.CLEAR


def test_objects_seen_many_times_count_once():
    arrays = world(np.arange(240) % 4)
    objects = np.arange(240) // 12
    from bg_interp.evaluation.units import Units

    apart = measured(reads(4, 0.4, 0.25), arrays, controls=False)
    together = measured(reads(4, 0.4, 0.25), arrays, controls=False, units=Units(objects, objects))
    assert together.to_dict()["units"] == {"objects": 20, "scenes": 20}
    wide, narrow = (one.measures["original"] for one in (together, apart))
    assert wide.value == narrow.value and wide.worth <= narrow.worth
    assert "20 objects, 20 scenes" in str(together)


def test_a_function_of_tensors_is_measured_too():
    found = measured(
        AdaptedModel(lambda images: tf.one_hot(tf.zeros(tf.shape(images)[0], tf.int32), 2)),
        world(np.arange(40) % 2),
    )
    assert found.finding is Finding.AT_CHANCE
    verdicts = found.check(must="reliance<0.9,bg_gap<0.9")
    assert [one.state for one in verdicts.each] == [State.UNDECIDED] * 2
    assert "nothing to lose on other backgrounds" in str(verdicts)
    assert found.check(original=0.9).exit_code == 3
