"""U²-Net-p run by Keras, in batches: for machines with a GPU."""

import pathlib
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from bg_interp.masks.segmenters import u2net
from bg_interp.masks.segmenters.kinds import U2NETP
from bg_interp.masks.segmenters.segmenter import Segmenter, Settings, check_image, reduce


class KerasSegmenter(Segmenter):
    """The `object` segmenter without MediaPipe; its masks equal MediaPipe's up to float16."""

    def __init__(self, settings: Settings, path: pathlib.Path):
        super().__init__(settings)
        size = self._size = U2NETP.input_size
        model = u2net.build(size)
        u2net.load_weights(model, path)
        signature = [tf.TensorSpec((None, size, size, 3), tf.uint8)]

        @tf.function(input_signature=signature)
        def predict(images: tf.Tensor) -> tf.Tensor:
            return model(tf.cast(images, tf.float32) / 255.0, training=False)[..., 0]

        self._predict = predict

    def opacities(self, images: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Returns what the network says of each image, all in one batch."""
        for image in images:
            check_image(image)
        batch = np.stack([reduce(image, self._size) for image in images])
        return list(self._predict(tf.constant(batch)).numpy())
