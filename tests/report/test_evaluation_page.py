"""The page of an evaluation: what stands on it, escaped, and shown by a browser."""

import csv
import dataclasses
import io
import json
import shutil

import numpy as np
import pytest

from bg_interp.doubts import Doubt
from bg_interp.evaluation.arrays import Arrays
from bg_interp.evaluation.measures import BY_NAME, VARIANTS
from bg_interp.evaluation.worst import NO_MAPS
from bg_interp.report import evaluation as page
from bg_interp.report.page import without_places


def test_everything_that_may_be_asked_for_is_measured(found):
    assert set(found.measures) == set(BY_NAME) - {"leak", "worst_natural_group"}


def test_the_worst_images_are_right_as_they_are_and_wrong_elsewhere(found):
    worst = found.worst_rows(10)
    assert len(worst) == 10
    assert found.right("original")[worst].all() and not found.right("swap")[worst].any()


def test_the_answer_says_what_was_found(found):
    assert "It relies on backgrounds: reliance is 1.00" in found.answer()
    assert "bg_gap" in str(found) and "<table>" in found._repr_html_()


def test_with_a_doubt_there_is_no_verdict_and_the_page_leads_with_it(found, tmp_path):
    doubt = Doubt("masks", "they cover the borders", "give invert_masks")
    doubted = dataclasses.replace(found, doubts=(doubt,))
    assert doubted.answer() == "No verdict: they cover the borders; give invert_masks."
    assert str(doubted).startswith("In doubt, masks: they cover the borders")
    doubted.save(tmp_path / "results.json")
    assert json.loads((tmp_path / "results.json").read_text())["doubts"] == [doubt.to_dict()]
    page.writer("", [])(tmp_path / "report.html", doubted)
    text = (tmp_path / "report.html").read_text()
    assert text.index("No verdict: they cover the borders") < text.index("<section>")
    assert "relies on backgrounds" not in text


def test_doubts_are_sentences_and_their_commands_are_shown_as_such(found, tmp_path):
    doubts = (
        Doubt("labels", "two orders fit", "give `class_names`"),
        Doubt("masks", "they are <full>", "look with `x --check` | y"),
    )
    doubted = dataclasses.replace(found, doubts=doubts)
    assert doubted.answer().endswith("class_names`. They are <full>; look with `x --check` | y.")
    shown = "They are &lt;full&gt;; look with <code>x --check</code> | y."
    assert shown in doubted._repr_html_()
    write = page.writer("", [])
    write(tmp_path / "report.html", doubted)
    assert shown in (tmp_path / "report.html").read_text()
    assert "`" not in (tmp_path / "report.html").read_text().split("<script>")[0]
    write(tmp_path / "card.md", doubted)
    assert "They are \\<full\\>; look with `x --check` \\| y." in (tmp_path / "card.md").read_text()


def test_each_image_has_a_row_with_what_the_model_says(written):
    rows = list(csv.DictReader(io.StringIO((written / "images.csv").read_text())))
    assert len(rows) == 58 and set(rows[0]) == {"image", "class", "change", *VARIANTS}
    assert rows[0]["original"] == rows[0]["class"] == "<b>red</b>"


def test_results_are_plain(written, found):
    results = json.loads((written / "results.json").read_text())
    worst = results["groups"]["worst"]
    assert worst["accuracy"]["value"] == found.measures["worst_group"].value
    assert results["finding"] == "relies on backgrounds"
    assert results["measures"]["adversarial"]["value"] == 0


def test_names_are_escaped(written):
    text = (written / "report.html").read_text()
    assert "<b>red" not in text and "&lt;b&gt;red" in text
    assert "<i>1</i>" not in text


def test_the_page_of_photographs_is_small(found, tmp_path):
    # However many are measured, as many are shown; these have details of every size, as
    # photographs have, at the side that most networks take.
    draws, count = np.random.default_rng(0), len(found.test.labels)
    images = sum(
        np.repeat(np.repeat(draws.normal(0, 24, (count, s, s, 3)), 224 // s, 1), 224 // s, 2)
        for s in (7, 14, 28, 56, 112, 224)
    )
    masks = np.zeros((count, 224, 224, 1), np.uint8)
    masks[:, 60:160, 60:160] = 255
    test = Arrays(np.clip(images + 128, 0, 255).astype(np.uint8), masks, found.test.labels)
    large = dataclasses.replace(found, test=test, maps=NO_MAPS)
    page.writer("", [])(tmp_path / "report.html", large)
    # A fifth is left for maps and class images.
    assert (tmp_path / "report.html").stat().st_size < 2.4e6


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium on the PATH")
def test_a_browser_shows_it_on_a_phone_without_an_error(written, browser_sees):
    script = """
      document.querySelector('.thumbnails button').click();
      addEventListener('load', () => { document.title = JSON.stringify({
        broken: [...document.images].filter(image => image.src && !image.naturalWidth).length,
        images: document.images.length, open: document.querySelector('dialog').open,
        variants: document.querySelectorAll('dialog .strip img').length,
        wide: document.documentElement.scrollWidth > innerWidth}); });"""
    seen = browser_sees((written / "report.html").read_text(), script)
    assert seen["broken"] == 0 and seen["open"] and seen["variants"] == len(VARIANTS) + 2
    assert not seen["wide"], "the page scrolls sideways on a phone"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium on the PATH")
def test_a_browser_filters_images_and_sorts_tables(written, browser_sees):
    script = """
      const figures = [...document.querySelectorAll('#worst > figure')];
      const cell = document.querySelector('.cells button.shown');
      cell.click();
      const shown = figures.filter(one => !one.hidden);
      const fits = shown.every(one => one.dataset.class === cell.dataset.class
        && one.dataset.background === cell.dataset.background);
      const all = document.querySelectorAll('[data-filter]');
      all.forEach(one => { one.value = ''; one.dispatchEvent(new Event('change')); });
      const table = [...document.querySelectorAll('.sortable')].pop();
      const head = table.tHead.rows[0].cells[0];
      const column = () => [...table.tBodies[0].rows].map(row => row.cells[0].textContent);
      head.click(); const up = column(); head.click(); const down = column();
      addEventListener('load', () => { document.title = JSON.stringify({
        few: shown.length, all: figures.filter(one => !one.hidden).length, fits,
        sorted: String(up) === String(down.reverse()) && up.length > 2,
        steps: document.querySelectorAll('.next li').length}); });"""
    seen = browser_sees((written / "report.html").read_text(), script)
    assert 0 < seen["few"] < seen["all"] and seen["fits"]
    assert seen["sorted"] and seen["steps"] > 2


def test_the_card_is_markdown_whatever_classes_are_called(written, found):
    text = (written / "model_card.md").read_text()
    assert text.startswith("## Reliance on backgrounds")
    assert "| reliance | 1.00 |" in text and "`python tools/evaluate.py" in text
    assert "<b>" not in text
    assert "dataset: folder:photos" in text and "default" not in text


@pytest.mark.parametrize("given", ["folder:photos", "folder:photos/", "folder:/home/me/photos"])
def test_a_folder_is_shown_by_its_own_name_alone(given):
    assert without_places("dataset", given) == "folder:photos"
    assert without_places("dataset", "table:/home/somebody/labels.csv") == "table:labels.csv"
