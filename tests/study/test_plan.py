"""The arms that a study lays out, and how its flags are read."""

import pytest

from bg_interp.config.training import ArmConfig
from bg_interp.errors import UserError
from bg_interp.study import plan
from bg_interp.study.plan import StudyConfig, make_plan


@pytest.mark.parametrize(
    ("text", "seeds"), [("3", (0, 1, 2)), ("100,101", (100, 101)), ("100,", (100,)), ("1", (0,))]
)
def test_seeds_are_a_count_or_a_list(text, seeds):
    assert plan.parse_seeds(text) == seeds


@pytest.mark.parametrize("text", ["", "x", "0", "-1", "1,1", "1.5", ",", "9" * 12, f"1,{2**31}"])
def test_other_seeds_are_refused_in_one_line(text):
    with pytest.raises(UserError, match="seeds") as caught:
        plan.parse_seeds(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["nan", "0.5,inf", "-0.1", "1e999"])
@pytest.mark.parametrize("flag", ["correlations", "adversarial_epsilons"])
def test_numbers_that_are_none_are_refused(flag, text):
    with pytest.raises(UserError, match=f"{flag}"):
        make_plan(StudyConfig(**{flag: text}), ArmConfig())


def test_the_judges_data_are_not_the_arms():
    with pytest.raises(UserError, match="seeds must not contain 900000"):
        make_plan(StudyConfig(seeds="0,900000"), ArmConfig())
    make_plan(StudyConfig(seeds="0,900000"), ArmConfig(dataset="tfds:x", recipe="drawings"))


def test_none_comes_first_since_the_others_are_compared_with_it():
    assert plan.parse_backgrounds("black, mix,none") == ("none", "black", "mix")


def test_an_unknown_treatment_is_refused_with_the_near_name():
    with pytest.raises(UserError, match="did you mean 'black'"):
        plan.parse_backgrounds("none,blak")


def test_a_mix_can_be_of_any_treatment_beside_that_of_black():
    arms = make_plan(StudyConfig(backgrounds="none,mix,mix:swap", seeds="1"), ArmConfig()).arms
    treated = {arm.background: arm.config for arm in arms}
    assert list(treated) == ["none", "mix", "mix:swap"]
    assert treated["mix"].background_in_mix == "black"
    assert treated["mix:swap"].background == "mix"
    assert treated["mix:swap"].background_in_mix == "swap"
    assert arms[2].name == "mix-swap-correlation0.95-seed0"


@pytest.mark.parametrize("text", ["mix:none", "mix:mix", "mix:", "black:swap"])
def test_no_other_treatment_holds_another(text):
    with pytest.raises(UserError, match="mix:swap"):
        plan.parse_backgrounds(f"none,{text}")


@pytest.mark.parametrize("text", ["1", "2/2", "a/b", "-1/2", "1/"])
def test_a_wrong_shard_is_refused(text):
    with pytest.raises(UserError, match="shard"):
        plan.parse_shard(text)


def test_shards_together_hold_every_arm_once():
    arms = make_plan(StudyConfig(seeds="3"), ArmConfig()).arms
    shards = [arms[first::3] for first in range(3)]
    assert sorted(arm.name for shard in shards for arm in shard) == sorted(a.name for a in arms)


def test_every_combination_is_an_arm_with_a_folder_of_its_own():
    study = StudyConfig(
        backgrounds="none,black", seeds="2", correlations="0.125,0.95", adversarial_epsilons="0,6"
    )
    arms = make_plan(study, ArmConfig()).arms
    assert len(arms) == 16
    assert len({arm.config.workdir for arm in arms}) == 16
    assert {arm.group for arm in arms} == {(0.125, 0), (0.125, 6), (0.95, 0), (0.95, 6)}


def test_arms_of_one_seed_share_data_and_initial_weights():
    arms = make_plan(StudyConfig(seeds="7,"), ArmConfig()).arms
    assert {(arm.config.seed, arm.config.data_seed) for arm in arms} == {(7, 7)}


def test_training_flags_reach_every_arm():
    arms = make_plan(StudyConfig(), ArmConfig(steps=3, batch_size=8)).arms
    assert {(arm.config.steps, arm.config.batch_size) for arm in arms} == {(3, 8)}


def test_correlations_belong_to_habitats(tmp_path):
    training = ArmConfig(dataset=f"folder:{tmp_path}", recipe="drawings")
    with pytest.raises(UserError, match="habitats"):
        make_plan(StudyConfig(correlations="0.5,0.9"), training)


def test_a_study_without_masks_is_refused_before_anything_is_trained():
    with pytest.raises(UserError, match="needs masks"):
        make_plan(StudyConfig(), ArmConfig(masks="none"))
