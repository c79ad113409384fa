"""Masks of other images are found, whatever else is right about them; right masks are not."""

import cv2
import numpy as np
import pytest

from bg_interp.masks.doubting import doubts_of
from bg_interp.masks.fit import Pairs, misfit, some_of

SIDE = 64


def _blobs(count: int, generator: np.random.Generator) -> np.ndarray:
    """Draws outlines that all differ, uint8 [N, SIDE, SIDE, 1], soft at their rims."""
    made = []
    for _ in range(count):
        middle, size = generator.uniform(26, 38, 2), generator.uniform(10, 20, 2)
        mask = np.zeros((SIDE, SIDE), np.uint8)
        angles = np.linspace(0, 2 * np.pi, 60)
        wobble = 1 + 0.2 * np.sin(generator.integers(2, 6) * angles + generator.uniform(0, 6))
        rim = middle + size * np.stack([np.cos(angles), np.sin(angles)], 1) * wobble[:, None]
        cv2.fillPoly(mask, [rim.round().astype(np.int32)], 255)
        made.append(cv2.GaussianBlur(mask, (0, 0), 1))
    return np.stack(made)[..., None]


def _textures(count: int, generator: np.random.Generator) -> np.ndarray:
    """Draws large and small shapes of all colours, float32 [N, SIDE, SIDE, 3]."""
    made = []
    for _ in range(count):
        image = np.tile(generator.uniform(60, 190, 3), (SIDE, SIDE, 1))
        for side, contrast in ((4, 35.0), (12, 20.0)):
            image += cv2.resize(generator.normal(size=(side, side, 3)) * contrast, (SIDE, SIDE))
        made.append(image)
    return np.stack(made).astype(np.float32)


def _photographs(count: int = 60, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Objects before places that are as colourful as they are, and their masks."""
    generator = np.random.default_rng(seed)
    masks = _blobs(count, generator)
    objects, places = _textures(count, generator), _textures(count, generator)
    opacity = masks / 255.0
    images = objects * opacity + places * (1 - opacity) + generator.normal(0, 6, places.shape)
    return np.clip(images, 0, 255).astype(np.uint8), masks


def _boxes(masks: np.ndarray) -> np.ndarray:
    made = np.zeros_like(masks)
    for box, mask in zip(made, masks[..., 0] > 127, strict=True):
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        box[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = 255
    return made


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("spelled", [lambda masks: masks, _boxes])
def test_right_masks_are_not_doubted(spelled, seed):
    images, masks = _photographs(seed=seed)
    assert misfit(Pairs.of(images, spelled(masks))) == ""
    assert misfit(Pairs.of(images, spelled(masks), np.arange(60) % 6)) == ""


@pytest.mark.parametrize("labels", [None, np.arange(60) % 6])
@pytest.mark.parametrize(
    "order", [np.roll(np.arange(60), 1), np.random.default_rng(5).permutation(60)]
)
def test_masks_of_other_images_are_doubted(order, labels):
    images, masks = _photographs()
    assert "masks of other images" in misfit(Pairs.of(images, masks[order], labels))
    doubts = doubts_of(images, masks[order], labels)
    assert [doubt.about for doubt in doubts] == ["masks"]


@pytest.mark.parametrize(
    ("turned", "said"),
    [
        (lambda masks: masks[:, :, ::-1], "mirrored"),
        (lambda masks: masks[:, ::-1], "upside down"),
        (lambda masks: masks.swapaxes(1, 2), "transposed"),
    ],
)
def test_masks_that_are_turned_are_doubted(turned, said):
    images, masks = _photographs()
    assert said in misfit(Pairs.of(images, turned(masks)))


def test_few_images_and_masks_that_are_all_alike_are_not_doubted():
    images, masks = _photographs()
    assert misfit(Pairs.of(images[:29], np.roll(masks[:29], 1, axis=0))) == ""
    noise = np.random.default_rng(0).integers(0, 255, images.shape).astype(np.uint8)
    assert misfit(Pairs.of(noise, np.repeat(masks[:1], 60, axis=0))) == ""
    assert misfit(Pairs.of(images, np.zeros_like(masks))) == ""


def test_of_many_images_some_are_looked_at_from_first_to_last():
    assert some_of(5).tolist() == [0, 1, 2, 3, 4] and some_of(0).tolist() == []
    rows = some_of(10_000)
    assert len(rows) == 160 and rows[0] == 0 and rows[-1] == 9_999 and (np.diff(rows) > 0).all()
