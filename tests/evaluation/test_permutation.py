"""Labels that mean nothing, as chance would give them."""

import numpy as np
import pytest

from bg_interp.evaluation.permutation import against_chance, permuted


def test_single_images_are_permuted_singly():
    labels = np.arange(50) % 3
    made = permuted(labels, None, np.random.default_rng(0))
    assert (np.bincount(made) == np.bincount(labels)).all() and (made != labels).any()


def test_images_of_one_scene_keep_one_label():
    scenes = np.repeat(np.arange(12), 4)[np.random.default_rng(1).permutation(48)]
    made = permuted(scenes % 3, scenes, np.random.default_rng(0))
    assert all(len(set(made[scenes == scene])) == 1 for scene in range(12))
    assert (np.bincount(made) == 16).all() and (made != scenes % 3).any()


def test_units_of_several_labels_move_as_they_are():
    units, labels = np.repeat(np.arange(10), 5), np.tile([0, 0, 0, 0, 1], 10)
    labels[units >= 5] = 2
    made = permuted(labels, units, np.random.default_rng(0))
    blocks = {tuple(made[units == unit]) for unit in range(10)}
    assert blocks == {(0, 0, 0, 0, 1), (2,) * 5}


def test_chance_is_beaten_one_time_in_forty_when_there_is_nothing_else():
    generator = np.random.default_rng(0)
    beaten = [
        against_chance(generator.normal(), generator.normal(size=199)).p_value <= 0.025
        for _ in range(2000)
    ]
    assert np.mean(beaten) == pytest.approx(0.025, abs=0.01)
    found = against_chance(3.0, np.zeros(199))
    assert found.p_value == pytest.approx(1 / 200) and (found.low, found.high) == (0, 0)
    assert against_chance(0.0, np.zeros(199)).p_value == 1.0
