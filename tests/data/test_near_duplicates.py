"""Near-duplicates are found, and images that only look alike from afar are not."""

import cv2
import numpy as np
import pytest

from bg_interp.data.near_duplicates import between, looks_of, near_duplicates


def _places(count: int, seed: int = 0) -> np.ndarray:
    """Textures of large and small shapes, float [N, 64, 64, 3]."""
    generator = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        image = np.tile(generator.uniform(40, 200, 3), (64, 64, 1))
        for side, contrast in ((3, 40.0), (8, 25.0), (24, 20.0)):
            image += cv2.resize(generator.normal(size=(side, side, 3)) * contrast, (64, 64))
        made.append(image)
    return np.stack(made)


@pytest.mark.parametrize("views", [2, 4])
def test_images_that_were_moved_brightened_and_blurred_by_noise_are_one(views):
    generator = np.random.default_rng(1)
    places = _places(30)
    scenes = np.repeat(np.arange(30), views)
    images = [
        np.roll(places[one], generator.integers(-2, 3, 2), (0, 1)) * generator.uniform(0.93, 1.07)
        + generator.normal(0, 4, (64, 64, 3))
        for one in scenes
    ]
    found = near_duplicates(np.clip(images, 0, 255).astype(np.uint8))
    assert len(np.unique(found)) == 30
    assert len(np.unique(np.stack([found, scenes]), axis=1).T) == 30


def test_different_places_and_plain_images_are_not_joined():
    images = np.clip(_places(60, seed=2), 0, 255).astype(np.uint8)
    assert len(np.unique(near_duplicates(images))) == 60
    plain = np.full((10, 32, 32, 3), 90, np.uint8)
    assert len(np.unique(near_duplicates(plain))) == 10


def test_other_objects_on_one_pattern_are_other_images():
    generator = np.random.default_rng(3)
    pattern = np.clip(_places(1, seed=4)[0], 0, 255)
    images = np.repeat(pattern[None], 20, axis=0)
    images[:, 16:48, 16:48] = np.clip(_places(20, seed=5), 0, 255)[:, :32, :32]
    images = images + generator.normal(0, 3, images.shape)
    assert len(np.unique(near_duplicates(np.clip(images, 0, 255).astype(np.uint8)))) >= 18


def _saved_again(image: np.ndarray, side: int, quality: int) -> np.ndarray:
    small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
    written = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return cv2.imdecode(written, cv2.IMREAD_COLOR)


@pytest.mark.parametrize(("side", "quality"), [(256, 60), (100, 90), (64, 40)])
def test_photographs_that_were_saved_again_are_found_in_another_split(side, quality):
    places = np.clip(_places(40, seed=6), 0, 255).astype(np.uint8)
    large = [cv2.resize(one, (256, 192), interpolation=cv2.INTER_CUBIC) for one in places]
    test = [_saved_again(one, side, quality) for one in large[:10]] + large[10:20]
    train = large[:10] + large[20:]
    looks = [[looks_of(one) for one in some] for some in (test, train)]
    found = between(*looks, lambda first, second: (test[first], train[second]))
    assert found == [(number, number) for number in range(10)]
    assert between([], looks[1], None) == [] and between(looks[0], [], None) == []
