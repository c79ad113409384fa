"""What people said stands among a study's measures and in its report, simulated or not."""

import json
import re

import pytest

from bg_interp.errors import UserError
from bg_interp.storage import files
from bg_interp.study import people, results
from bg_interp.study import run as studies

MEASURE = {
    "chance": 0.25,
    "values": {
        name: {str(seed): [share, share, None, share] for seed in range(4)}
        for name, share in (("none", 0.25), ("black", 0.75))
    },
    "answers": {"none": 48, "black": 48},
    "shared_variance": {"none": 0.0, "black": 0.04},
    "shared_variance_of_difference": {"black": 0.0},
}
FOUND = {
    "of_study": True,
    "simulated": True,
    "participants": 14,
    "counted": 12,
    "left_out": {"named fewer than 75% of <b>the</b> natural objects": 2},
    "complete": True,
    "lists_in_rotation": 2,
    "group": {"correlation": 0.95, "adversarial_epsilon": 6.0},
    "marks": {"natural": {"share": 0.97, "answers": 48}},
    "measures": {"human_naming": MEASURE},
    "agreement": {
        "human_naming": {
            "foreground_judge": {"value": 0.5, "interval": [0.2, 0.7], "pictures": 24}
        },
        "human_objects": {},
        "human_conflict": {},
    },
}


@pytest.fixture
def asked(study):
    """A study about whose class images people were asked."""
    _, laid_out, _ = study
    files.write_sealed(laid_out.workdir / "people" / "results.json", FOUND)
    return study


def test_answers_are_compared_like_the_judges_verdicts(asked):
    _, laid_out, measured = asked
    said = people.read(laid_out.workdir)
    (group,) = {arm.group for arm in laid_out.arms}
    found = results.collect(laid_out, said.beside(laid_out, measured), group, said)
    (one,) = [one for one in found.comparisons if one.measure == "simulated people name it"]
    assert (one.difference, one.seeds, one.classes) == (0.5, (0, 1, 2, 3), 3)
    assert one.questions > 1 and one.these.stands and one.indicative
    cells = found.cells["simulated_human_naming"]
    assert cells["none"].low < 0.25 < cells["none"].high < 0.6
    # How far people differ widens the interval of the mean, which stays that of a share.
    assert cells["black"].low <= 0.75 - 0.392
    assert cells["black"].high == 1.0


def test_the_report_says_who_counts_and_calls_simulated_people_so(asked):
    config, laid_out, measured = asked
    studies.write(laid_out, config, measured, {})
    page = (laid_out.workdir / "report.html").read_text()
    assert "Simulated participants, not people" in page
    assert "12 of 14 simulated participants count" in page
    assert "2 named fewer than 75% of &lt;b&gt;the&lt;/b&gt; natural objects" in page
    assert "What simulated people see in class images" in page and "+0.50" in page
    answers = (laid_out.workdir / "results.md").read_text()
    assert "simulated people name it" in answers and "simulated people name it" in page
    assert not re.search("(?<!simulated )people name it", answers + page)
    assert "simulated_human_naming" in (laid_out.workdir / "results.csv").read_text().split("\n")[0]
    found = (laid_out.workdir / "results.json").read_text()
    assert not re.search("(?<!simulated )people name it|(?<!simulated_)human_naming", found)
    events = b"".join(path.read_bytes() for path in laid_out.workdir.glob("events/**/*tfevents*"))
    assert b"measures/simulated_human_naming" in events and b"measures/human_naming" not in events
    assert "classes and simulated people" in page


def test_answers_about_other_arms_are_left_alone(asked):
    _, laid_out, measured = asked
    elsewhere = {**FOUND, "group": {"correlation": 0.5, "adversarial_epsilon": 6.0}}
    said = people.PeopleResults(elsewhere)
    assert not any(one["people"] for one in said.beside(laid_out, measured).values())
    assert people.read(laid_out.workdir / "nowhere") is people.EMPTY


def test_the_report_is_written_again_from_the_folder_alone(asked, monkeypatch):
    config, laid_out, measured = asked
    studies.write(laid_out, config, measured, {})
    first = json.loads((laid_out.workdir / "results.json").read_text())
    monkeypatch.setattr(studies, "read_all", lambda plan: measured)
    (laid_out.workdir / "report.html").unlink()
    studies.write_again(laid_out.workdir)
    assert "simulated people name it" in (laid_out.workdir / "report.html").read_text()
    again = json.loads((laid_out.workdir / "results.json").read_text())
    assert {**again, "study": None} == {**first, "study": None}
    with pytest.raises(UserError, match="holds no report"):
        studies.write_again(laid_out.workdir / "arms")
