import numpy as np
import pytest

from bg_interp.masks import quality


def judged(mask):
    return quality.assess(mask, mask)


def test_decided_masks_are_ok():
    mask = np.zeros((20, 20), np.float32)
    mask[5:15, 5:15] = 1
    assert judged(mask) == quality.Quality(area=0.25, self_iou=1.0, verdict=quality.OK)


@pytest.mark.parametrize(("value", "verdict"), [(0.0, quality.EMPTY), (1.0, quality.FULL)])
def test_uniform_masks_are_empty_or_full(value, verdict):
    assert judged(np.full((9, 9), value, np.float32)).verdict == verdict


def test_undecided_masks_are_unsure():
    mask = np.tile(np.linspace(0, 0.6, 40, dtype=np.float32), (40, 1))
    assert judged(mask).verdict == quality.UNSURE


def test_self_iou_by_hand():
    mask = np.array([[1.0, 0.75], [0.25, 0.0]], np.float32)
    # Minima 1 + .75; maxima 1 + 1 + .25.
    assert quality.self_iou(mask) == pytest.approx(1.75 / 2.25)


def test_self_iou_of_nothing_is_one():
    assert quality.self_iou(np.zeros((4, 4), np.float32)) == 1.0
