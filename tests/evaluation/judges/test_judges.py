"""Judges on natural images whose content is known, their data, and their cache."""

import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf

from bg_interp.evaluation.judges import data
from bg_interp.evaluation.judges.judge import Judge
from bg_interp.evaluation.judges.training import JUDGES, load_or_train_judges


def test_object_judges_know_natural_objects_and_not_their_backgrounds(judges):
    for judge in ("foreground", "shape", "development"):
        assert judges.accuracies[judge]["objects on black"] > 0.85
        assert judges.accuracies[judge]["objects on foreign backgrounds"] > 0.8
        assert judges.accuracies[judge]["backgrounds alone"] < 0.67


def test_background_judge_knows_backgrounds_and_calls_objects_none_of_them(judges):
    assert judges.accuracies["background"]["backgrounds alone"] > 0.9
    assert judges.accuracies["background"]["backgrounds behind their objects"] > 0.85
    assert judges.accuracies["background"]["objects on black: none of them"] > 0.85


def test_black_and_grey_images_are_no_background(judges):
    plain = np.stack([np.full((24, 24, 3), value, np.float32) for value in (0, 127)])
    assert (judges.trained["background"](plain).argmax(axis=1) == judges.classes).all()


@pytest.mark.parametrize("judge", ["foreground", "shape"])
def test_judges_of_objects_name_nothing_in_what_shows_none(judges, judge):
    flat = np.broadcast_to(np.linspace(0, 255, 6)[:, None, None, None], (6, 24, 24, 3))
    said = judges.trained[judge](flat.astype(np.float32))
    assert said.shape == (6, judges.classes + 1)
    assert (said.argmax(axis=1) == judges.classes).all()


def test_recoloured_images_keep_their_greys_and_lose_their_hue():
    shades = tf.constant(np.full((64, 2, 2, 3), 90.0), tf.float32)
    np.testing.assert_allclose(data.recoloured(shades, [0, 1]), shades, atol=1e-3)
    red = tf.constant(np.broadcast_to([150.0, 60.0, 60.0], (64, 2, 2, 3)), tf.float32)
    turned = data.recoloured(red, [0, 1]).numpy()[:, 0, 0]
    # The mean of the channels stays, and each of them is the strongest in some images.
    np.testing.assert_allclose(turned.mean(axis=-1), 90.0, atol=1e-3)
    assert set(turned.argmax(axis=-1)) == {0, 1, 2}


def test_more_classes_are_learned_from_more_batches():
    judge = JUDGES[0]
    assert judge.steps_for(2) == judge.steps_for(8) == judge.steps
    assert 1.5 * judge.steps < judge.steps_for(24) < 2 * judge.steps


def test_accuracies_are_described_in_words(judges):
    assert "objects, blurred" in judges.describe()


def test_blur_of_deviation_zero_changes_nothing_and_flat_images_stay_flat():
    images = tf.random.stateless_uniform([2, 8, 8, 3], [0, 0], 0, 255)
    np.testing.assert_allclose(data.blur(images, tf.zeros(2)), images, rtol=1e-6)
    flat = tf.fill([1, 8, 8, 3], 100.0)
    np.testing.assert_allclose(data.blur(flat, tf.constant([2.0])), flat, rtol=1e-5)


def test_blur_is_a_gaussian_of_the_given_deviation():
    point = np.zeros((1, 41, 41, 3), np.float32)
    point[0, 20, 20] = 1
    row = data.blur(tf.constant(point), tf.constant([2.5])).numpy()[0, 20, :, 0]
    offsets = np.arange(41) - 20
    assert np.sqrt((row * offsets**2).sum() / row.sum()) == pytest.approx(2.5, abs=0.01)


@pytest.mark.parametrize("kind", ["foreground", "background"])
def test_batches_are_keyed_by_seed_and_step(shapes_train, kind):
    backgrounds = data.tiled_backgrounds(shapes_train)
    if kind == "foreground":
        draw = data.draw_objects(shapes_train, backgrounds, 3, 8)
    else:
        draw = data.draw_backgrounds(shapes_train, backgrounds, 3, 8)
    first, second = list(data.batches_of(draw, 2, seed=4))
    again, _ = list(data.batches_of(draw, 2, seed=4))
    np.testing.assert_array_equal(first[0], again[0])
    assert (first[0].numpy() != second[0].numpy()).any()
    assert first[0].shape == (8, 24, 24, 3) and first[1].dtype == tf.int32
    assert tf.reduce_min(first[0]) >= 0 and tf.reduce_max(first[0]) <= 255


def test_degrading_leaves_the_last_three_tenths_crisp_and_no_other(shapes_train):
    images = tf.cast(shapes_train.images[:20], tf.float32)
    degraded = data.degrade(images, tf.constant([0, 1], tf.int64)).numpy()
    changed = (degraded != images.numpy()).any(axis=(1, 2, 3))
    assert changed.tolist() == [True] * 14 + [False] * 6


@pytest.mark.parametrize("kind", [data.draw_objects, data.draw_backgrounds])
def test_a_quarter_of_what_judges_learn_from_is_none_of_them(shapes_train, kind):
    draw = kind(shapes_train, data.tiled_backgrounds(shapes_train), 3, 400)
    _, labels = draw(tf.constant([0, 0], tf.int64))
    assert 0.18 < np.mean(labels.numpy() == 3) < 0.32


@dataclasses.dataclass(frozen=True)
class _CountedJudge(Judge):
    """A judge that says class 0 of everything and counts how often it was trained."""

    suffix = ".txt"

    def train(self, material, seed):
        _CountedJudge.trained.append(self.name)
        return _SaysNothing()

    def load(self, path):
        if path.read_text() != "whole":
            raise ValueError("cut off")
        return _SaysNothing()

    def details(self, scores, labels):
        return {}


class _SaysNothing:
    def __call__(self, images):
        return np.eye(3, dtype=np.float32)[[0] * len(images)]

    def save(self, path):
        path.write_text("whole")


@pytest.fixture
def counted(own_cache):
    _CountedJudge.trained = []
    return _CountedJudge("mute", "mute judge", "mute")


def test_judges_are_trained_once_and_then_read_back(
    counted, shapes_train, shapes_test, own_cache, capsys
):
    asked = (shapes_train, shapes_test, "shapes", 0)
    first = load_or_train_judges(*asked, [counted])
    capsys.readouterr()
    again = load_or_train_judges(*asked, [counted])
    assert _CountedJudge.trained == ["mute"]
    assert "held-out natural images" in capsys.readouterr().out
    assert again.accuracies == first.accuracies and again.classes == 3
    assert not list(own_cache.rglob(".partial-*"))


def test_a_judge_that_is_added_or_changed_is_trained_alone(counted, shapes_train, shapes_test):
    asked = (shapes_train, shapes_test, "shapes", 0)
    load_or_train_judges(*asked, [counted])
    added = dataclasses.replace(counted, name="new")
    found = load_or_train_judges(*asked, [counted, added])
    assert _CountedJudge.trained == ["mute", "new"]
    assert list(found.accuracies) == ["mute", "new"]
    load_or_train_judges(*asked, [dataclasses.replace(counted, steps=1)])
    assert _CountedJudge.trained == ["mute", "new", "mute"]


def test_other_data_gets_other_judges(counted, shapes_train, shapes_test, own_cache):
    for fingerprint in ("one", "two"):
        load_or_train_judges(shapes_train, shapes_test, fingerprint, 0, [counted])
    assert len(_CountedJudge.trained) == len(list((own_cache / "judges").iterdir())) == 2


def test_every_judge_survives_its_file(judges, shapes_test, tmp_path):
    images = shapes_test.images[:5]
    for judge in judges.kinds:
        trained, path = judges.trained[judge.name], tmp_path / f"{judge.name}{judge.suffix}"
        trained.save(path)
        np.testing.assert_allclose(judge.load(path)(images), trained(images), atol=1e-4)


def test_judges_have_names_and_keys_of_their_own():
    assert len({judge.name for judge in JUDGES}) == len({judge.measure for judge in JUDGES}) == 4
    assert sum(judge.is_encoder for judge in JUDGES) == 1
    for judge in JUDGES:
        assert json.loads(json.dumps(judge.key())) == judge.key()


def test_judges_learn_under_one_line_of_progress(training):
    # Keras's own bar would stand on standard output.
    assert training.out == "" and "foreground judge: learning" in training.err
