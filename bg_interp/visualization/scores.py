"""What is maximised: a unit of the output, or by how much it exceeds all others.

Usable wherever tf-keras-vis takes a score. The units are read as tensors, so that in
`ActivationMaximization` others need no new trace.
"""

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from tf_keras_vis.utils.scores import Score

from bg_interp.visualization.parts import Part


class Activation(Score, Part):
    """Each image's own unit: a logit, the mean of a channel, or one of its neurons."""

    dynamic = ("indices",)

    def __init__(
        self, indices: int | Sequence[int] | np.ndarray, position: tuple[int, int] | None = None
    ):
        """Chooses the units.

        Args:
          indices: the class or channel of each image, or one for all; -1 is the last one.
          position: (row, column) of the neuron in its channel; None for the channel's mean.
        """
        super().__init__(type(self).__name__)
        self.indices = np.atleast_1d(np.asarray(indices, np.int32))
        self.position = position

    def __call__(self, output: tf.Tensor) -> tf.Tensor:
        """Returns [B] for an output [B,...,K]."""
        return self.of_units(units(output, self.position))

    def of_units(self, output: tf.Tensor) -> tf.Tensor:
        """Returns [B] for what `units` returned."""
        images = np.arange(output.shape[0], dtype=np.int32)
        places = tf.stack([images, tf.broadcast_to(self.indices, images.shape)], axis=1)
        # With batch_dims, gather would need four times as many operations for its gradient.
        return tf.gather_nd(output, places)

    def fitted(self, shape: Sequence[int]) -> "Activation":
        """Returns this score with one index, 0 or above, for each image of an output of `shape`.

        Raises:
          ValueError: an index that the output has not, in tf-keras-vis's words.
        """
        count, indices = shape[-1], self.indices
        if len(shape) < 2 or max(indices) >= count or min(indices) < -count:
            raise ValueError(
                f"Invalid index value. indices: {indices.tolist()}, output.shape: {tuple(shape)}"
            )
        fitted: Any = copy.copy(self)
        fitted.indices = np.broadcast_to(indices % count, shape[:1])
        return fitted


class Margin(Activation):
    """Each image's own unit minus the mean of all others.

    A logit can be raised by raising all of them; the margin cannot.
    """

    def of_units(self, output: tf.Tensor) -> tf.Tensor:
        """Returns [B] for what `units` returned."""
        own, count = super().of_units(output), output.shape[1]
        return own if count == 1 else own - (tf.reduce_sum(output, 1) - own) / (count - 1)


class Even(Margin):
    """The margin, with more weight on the images of a batch that are behind.

    Where something holds a whole batch together, as `regularizers.FeatureStatistics` does, a plain
    mean lets some classes starve, which cost most.
    """

    def __init__(
        self,
        indices: int | Sequence[int] | np.ndarray,
        position: tuple[int, int] | None = None,
        spread: float = 3.0,
    ):
        """Chooses the units, and how far behind counts.

        Args:
          indices: see `Activation`.
          position: see `Activation`.
          spread: an image whose margin is so much smaller weighs e times as much.
        """
        super().__init__(indices, position)
        self.spread = spread

    def of_units(self, output: tf.Tensor) -> tf.Tensor:
        """Returns [B], the weighted margins, for what `units` returned; the weights' mean is 1."""
        margins = super().of_units(output)
        weights = tf.stop_gradient(tf.nn.softmax(-margins / self.spread))
        return margins * weights * tf.cast(tf.size(margins), margins.dtype)


def units(output: tf.Tensor, position: tuple[int, int] | None = None) -> tf.Tensor:
    """Returns [B,K] for an output [B,...,K]: the mean over rows and columns, or one position."""
    if position is not None:
        return output[:, position[0], position[1]]
    middle = list(range(1, len(output.shape) - 1))
    return tf.reduce_mean(output, middle) if middle else output
