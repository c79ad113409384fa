"""A classifier that goes by its border alone, mended to go by the object."""

import keras
import numpy as np
import pytest

from bg_interp.errors import UserError
from bg_interp.evaluation.arrays import Arrays, compiled, predict
from bg_interp.evaluation.reliance.variants import Variants
from bg_interp.repairing import sample
from bg_interp.repairing.cache import ResumeCache
from bg_interp.repairing.fitting import SHARES, STRENGTHS, Fit, Trial, check_classes, choose, fit
from bg_interp.repairing.head import find_head


def _drawn(count: int, seed: int) -> Arrays:
    """Objects of their class's brightness before backgrounds of their class's colour."""
    generator = np.random.default_rng(seed)
    labels = (np.arange(count) % 3).astype(np.int32)
    images = generator.integers(0, 50, (count, 24, 24, 3)).astype(np.uint8)
    images[np.arange(count), :, :, labels] += 150
    images[:, 8:16, 8:16] = (60 + 70 * labels)[:, None, None, None]
    masks = np.zeros((count, 24, 24, 1), np.uint8)
    masks[:, 8:16, 8:16] = 255
    return Arrays(images, masks, labels)


@pytest.fixture
def by_border() -> keras.Model:
    """Nine patches of an image to three scores, by the colour of the first patch alone."""
    image = keras.Input((24, 24, 3))
    pooled = keras.layers.AveragePooling2D(8)(keras.layers.Rescaling(1 / 255)(image))
    dense = keras.layers.Dense(3, name="scores")
    model = keras.Model(image, dense(keras.layers.Flatten()(pooled)))
    kernel = np.zeros((27, 3), np.float32)
    kernel[:3] = 5 * np.eye(3)
    dense.set_weights([kernel, np.zeros(3, np.float32)])
    return model


def _fitted(network: keras.Model, train: Arrays, seed: int = 0, folder=None) -> Fit:
    cache = ResumeCache(folder)
    features = sample.make_sample(
        find_head(network).features(),
        train,
        copies=2,
        seed=seed,
        cache=cache,
    )
    kernel, bias = find_head(network).weights()
    return fit(features, features.features @ kernel + bias, 0.02, cache)


def _mended(network: keras.Model, found: Fit) -> keras.Model:
    kernel, bias = find_head(network).weights()
    return find_head(network).replaced(kernel + found.kernel, bias + found.bias)


def _accuracy(model, arrays: Arrays, variant: str) -> float:
    said = predict(compiled(model), Variants(arrays).make(variant)).argmax(axis=1)
    return float((said == arrays.labels).mean())


def test_a_classifier_by_its_background_learns_to_go_by_the_object(by_border):
    train, test = _drawn(240, 0), _drawn(90, 1)
    found = _fitted(by_border, train)
    mended = _mended(by_border, found)
    assert _accuracy(by_border, test, "swap") == 0
    assert _accuracy(mended, test, "swap") > 0.9
    assert _accuracy(mended, test, "original") > 0.95
    assert {(one.strength, one.share) for one in found.trials} == {
        (strength, share) for strength in STRENGTHS for share in SHARES
    }
    assert found.chosen.swapped > 0.9 and found.reference.swapped == 0
    assert "(0.000 before)" in str(found)


def test_the_same_seed_gives_the_same_bytes_and_the_network_is_left_alone(by_border):
    before = [weights.copy() for weights in by_border.get_weights()]
    fits = [_fitted(by_border, _drawn(60, 0), seed=3) for _ in range(2)]
    assert fits[0].kernel.tobytes() == fits[1].kernel.tobytes()
    _mended(by_border, fits[0])
    for weights, known in zip(by_border.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weights, known)


def test_a_repair_that_was_killed_goes_on_and_ends_with_the_same_bytes(
    by_border, tmp_path, monkeypatch
):
    train, asked = _drawn(60, 0), []
    whole = _fitted(by_border, train)

    def counted(model, images):
        asked.append(len(images))
        if len(asked) == 3:
            raise KeyboardInterrupt
        return predict(model, images)

    monkeypatch.setattr(sample, "predict", counted)
    with pytest.raises(KeyboardInterrupt):
        _fitted(by_border, train, folder=tmp_path)
    resumed = _fitted(by_border, train, folder=tmp_path)
    # Two of six blocks were known; the interrupted one was asked for again.
    assert asked == [30] * 7
    assert resumed.kernel.tobytes() == whole.kernel.tobytes()
    assert resumed.bias.tobytes() == whole.bias.tobytes() and resumed.trials == whole.trials
    # Another network or another seed is not taken for the same.
    _fitted(by_border, train, seed=1, folder=tmp_path)
    assert asked == [30] * 13
    ResumeCache(tmp_path).clear()
    assert not tmp_path.exists()


@pytest.mark.parametrize(
    ("max_loss", "chosen"),
    [(0.0, 0.9), (0.04, 0.87), (1.0, 0.5)],
)
def test_the_price_limits_what_images_as_they_are_may_lose(max_loss, chosen):
    trials = [Trial(1.0, 1.0, original, 1 - original) for original in (0.5, 0.87, 0.9)]
    reference = Trial(1.0, None, 0.9, 0.0)
    assert choose(trials, reference, max_loss).original == chosen


def test_where_nothing_keeps_to_the_price_the_least_is_lost():
    trials = [Trial(1.0, 1.0, original, 1 - original) for original in (0.5, 0.7)]
    assert choose(trials, Trial(1.0, None, 0.9, 0.0), 0.02).original == 0.7


def test_a_layer_that_knows_more_than_the_images_can_teach_is_left_as_it_was():
    train = _drawn(60, 0)
    # Features that are noise, of a classifier that nevertheless knows all classes.
    noise = np.random.default_rng(0).normal(0, 1, (180, 5)).astype(np.float32)
    numbers = np.tile(np.arange(60), 3)
    halves, copy = numbers % 2, np.repeat(np.arange(3), 60)
    labels = train.labels[numbers]
    features = sample.Sample(noise, labels, numbers, halves, copy, copy > 0)
    scores = 3 * np.eye(3, dtype=np.float32)[labels]
    found = fit(features, scores, 0.02, ResumeCache())
    assert found.chosen == found.reference and not found.kernel.any() and not found.bias.any()
    assert "is left as it was" in str(found)


def test_classes_without_images_are_one_line():
    with pytest.raises(UserError, match=r"each of the network's 3 classes.*\[2, 3, 0\]"):
        check_classes(np.array([0, 0, 1, 1, 1]), 3)
