"""Judges on pretrained features, and which judges may call an image recognisable."""

import numpy as np
import pytest

from bg_interp.evaluation.arrays import Arrays
from bg_interp.evaluation.judges import pretrained
from bg_interp.evaluation.judges.judge import Material
from bg_interp.evaluation.judges.training import JUDGES
from bg_interp.evaluation.judges.trust import distrust


def judge_of(
    question: str, fingerprint: str = "x", weights: str = "none", backbone: str = "MobileNetV2"
):
    kinds = pretrained.pretrained_judges(JUDGES, backbone, weights, fingerprint)
    return next(judge for judge in kinds if judge.name == question)


@pytest.fixture(scope="module")
def material():
    rng = np.random.default_rng(0)
    labels = np.arange(16, dtype=np.int32) % 2
    masks = np.zeros((16, 32, 32, 1), np.uint8)
    masks[:, 8:24, 8:24] = 255
    images = rng.integers(0, 60, (16, 32, 32, 3)).astype(np.uint8)
    images[labels == 1, 8:24:4] = 255
    images[labels == 0, 8:24, 8:24:4] = 255
    return Material.of(Arrays(images, masks, labels), 2)


def test_judges_of_the_same_question_are_replaced_and_the_others_stay():
    kinds = pretrained.pretrained_judges(JUDGES, "MobileNetV2", "none", "x")
    assert [judge.name for judge in kinds] == [judge.name for judge in JUDGES]
    assert [judge.measure for judge in kinds] == [judge.measure for judge in JUDGES]
    changed = [one.name for one, other in zip(kinds, JUDGES, strict=True) if one != other]
    assert changed == ["foreground", "background"]


def test_the_cache_knows_weights_by_what_they_hold_and_not_by_where_they_lie():
    here, there = judge_of("foreground"), judge_of("foreground", weights="/elsewhere.h5")
    assert here.key() == there.key()
    assert here.key() != judge_of("foreground", fingerprint="y").key()


def test_features_come_from_two_depths():
    encoder = pretrained.feature_network("MobileNetV2", "none", 64)
    assert encoder.output_shape == (None, 576 + 1280)


def test_objects_are_shown_in_ten_ways(material):
    images, labels = pretrained.objects_in_ten_ways(material, 0)
    assert images.shape == (160, 32, 32, 3) and labels.shape == (160,)
    assert images.min() >= 0 and images.max() <= 255
    grey = images[80:]
    np.testing.assert_allclose(grey[..., 0], grey[..., 2], atol=1e-3)
    # The first set is on black.
    assert images[:16, :8].max() == 0


@pytest.mark.slow
def test_a_judge_learns_is_saved_and_loaded(material, tmp_path, monkeypatch):
    batches_of = pretrained.data.batches_of
    # A tenth of the backgrounds: what is learnt of them is not asked here.
    few = lambda draw, steps, seed: batches_of(draw, steps // 10, seed)  # noqa: E731
    monkeypatch.setattr(pretrained.data, "batches_of", few)
    images = material.arrays.images.astype(np.float32)
    for question, backbone, classes in (
        ("foreground", "MobileNetV2", 2),
        ("background", "MobileNet", 3),
    ):
        judge = judge_of(question, backbone=backbone)
        trained = judge.train(material, seed=0)
        scores = trained(images)
        assert scores.shape == (16, classes)
        if classes == 2:
            assert (scores.argmax(axis=1) == material.arrays.labels).mean() > 0.8
        trained.save(tmp_path / "judge.keras")
        np.testing.assert_array_equal(judge.load(tmp_path / "judge.keras")(images), scores)


@pytest.mark.parametrize(
    ("objects", "blobs", "reason"),
    [
        (0.95, 0.2, None),
        (0.79, 0.2, "it names 0.79 of the objects"),
        (0.95, 0.3, "it names 0.30 of the blobs"),
    ],
)
def test_a_judge_that_knows_no_objects_is_not_believed(objects, blobs, reason):
    found = distrust({"objects on black": objects, "objects as blobs": blobs}, classes=7)
    assert (found is None) if reason is None else found.startswith(reason)
