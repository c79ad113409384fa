"""What an audit advises follows from its finding, and its commands exist."""

import dataclasses
import re

import numpy as np
import pytest
import tensorflow as tf

from bg_interp.commands.next_steps import ways
from bg_interp.config.evaluation import EvaluateConfig
from bg_interp.doubts import Doubt
from bg_interp.evaluation.arrays import Arrays
from bg_interp.evaluation.finding import Finding
from bg_interp.evaluation.measuring import measure
from bg_interp.models.adapter import adapt
from bg_interp.report import advice

_NAMES = ("red", "green", "blue")


def _test_set(count=90):
    """Both the object and its background have the channel of their class."""
    generator = np.random.default_rng(0)
    labels = (np.arange(count) % 3).astype(np.int32)
    images = generator.integers(0, 40, (count, 24, 24, 3)).astype(np.uint8)
    images[np.arange(count), :, :, labels] += 150
    masks = np.zeros((count, 24, 24, 1), np.uint8)
    masks[:, 6:18, 6:18] = 255
    return Arrays(images, masks, labels)


def _border(images):
    return tf.reduce_mean(images[:, :2], axis=(1, 2))


def _middle(images):
    return tf.reduce_mean(images[:, 11:13, 11:13], axis=(1, 2))


def _nothing(images):
    return tf.reduce_mean(images, axis=(1, 2)) * 0.0


def _measured(model):
    return measure(adapt(model), _test_set(), _NAMES, backgrounds=0)


@pytest.fixture(scope="module")
def relying():
    return _measured(_border)


def _commands(found):
    return [step.command for step in advice.next_steps(found, advice.FROM_PYTHON) if step.command]


def test_what_relies_on_backgrounds_is_repaired_first(relying):
    assert relying.finding is Finding.RELIES
    assert _commands(relying)[0].startswith("bg.repair(")
    assert "Stop when" in advice.next_steps(relying, advice.FROM_PYTHON)[-1].what


def test_what_looks_at_objects_is_left_alone():
    found = _measured(_middle)
    assert found.finding is Finding.CLEAR
    assert not any("repair(" in command for command in _commands(found))


def test_what_knows_nothing_is_asked_otherwise():
    found = _measured(_nothing)
    assert found.finding is Finding.AT_CHANCE
    assert "preprocess" in _commands(found)[0]


def test_a_doubt_is_settled_before_anything_else(relying):
    doubt = Doubt("masks", "they cover the borders", "give invert_masks=True")
    doubted = dataclasses.replace(relying, doubts=(doubt,))
    first, last = advice.next_steps(doubted, advice.FROM_PYTHON)
    assert "give invert_masks=True" in first.what and "until then" in last.what


def test_backgrounds_pull_a_model_that_reads_them_towards_their_class(relying):
    found = advice.pulls(relying)
    assert {pull.background for pull in found} == set(_NAMES)
    assert all(pull.own == pull.wrong == 1.0 and pull.towards == pull.background for pull in found)
    assert sum(pull.images for pull in found) == len(relying.test.labels)


def test_the_rarest_classes_are_photographed_next(relying):
    assert advice.wanted_photographs(relying) == []
    whole = _test_set()
    fewer = Arrays(*(part[:-2] for part in (whole.images, whole.masks, whole.labels)))
    found = measure(adapt(_border), fewer, _NAMES, backgrounds=0)
    assert advice.wanted_photographs(found) == ["green (29 images)", "blue (29 images)"]


def test_the_commands_name_this_model_and_flags_that_exist(run_tool):
    config = EvaluateConfig(model="a.keras", dataset="folder:photos", masks="object", must="swap>0")
    found = dataclasses.asdict(ways(config))
    assert "--model=a.keras" in found["repair"] and "--must='reliance<0.1'" in found["gate"]
    for name, command in found.items():
        program = re.search(r"tools/(\w+)\.py|bg-interp-(\w+)", command)
        tool = program[1] or program[2]
        text = run_tool(tool, {"helpfull": "true"}, anew=True).stdout
        for flag in re.findall(r" --(\w+)", command):
            assert re.search(rf"--(\[no\])?{flag}\b", text), (name, flag)
