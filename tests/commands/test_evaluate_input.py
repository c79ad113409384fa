"""Models that give something else than scores end in one line, whatever they give."""

import numpy as np
import pytest

from bg_interp.errors import UserError
from bg_interp.evaluation.arrays import Arrays
from bg_interp.evaluation.measuring import measure
from bg_interp.models.adapter import AdaptedModel, check_outputs
from bg_interp.models.functions import ArrayFunction


def _model(function) -> AdaptedModel:
    return AdaptedModel(ArrayFunction(function, "somebodys:model"))


def _test_set(masks: int = 255) -> Arrays:
    images = np.random.default_rng(0).integers(0, 256, (12, 8, 8, 3)).astype(np.uint8)
    drawn = np.zeros((12, 8, 8, 1), np.uint8)
    drawn[:, 2:6, 2:6] = masks
    return Arrays(images, drawn, (np.arange(12) % 3).astype(np.int32))


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda images: np.full((len(images), 3), np.nan), "finite numbers. Received: NaN"),
        (lambda images: np.ones((len(images), 4)), "each of the 3 classes .* shape"),
        (lambda images: np.ones((len(images), 1)), "each of the 3 classes"),
        (lambda images: 1 / 0, "somebodys:model raises ZeroDivisionError"),
    ],
)
def test_what_is_no_scores_is_one_line(function, message):
    with pytest.raises(UserError, match=message) as caught:
        measure(_model(function), _test_set(), ("a", "b", "c"), backgrounds=0)
    assert "\n" not in str(caught.value)


def test_three_dimensions_are_one_line():
    model = _model(lambda images: np.ones((len(images), 2, 3)))
    with pytest.raises(UserError, match=r"must give scores .*\[1, 2, 3\] for 1 images"):
        check_outputs(model, _test_set().images[:1], None)


def test_masks_of_another_range_are_one_line():
    with pytest.raises(UserError, match="none of the 12 masks has both"):
        measure(_model(lambda images: np.ones((len(images), 3))), _test_set(1), ("a", "b", "c"))
