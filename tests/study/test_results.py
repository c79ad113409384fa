"""From measures to tables, comparisons and sentences."""

import csv
import dataclasses
import io

import pytest

from bg_interp.errors import UserError
from bg_interp.evaluation import statistics
from bg_interp.study import kinds, results
from bg_interp.study.questions import Question
from bg_interp.study.report import wording
from bg_interp.study.starts import ALL_STARTS


@pytest.fixture
def group(study):
    _, laid_out, measured = study
    return results.collect(laid_out, measured, laid_out.arms[0].group)


def test_cells_are_means_over_seeds_and_classes(group):
    assert group.cells["foreground_own"]["black"].value == 1.0
    assert group.cells["leakage_own"]["black"].value == 0.0
    assert group.cells["accuracy_original"]["none"].value == pytest.approx(0.65)


def test_a_missing_arm_is_left_out_of_its_treatment_alone(group):
    # Of four classes.
    assert group.cells["foreground_own"]["none"].count == 5 * 4
    assert group.cells["foreground_own"]["black"].count == 4 * 4


def test_measures_are_read_from_where_the_evaluation_puts_them(group):
    assert group.values["bg_gap"]["none"][0] == [0.4, 0.3, 0.2, 0.1]
    assert group.values["accuracy_swap"]["none"][0] == [0.5, 0.6, 0.7, 0.8]


def test_differences_are_paired_by_seed(group):
    found = next(
        c
        for c in group.comparisons
        if c.measure == "recognisability by foreground judge, own start"
    )
    assert found.seeds == (0, 1, 2, 3)
    assert found.difference > 0.4
    assert found.questions > 1


def test_a_measure_that_was_left_out_is_no_error(group):
    assert "gradcam" not in group.cells


def test_leakage_is_compared_with_chance(group):
    by_name = {one.treatment: one for one in group.leakage_against_chance}
    # The judge says "none of them" half of the time.
    assert by_name["black"].difference == pytest.approx(-0.125)


def test_a_judge_that_was_not_asked_how_often_it_names_none_has_an_answer_more(study):
    _, laid_out, measured = study
    for measures in measured.values():
        del measures["class_images"]["own"]["leakage"]["none_of_them"]
    group = results.collect(laid_out, measured, laid_out.arms[0].group)
    by_name = {one.treatment: one for one in group.leakage_against_chance}
    assert by_name["black"].difference == pytest.approx(-0.2)


def test_too_few_seeds_answer_no_question(group):
    count, sentences = results.answer(group)
    assert count == "Fewer than 5 seeds: all results are indicative, and no question is answered."
    assert len(sentences) == 4 and all(one.endswith("indicative, 4 seeds") for one in sentences)


@pytest.fixture
def enough_seeds(monkeypatch):
    # The arms of one of the five seeds are not all there.
    monkeypatch.setattr(statistics, "ENOUGH_SEEDS", 4)


def test_the_answer_has_a_sentence_for_each_question_from_the_own_start(group, enough_seeds):
    count, sentences = results.answer(group)
    assert "differences from none hold after correction" in count
    assert len(sentences) == 4
    assert all(sentence.startswith("Black minus none") for sentence in sentences)


def test_the_table_has_a_row_for_each_arm_and_class(study):
    _, laid_out, measured = study
    rows = list(csv.DictReader(io.StringIO(results.to_csv(laid_out, measured))))
    assert len(rows) == 9 * 4
    assert rows[0]["class"] == "<b>fish</b>"
    assert {row["foreground_own"] for row in rows if row["background"] == "black"} == {"1.0"}


def test_without_none_there_is_nothing_to_compare(study):
    _, laid_out, measured = study
    treated = {name: one for name, one in measured.items() if name.startswith("black")}
    group = results.collect(laid_out, treated, laid_out.arms[0].group)
    assert group.comparisons == []
    assert "nothing is compared" in results.answer(group)[0]


def test_a_question_may_compare_two_treatments(study):
    _, laid_out, measured = study
    # What was black is asked against itself under another name.
    for name in [name for name in measured if name.startswith("black")]:
        measured[name.replace("black", "mix")] = measured[name]
    again = [
        dataclasses.replace(
            arm,
            background="mix",
            config=dataclasses.replace(
                arm.config, workdir=str(arm.config.workdir).replace("black", "mix")
            ),
        )
        for arm in laid_out.arms
        if arm.background == "black"
    ]
    asked = (
        Question("black", "foreground_own", "higher", "mix"),
        Question("black", "foreground_own", "higher"),
    )
    wider = dataclasses.replace(
        laid_out,
        arms=(*laid_out.arms, *again),
        backgrounds=("none", "black", "mix"),
        questions=asked,
    )
    group = results.collect(wider, measured, wider.arms[0].group)
    found = {(one.treatment, one.reference): one.difference for one in group.asked}
    assert found.keys() == {("black", "mix"), ("black", "none")}
    assert found["black", "mix"] == 0.0 and found["black", "none"] > 0.4
    # What was asked is not compared a second time beside.
    beside = {(one.treatment, one.measure) for one in group.beside}
    assert ("black", group.asked[0].measure) not in beside
    assert ("mix", group.asked[0].measure) in beside


def test_every_start_of_the_class_images_is_reported():
    reported = {kind.path[1] for kind in kinds.KINDS if kind.path[0] == "class_images"}
    assert reported == {start.name for start in ALL_STARTS}


def test_a_measure_without_a_common_class_is_left_out_with_the_reason(study):
    _, laid_out, measured = study
    for measures in measured.values():
        measures["attribution"]["smoothgrad"]["share"] = [None] * 4
        measures["class_images"]["own"]["leakage"]["right"] = [None] * 4
    group = results.collect(laid_out, measured, laid_out.arms[0].group)
    assert any("SmoothGrad" in why and "a class that was measured" in why for why in group.left_out)
    assert group.leakage_against_chance == []
    assert "recognisability by shape judge, own start" in {one.measure for one in group.comparisons}


def test_the_worst_group_of_unmodified_images_is_compared_where_places_are_known(study):
    _, laid_out, measured = study
    for name, measures in measured.items():
        worst = [0.9 if name.startswith("black") else 0.4] * 4
        measures["natural_groups"] = {"worst_by_class_held_out": worst}
    group = results.collect(laid_out, measured, laid_out.arms[0].group)
    cells = group.cells["accuracy_worst_natural_group"]
    assert {name: round(cell.value, 2) for name, cell in cells.items()} == {
        "none": 0.4,
        "black": 0.9,
    }
    for measures in measured.values():
        measures["natural_groups"] = None
    untold = results.collect(laid_out, measured, laid_out.arms[0].group)
    assert "accuracy_worst_natural_group" not in untold.cells


def test_class_images_that_cannot_be_judged_leave_the_rest(study):
    _, laid_out, measured = study
    for measures in measured.values():
        measures["class_images"]["grey"] = {"left_out": "they diverged"}
    group = results.collect(laid_out, measured, laid_out.arms[0].group)
    assert "foreground_grey" not in group.cells and "foreground_own" in group.cells


def test_a_doubted_judge_recognises_nothing_in_any_name():
    believed, doubting = wording.Words({}), wording.Words({"shape judge": "it names blobs"})
    names = [kind.name for kind in doubting.kinds]
    assert "share named by the doubted shape judge, own start" in names
    assert not any("recognisability by shape judge" in name for name in names)
    assert "recognisability by foreground judge, own start" in names
    assert [kind.short for kind in doubting.kinds] == [kind.short for kind in believed.kinds]
    heading = believed.sections[0]
    assert doubting.heading(heading) == heading.heading
    both = wording.Words({"shape judge": "", "foreground judge": ""})
    assert both.heading(heading).startswith("What judges name")


def _asked(study, *questions):
    _, laid_out, measured = study
    laid_out = dataclasses.replace(laid_out, questions=questions)
    return results.collect(laid_out, measured, laid_out.arms[0].group)


def test_only_questions_named_beforehand_are_corrected_together_and_answered(study, enough_seeds):
    group = _asked(
        study,
        Question("black", "leakage_own", "lower"),
        Question("black", "foreground_own", "lower"),
    )
    found = {one.measure: one for one in group.asked}
    assert {one.questions for one in group.asked} == {2}
    assert found["background leakage, own start"].verdict_on_these == "yes"
    one = found["recognisability by foreground judge, own start"]
    assert one.verdict_on_these == "no, the other way"
    assert {one.verdict_on_like_these for one in group.asked} == {"indicative"}
    count, sentences = results.answer(group)
    assert count == (
        "1 of 2 questions named beforehand are answered yes for these classes; for classes like "
        "these it is indicative, since there are fewer than 15."
    )
    assert len(sentences) == 2 and sentences[1].startswith("Yes: black minus none")


def test_what_was_not_asked_beforehand_is_corrected_among_itself(study):
    group = _asked(study, Question("black", "leakage_own", "lower"))
    assert {one.questions for one in group.beside} == {len(group.beside)}
    assert all(one.expected is None for one in group.beside)


def test_p_values_are_corrected_over_all_groups(study):
    _, laid_out, measured = study
    (found,) = results.collect_all(laid_out, measured)
    other = dataclasses.replace(
        laid_out,
        arms=(*laid_out.arms, *(dataclasses.replace(arm, epsilon=0.5) for arm in laid_out.arms)),
    )
    both = results.collect_all(other, measured)
    for kind in ("asked", "beside", "leakage_against_chance"):
        alone = getattr(found, kind)
        for group in both:
            assert {one.questions for one in getattr(group, kind)} == {2 * len(alone)}
        smallest = min(one.p_value for one in alone)
        corrected = min(one.p_corrected for one in getattr(both[0], kind))
        assert corrected == pytest.approx(min(1.0, 2 * len(alone) * smallest))


def test_a_question_about_no_measure_is_refused_with_the_near_name():
    with pytest.raises(UserError, match="did you mean 'leakage_own'") as caught:
        results.check_questions([Question("black", "leakage", "lower")])
    assert "\n" not in str(caught.value)
