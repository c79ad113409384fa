"""What TensorBoard is shown, and how accuracy is counted."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from bg_interp.training.accuracy import Accuracies
from bg_interp.training.summaries import Summaries


def read(folder) -> EventAccumulator:
    found = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    found.Reload()
    return found


def test_scalars_keep_their_steps_and_values(tmp_path):
    summaries = Summaries(tmp_path)
    for step in (3, 7):
        summaries.scalars("train", step, {"loss": step / 2})
    summaries.close()
    events = read(tmp_path / "train").Tensors("loss")
    found = [(event.step, float(tf.make_ndarray(event.tensor_proto))) for event in events]
    assert found == [(3, 1.5), (7, 3.5)]


def test_all_images_are_written_bit_for_bit(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (5, 4, 6, 3)).astype(np.uint8)
    summaries = Summaries(tmp_path)
    summaries.images("treatment", 2, images, "what is shown")
    summaries.close()
    (event,) = read(tmp_path / "images").Tensors("treatment")
    assert event.step == 2
    width, height, *encoded = event.tensor_proto.string_val
    assert (width, height) == (b"6", b"4")
    decoded = [tf.io.decode_png(data).numpy() for data in encoded]
    np.testing.assert_array_equal(decoded, images)


def test_clear_deletes_what_former_processes_wrote_there_only(tmp_path):
    before = Summaries(tmp_path)
    before.scalars("train", 1, {"loss": 1.0})
    before.scalars("test", 1, {"accuracy": 1.0})
    before.close()
    after = Summaries(tmp_path)
    after.clear("train", "nowhere")
    after.scalars("train", 1, {"loss": 2.0})
    after.close()
    assert len(read(tmp_path / "train").Tensors("loss")) == 1
    assert len(read(tmp_path / "test").Tensors("accuracy")) == 1


def test_accuracy_counts_images_and_not_batches():
    image = keras.Input((1, 1, 2))
    model = keras.Model(image, keras.layers.Flatten()(image))
    right = {"image": np.array([[[[0.0, 1.0]]]] * 3, np.float32), "label": np.array([1, 1, 1])}
    wrong = {"image": np.array([[[[1.0, 0.0]]]], np.float32), "label": np.array([1])}
    measure = Accuracies(model, {"own": lambda: [right, wrong], "other": lambda: [wrong]})
    assert measure() == {"accuracy/own": pytest.approx(0.75), "accuracy/other": 0.0}
