"""Judges on natural images whose content is known, their data, and their cache."""

import numpy as np
import pytest
import tensorflow as tf

from bg_interp.evaluation import judge_data
from bg_interp.evaluation import judges as judges_module
from bg_interp.evaluation.judges import load_or_train_judges
from bg_interp.evaluation.shape_judge import load_shape_judge


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
    assert (judges.scores["background"](plain).argmax(axis=1) == judges.classes).all()


def test_accuracies_are_described_in_words(judges):
    assert "objects, blurred" in judges.describe()


def test_blur_of_deviation_zero_changes_nothing_and_flat_images_stay_flat():
    images = tf.random.stateless_uniform([2, 8, 8, 3], [0, 0], 0, 255)
    np.testing.assert_allclose(judge_data.blur(images, tf.zeros(2)), images, rtol=1e-6)
    flat = tf.fill([1, 8, 8, 3], 100.0)
    np.testing.assert_allclose(judge_data.blur(flat, tf.constant([2.0])), flat, rtol=1e-5)


def test_blur_is_a_gaussian_of_the_given_deviation():
    point = np.zeros((1, 41, 41, 3), np.float32)
    point[0, 20, 20] = 1
    row = judge_data.blur(tf.constant(point), tf.constant([2.5])).numpy()[0, 20, :, 0]
    offsets = np.arange(41) - 20
    assert np.sqrt((row * offsets**2).sum() / row.sum()) == pytest.approx(2.5, abs=0.01)


@pytest.mark.parametrize("kind", ["foreground", "background"])
def test_batches_are_keyed_by_seed_and_step(shapes_train, kind):
    backgrounds = judge_data.tiled_backgrounds(shapes_train)
    if kind == "foreground":
        draw = judge_data.foreground_draw(shapes_train, backgrounds, 8)
    else:
        draw = judge_data.background_draw(shapes_train, backgrounds, 3, 8)
    first, second = list(judge_data.batches_of(draw, 2, seed=4))
    again, _ = list(judge_data.batches_of(draw, 2, seed=4))
    np.testing.assert_array_equal(first[0], again[0])
    assert (first[0].numpy() != second[0].numpy()).any()
    assert first[0].shape == (8, 24, 24, 3) and first[1].dtype == tf.int32
    assert tf.reduce_min(first[0]) >= 0 and tf.reduce_max(first[0]) <= 255


def test_degrading_leaves_the_last_three_tenths_crisp_and_no_other(shapes_train):
    images = tf.cast(shapes_train.images[:20], tf.float32)
    degraded = judge_data.degrade(images, tf.constant([0, 1], tf.int64)).numpy()
    changed = (degraded != images.numpy()).any(axis=(1, 2, 3))
    assert changed.tolist() == [True] * 14 + [False] * 6


def test_a_quarter_of_the_backgrounds_is_none_of_them(shapes_train):
    backgrounds = judge_data.tiled_backgrounds(shapes_train)
    draw = judge_data.background_draw(shapes_train, backgrounds, 3, 400)
    _, labels = draw(tf.constant([0, 0], tf.int64))
    assert 0.18 < np.mean(labels.numpy() == 3) < 0.32


def test_judges_are_trained_once_and_then_read_back(
    judges, shapes_train, shapes_test, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("BG_INTERP_CACHE", str(tmp_path))
    monkeypatch.setattr(judges_module, "train_judges", lambda *_: judges)
    trained = load_or_train_judges(shapes_train, shapes_test, "shapes")
    monkeypatch.setattr(judges_module, "train_judges", None)  # A second training would fail.
    capsys.readouterr()
    loaded = load_or_train_judges(shapes_train, shapes_test, "shapes")
    assert "held-out natural images" in capsys.readouterr().out
    assert loaded.accuracies == trained.accuracies
    images = shapes_test.images[:5]
    for name in trained.scores:
        expected = trained.scores[name](images)
        np.testing.assert_allclose(loaded.scores[name](images), expected, atol=1e-4)
    assert not list(tmp_path.rglob(".partial-*"))


def test_other_data_gets_other_judges(shapes_train, shapes_test, tmp_path, monkeypatch):
    monkeypatch.setenv("BG_INTERP_CACHE", str(tmp_path))
    asked = []

    def train(*_):
        asked.append(1)
        raise RuntimeError

    monkeypatch.setattr(judges_module, "train_judges", train)
    for fingerprint in ("one", "two"):
        with pytest.raises(RuntimeError):
            load_or_train_judges(shapes_train, shapes_test, fingerprint)
    folders = list((tmp_path / "judges").iterdir())
    assert len(asked) == len(folders) == 2


def test_the_shape_judge_survives_its_file(judges, shapes_test, tmp_path):
    judges.shape.save(tmp_path / "shape.npz")
    images = shapes_test.images[:4]
    np.testing.assert_array_equal(
        load_shape_judge(tmp_path / "shape.npz")(images), judges.shape(images)
    )
