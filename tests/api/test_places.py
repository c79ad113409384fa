"""A classifier that looks at places alone, on Waterbirds' own layout: its worst group is known."""

import csv

import numpy as np
import pytest
from PIL import Image

import bg_interp as bg

EACH = 24  # Test images of each class at each place.


@pytest.fixture
def waterbirds(tmp_path, own_cache):
    """Discs before green land or blue water; metadata.csv as it is distributed."""
    inside = np.hypot(*(np.mgrid[:24, :24] - 12)) < 6
    generator = np.random.default_rng(0)
    rows = [["img_id", "img_filename", "y", "split", "place", "place_filename"]]
    for number in range(4 * EACH + 8):
        label, place, split = number % 2, number // 2 % 2, 0 if number < 8 else 2
        # Coarse, so that no image is a copy of another.
        coarse = generator.integers(0, 80, (8, 8, 3)).astype(np.uint8)
        image = np.kron(coarse, np.ones((3, 3, 1), np.uint8))
        image[..., 1 + place] += 150
        image[inside] = (220, 90, 90) if label else (90, 90, 90)
        name = f"{label + 1:03d}.Species/{number:04d}"
        for root, pixels, suffix in (
            ("waterbirds", image, ".jpg"),
            ("segmentations", inside, ".png"),
        ):
            (tmp_path / root / name).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).convert("RGB" if suffix == ".jpg" else "L").save(
                tmp_path / root / f"{name}{suffix}"
            )
        rows.append([number + 1, f"{name}.jpg", label, split, place, "/o/ocean/1.jpg"])
    with open(tmp_path / "waterbirds" / "metadata.csv", "w", newline="") as file:
        csv.writer(file).writerows(rows)
    return f"waterbirds:{tmp_path / 'waterbirds'}"


def by_place(images):
    """Calls all birds on water waterbirds, and all on land landbirds."""
    means = images.mean(axis=(1, 2))
    return np.stack([means[:, 1], means[:, 2]], axis=1)


def test_the_worst_group_of_real_images_is_that_of_their_places(waterbirds):
    data = bg.open(waterbirds, image_size=24)
    assert len(data.images) == 4 * EACH and set(data.places) == {"land", "water"}
    found = bg.evaluate(by_place, **data, preprocess=None, backgrounds=0)
    natural = found.to_dict()["natural_groups"]
    assert np.allclose(natural["accuracy"], [[1, 0], [0, 1]])
    assert np.array(natural["count"]).tolist() == [[EACH, EACH], [EACH, EACH]]
    assert abs(found.measures["worst_natural_group"].value - 0) <= 0.01
    assert found.measures["original"].value == 0.5
