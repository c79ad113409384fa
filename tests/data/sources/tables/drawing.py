"""Photographs whose objects are known: discs before noise, and their outlines."""

import pathlib

import numpy as np
from PIL import Image

HEIGHT, WIDTH = 48, 72


def disc(number: int) -> np.ndarray:
    """bool [HEIGHT, WIDTH]: a disc, elsewhere for each number."""
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    return (x - 20 - 4 * (number % 7)) ** 2 + (y - 20 - number % 5) ** 2 < 14**2


def corners(number: int, count: int = 60) -> np.ndarray:
    """float64 [count, 2]: the rim of the same disc, (x, y) in pixels from the image's corner."""
    angles = np.linspace(0, 2 * np.pi, count, endpoint=False)
    middle = (20 + 4 * (number % 7), 20 + number % 5)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1) * 14 + middle


def photograph(number: int) -> np.ndarray:
    """uint8 [HEIGHT, WIDTH, 3]: the disc in white before noise."""
    noise = np.random.default_rng(number).integers(0, 90, (HEIGHT, WIDTH, 3))
    return np.where(disc(number)[..., None], 250, noise).astype(np.uint8)


def save(pixels: np.ndarray | Image.Image, path: pathlib.Path, **how) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(path, **how)


def save_photographs(folder: pathlib.Path, count: int, suffix: str = ".png") -> list[str]:
    """Writes 000.png, 001.png, ...; returns their names."""
    names = [f"{number:03d}{suffix}" for number in range(count)]
    for number, name in enumerate(names):
        save(photograph(number), folder / name)
    return names


def iou(mask: np.ndarray, number: int) -> float:
    """How far a mask, uint8 [h, w, 1], lies on the disc of an image."""
    found, truth = mask[..., 0] > 127, disc(number)
    return float((found & truth).sum() / (found | truth).sum())


def lowest_iou(source) -> float:
    """The lowest over all splits, by the numbers that images are called by."""
    return min(
        iou(mask, int(pathlib.PurePosixPath(key).stem))
        for split in source.splits.values()
        for key, mask in zip(split.keys, split.masks(), strict=True)
    )


def labels_of(source) -> dict[int, str]:
    """The class of each image, by its number."""
    return {
        int(pathlib.PurePosixPath(key).stem): source.class_names[label]
        for split in source.splits.values()
        for key, label in zip(split.keys, split.labels.tolist(), strict=True)
    }
