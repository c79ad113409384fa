"""Which differences a study asks about: everything, the primary ones, or those of a file."""

import pytest
import source_tree

from bg_interp.config.training import ArmConfig
from bg_interp.errors import UserError
from bg_interp.study import questions, results
from bg_interp.study.plan import StudyConfig, make_plan
from bg_interp.study.questions import Question

ALL_FOUR = ("none", "black", "noise", "mix")


def test_a_study_asks_of_everything_unless_told_otherwise():
    assert make_plan(StudyConfig(), ArmConfig()).questions == ()


def test_primary_questions_are_three_for_each_treatment():
    found = make_plan(StudyConfig(questions="primary"), ArmConfig()).questions
    assert len(found) == 9
    assert Question("black", "leakage_own", "lower") in found
    assert Question("mix", "shape_own", "higher") in found


def test_a_file_names_questions_with_remarks_between(tmp_path):
    file = tmp_path / "questions.txt"
    file.write_text("# ours\n\nblack leakage_own lower  # less\nmix  bg_gap  lower\n")
    assert questions.read(str(file), ALL_FOUR) == (
        Question("black", "leakage_own", "lower"),
        Question("mix", "bg_gap", "lower"),
    )


def test_a_question_can_name_what_it_compares_with(tmp_path):
    file = tmp_path / "questions.txt"
    file.write_text("black leakage_own lower\nblack leakage_own lower mix\n")
    assert questions.read(str(file), ALL_FOUR) == (
        Question("black", "leakage_own", "lower"),
        Question("black", "leakage_own", "lower", "mix"),
    )


def test_the_page_of_questions_is_read_from_its_block():
    page = source_tree.ROOT / "docs" / "questions.md"
    found = questions.read(str(page), ("none", "black", "random_mask", "mix"))
    assert len(found) == 9
    assert Question("black", "shape_own", "higher", "random_mask") in found
    results.check_questions(found)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "black leakage_own",
        "blak leakage_own lower",
        "none leakage_own lower",
        "black leakage_own less",
        "black bg_gap lower\nblack bg_gap lower",
        "black bg_gap lower black",
        "black bg_gap lower swap",
        "black bg_gap lower mix mix",
    ],
)
def test_what_is_no_question_is_refused_in_one_line(tmp_path, text):
    file = tmp_path / "questions.txt"
    file.write_text(text)
    with pytest.raises(UserError, match="questions") as caught:
        questions.read(str(file), ALL_FOUR)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["nowhere.txt", ".", "primry"])
def test_a_file_that_cannot_be_read_is_refused(text):
    with pytest.raises(UserError, match="all, primary or a text file"):
        questions.read(text, ALL_FOUR)


def test_questions_need_none_to_compare_with():
    with pytest.raises(UserError, match="backgrounds needs it"):
        make_plan(StudyConfig(backgrounds="black,mix", questions="primary"), ArmConfig())
