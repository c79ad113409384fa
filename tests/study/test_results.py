"""From measures to tables, comparisons and sentences."""

import csv
import io

import pytest

from bg_interp.study import measuring, results


@pytest.fixture
def group(study):
    _, laid_out, measured = study
    return results.collect(laid_out, measured, laid_out.arms[0].group)


def test_cells_are_means_over_seeds_and_classes(group):
    assert group.cells["foreground_own"]["black"].mean == 1.0
    assert group.cells["leakage_own"]["black"].mean == 0.0
    assert group.cells["accuracy_original"]["none"].mean == pytest.approx(0.65)


def test_a_missing_arm_is_left_out_of_its_treatment_alone(group):
    assert group.cells["foreground_own"]["none"].seeds == 5
    assert group.cells["foreground_own"]["black"].seeds == 4


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
    assert by_name["black"].difference == pytest.approx(-0.25)


def test_the_answer_has_a_sentence_for_each_question_from_the_own_start(group):
    count, sentences = results.answer(group)
    assert "differences against none stand after correction" in count
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


def test_every_start_of_the_class_images_is_reported():
    reported = {kind.path[1] for kind in results.KINDS if kind.path[0] == "class_images"}
    assert reported == set(measuring.STARTS)
