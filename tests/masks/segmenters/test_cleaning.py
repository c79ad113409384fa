import numpy as np
import pytest

from bg_interp.masks.segmenters.cleaning import Cleaning


@pytest.fixture
def blobs():
    """float32 [20, 40]: components of 100, 20 and 4 pixels, each with a faint rim."""
    mask = np.zeros((20, 40), np.float32)
    mask[4:16, 2:14] = 0.2
    mask[5:15, 3:13] = 0.9
    mask[5:10, 20:24] = 0.8
    mask[14:18, 30:34] = 0.3
    mask[15:17, 31:33] = 0.7
    return mask


def test_small_components_go_with_their_rims(blobs):
    cleaned = Cleaning()(blobs)
    assert cleaned[14:18, 30:34].max() == 0
    np.testing.assert_array_equal(cleaned[:, :26], blobs[:, :26])


def test_share_decides_what_is_small(blobs):
    assert Cleaning(smallest_component=0.3)(blobs)[7, 22] == 0
    np.testing.assert_array_equal(Cleaning(smallest_component=0)(blobs), blobs)


def test_hard_masks_are_zero_or_one(blobs):
    hard = Cleaning(soft=False, smallest_component=0)(blobs)
    np.testing.assert_array_equal(hard, (blobs > 0.5).astype(np.float32))


def test_threshold_moves_the_hard_edge(blobs):
    areas = [Cleaning(t, soft=False, smallest_component=0)(blobs).sum() for t in (0.1, 0.5, 0.85)]
    assert areas == [144 + 20 + 16, 100 + 20 + 4, 100]


def test_feather_softens_and_stays_in_range(blobs):
    feathered = Cleaning(soft=False, feather=1.5)(blobs)
    assert 0 < feathered[10, 13] < 1
    assert feathered.min() >= 0
    assert feathered.max() <= 1
    assert feathered.dtype == np.float32


@pytest.mark.parametrize("value", [0.0, 0.4, 1.0])
def test_uniform_masks_stay(value):
    mask = np.full((7, 5), value, np.float32)
    np.testing.assert_array_equal(Cleaning()(mask), mask)


def test_cleaning_twice_changes_nothing_more(blobs):
    once = Cleaning()(blobs)
    np.testing.assert_array_equal(Cleaning()(once), once)
