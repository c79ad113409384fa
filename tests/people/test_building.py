"""The public part of an experiment tells nothing; the same study gives the same bytes."""

import io
import json
import re

import numpy as np
import pytest
from made_up import CLASSES, TREATMENTS, made_experiment, natural_arrays, write_study
from PIL import Image

from bg_interp.people.experiment import design
from bg_interp.people.experiment.natural import NaturalPictures


def contents(folder):
    return {
        path.relative_to(folder.path).as_posix(): path.read_bytes()
        for path in sorted(folder.path.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }


def test_the_same_study_gives_the_same_bytes(session_experiment, tmp_path):
    again = made_experiment(write_study(tmp_path / "elsewhere"))
    assert contents(again) == contents(session_experiment)


@pytest.mark.parametrize("changed", [{"seed": 1}, {"start": "grey"}], ids=str)
def test_another_seed_or_start_gives_another_experiment(session_experiment, tmp_path, changed):
    other = made_experiment(write_study(tmp_path / "study"), **changed)
    names = [{path.name for path in one.images.iterdir()} for one in (other, session_experiment)]
    assert not names[0] & names[1]


def test_no_public_file_tells_what_is_right(session_experiment, public, key):
    trials = [trial for one in public["lists"] for trial in one]
    assert all(set(trial) <= {"id", "kind", "image", "pair"} for trial in trials)
    for one in public["lists"]:
        assert [trial["id"] for trial in one] == sorted(trial["id"] for trial in one)
    told = json.dumps({**public, "consent": "", "title": ""})
    for word in (*TREATMENTS, "treatment", "seed", "catch", "natural", "conflict-", "untrained"):
        assert word not in told
    # Half of the right pictures stand first.
    sides = [entry["right"] for entry in key["trials"].values() if entry["kind"] != "naming"]
    assert 0.3 < np.mean(sides) < 0.7
    # Practice is about pictures that no other trial shows.
    practised = {trial["image"] for trial in public["practice"]}
    assert not practised & {name for trial in trials for name in (trial["image"],)}


def test_names_and_forms_of_pictures_tell_nothing(session_experiment, public):
    sizes = set()
    for path in session_experiment.images.iterdir():
        assert re.fullmatch("[0-9a-f]{16}.png", path.name)
        with Image.open(io.BytesIO(path.read_bytes())) as picture:
            sizes.add((picture.size, picture.mode))
            assert not picture.info
    assert sizes == {((256, 256), "RGB")}


def test_every_answer_has_its_place_in_the_key(public, key):
    ids = {trial["id"] for one in public["lists"] for trial in one}
    assert ids == set(key["trials"])
    for entry in key["trials"].values():
        named = entry["kind"] == "naming"
        assert not named or public["classes"][entry["right"]] == entry["class"]
        assert named or entry["right"] in (0, 1)


def test_class_names_are_taken_as_they_are(public):
    assert public["classes"] == CLASSES


def test_objects_stand_on_grey_and_on_the_place_of_another_class():
    arrays = natural_arrays(2)
    arrays.images[:][np.broadcast_to(arrays.masks == 0, arrays.images.shape)] = 0
    arrays.images[arrays.labels == 1] += 10
    pictures = NaturalPictures(arrays, ("a", "b"), (0, 1), 8, seed=0)
    on_grey, on_place = pictures.on_grey(0, 3), pictures.on_place(0, 1, 3)
    assert (on_grey[-1, -1] == 127).all() and (on_place[-1, -1] == 10).all()
    np.testing.assert_array_equal(on_grey[6, 8], on_place[6, 8])


def test_conflict_pits_the_object_against_the_place(session_experiment, public, key):
    conflicts = [trial for one in public["lists"] for trial in one if trial["kind"] == "conflict"]
    by_classes = {}
    for trial in conflicts:
        entry = key["trials"][trial["id"]]
        pair = trial["pair"][:: -1 if entry["right"] else 1]
        by_classes.setdefault((entry["class"], entry["other"]), set()).add(tuple(pair))
    for (own, other), pairs in by_classes.items():
        assert len(pairs) == 1
        if (other, own) in by_classes:
            assert {pair[::-1] for pair in pairs} == by_classes[other, own]


def test_marks_are_named_only(key):
    shown = {(entry["kind"], entry["shown"]) for entry in key["trials"].values()}
    assert {kind for kind, what in shown if what != design.CLASS_IMAGE} == {"naming"}
