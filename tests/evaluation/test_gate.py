"""The gate: what passes, what fails, and conditions that are none."""

from xml.etree import ElementTree

import numpy as np
import pytest

from bg_interp.config.evaluation import conditions
from bg_interp.doubts import Doubt
from bg_interp.errors import UserError
from bg_interp.evaluation import gate
from bg_interp.evaluation.estimate import Estimate
from bg_interp.evaluation.reliance.variants import mean_interval


def test_only_a_whole_interval_beyond_the_threshold_fails():
    measures = {"bg_gap": Estimate(0.2, 0.05, 0.3, 100), "worst_group": Estimate(0.3, 0.2, 0.4, 20)}
    asked = conditions("bg_gap>0.1, bg_gap>0.04,worst_group<0.6,worst_group<0.35")
    verdicts = gate.check(asked, measures)
    assert [one.state is gate.State.FAILED for one in verdicts.each] == [False, True, True, False]
    assert not verdicts and verdicts.exit_code == 3
    assert gate.check(asked[:1], measures) and gate.check(asked[:1], measures).exit_code == 0


def test_with_a_doubt_nothing_passes_and_nothing_fails():
    measures = {"bg_gap": Estimate(0.2, 0.15, 0.3, 100)}
    doubt = Doubt("preprocessing", "accuracy is at chance", "give input_range")
    verdicts = gate.check(conditions("bg_gap>0.1,bg_gap>0.5"), measures, [doubt])
    assert {one.state for one in verdicts.each} == {gate.State.UNDECIDED}
    assert not verdicts and verdicts.exit_code == 4
    assert "accuracy is at chance; give input_range" in str(verdicts)
    suite = ElementTree.fromstring(gate.junit(verdicts, "model"))
    assert (suite.get("failures"), suite.get("errors")) == ("0", "2")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must be conditions such as"),
        ("bg_gap", "must be conditions such as"),
        ("bg_gap>", "must be conditions such as"),
        ("bg_gap>nan", "must be conditions such as"),
        ("bg_gap>0.1,", "must be conditions such as"),
        ("bg_gp>0.1", "did you mean 'bg_gap'"),
    ],
)
def test_a_condition_that_is_none_is_refused_in_one_line(text, message):
    with pytest.raises(UserError, match=message) as caught:
        conditions(text)
    assert "\n" not in str(caught.value)


def test_a_model_without_a_gap_passes_in_200_of_200_resamplings():
    generator = np.random.default_rng(0)
    for number in range(200):
        same, random = generator.random((2, 400)) < 0.9
        gap = same.astype(float) - random
        low, high = mean_interval(gap, number, resamples=400)
        found = {"bg_gap": Estimate(float(gap.mean()), low, high, 400)}
        assert gate.check(conditions("bg_gap>0.1"), found)


def test_the_verdicts_are_read_back_as_junit():
    verdicts = gate.check(
        conditions("bg_gap>0.1,swap<0.9"),
        {"bg_gap": Estimate(0.5, 0.4, 0.6, 9), "swap": Estimate(0.95, 0.9, 1.0, 9)},
    )
    suite = ElementTree.fromstring(gate.junit(verdicts, "a <model>\n"))
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    failures = [case.get("name") for case in suite if case.find("failure") is not None]
    assert failures == ["bg_gap>0.1"]
