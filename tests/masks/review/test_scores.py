import numpy as np
import pytest

from bg_interp.masks.review import scores


@pytest.fixture
def square():
    mask = np.zeros((30, 40), np.uint8)
    mask[10:20, 10:20] = 255
    return mask


def test_equal_masks_agree(square):
    assert scores.iou(square, square) == 1
    assert scores.boundary_error(square, square) == 0


def test_iou_by_hand(square):
    shifted = np.roll(square, 5, axis=1)
    assert scores.iou(shifted, square) == pytest.approx(50 / 150)


def test_boundary_error_is_a_distance_in_diagonals():
    left, right = np.zeros((30, 40), np.uint8), np.zeros((30, 40), np.uint8)
    left[:, :10] = 255
    right[:, :13] = 255
    # The image's own border is no outline, so each outline is one straight line.
    assert scores.boundary_error(left, right) == pytest.approx(3 / 50)


def test_boundary_error_is_symmetric(square):
    other = np.roll(square, 3, axis=0)
    assert scores.boundary_error(square, other) == scores.boundary_error(other, square)


def test_empty_masks(square):
    empty = np.zeros_like(square)
    assert scores.iou(empty, empty) == 1
    assert scores.iou(empty, square) == 0
    assert scores.boundary_error(empty, empty) == 0
    assert scores.boundary_error(empty, square) == 1


def test_summary():
    found = scores.summarise([1.0, 0.8, 0.3], [0.0, 0.1, 0.2])
    assert found.count == 3
    assert found.mean_iou == pytest.approx(0.7)
    assert found.median_iou == pytest.approx(0.8)
    assert found.share_below_half == pytest.approx(1 / 3)
    assert found.boundary_error == pytest.approx(0.1)
