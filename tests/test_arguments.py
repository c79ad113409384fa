"""Arrays of a caller's own become elements, or one line says why not."""

import numpy as np
import pytest

from bg_interp.arguments import check_counts, to_images, to_labels
from bg_interp.errors import UserError

IMAGES = np.random.default_rng(0).integers(0, 256, (4, 5, 5, 3)).astype(np.uint8)


@pytest.mark.parametrize(
    "images",
    [IMAGES, IMAGES.astype(np.int64), IMAGES.astype(np.float32), IMAGES / 255.0, IMAGES.tolist()],
)
def test_every_range_of_images_is_the_same(images):
    np.testing.assert_array_equal(to_images(images), IMAGES)


@pytest.mark.parametrize(
    "labels",
    [[0, 2, 1], np.array([0.0, 2.0, 1.0]), [[0], [2], [1]], np.eye(3)[[0, 2, 1]].tolist()],
)
def test_every_spelling_of_labels_is_the_same(labels):
    found = to_labels(labels, 3)
    assert found.dtype == np.int32
    assert found.tolist() == [0, 2, 1]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: to_images(IMAGES[0]), r"images must be RGB.*Received: \[5, 5, 3\]"),
        (lambda: to_images(IMAGES / 127.5 - 1), "values from -1 to"),
        (lambda: to_images(np.full((1, 2, 2, 3), np.nan)), "from nan to nan"),
        (lambda: to_labels([1, 2, 3], 3), "whole numbers from 0 to 2.*from 1 to 3"),
        (lambda: to_labels([0.5], 3), "whole numbers from 0 to 2"),
        (lambda: to_labels(np.ones((2, 3)), 3), "one-hot"),
        (lambda: to_labels(["cat"], 3), "class numbers"),
        (lambda: check_counts(images=IMAGES, labels=[1]), "images=4, labels=1"),
    ],
)
def test_what_cannot_be_told_is_refused(call, said):
    with pytest.raises(UserError, match=said):
        call()
