"""Small segmentation models for the tests, made on the spot."""

from collections.abc import Sequence

import numpy as np

from bg_interp.masks.segmenters import conversion

SIZE = 64  # Input size of the models, in pixels.


def pointwise_model(kernel, bias, labels: Sequence[str]) -> bytes:
    """Returns a LiteRT model that computes each output channel from the pixel's own values.

    Args:
      kernel: [input channels, output channels], applied to values in [0, 1].
      bias: [output channels].
      labels: the output channels' names.
    """
    import keras
    import tensorflow as tf

    kernel = np.array(kernel, np.float32)
    image = keras.Input((SIZE, SIZE, kernel.shape[0]), batch_size=1)
    layer = keras.layers.Conv2D(kernel.shape[1], 1)
    model = keras.Model(image, layer(image))
    layer.set_weights([kernel[None, None], np.array(bias, np.float32)])
    return conversion.add_metadata(
        tf.lite.TFLiteConverter.from_keras_model(model).convert(), labels
    )
