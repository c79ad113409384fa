"""Every example is a pure function of its seed, split and index; masks are exact."""

import colorsys
import dataclasses
import hashlib

import numpy as np
import pytest

from bg_interp.config.data import HABITATS_MOST_CLASSES
from bg_interp.data.sources.habitats.backgrounds import BACKGROUNDS, draw_background
from bg_interp.data.sources.habitats.examples import (
    SPLITS,
    choose_background,
    composite,
    draw_example,
    label_of,
)
from bg_interp.data.sources.habitats.objects import BODY_PLANS, CLASSES, draw_object
from bg_interp.data.sources.habitats.palette import Palette

PLANS = [
    (label, plan) for label, name in enumerate(CLASSES) for plan in range(len(BODY_PLANS[name]))
]


def equal(first, second) -> bool:
    return all(
        np.array_equal(a, b)
        for a, b in zip(dataclasses.astuple(first), dataclasses.astuple(second), strict=True)
    )


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("index", range(8))
def test_the_same_arguments_give_the_same_bytes(split, index):
    arguments = (3, split, index, 64, 0.95)
    first = draw_example(*arguments)
    draw_example(9, split, index + 1, 64, 0.5)
    assert equal(first, draw_example(*arguments))


def test_shapes_and_dtypes():
    example = draw_example(0, "train", 5, 48, 0.95)
    assert example.image.shape == (48, 48, 3)
    assert example.image.dtype == np.uint8
    assert example.mask.shape == (48, 48, 1)
    assert example.mask.dtype == np.uint8
    assert example.label == 5


def test_another_seed_index_or_split_draws_another_image():
    base = draw_example(0, "train", 8, 64, 1.0)
    for other in (
        draw_example(1, "train", 8, 64, 1.0),
        draw_example(0, "train", 16, 64, 1.0),
        draw_example(0, "test", 8, 64, 1.0),
    ):
        assert other.label == base.label
        assert not np.array_equal(base.mask, other.mask)
        assert not np.array_equal(base.image, other.image)


@pytest.mark.parametrize("index", range(8))
def test_the_object_does_not_depend_on_its_background(index):
    own = draw_example(0, "train", index, 64, 1.0)
    foreign = draw_example(0, "train", index, 64, 0.0)
    assert own.background == own.label != foreign.background
    np.testing.assert_array_equal(own.mask, foreign.mask)
    solid = own.mask[..., 0] == 255
    np.testing.assert_array_equal(own.image[solid], foreign.image[solid])
    assert not np.array_equal(own.image[~solid], foreign.image[~solid])


def test_the_mask_is_exact():
    """Over black and over white the same object differs by exactly the uncovered share."""
    for label in range(len(CLASSES)):
        foreground, mask = draw_object(np.random.default_rng(label), label, 64)
        black = composite(foreground, mask, np.zeros_like(foreground)).astype(int)
        white = composite(foreground, mask, np.full_like(foreground, 255)).astype(int)
        assert np.abs((white - black) - (255 - mask.astype(int))).max() <= 1
        assert not foreground[mask[..., 0] == 0].any()
        soft = (mask > 0) & (mask < 255)
        # Smooth edges have many levels, not one.
        assert len(np.unique(mask[soft])) > 20


def test_soft_edges_have_the_colour_of_the_object_and_not_of_a_dark_canvas():
    """The outline is the darkest thing near an edge: a soft pixel must not be darker still."""
    foreground, mask = draw_object(np.random.default_rng(0), CLASSES.index("cup"), 64)
    soft = (mask[..., 0] > 25) & (mask[..., 0] < 230)
    solid = mask[..., 0] == 255
    assert foreground[soft].max(axis=-1).min() >= foreground[solid].max(axis=-1).min() * 0.8


def test_test_uncorrelated_shows_the_objects_of_test():
    for index in range(8):
        test = draw_example(0, "test", index, 64, 0.95)
        uncorrelated = draw_example(0, "test_uncorrelated", index, 64, 0.95)
        np.testing.assert_array_equal(test.mask, uncorrelated.mask)
        assert test.label == uncorrelated.label


@pytest.mark.parametrize(
    ("split", "correlation", "expected"),
    [
        ("train", 0.95, 0.95),
        ("train", 0.5, 0.5),
        ("test", 0.0, 0.0),
        ("test", 1.0, 1.0),
        ("test_uncorrelated", 0.95, 0.125),
    ],
)
def test_correlation_is_the_share_on_the_own_background(split, correlation, expected):
    count = 4000
    kinds = np.array([choose_background(0, split, index, correlation) for index in range(count)])
    labels = np.arange(count) % 8
    own = np.mean(kinds == labels)
    deviation = np.sqrt(expected * (1 - expected) / count)
    assert abs(own - expected) <= 4 * deviation
    steps = (kinds - labels)[kinds != labels] % 8
    if len(steps):
        shares = np.bincount(steps, minlength=8)[1:] / len(steps)
        assert np.abs(shares - 1 / 7).max() < 4 * np.sqrt(1 / 7 / len(steps))


def test_labels_are_balanced_in_every_prefix():
    labels = [label_of(index) for index in range(400)]
    assert np.bincount(labels).tolist() == [50] * 8
    assert labels[:8] == list(range(8))


@pytest.mark.parametrize(("label", "plan"), PLANS)
def test_every_body_plan_is_of_sane_size_and_mostly_inside(label, plan):
    for seed in range(10):
        _, mask = draw_object(np.random.default_rng(seed), label, 64, plan)
        opacity = mask[..., 0] / 255.0
        assert 0.06 < opacity.mean() < 0.6
        border = np.concatenate([opacity[0], opacity[-1], opacity[:, 0], opacity[:, -1]])
        assert border.mean() < 0.2


@pytest.mark.parametrize("name", CLASSES)
def test_body_plans_of_a_class_share_a_silhouette_and_differ(name):
    def mean_mask(plan):
        masks = [
            draw_object(np.random.default_rng(seed), CLASSES.index(name), 32, plan)[1]
            for seed in range(40)
        ]
        return np.mean(masks, axis=0).ravel() / 255.0

    first, second = mean_mask(0), mean_mask(1)
    overlap = np.minimum(first, second).sum() / np.maximum(first, second).sum()
    assert overlap > 0.6
    one, other = (draw_object(np.random.default_rng(0), CLASSES.index(name), 32, n) for n in (0, 1))
    assert np.abs(one[0].astype(int) - other[0].astype(int)).mean() > 1


@pytest.mark.parametrize("name", CLASSES)
def test_every_body_plan_is_drawn(name):
    """An example's plan is drawn: among a few, the image must equal each plan's at least once."""
    label = CLASSES.index(name)
    seen = set()
    for seed in range(12):
        drawn, _ = draw_object(np.random.default_rng(seed), label, 32)
        for plan in range(len(BODY_PLANS[name])):
            forced, _ = draw_object(np.random.default_rng(seed), label, 32, plan)
            if np.array_equal(drawn, forced):
                seen.add(plan)
    assert seen == set(range(len(BODY_PLANS[name])))


def test_sizes_show_the_same_object():
    small = draw_example(0, "train", 2, 64, 1.0).mask.astype(float)
    large = draw_example(0, "train", 2, 128, 1.0).mask.astype(float)
    halved = large.reshape(64, 2, 64, 2).mean(axis=(1, 3))
    assert np.abs(halved - small[..., 0]).mean() < 2.0


@pytest.mark.parametrize("kind", range(len(BACKGROUNDS)))
@pytest.mark.parametrize("size", [64, 96, 128])
def test_backgrounds_are_textured(kind, size):
    image = draw_background(np.random.default_rng(0), kind, size)
    assert image.shape == (size, size, 3)
    assert image.dtype == np.uint8
    assert image.std(axis=(0, 1)).max() > 8


def _colours(kind: int) -> np.ndarray:
    """Returns how its pixels lie on lightness, red against green, yellow against blue."""
    images = [draw_background(np.random.default_rng(seed), kind, 32) for seed in range(10)]
    red, green, blue = np.stack(images).reshape(-1, 3).T.astype(float)
    axes = (red + green + blue, red - green + 255, (red + green) / 2 - blue + 255)
    limits = zip(axes, (765, 510, 510), strict=True)
    shares = [np.histogram(axis, 12, (0, limit))[0] / len(red) for axis, limit in limits]
    return np.concatenate(shares)


def test_backgrounds_have_different_colours():
    colours = np.array([_colours(kind) for kind in range(len(BACKGROUNDS))])
    # Half the sum of three histograms: 3 where two backgrounds have no colour in common.
    apart = np.abs(colours[:, None] - colours[None]).sum(axis=-1) / 2
    assert apart[~np.eye(len(colours), dtype=bool)].min() > 0.5


# Of 48 images, masks, labels and backgrounds: what was drawn when there were eight classes only.
EIGHT = {
    (0, "train", 64, 0.95): "704a6c50e52d50bc",
    (7, "test", 64, 0.95): "8da656708ab41b57",
    (7, "test_uncorrelated", 48, 0.95): "fd5353d1f33ff322",
    (3, "train", 96, 0.125): "27413af2f3ec0972",
    (900000, "train", 64, 1.0): "bd99e9b873ff39d6",
}


@pytest.mark.parametrize("arguments", EIGHT)
def test_the_first_eight_classes_are_drawn_as_they_always_were(arguments):
    seed, split, size, correlation = arguments
    digest = hashlib.sha256()
    for index in range(48):
        drawn = draw_example(seed, split, index, size, correlation)
        digest.update(drawn.image.tobytes() + drawn.mask.tobytes())
        digest.update(bytes([drawn.label, drawn.background]))
    assert digest.hexdigest()[:16] == EIGHT[arguments]


def test_with_all_classes_each_stands_on_a_background_of_its_own():
    assert len(CLASSES) == len(BACKGROUNDS) == HABITATS_MOST_CLASSES
    for index in range(2 * len(CLASSES)):
        drawn = draw_example(0, "train", index, 32, 1.0, len(CLASSES))
        assert drawn.label == drawn.background == index % len(CLASSES)
    kinds = [choose_background(0, "train", index, 0.0, 24) for index in range(24 * 40)]
    assert set(kinds) == set(range(24))
    assert all(kind != index % 24 for index, kind in enumerate(kinds))


def test_colours_say_nothing_of_the_classes_beyond_the_first_eight():
    """Main hues of any of them fall into each sixth of the circle about equally often."""
    for label in (8, 23):
        hues = []
        for seed in range(300):
            main = np.array(Palette.draw(np.random.default_rng(seed), label).main) / 255
            hues.append(colorsys.rgb_to_hsv(*main)[0])
        assert np.histogram(hues, 6, (0, 1))[0].min() > 300 / 6 * 0.6
