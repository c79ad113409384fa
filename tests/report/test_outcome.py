"""What is said of a repair, and what is to be done with it."""

import dataclasses

import pytest

from bg_interp.doubts import Doubt
from bg_interp.evaluation.estimate import Estimate
from bg_interp.repairing.result import Repair
from bg_interp.report.advice import Ways
from bg_interp.report.outcome import after_repair

_WAYS = Ways(repair="again", train="train", gate="audit")


def _change(low, high):
    return Estimate((low + high) / 2, low, high, 60)


@pytest.mark.parametrize(
    ("swap", "original", "helps", "begins", "commands"),
    [
        ((0.3, 0.5), (-0.02, 0.02), True, "The repair helps", ["load", "audit"]),
        ((0.3, 0.5), (-0.2, -0.1), False, "The repair helps", ["load", "again", "audit", "train"]),
        ((-0.1, 0.1), (-0.02, 0.02), False, "No gain was shown", ["", "train"]),
        ((-0.5, -0.3), (-0.02, 0.02), False, "The repair makes it worse", ["", "train"]),
    ],
)
def test_it_is_told_by_whole_intervals(found, swap, original, helps, begins, commands):
    changes = {"swap": _change(*swap), "original": _change(*original)}
    outcome = after_repair((found, found), changes, _WAYS)
    assert outcome.helps == helps and outcome.answer.startswith(begins)
    assert ("its price" in outcome.answer) == (original[1] < 0)
    told = ["load" if "load_model" in one.command else one.command for one in outcome.steps]
    assert told == commands


def test_with_a_doubt_there_is_no_verdict(found):
    doubted = dataclasses.replace(found, doubts=(Doubt("masks", "they are full", "look"),))
    changes = {"swap": _change(0.3, 0.5), "original": _change(-0.01, 0.01)}
    outcome = after_repair((doubted, found), changes, _WAYS)
    assert not outcome.helps and outcome.answer.startswith("No verdict")


def test_a_notebook_shows_the_doubts_with_the_table(found):
    doubt = Doubt("masks", "they are full", "look with `x --check`")
    doubted = dataclasses.replace(found, doubts=(doubt,))
    repair = Repair(None, None, doubted, found, fit=None, seconds=0.0)
    shown = "<p><strong>In doubt:</strong> they are full; look with <code>x --check</code>.</p>"
    assert repair._repr_html_().startswith(shown)
    assert "In doubt, masks: they are full" in str(repair)
