"""What an arm's configuration makes of its data."""

import numpy as np
import pytest

from bg_interp.config.data import DataConfig
from bg_interp.config.training import ArmConfig
from bg_interp.data import arm_data
from bg_interp.data.opening import open_examples
from bg_interp.errors import UserError


def test_the_mean_colour_is_that_of_the_data(tiny_habitats):
    examples, _ = open_examples(tiny_habitats, "train", DataConfig(image_size=32))
    expected = examples.arrays["image"].mean(axis=(0, 1, 2))
    made = arm_data.treatment_of(ArmConfig(), "mean", examples)
    np.testing.assert_allclose(made.colour, expected, rtol=1e-6)
    inner = arm_data.treatment_of(ArmConfig(background_in_mix="mean"), "mix", examples).inner
    np.testing.assert_allclose(inner.colour, expected, rtol=1e-6)


def test_more_bad_images_than_allowed_stop_the_run(tiny_habitats):
    damaged = (("a.jpg", "truncated"),) * 100
    source = type("Damaged", (), {**vars(tiny_habitats), "damaged": damaged})
    with pytest.raises(UserError, match="max_bad_fraction"):
        arm_data.open_data(ArmConfig(max_bad_fraction=0.1, image_size=32), source)
