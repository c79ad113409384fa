"""The images that depend most on their background, and where the model looks in them."""

import dataclasses

import numpy as np

from bg_interp.evaluation.worst import MOST_OF_A_CLASS, SHOWN, varied_rows
from bg_interp.report.images import glowing, worst_shown


def test_no_class_fills_the_page(found):
    rows = varied_rows(found)
    assert len(rows) <= SHOWN
    assert np.bincount(found.test.labels[rows]).max() <= MOST_OF_A_CLASS
    assert [one for one in found.worst_rows(60) if one in rows] == rows.tolist()


def test_a_model_that_looks_at_borders_glows_there(found):
    rows = varied_rows(found)
    unmodified, _ = found.maps.of(int(rows[0]))
    assert unmodified.shape == (24, 24)
    assert unmodified[:2].sum() > 0.9 * unmodified.sum()
    assert found.maps.of(-1) is None


def test_what_is_strong_glows_and_the_rest_is_grey():
    image, values = np.full((32, 32, 3), 100.0), np.zeros((32, 32))
    values[:16] = 1
    shown = glowing(image, values)
    assert shown[2, 16].tolist() == [255, 150, 0]
    assert np.allclose(shown[-1, 16], 70) and np.allclose(glowing(image, 0 * values), 70)


def test_a_model_without_gradients_has_no_maps(found):
    measured = {**found.attribution, "smoothgrad": {"left_out": "no gradient"}}
    blind = dataclasses.replace(found, attribution=measured, maps=type(found.maps)())
    assert all(one.right is not None for shown in worst_shown(blind) for one in shown.variants)
