"""An audit of a model that looks at borders alone, and its page."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from bg_interp.evaluation.arrays import Arrays
from bg_interp.evaluation.measuring import measure
from bg_interp.models.adapter import adapt
from bg_interp.report import evaluation as page
from bg_interp.report.masks import MaskFacts

NAMES = ("<b>red</b>", "grün & blau", "中")


def _test_set(count: int = 60) -> Arrays:
    """Objects before a background of their class's channel."""
    generator = np.random.default_rng(0)
    labels = (np.arange(count) % 3).astype(np.int32)
    images = generator.integers(0, 50, (count, 24, 24, 3)).astype(np.uint8)
    images[np.arange(count), :, :, labels] += 150
    masks = np.zeros((count, 24, 24, 1), np.uint8)
    masks[:, 8:16, 8:16] = 255
    images[:, 8:16, 8:16] = generator.integers(0, 256, (count, 1, 1, 3))
    # Two images that cannot be measured.
    masks[3], masks[4] = 255, 0
    return Arrays(images, masks, labels)


def _by_border(images):
    return tf.reduce_mean(images[:, :2], axis=(1, 2))


def _by_middle(images):
    return tf.reduce_mean(images[:, 10:14, 10:14], axis=(1, 2))


@pytest.fixture(scope="session")
def found():
    keys = [f"<i>{number}</i>.jpg" for number in range(60)]
    return measure(adapt(_by_border), _test_set(), NAMES, keys=keys, backgrounds=2)


@pytest.fixture(scope="session")
def earlier():
    """An audit of a model that looks at the middle, on most of the same images."""
    keys = [f"<i>{number}</i>.jpg" for number in range(60)]
    facts = {"model": "earlier.keras"}
    return measure(
        adapt(_by_middle), _test_set(), NAMES, keys=keys, backgrounds=2, explains=False, facts=facts
    )


@pytest.fixture(scope="session")
def written(found, earlier, tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    write = page.writer(
        "python tools/evaluate.py --model=model.keras",
        [("model", "model.keras"), ("dataset", "folder:photos"), ("data_dir", "default")],
        MaskFacts("dataset", {"unsure": 1}, {"<i>3</i>.jpg": "unsure"}),
        beside=("results.json", "images.csv", "model_card.md"),
    )
    written = dataclasses.replace(found, write_page=write).beside(earlier)
    for name in ("report.html", "model_card.md", "results.json", "images.csv"):
        written.save(folder / name)
    return folder


@pytest.fixture(scope="session")
def with_places(tmp_path_factory):
    """The page of an audit of images whose places are known."""
    path = tmp_path_factory.mktemp("places") / "report.html"
    places = np.arange(60) // 2 % 2
    found = measure(
        adapt(_by_border),
        _test_set(),
        NAMES,
        places=places,
        place_names=("land", "water"),
        backgrounds=2,
        explains=False,
    )
    page.writer("", [])(path, found)
    return path
