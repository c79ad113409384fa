"""Lists of trials: balanced, and alike in everything but the treatment."""

import collections
import dataclasses

import pytest

from bg_interp.people.experiment import design

# Classes, seeds, treatments.
SIZES = [(8, 5, 4), (8, 2, 4), (8, 5, 3), (2, 1, 2), (20, 3, 4), (3, 5, 8), (4, 4, 1)]


def lists_of(classes, seeds, treatments, seed=0):
    return design.lay_out(classes, seeds, treatments, naming=40, choosing=16, seed=seed)


@pytest.fixture(params=SIZES, ids=str)
def size(request):
    return request.param


def about_networks(trials, kind):
    return [one for one in trials if one.kind == kind and one.shown == design.CLASS_IMAGE]


def test_everybody_sees_each_pair_once_and_treatments_equally_often(size):
    for trials in lists_of(*size):
        assert len(set(trials)) == len(trials)
        treatment_of = {}
        for kind in design.KINDS:
            own = about_networks(trials, kind)
            assert len({(one.label, one.seed) for one in own}) == len(own)
            treatment_of.update({((one.label, one.seed), one.treatment): kind for one in own})
            counts = collections.Counter(one.treatment for one in own)
            per_treatment = [counts[treatment] for treatment in range(size[2])]
            assert max(per_treatment) - min(per_treatment) <= (1 if kind == "naming" else 2)
        assert len(treatment_of) == len({pair for pair, _ in treatment_of})


def test_lists_of_a_rotation_differ_in_their_treatments_alone(size):
    _, seeds, treatments = size
    lists = lists_of(*size)
    assert len(lists) == seeds * treatments
    for first in range(0, len(lists), treatments):
        rotation = lists[first : first + treatments]
        without = [
            [dataclasses.replace(one, treatment=design.NONE) for one in trials]
            for trials in rotation
        ]
        assert all(trials == without[0] for trials in without)
        for turns in zip(*(about_networks(trials, "naming") for trials in rotation), strict=True):
            assert sorted(one.treatment for one in turns) == list(range(treatments))


def test_all_rotations_together_ask_about_each_picture_equally_often(size):
    for kind in design.KINDS:
        asked = collections.Counter(
            (one.treatment, one.seed, one.label)
            for trials in lists_of(*size)
            for one in about_networks(trials, kind)
        )
        assert len(asked) == size[0] * size[1] * size[2]
        assert len(set(asked.values())) == 1


def test_the_wrong_picture_is_of_another_class(size):
    for trials in lists_of(*size):
        choices = [one for one in trials if one.kind in design.CHOICES]
        assert all(0 <= one.other < size[0] and one.other != one.label for one in choices)


def test_the_default_is_eighty_trials():
    counts = collections.Counter((one.kind, one.shown) for one in lists_of(8, 5, 4)[0])
    assert counts == {
        ("naming", design.CLASS_IMAGE): 40,
        ("naming", design.NATURAL): 4,
        ("naming", design.UNTRAINED): 4,
        ("objects", design.CLASS_IMAGE): 16,
        ("conflict", design.CLASS_IMAGE): 16,
    }


def test_fewer_classes_need_more_catch_trials():
    assert [design.catch_trials(classes) for classes in (2, 3, 8, 20)] == [16, 8, 4, 4]


def test_the_seed_decides_who_gets_what():
    assert lists_of(8, 5, 4) == lists_of(8, 5, 4)
    assert lists_of(8, 5, 4) != lists_of(8, 5, 4, seed=1)
