"""The list of measures: what is added to it is measured, gated, and compared by studies."""

import numpy as np

from bg_interp.evaluation.answers import Answers
from bg_interp.evaluation.gate import limits
from bg_interp.evaluation.measures import BY_NAME, MEASURES, SENSITIVITY, Measure, take_all
from bg_interp.study.kinds import BY_SHORT

_LABELS = np.arange(40) % 2
_SAID = {"original": _LABELS, "swap": np.where(np.arange(40) < 10, 1 - _LABELS, _LABELS)}
ANSWERS = Answers(_LABELS, ("ant", "bee"), _SAID)


def test_a_measure_that_is_added_is_taken_with_its_interval_and_by_class():
    lost = Measure(
        "lost",
        "what another class's background takes",
        lambda answers: answers.difference("original", "swap"),
        table="Added",
        more_is_worse=True,
    )
    found = take_all(ANSWERS, (*MEASURES, lost))
    assert set(found) == {"original", "swap", "lost"}
    assert found["lost"].value == 0.25 and found["lost"].low > 0
    assert lost.by_class(ANSWERS) == [0.25, 0.25]


def test_names_are_told_apart_and_studies_have_what_the_list_says():
    assert len(BY_NAME) == len(MEASURES)
    shorts = [one.study.short for one in MEASURES if one.study is not None]
    assert len(set(shorts)) == len(shorts) and set(shorts) <= set(BY_SHORT)


def test_each_limit_is_on_the_side_that_is_better():
    found = take_all(ANSWERS)
    (of_accuracy,) = limits({"swap": 0.6}, found)
    assert not of_accuracy.above
    for name in ("reliance", "bg_gap", "leak", "background_only", *SENSITIVITY):
        assert BY_NAME[name].more_is_worse, name


def test_what_was_not_asked_about_is_not_measured():
    assert BY_NAME["reliance"].take(ANSWERS) is None
    assert BY_NAME["worst_group"].take(ANSWERS) is None
