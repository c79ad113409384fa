"""Groups, thirds and adversarial backgrounds of models whose answers are known by construction."""

import numpy as np
import pytest

from bg_interp.evaluation.arrays import Arrays
from bg_interp.evaluation.measures import VARIANTS
from bg_interp.evaluation.reliance.adversarial import right_on_every_background
from bg_interp.evaluation.reliance.groups import ENOUGH, Groups, by_object, measure_groups
from bg_interp.evaluation.reliance.variants import MIXED, Variants, partners

_CLASSES = ("cat", "dog", "emu")


def _right(labels: np.ndarray, right: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Which answers are right: all but those that are told otherwise."""
    return {name: right.get(name, np.ones(len(labels), bool)) for name in VARIANTS}


def test_accuracies_of_groups_are_those_of_a_rigged_model():
    """A class is right before background b with a probability of its own."""
    generator = np.random.default_rng(0)
    labels = np.arange(30_000) % 3
    chance = generator.uniform(0.1, 0.9, (3, 3))
    right = {
        name: generator.random(len(labels)) < chance[labels, labels[partners(name, labels, 5)]]
        for name in ("mixed_random", "swap", "mixed_same", "mixed_next")
    }
    groups = measure_groups(_right(labels, right), labels, _CLASSES, seed=5)
    np.testing.assert_allclose(groups.accuracy, chance, atol=0.02)
    row, column = np.unravel_index(chance.argmin(), chance.shape)
    assert (groups.worst.of_class, groups.worst.kind) == (_CLASSES[row], _CLASSES[column])
    assert groups.worst.accuracy.value == pytest.approx(chance.min(), abs=0.03)
    found = groups.mean
    assert found.value == pytest.approx(chance.mean(), abs=0.01)
    assert found.low < chance.mean() < found.high


def test_every_answer_of_the_mixed_variants_is_in_one_group():
    labels = np.arange(60) % 3
    groups = measure_groups(_right(labels, {}), labels, _CLASSES, seed=0)
    assert groups.count.sum() == len(MIXED) * 60 and (groups.accuracy == 1).all()


def test_places_are_the_kinds_where_the_data_set_tells_them():
    labels = np.arange(120) % 3
    places = np.random.default_rng(0).integers(0, 2, 120)
    before_sea = {name: places[partners(name, labels, 0)] == 0 for name in MIXED}
    groups = measure_groups(
        _right(labels, before_sea), labels, _CLASSES, 0, places, ("sea", "moor")
    )
    np.testing.assert_array_equal(groups.accuracy, [[1, 0]] * 3)
    assert groups.worst.kind == "moor" and groups.of_places
    assert groups.to_dict()["worst_by_class_held_out"] == [0, 0, 0]


def test_images_as_they_are_have_groups_where_places_are_told():
    labels, places = np.arange(120) % 3, np.arange(120) // 3 % 2
    right = _right(labels, {"original": (labels != 1) | (places == 0)})
    how = (labels, _CLASSES, 0, places, ("sea", "moor"))
    groups = measure_groups(right, *how, variants=("original",))
    np.testing.assert_array_equal(groups.accuracy, [[1, 1], [1, 0], [1, 1]])
    assert (groups.count == 20).all() and groups.count.sum() == 120
    assert (groups.worst.of_class, groups.worst.kind) == ("dog", "moor")


def test_a_group_of_few_answers_is_no_worst_group():
    labels = np.array([0] * 40 + [1])
    groups = measure_groups(_right(labels, {"swap": np.arange(41) < 40}), labels, _CLASSES, 0)
    assert groups.accuracy[1, 0] < 1 and groups.count[1, 0] < ENOUGH
    assert groups.worst.of_class == "cat"
    assert groups.to_dict()["worst_by_class_held_out"] == [1, None, None]


def test_the_worst_of_groups_that_are_all_alike_is_no_worse_than_they_are():
    generator, values, covered = np.random.default_rng(0), [], []
    labels = np.arange(400) % 8
    for number in range(30):
        right = {name: generator.random(400) < 0.9 for name in MIXED}
        groups = measure_groups(right, labels, tuple("abcdefgh"), number)
        worst = groups.worst.accuracy
        values.append(worst.value)
        covered.append(worst.low <= 0.9 <= worst.high)
        assert np.nanmin(groups.accuracy) < 0.87
    assert np.mean(values) == pytest.approx(0.9, abs=0.03) and np.mean(covered) > 0.9


def _drawn(sizes: list[int], centres: list[tuple[int, int]]) -> Arrays:
    masks = np.zeros((len(sizes), 32, 32, 1), np.uint8)
    for mask, size, (down, across) in zip(masks, sizes, centres, strict=True):
        mask[down : down + size, across : across + size] = 255
    labels = np.arange(len(sizes), dtype=np.int32) % 2
    return Arrays(np.zeros((len(sizes), 32, 32, 3), np.uint8), masks, labels)


def test_thirds_are_by_area_and_by_distance_from_the_centre():
    arrays = _drawn([4, 4, 8, 8, 16, 16], [(14, 14), (14, 14), (0, 0), (0, 0), (8, 8), (8, 8)])
    large = np.array([False, False, False, False, True, True])
    answers = np.where(large, arrays.labels, 1 - arrays.labels)
    thirds = by_object(dict.fromkeys(("original", "swap"), answers == arrays.labels), arrays)
    assert [third.original.value for third in thirds[:3]] == [0, 0, 1]
    # The objects of 8 pixels lie in a corner, the others around the centre.
    assert "0.53" in thirds[5].name and thirds[5].original.value == 0


def test_adversarial_is_right_only_where_every_background_is_right():
    images = np.zeros((60, 16, 16, 3), np.uint8)
    labels = (np.arange(60) % 3).astype(np.int32)
    images[:] = 80 * labels[:, None, None, None]
    masks = np.zeros((60, 16, 16, 1), np.uint8)
    masks[:, 6:10, 6:10] = 255
    variants = Variants(Arrays(images, masks, labels))

    def by_background(shown):
        corner = np.asarray(shown)[:, 0, 0, 0] / 80
        return _tensor(np.eye(3)[np.rint(corner).astype(int)])

    def by_object_(shown):
        middle = np.asarray(shown)[:, 7, 7, 0] / 80
        return _tensor(np.eye(3)[np.rint(middle).astype(int)])

    yes, no = np.ones(60, bool), np.zeros(60, bool)
    assert not right_on_every_background(by_background, variants, "swap", yes, 3).any()
    assert right_on_every_background(by_background, variants, "mixed_same", yes, 3).all()
    assert right_on_every_background(by_object_, variants, "swap", yes, 3).all()
    assert not right_on_every_background(by_object_, variants, "swap", no, 3).any()
    assert variants.logits(by_object_)["swap"].shape == (60, 3)


def _tensor(values):
    import tensorflow as tf

    return tf.constant(values, tf.float32)


def test_drawings_are_different_and_the_first_is_that_of_the_variants():
    labels = np.arange(300) % 3
    first, second = (partners("swap", labels, 0, draw) for draw in (0, 1))
    np.testing.assert_array_equal(first, partners("swap", labels, 0))
    assert (first != second).mean() > 0.9


@pytest.mark.parametrize(("least", "said"), [(ENOUGH, ""), (ENOUGH - 1, "among 3 of 4 groups")])
def test_it_is_said_among_which_groups_the_worst_was_looked_for(least, said):
    labels, kinds = np.repeat([0, 0, 1, 1], ENOUGH), np.repeat([0, 1, 0, 1], ENOUGH)
    rows = slice(ENOUGH - least, None)
    named = ("a", "b"), ("a", "b"), False, labels[rows], kinds[rows]
    groups = Groups(*named, np.ones(len(labels[rows]), bool), np.arange(len(labels[rows])))
    assert groups.compared.startswith(said) and bool(groups.compared) == bool(said)


def test_copies_count_once_and_a_small_group_that_is_worse_is_told():
    # 40 images of one class on two places; on the second all are copies of two objects, and wrong.
    right = {"original": np.arange(40) < 20}
    places, labels = np.repeat([0, 1], 20), np.zeros(40, np.int64)
    units = np.concatenate([np.arange(20), 20 + np.arange(20) % 2])
    how = {"variants": ("original",), "units": units}
    found = measure_groups(right, labels, ["cat"], 0, places, ["land", "water"], **how)
    assert found.objects.tolist() == [[20, 2]]
    assert found.worst.kind == "land"
    assert "1 of 2 groups" in found.compared and "a smaller group is at 0.00" in found.compared
