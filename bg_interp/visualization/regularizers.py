"""What is held against the images, beside tf-keras-vis's total variation and norm."""

from typing import Any

import numpy as np
import tensorflow as tf
from tf_keras_vis.activation_maximization.regularizers import Regularizer

from bg_interp.visualization.engine.parts import Part


class MeanOpacity(Regularizer, Part):
    """The mean opacity of each image, so that what the class does not need turns transparent.

    It goes with the parametrization `Opacity`, whose images have the opacity as last channel.
    """

    def __init__(self, weight: float, input_range: tuple[float, float] = (0.0, 255.0)):
        """Takes the weight of an opacity of 1, and the range in which images are."""
        super().__init__(type(self).__name__)
        self.weight = weight
        self.input_range = input_range

    def __call__(self, input_value: tf.Tensor) -> tf.Tensor:
        """Returns [B] for images [B,H,W,C+1]."""
        low, high = self.input_range
        opacity = (input_value[..., -1] - low) / (high - low)
        return self.weight * tf.reduce_mean(opacity, [1, 2])


class Likeness(Regularizer, Part):
    """The squared cosines between the changes that samples of one class have made.

    The batch holds all classes, then all classes again, once for each sample.
    """

    live = ("start",)

    def __init__(self, weight: float, samples: int, start: Any = 0.0):
        """Takes what changes are counted from.

        Args:
          weight: of the sum over all pairs of samples and all classes.
          samples: how many images of each class are in a batch.
          start: [H,W,C] or a number, in the range in which images are.
        """
        super().__init__(type(self).__name__)
        self.weight = weight
        self.samples = samples
        self.start = np.asarray(start, np.float32)

    def __call__(self, input_value: tf.Tensor) -> tf.Tensor:
        """Returns a scalar for images [samples * K,H,W,C]."""
        changes = input_value[..., : (self.start.shape or input_value.shape)[-1]] - self.start
        flat = tf.reshape(changes, [self.samples, -1, np.prod(changes.shape[1:])])
        flat = tf.math.l2_normalize(flat, axis=-1, epsilon=1e-6)
        cosines = tf.einsum("ikp,jkp->kij", flat, flat)
        own = tf.reduce_sum(tf.linalg.diag_part(cosines) ** 2)
        return self.weight * (tf.reduce_sum(cosines**2) - own)
