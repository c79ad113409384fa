"""Ways to a size: what each keeps, eagerly and in tf.data."""

import numpy as np
import pytest
import tensorflow as tf

from bg_interp.config.data import RESIZES
from bg_interp.models.resizing import resized

each_way = pytest.mark.parametrize("how", RESIZES)


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (2, 24, 40, 3)).astype(np.uint8)


@each_way
def test_the_right_size_keeps_its_values(images, how):
    np.testing.assert_array_equal(resized(images, (24, 40), how), images)


@each_way
def test_in_tf_data_as_eagerly_one_by_one_as_together(images, how):
    eager = resized(images, (16, 16), how)
    mapped = tf.data.Dataset.from_tensor_slices(images).map(lambda one: resized(one, (16, 16), how))
    np.testing.assert_array_equal(np.stack(list(mapped.as_numpy_iterator())), eager)
    assert eager.shape == (2, 16, 16, 3)
    np.testing.assert_array_equal(eager, np.clip(np.rint(eager), 0, 255))


def test_smooth_averages_what_sharp_picks():
    # Every fourth column is white; a pixel of the result covers four of them.
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, 1::4] = stripes[:, 2::4] = 255
    assert abs(float(resized(stripes, (16, 16), "smooth")[8, 8, 0]) - 128) < 24
    assert float(resized(stripes, (16, 16), "sharp")[8, 8, 0]) == 255


def test_crop_takes_the_middle_and_keeps_the_shape():
    image = np.zeros((20, 60, 3), np.uint8)
    image[:, 20:40] = 200
    np.testing.assert_array_equal(resized(image, (10, 10), "crop"), np.full((10, 10, 3), 200))
    wide = resized(image, (10, 20), "crop")
    assert wide[5, 10, 0] == 200 and wide[5, 1, 0] == 0


def test_another_word_is_refused(images):
    with pytest.raises(ValueError, match="Received: 'area'"):
        resized(images, (8, 8), "area")
