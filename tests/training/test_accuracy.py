"""How accuracy is counted."""

import keras
import numpy as np
import pytest

from bg_interp.training.accuracy import Accuracies


def test_accuracy_counts_images_and_not_batches():
    image = keras.Input((1, 1, 2))
    model = keras.Model(image, keras.layers.Flatten()(image))
    right = {"image": np.array([[[[0.0, 1.0]]]] * 3, np.float32), "label": np.array([1, 1, 1])}
    wrong = {"image": np.array([[[[1.0, 0.0]]]], np.float32), "label": np.array([1])}
    measure = Accuracies(model, {"own": lambda: [right, wrong], "other": lambda: [wrong]})
    assert measure() == {"accuracy/own": pytest.approx(0.75), "accuracy/other": 0.0}
