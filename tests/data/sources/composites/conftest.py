"""A handful of small cut-outs and photographs of places, and composites of them."""

import numpy as np
import pytest
from PIL import Image

from bg_interp.data.sources.composites import cutouts, places

CLASSES = ("disc", "square")


def _save_object(path, value: int = 0, size: int = 20) -> None:
    """Writes a coloured square whose frame of 4 pixels is transparent."""
    pixels = np.zeros((size, size, 4), np.uint8)
    pixels[4:-4, 4:-4] = value, 255 - value, 60, 255
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def _save_place(path, value: int = 0) -> None:
    pixels = np.full((40, 50, 3), value, np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


@pytest.fixture(scope="package")
def save_object():
    return _save_object


@pytest.fixture(scope="package")
def save_place():
    return _save_place


@pytest.fixture(scope="package")
def materials(tmp_path_factory):
    """A folder with objects/CLASS/*.png and places/KIND/*.png."""
    root = tmp_path_factory.mktemp("materials")
    for number in range(4):
        for label, name in enumerate(CLASSES):
            _save_object(root / "objects" / name / f"{number}.png", 40 * label + 10 * number)
    for number in range(4):
        for kind, name in enumerate(("dark", "grey", "light", "pale")):
            _save_place(root / "places" / name / f"{number}.png", 60 * kind + 5 * number)
    return root


@pytest.fixture(scope="package")
def objects(materials):
    return cutouts.from_folder(materials / "objects")


@pytest.fixture(scope="package")
def scenery(materials, objects):
    return places.from_folder(materials / "places", objects.class_names)
