"""Who counts, and shares, intervals and tables of answers that are known."""

import csv

import numpy as np
import pytest
from made_up import take_part

from bg_interp.people.answers import agreement, power, results, scoring
from bg_interp.people.experiment import design


def everything(_):
    return True


def objects_of_black(entry):
    return entry["shown"] == design.NATURAL or entry["treatment"] == "black"


@pytest.fixture
def answered(store, public, key):
    """Eight people who see the treated network's pictures only; two who guess, two who are off."""
    lists = len(public["lists"])
    kept = [take_part(store, public, key, objects_of_black) for _ in range(2 * lists)]
    guessing = [take_part(store, public, key, lambda _: False) for _ in range(2)]
    fast = take_part(store, public, key, everything, rt=150)
    gone = take_part(store, public, key, everything, finish=False)
    store.close()
    return kept, guessing, fast, gone


def test_rules_leave_out_who_guesses_rushes_or_leaves(experiment, answered):
    found = results.update(experiment)
    assert found["counted"] == len(answered[0])
    assert found["left_out"] == {
        "answered faster than 400 ms in the median": 1,
        "did not finish": 1,
        "named fewer than 75% of the natural objects": 2,
    }
    assert "left out: 2 named fewer than 75%" in results.table(found)


def test_shares_differences_and_marks_are_those_that_were_given(experiment, answered):
    found = results.update(experiment)
    assert found["complete"] and not found["simulated"]
    for measure in found["measures"].values():
        assert measure["values"] == {
            "none": {"0": [0.0] * 4, "1": [0.0] * 4},
            "black": {"0": [1.0] * 4, "1": [1.0] * 4},
        }
    assert found["marks"]["natural"]["share"] == 1.0
    assert found["marks"]["untrained"]["share"] == 0.0
    compared = results.compare("m", found["measures"]["human_conflict"], "black", "none")
    assert compared.difference == 1.0


def test_nothing_is_reported_before_a_rotation_is_finished(experiment, store, public, key):
    take_part(store, public, key, everything)
    store.close()
    found = results.update(experiment)
    assert not found["complete"] and not found["measures"]
    assert "no numbers before 2 people" in results.table(found)


def test_simulated_answers_are_called_so_and_never_mixed_with_people(
    experiment, store, public, key
):
    for _ in range(4):
        take_part(store, public, key, everything, simulated=True)
    found = results.update(experiment)
    assert found["simulated"] and found["complete"]
    assert "4 of 4 simulated participants count" in results.table(found)
    take_part(store, public, key, everything)
    store.close()
    found = results.update(experiment)
    assert not found["simulated"]
    assert found["left_out"] == {scoring.SIMULATED: 4}
    with open(experiment.table) as file:
        assert {(row["simulated"], row["counts"]) for row in csv.DictReader(file)} == {
            ("1", "0"),
            ("0", "1"),
        }


def test_the_table_of_answers_says_what_each_was_given_to(experiment, answered, key):
    results.update(experiment)
    with open(experiment.table, newline="") as file:
        rows = list(csv.DictReader(file))
    assert {"trial_index", "rt", "response", "correct", "stimulus"} <= rows[0].keys()
    for row in rows:
        assert key["trials"][row["trial"]]["kind"] == row["trial_type"]
        assert (row["response"] == row["correct_response"]) == (row["correct"] == "1")
    assert {row["side_of_correct"] for row in rows} == {"", "left", "right"}
    # A spreadsheet takes no class name for a formula.
    assert "'=ünïcode" in {row["class"] for row in rows}


def tally_of(shares, people=12, seed=0):
    """Everybody sees every picture, and is right at the rate of their own, [people]."""
    generator = np.random.default_rng(seed)
    seen = np.ones((people, 2, 5, 8))
    right = generator.random(seen.shape) < np.broadcast_to(shares, people)[:, None, None, None]
    return scoring.Tally(right.astype(float), seen)


def test_people_who_differ_share_variance_and_people_who_do_not_hardly():
    apart = np.repeat([0.2, 0.8], 6)
    alike = np.mean([tally_of(0.5, seed=seed).shared_variance(0) for seed in range(50)])
    # Variance of the mean of twelve people whose rates deviate by .3.
    assert tally_of(apart).shared_variance(0) == pytest.approx(0.09 / 11, rel=0.35)
    assert alike < 0.1 * 0.09 / 11
    # They move both treatments alike, so that the difference has none of it.
    assert tally_of(apart).shared_variance(1, 0) < 0.15 * tally_of(apart).shared_variance(0)


@pytest.mark.parametrize("scenario", power.SCENARIOS)
def test_null_studies_find_an_effect_in_a_tenth_at_most(scenario):
    lists = power.what_lists_ask(8, 5, 4, naming=40, choosing=16)
    found = power.chance_to_find(lists, 0.0, power.SCENARIOS[scenario], people=12, studies=200)
    assert found <= 0.1


@pytest.mark.parametrize("kind", design.CHOICES)
def test_so_do_the_choices_of_which_each_person_sees_a_part(kind):
    lists = power.what_lists_ask(8, 5, 4, naming=40, choosing=16, kind=kind)
    found = power.chance_to_find(lists, 0.0, power.SCENARIOS["middle"], people=20, studies=200)
    assert found <= 0.1


def test_intervals_hold_what_was_planted_and_more_people_find_more():
    lists = power.what_lists_ask(8, 5, 4, naming=40, choosing=16)
    calm = power.SCENARIOS["calm"]
    held = 0
    for number in range(60):
        generator = np.random.default_rng(number)
        tally = power.simulate(generator, lists, np.array([0.5, 0.8, 0.8, 0.8]), calm, 12)
        one = power.found(tally)
        held += one.low <= 0.3 <= one.high
    assert held >= 54
    chances = [power.chance_to_find(lists, 0.15, calm, people, 60) for people in (4, 48)]
    assert chances[0] < chances[1]


def test_judges_that_rank_pictures_as_people_do_agree():
    generator = np.random.default_rng(0)
    people = generator.random((2, 5, 8))
    people[0, 0, 0] = np.nan
    same = agreement.rank_correlation(people, people**3)
    assert same["value"] == pytest.approx(1) and same["pictures"] == 79
    noise = agreement.rank_correlation(people, generator.random((2, 5, 8)))
    assert noise["interval"][0] < 0 < noise["interval"][1]
    assert agreement.rank_correlation(people, np.ones((2, 5, 8))) is None


def test_agreement_stands_beside_the_shares(experiment, answered):
    found = results.update(experiment)
    assert set(found["agreement"]["human_naming"]) == {"foreground_judge", "leakage"}
    assert "rank correlation" in results.table(found)
