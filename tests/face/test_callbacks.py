"""Callbacks in anybody's fit: pictures and measures at their epochs, traced once."""

import warnings

import keras
import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from bg_interp import callbacks
from bg_interp.config.ascent import AscentSettings

DRAWS = np.random.default_rng(0)
IMAGES = DRAWS.integers(0, 256, (24, 16, 16, 3)).astype(np.uint8)
LABELS = np.arange(24) % 3
MASKS = np.zeros((24, 16, 16), bool)
MASKS[:, 4:12, 4:12] = True


def network(size=16):
    model = keras.Sequential(
        [
            keras.Input((size, size, 3)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.RandomFlip("horizontal", seed=0),
            keras.layers.Conv2D(4, 3, strides=2, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def events_of(folder):
    found = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    found.Reload()
    return {tag: [event.step for event in found.Tensors(tag)] for tag in found.Tags()["tensors"]}


def test_class_images_come_every_so_many_epochs(tmp_path, monkeypatch):
    made = []
    call = callbacks.ClassVisualizer.__call__
    monkeypatch.setattr(
        callbacks.ClassVisualizer,
        "__call__",
        lambda *a, **k: made.append(call(*a, **k)) or made[-1],
    )
    shown = callbacks.ClassImages(
        tmp_path, data=IMAGES, every=2, class_names=["a", "b", "c"], preset=AscentSettings(steps=3)
    )
    network().fit(IMAGES, LABELS, epochs=4, verbose=0, callbacks=[shown])
    assert events_of(tmp_path) == {"class_images": [2, 4]}
    assert (made[0].images != made[1].images).any()


class Counting(keras.layers.Layer):
    """Counts how often Python runs it: while a graph is traced, and not when it runs."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def call(self, images):
        self.count += 1
        return images


def test_the_second_epoch_traces_nothing(tmp_path):
    counting, counts = Counting(), []
    model = keras.Sequential([keras.Input((16, 16, 3)), counting, *network().layers])
    model.compile("adam", "sparse_categorical_crossentropy")
    watching = [
        callbacks.ClassImages(tmp_path, data=IMAGES, preset=AscentSettings(steps=3)),
        callbacks.BackgroundReliance(IMAGES, LABELS, MASKS),
        keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: counts.append(counting.count)),
    ]
    model.fit(IMAGES.astype("float32"), LABELS, epochs=3, verbose=0, callbacks=watching)
    assert counts[0] == counts[1] == counts[2] > 2


def test_reliance_enters_the_logs_and_tensorboard(tmp_path):
    watched = callbacks.BackgroundReliance(IMAGES, np.eye(3)[LABELS], MASKS, logdir=tmp_path)
    history = network().fit(IMAGES, LABELS, epochs=2, verbose=0, callbacks=[watched]).history
    assert len(history["bg_gap"]) == 2
    assert {"accuracy_original", "accuracy_foreground_only"} <= set(history)
    assert events_of(tmp_path)["background/bg_gap"] == [1, 2]


def test_masks_and_labels_may_be_spelled_otherwise():
    found = []
    for masks in (MASKS, MASKS * np.uint8(255), MASKS.astype(np.float32)[..., None]):
        keras.utils.set_random_seed(0)
        watched = callbacks.BackgroundReliance(IMAGES, LABELS, masks)
        found.append(network().fit(IMAGES, LABELS, verbose=0, callbacks=[watched]).history)
    assert found[0] == found[1] == found[2]


def binary(activation):
    """A classifier of one output, that says 1 where the image's middle is bright."""
    model = keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            keras.layers.Cropping2D(6),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(1, activation=activation),
        ]
    )
    model.set_weights([np.full((3, 1), 0.02, np.float32), np.full(1, -7.6, np.float32)])
    model.compile("sgd", keras.losses.BinaryCrossentropy(from_logits=activation is None))
    model.optimizer.learning_rate = 0.0
    return model


@pytest.mark.parametrize("activation", ["sigmoid", None])
def test_a_single_output_is_a_binary_classifier(activation):
    images, labels = IMAGES.copy(), np.arange(24) % 2
    images[MASKS] = (250 * labels)[:, None].repeat(64, 1).reshape(-1, 1)
    watched = callbacks.BackgroundReliance(images, labels, MASKS)
    history = binary(activation).fit(images, labels, verbose=0, callbacks=[watched]).history
    assert history["accuracy_original"] == history["accuracy_swap"] == [1.0]


def test_another_range_is_a_warning_once_the_model_knows_its_own(monkeypatch):
    model = keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            keras.layers.BatchNormalization(momentum=0.5),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(3),
        ]
    )
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    monkeypatch.setattr(callbacks, "_SETTLED", 12)
    watched = callbacks.BackgroundReliance(IMAGES, LABELS, MASKS)
    narrow = IMAGES / 255.0
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        model.fit(narrow, LABELS, batch_size=4, verbose=0, callbacks=[watched])
    with pytest.warns(UserWarning, match=r"input_range=\(0.0, 1.0\)") as told:
        model.fit(narrow, LABELS, batch_size=4, epochs=3, verbose=0, callbacks=[watched])
    assert len(told) == 1
