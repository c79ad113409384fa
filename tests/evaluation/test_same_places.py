"""Images of one place are found by what stands around their objects, and other places are not."""

import cv2
import numpy as np

from bg_interp.evaluation.arrays import Arrays
from bg_interp.evaluation.leak import measure_leak
from bg_interp.evaluation.places import same_places

SIDE = 96


def _place(generator: np.random.Generator) -> np.ndarray:
    image = np.tile(generator.uniform(60, 180, 3), (SIDE, SIDE, 1))
    for side, contrast in ((3, 40.0), (10, 30.0), (30, 25.0)):
        small = generator.normal(size=(side, side, 3)) * contrast
        image += cv2.resize(small, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    return image


def _part(place: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Another part of a place, perhaps mirrored, in another light."""
    side = int(generator.integers(66, SIDE + 1))
    down, across = generator.integers(0, SIDE + 1 - side, 2)
    part = cv2.resize(place[down : down + side, across : across + side], (SIDE, SIDE))
    return (part[:, ::-1] if generator.random() < 0.5 else part) * generator.uniform(0.8, 1.2)


def _visited(places: int, views: int, seed: int = 0) -> tuple[Arrays, np.ndarray]:
    """Photographs of places with an object of its own before each, and the place of each."""
    generator = np.random.default_rng(seed)
    known = [_place(generator) for _ in range(places)]
    where = np.repeat(np.arange(places), views)
    masks = np.zeros((len(where), SIDE, SIDE, 1), np.uint8)
    images = np.stack([_part(known[place], generator) for place in where])
    for image, mask in zip(images, masks, strict=True):
        middle = tuple(generator.integers(30, 66, 2).tolist())
        cv2.circle(mask[..., 0], middle, 14, 255, -1)
        image[mask[..., 0] > 0] = _place(generator)[mask[..., 0] > 0]
    images = images + generator.normal(0, 3, images.shape)
    labels = generator.permutation(np.arange(places) % 3)[where].astype(np.int32)
    return Arrays(np.clip(images, 0, 255).astype(np.uint8), masks, labels), where


def test_views_of_a_place_are_joined_and_other_places_are_not():
    arrays, where = _visited(12, 6)
    found = same_places(arrays.images, arrays.masks)
    assert len(np.unique(found)) == 12
    assert len(np.unique(np.stack([found, where]), axis=1).T) == 12


def test_an_object_that_comes_again_is_no_place():
    arrays, _ = _visited(24, 1)
    images, masks = arrays.images.copy(), np.zeros_like(arrays.masks)
    masks[:, 20:76, 20:76] = 255
    images[:, 20:76, 20:76] = images[0, 20:76, 20:76]
    assert len(np.unique(same_places(images, masks))) == 24
    # Nothing says that it is one.
    assert len(np.unique(same_places(images))) == 1


def test_plain_images_and_single_ones_are_of_no_place():
    plain = np.full((5, 40, 40, 3), 90, np.uint8)
    assert same_places(plain).tolist() == [0, 1, 2, 3, 4]
    assert same_places(plain[:1]).tolist() == [0]


def test_places_that_nobody_tells_do_not_leak_by_being_known():
    arrays, where = _visited(15, 6)
    found = measure_leak(arrays)
    assert found.scenes == 15
    assert found.accuracy.low <= found.chance <= found.accuracy.high
    told = measure_leak(arrays, scenes=where)
    assert told.accuracy == found.accuracy
