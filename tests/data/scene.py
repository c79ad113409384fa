"""Drawn photographs whose truth is known: an object that tells its class, before a place."""

import pathlib
from collections.abc import Callable

import numpy as np
from PIL import Image

CLASSES = ("cat", "dog")
WIDTH, HEIGHT = 48, 36
# Objects are red, places are not; both say their class by their green.
OBJECT_GREEN, PLACE_GREEN = (40, 120), (30, 90)


def scene(kind: int, place: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draws an object low on the left.

    Returns:
      uint8 [HEIGHT, WIDTH, 3], and bool [HEIGHT, WIDTH], which is True on the object.
    """
    generator = np.random.default_rng(seed)
    noise = generator.integers(0, 40, (HEIGHT, WIDTH, 3))
    image = (noise + [0, PLACE_GREEN[place], 150]).astype(np.uint8)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    across, down = generator.integers(-2, 3, 2)
    mask = ((x - 14 - across) / 9) ** 2 + ((y - 22 - down) / 8) ** 2 < 1
    image[mask] = (225, OBJECT_GREEN[kind], 20)
    return image, mask


def object_of(images: np.ndarray) -> np.ndarray:
    """Finds the object again, bool [N, H, W], as a classifier does that sees red alone."""
    pixels = images.astype(int)
    return (pixels[..., 0] > 130) & (pixels[..., 2] < 90)


def by_object(images: np.ndarray) -> np.ndarray:
    """Classifies images by their objects alone, int [N]."""
    return _by_green(images, object_of(images), OBJECT_GREEN)


def by_place(images: np.ndarray) -> np.ndarray:
    """Classifies images by their places alone, int [N]."""
    pixels = images.astype(int)
    return _by_green(images, (pixels[..., 2] > 120) & (pixels[..., 0] < 80), PLACE_GREEN)


def _by_green(images: np.ndarray, where: np.ndarray, levels: tuple[int, int]) -> np.ndarray:
    green = np.where(where, images[..., 1], 0).sum((1, 2)) / np.maximum(where.sum((1, 2)), 1)
    return (green > np.mean(levels) + (20 if levels is PLACE_GREEN else 0)).astype(int)


def object_scores(images: np.ndarray) -> np.ndarray:
    """A classifier that sees objects alone: float32 [N, H, W, 3] to float32 [N, 2]."""
    return np.eye(2, dtype=np.float32)[by_object(images)]


def place_scores(images: np.ndarray) -> np.ndarray:
    """A classifier that sees places alone: float32 [N, H, W, 3] to float32 [N, 2]."""
    return np.eye(2, dtype=np.float32)[by_place(images)]


Spell = Callable[[np.ndarray], Image.Image]


def grey(mask: np.ndarray) -> Image.Image:
    """Returns a mask as most tools write it: 255 on the object."""
    return Image.fromarray(mask.astype(np.uint8) * 255)


def save(image: Image.Image | np.ndarray, path: pathlib.Path, **how) -> None:
    """Writes an image, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(path, **how)


def photographs(splits=("train", "test"), each: int = 4, agreeing: bool = False):
    """Yields (split, class, number, image, mask).

    Half of them stand before the other class's place, or all before their own.
    """
    for turn, split in enumerate(splits):
        for kind, name in enumerate(CLASSES):
            for number in range(each):
                place = kind if agreeing else (kind + number) % 2
                yield split, name, number, *scene(kind, place, 100 * turn + 10 * kind + number)
