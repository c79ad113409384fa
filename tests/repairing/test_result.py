"""What changed is told of measures of the same images alone."""

import types

import numpy as np
import pytest

from bg_interp.evaluation.answers import Scores
from bg_interp.repairing import result
from bg_interp.repairing.result import Repair


def _repair(before: Scores | float, after: Scores | float) -> Repair:
    sides = [types.SimpleNamespace(answers=one) for one in (before, after)]
    return Repair(None, None, *sides, fit=None, seconds=0.0)


def _scores(rows: list[int], right: bool) -> Scores:
    labels, answers = np.zeros(len(rows), np.int64), np.full(len(rows), right)
    return Scores(answers, None, labels, 2, False, (), np.array(rows))


@pytest.mark.parametrize(
    ("before", "after", "names"),
    [
        (_scores([0, 1, 2], False), _scores([0, 1, 2], True), ["mine"]),
        (_scores([0, 1], False), _scores([2, 3], True), []),
        (0.5, _scores([0, 1], True), []),
    ],
)
def test_a_change_needs_images_in_common(monkeypatch, before, after, names):
    mine = types.SimpleNamespace(name="mine", taken=lambda answers: answers)
    monkeypatch.setattr(result, "MEASURES", (mine,))
    changes = _repair(before, after).changes
    assert list(changes) == names
    assert all(one.value == 1.0 for one in changes.values())
