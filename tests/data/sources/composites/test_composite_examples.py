"""A composite is a pure function of its arguments, and shows one object whole on one place."""

import collections
import dataclasses

import numpy as np
import pytest

from bg_interp.data.sources.composites.examples import SPLITS, Look, choose_place, make_example

LOOK = Look(image_size=32, correlation=0.9, object_scale=0.8, colour_matching=0.25)


def test_the_same_arguments_give_the_same_bytes_in_any_order(objects, scenery):
    forth = [make_example(objects, scenery, 3, "train", index, LOOK) for index in range(6)]
    back = [make_example(objects, scenery, 3, "train", index, LOOK) for index in (5, 4, 3, 2, 1, 0)]
    for one, other in zip(forth, reversed(back), strict=True):
        for field in ("image", "mask", "label", "place"):
            np.testing.assert_array_equal(getattr(one, field), getattr(other, field))
    others = make_example(objects, scenery, 4, "train", 0, LOOK)
    assert not np.array_equal(others.image, forth[0].image)


@pytest.mark.parametrize("split", SPLITS)
def test_an_object_stands_whole_and_soft_in_the_image(objects, scenery, split):
    for index in range(8):
        made = make_example(objects, scenery, 0, split, index, LOOK)
        assert made.image.shape == (32, 32, 3) and made.mask.shape == (32, 32, 1)
        assert made.label == index % 2
        inside = made.mask[..., 0] > 127
        sides = [np.ptp(np.flatnonzero(inside.any(axis=axis))) + 1 for axis in (0, 1)]
        assert 0.5 * 32 < max(sides) <= 0.85 * 32
        assert inside[16, 16]
        assert ((made.mask > 0) & (made.mask < 255)).any()


def test_where_the_mask_is_nothing_the_place_is_seen(objects, scenery):
    made = make_example(objects, scenery, 0, "train", 0, LOOK)
    behind = made.image[made.mask[..., 0] == 0]
    # The photographs of the fixtures are of one grey each.
    assert len(np.unique(behind)) == 1
    assert behind[0, 0] // 60 == made.place or behind[0, 0] == 60 * made.place


def test_the_object_depends_neither_on_correlation_nor_on_place(objects, scenery):
    chance = dataclasses.replace(LOOK, correlation=0.5)
    for index in range(8):
        one = make_example(objects, scenery, 1, "test", index, LOOK)
        assert np.array_equal(
            one.mask, make_example(objects, scenery, 1, "test", index, chance).mask
        )
        assert np.array_equal(
            one.mask, make_example(objects, scenery, 1, "test_uncorrelated", index, LOOK).mask
        )


@pytest.mark.parametrize("correlation", [0.5, 0.9, 1.0])
def test_places_agree_with_classes_as_often_as_asked(scenery, correlation):
    rng = np.random.default_rng(0)
    drawn = [choose_place(scenery, 1, "train", correlation, rng) for _ in range(2000)]
    assert np.mean([kind in scenery.own[1] for kind in drawn]) == pytest.approx(
        correlation, abs=0.03
    )


def test_at_chance_every_kind_is_as_frequent(scenery):
    rng = np.random.default_rng(0)
    drawn = [choose_place(scenery, 0, "test_uncorrelated", 1.0, rng) for _ in range(2000)]
    shares = np.array(list(collections.Counter(drawn).values())) / len(drawn)
    assert shares.shape == (4,)
    np.testing.assert_allclose(shares, 0.25, atol=0.04)
