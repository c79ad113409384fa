"""The gate: what passes, what fails, and conditions that are none."""

from xml.etree import ElementTree

import numpy as np
import pytest

from bg_interp.config.evaluation import EvaluateConfig
from bg_interp.doubts import Doubt
from bg_interp.errors import UserError
from bg_interp.evaluation import gate
from bg_interp.evaluation.effective import paired_difference
from bg_interp.evaluation.estimate import Estimate
from bg_interp.evaluation.gate import conditions


def _check(text: str, measures: dict, kind: str = "fail_if", **how) -> gate.Verdicts:
    asked = conditions(text, kind)
    return gate.check([(one, measures[one.measure]) for one in asked], **how)


def test_only_a_whole_interval_beyond_the_threshold_fails():
    measures = {"bg_gap": Estimate(0.2, 0.05, 0.3, 100), "worst_group": Estimate(0.3, 0.2, 0.4, 20)}
    verdicts = _check("bg_gap>0.1, bg_gap>0.04,worst_group<0.6,worst_group<0.35", measures)
    assert [one.state is gate.State.FAILED for one in verdicts.each] == [False, True, True, False]
    assert not verdicts and verdicts.exit_code == 3
    assert _check("bg_gap>0.1", measures) and _check("bg_gap>0.1", measures).exit_code == 0


@pytest.mark.parametrize(
    ("interval", "state"),
    [
        ((0.01, 0.09), gate.State.PASSED),
        ((0.05, 0.15), gate.State.UNDECIDED),
        ((0.11, 0.2), gate.State.FAILED),
    ],
)
def test_what_must_be_passes_only_by_its_whole_interval(interval, state):
    verdicts = _check("reliance<0.1", {"reliance": Estimate(0.08, *interval, 50)}, "must")
    assert verdicts.state is state
    assert verdicts.exit_code == {"passes": 0, "fails": 3, "undecided": 4}[state.value]
    if state is gate.State.UNDECIDED:
        assert "the interval is on both sides of 0.1" in str(verdicts)
        assert "of cases with 50 images, in 0.80 with 100" in str(verdicts)


def test_what_errors_of_masks_could_explain_does_not_fail():
    measures = {"reliance": Estimate(0.2, 0.15, 0.25, 400)}
    explained = {"reliance": "reliance_masks_dilated is 0.00: masks could explain it"}
    for text, kind in (("reliance>0.1", "fail_if"), ("reliance<0.1", "must")):
        assert _check(text, measures, kind).state is gate.State.FAILED
        found = _check(text, measures, kind, explained=explained)
        assert found.state is gate.State.UNDECIDED and "could explain it" in str(found)
    assert _check("reliance>0.3", measures, explained=explained)


def test_what_shows_nothing_does_not_pass():
    measures = {
        "reliance": Estimate(0.0, -0.05, 0.05, 400),
        "original": Estimate(0.2, 0.1, 0.3, 400),
    }
    empty = {"reliance": "the model has nothing to lose"}
    for text, kind in (("reliance>0.1", "fail_if"), ("reliance<0.1", "must")):
        assert _check(text, measures, kind).state is gate.State.PASSED
        found = _check(text, measures, kind, empty=empty)
        assert found.state is gate.State.UNDECIDED and "nothing to lose" in str(found)
    assert _check("original<0.5", measures, empty=empty).state is gate.State.FAILED


def test_conditions_may_name_a_baseline():
    plain, beyond = conditions("swap>baseline, reliance < baseline + 0.02", "must")
    assert (plain.of_baseline, plain.above, plain.threshold) == (True, True, 0.0)
    assert (beyond.measure, beyond.above, beyond.threshold) == ("reliance", False, 0.02)
    assert str(beyond) == "reliance<baseline+0.02" and str(plain) == "swap>baseline"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"fail_if": "leak>0.3", "model": "m"}, "fail_if names leak, which is measured with"),
        ({"must": "leak<0.3", "model": "m"}, "must names leak, which is measured with"),
        ({"must": "reliance<0.1", "leak": True}, "must can only name leak"),
        ({"must": "reliance<baseline", "model": "m"}, "give it with baseline"),
        ({"baseline": "old.keras", "leak": True}, "baseline is compared with a model"),
        ({"junit": "gate.xml", "model": "m"}, "junit needs fail_if or must"),
        (
            {"fail_if": "adversarial_same<0.3", "model": "m", "adversarial_backgrounds": 0},
            "not measured with adversarial_backgrounds=0",
        ),
    ],
)
def test_flags_that_do_not_fit_each_other_are_refused(flags, message):
    with pytest.raises(UserError, match=message):
        gate.check_flags(EvaluateConfig(**flags))


def test_with_a_doubt_nothing_passes_and_nothing_fails():
    measures = {"bg_gap": Estimate(0.2, 0.15, 0.3, 100)}
    doubt = Doubt("preprocessing", "accuracy is at chance", "give input_range")
    verdicts = _check("bg_gap>0.1,bg_gap>0.5", measures, doubts=[doubt])
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
        ("bg_gap>baseline+", "must be conditions such as"),
        ("bg_gap>baseline*2", "must be conditions such as"),
    ],
)
def test_a_condition_that_is_none_is_refused_in_one_line(text, message):
    with pytest.raises(UserError, match=message) as caught:
        conditions(text)
    assert "\n" not in str(caught.value)


def test_a_model_without_a_gap_passes_in_200_of_200_resamplings():
    generator = np.random.default_rng(0)
    for _ in range(200):
        same, random = generator.random((2, 400)) < 0.9
        found = paired_difference(same, random)
        assert _check("bg_gap>0.1", {"bg_gap": Estimate(found.value, *found.interval, 400)})


def test_the_verdicts_are_read_back_as_junit():
    verdicts = _check(
        "bg_gap>0.1,swap<0.9",
        {"bg_gap": Estimate(0.5, 0.4, 0.6, 9), "swap": Estimate(0.95, 0.9, 1.0, 9)},
    )
    suite = ElementTree.fromstring(gate.junit(verdicts, "a <model>\n"))
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    failures = [case.get("name") for case in suite if case.find("failure") is not None]
    assert failures == ["bg_gap>0.1"]


MEASURED = {"bg_gap": Estimate(0.2, 0.15, 0.3, 100), "worst_group": Estimate(0.5, 0.4, 0.7, 90)}


def test_limits_from_python_fail_where_a_measure_is_worse():
    found = gate.limits({"bg_gap": 0.1, "worst_group": 1}, MEASURED)
    assert list(map(str, found)) == ["bg_gap>0.1", "worst_group<1"]
    assert {one.kind for one in found} == {"fail_if"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"bg_gp": 0.1}, "check takes the measures bg_gap, worst_group.*did you mean 'bg_gap'"),
        ({"swap": 0.1}, "check takes the measures bg_gap, worst_group"),
        ({"bg_gap": float("nan")}, "bg_gap must be a number. Received: nan"),
        ({"bg_gap": "0.1"}, "bg_gap must be a number. Received: '0.1'"),
    ],
)
def test_a_limit_that_is_none_is_refused(given, message):
    with pytest.raises(UserError, match=message):
        gate.limits(given, MEASURED)


@pytest.mark.parametrize(
    "flags",
    [
        {},
        {"fail_if": "reliance>0.1,swap<0.5", "junit": "gate.xml"},
        {"must": "reliance<baseline+0.02", "baseline": "old.keras"},
        {"fail_if": "leak>0.3", "leak": True},
        {"fail_if": "adversarial_same<0.3"},
    ],
)
def test_flags_that_fit_each_other_are_taken(flags):
    gate.check_flags(EvaluateConfig(model="m", **flags))


@pytest.mark.parametrize(
    ("text", "measure"),
    [("worst_group>0.5", "worst_group"), ("bg_gap>0.2", "bg_gap"), ("bg_gap<0", "bg_gap")],
)
def test_how_many_images_it_takes_is_told_only_where_that_can_be_worked_out(text, measure):
    found = {measure: Estimate(0.1, -0.2, 0.6, 90)}
    (line,) = str(_check(text, found, "must")).splitlines()
    assert line.startswith("undecided") and line.endswith("give more images")
