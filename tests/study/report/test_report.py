"""The report page, read as text and opened in a browser."""

import dataclasses
import json
import pathlib
import re
import shutil
from html.parser import HTMLParser

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from bg_interp.storage import files
from bg_interp.storage.workdir import Workdir
from bg_interp.study import run as studies


@pytest.fixture
def written(study):
    config, laid_out, measured = study
    studies.write(laid_out, config, measured, {laid_out.arms[-1].name: "<i>disk full</i>"})
    return laid_out.workdir


class _Addresses(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attributes):
        self.found += [value for name, value in attributes if name in ("src", "href") and value]


def test_the_page_needs_nothing_but_itself(written):
    parser = _Addresses()
    parser.feed((written / "report.html").read_text())
    assert parser.found
    assert all(address.startswith(("data:", "#")) for address in parser.found)


def test_class_names_and_errors_are_escaped(written):
    page = (written / "report.html").read_text()
    assert "<b>fish" not in page and "&lt;b&gt;fish" in page
    assert "<i>disk" not in page and "&lt;i&gt;disk full" in page


def test_the_report_is_written_though_measures_failed(study):
    config, laid_out, measured = study
    for measures in measured.values():
        measures["attribution"]["smoothgrad"]["share"] = [None] * 4
        measures["class_images"]["grey"] = {"left_out": "they diverged"}
    studies.write(laid_out, config, measured, {})
    page = (laid_out.workdir / "report.html").read_text()
    assert "Left out of the comparisons" in page and "share of SmoothGrad in the mask" in page


def test_a_judge_that_knows_no_objects_calls_nothing_recognisable(study, capsys):
    config, laid_out, measured = study
    for measures in measured.values():
        measures["judges"] = {
            "foreground": {"objects on black": 0.9, "objects as blobs": 0.9, "silhouettes": 0.5},
            "shape": {"objects on black": 0.9, "objects as blobs": 0.1, "silhouettes": 0.5},
        }
    studies.write(laid_out, config, measured, {})
    page = (laid_out.workdir / "report.html").read_text()
    tables = (laid_out.workdir / "results.md").read_text()
    for told in (page, tables, capsys.readouterr().out):
        assert "recognisability by foreground judge" not in told
        assert "share named by the doubted foreground judge" in told
        assert "recognisability by shape judge" in told
    assert "it names 0.90 of the blobs" in page
    for table in re.findall(r"(?:^\|.*\n)+", tables, re.MULTILINE):
        assert len({len(line) for line in table.splitlines()}) == 1


def test_gaps_of_hundredths_do_not_fill_their_plot(study):
    config, laid_out, measured = study
    for measures in measured.values():
        measures["background"]["bg_gap"]["by_class"] = [0.01, -0.01, 0.02, 0.0]
    studies.write(laid_out, config, measured, {})
    (plot,) = re.findall(
        r"<svg(?:(?!</svg>).)*>BG-Gap<.*?</svg>",
        (laid_out.workdir / "report.html").read_text(),
        re.DOTALL,
    )
    assert ">0.100<" in plot and ">\N{MINUS SIGN}0.100<" in plot


def test_an_arm_that_learned_nothing_is_listed_apart(study):
    config, laid_out, measured = study
    arm = laid_out.arms[-1]
    without = {name: found for name, found in measured.items() if name != arm.name}
    result = {"accuracies": {}, "seconds": 1.0, "collapsed": "it ended at chance"}
    files.write_sealed(Workdir(pathlib.Path(arm.config.workdir)).result, result)
    studies.write(laid_out, config, without, {arm.name: "no evidence"})
    page = (laid_out.workdir / "report.html").read_text()
    assert "arms learned nothing" in page and "at chance" in page
    assert "arms are missing" not in page


def test_many_classes_are_wrapped_in_the_page(study):
    config, laid_out, measured = study
    for arm in laid_out.arms[:-1]:
        measures = measured[arm.name]
        measures["classes"] = [f"class {number}" for number in range(37)]
        _repeat(measures, 37)
        folder = laid_out.workdir / "arms" / arm.name
        with np.load(folder / "class_images.npz") as file:
            images = {name: np.resize(file[name], (37, 8, 8, 3)) for name in file.files}
        np.savez(folder / "class_images.npz", **images)
    studies.write(laid_out, config, measured, {})
    panel = (laid_out.workdir / "report.html").read_text().split('class="scroll panel"')[1]
    assert panel.count("<thead>") == 4
    assert max(part.count("<img") for part in panel.split("<tr>")) <= 12


def _repeat(values, count):
    """Makes every list of four values within nested dictionaries one of `count`."""
    for name, value in values.items():
        if isinstance(value, dict):
            _repeat(value, count)
        elif isinstance(value, list) and len(value) == 4:
            values[name] = [value[place % 4] for place in range(count)]


def test_missing_arms_are_named_and_the_rest_is_reported(written):
    page = (written / "report.html").read_text()
    assert "1 of 10 arms are missing" in page
    assert "black-correlation0.95-seed4" in page
    assert json.loads((written / "results.json").read_text())["missing"]


def test_no_path_of_this_machine_stands_in_the_page(written, tmp_path):
    assert str(tmp_path) not in (written / "report.html").read_text()


def test_the_command_is_short_and_names_files_by_their_own_names(study):
    config, laid_out, measured = study
    asked = dataclasses.replace(config, questions="/home/me/questions.md")
    studies.write(laid_out, asked, measured, {})
    command = re.search("<pre>(.*?)</pre>", (laid_out.workdir / "report.html").read_text())[1]
    assert "--seeds=5" in command and "--questions=questions.md" in command
    assert "/home" not in command and "cluster" not in command


def test_figure_and_tables_stand_beside_the_page(written):
    assert (written / "figure.png").stat().st_size > 1000
    assert (written / "results.csv").read_text().count("\n") == 1 + 9 * 4
    assert "| black minus none" in (written / "results.md").read_text()


def test_tensorboard_has_each_arm_with_its_measures(written):
    events = EventAccumulator(
        str(written / "events" / "none-correlation0.95-seed0"), size_guidance={"tensors": 0}
    )
    events.Reload()
    assert "measures/foreground_own" in events.Tags()["tensors"]


def test_the_page_is_written_again_without_traces_of_the_first(study, written):
    config, laid_out, measured = study
    first = (written / "report.html").read_text()
    studies.write(laid_out, config, measured, {laid_out.arms[-1].name: "<i>disk full</i>"})
    assert re.sub(r"\d+", "", (written / "report.html").read_text()) == re.sub(r"\d+", "", first)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium on the PATH")
def test_a_browser_shows_every_image_and_logs_no_error(written, browser_sees):
    # Chooses another start, enlarges an image, and writes what it saw into the title.
    script = """
      const start = document.querySelector('[data-choice=start]'); start.value = 'grey';
      start.dispatchEvent(new Event('change', {bubbles: true}));
      const shown = [...document.querySelectorAll('.panel')].filter(panel => !panel.hidden);
      shown[0].querySelector('button').click();
      addEventListener('load', () => { document.title = JSON.stringify({
        broken: [...document.images].filter(image => image.src && !image.naturalWidth).length,
        images: document.images.length, panels: shown.length, start: shown[0].dataset.start,
        enlarged: document.querySelector('dialog').open,
        wide: document.documentElement.scrollWidth > innerWidth}); });"""
    seen = browser_sees((written / "report.html").read_text(), script)
    assert seen["broken"] == 0 and seen["images"] > 4 * 3
    assert (seen["panels"], seen["start"], seen["enlarged"]) == (1, "grey", True)
    assert not seen["wide"], "the page scrolls sideways on a phone"
