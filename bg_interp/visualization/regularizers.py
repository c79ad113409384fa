"""What is held against the images, beside tf-keras-vis's total variation and norm."""

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from tf_keras_vis.activation_maximization.regularizers import Regularizer

from bg_interp.visualization.features import FeatureMoments
from bg_interp.visualization.parts import Part

# The root of 0 has no gradient.
_SMALLEST_VARIANCE = 1e-6
# How far features of one image are from the natural mean, in natural deviations, the mean over a
# layer's channels: 0.6 to 1.3 in nine of ten photographs, measured in all layers of a MobileNetV2.
_LOUDEST = 1.25


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


class DiversityPenalty(Regularizer, Part):
    """The squared cosines between the changes that samples of one class have made.

    The batch holds all classes, then all classes again, once for each sample.
    """

    dynamic = ("start",)

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


class FeatureStatistics(Regularizer, Part):
    """How far the features of a batch are from those of natural images.

    Of each channel of some layers, the mean and the deviation over all images and places of the
    batch are held to given ones (Yin et al. 2020, "Dreaming to Distill", arXiv 1912.08795). They
    are those of many images of several classes: a batch of one class cannot have them, and single
    images do not. A single image may still not be much louder than natural ones are: else a few
    images would take all the noise of a batch, whose mean hides it.

    It looks at what the layers give for the images as the network sees them, so it goes into
    `ActivationMaximization`, whose loop knows the layers by `layers`, and not into tf-keras-vis's.

    Attributes:
      layers: names of the layers, "outer/inner" for those of nested models.
    """

    dynamic = ("means", "deviations", "weight")

    def __init__(
        self,
        natural: FeatureMoments,
        weight: float = 1.0,
        first: float = 1.0,
        each: float = 0.0,
        held: Collection[str] | None = None,
    ):
        """Takes what natural is.

        Args:
          natural: of the model, see `features.of_normalisation` and `features.measured`.
          weight: of the sum over layers of the mean squared distance, in natural deviations.
          first: factor of the first layer, which sees colours and the finest lines.
          each: factor of what is held against single images.
          held: the layers that stand for all, see `features.narrow_layers`; None for all of them.
        """
        super().__init__(type(self).__name__)
        kept = natural if held is None else natural.of_layers(held)
        self.layers = kept.layers
        self.channels = kept.channels
        self.means = kept.means
        self.deviations = kept.deviations
        self.weight = weight * len(natural.layers) / len(kept.layers)
        self.first = first
        self.each = each

    def __call__(self, features: Sequence[tf.Tensor]) -> tf.Tensor:
        """Returns a scalar for the outputs [B,...,C] of `layers`: B times the distance.

        Scores count once for each image, so the prior does as well, and one weight suits batches
        of all sizes.
        """
        # Of each image: a batch's moments follow from them without another pass over the features.
        means, squares = (
            tf.concat(one, 1) for one in zip(*(_moments(one) for one in features), strict=True)
        )
        natural, deviations = tf.convert_to_tensor(self.means), self.deviations
        mean = tf.reduce_mean(means, 0)
        spread = _root(tf.reduce_mean(squares, 0) - mean**2) / deviations - 1
        distances = ((mean - natural) / deviations) ** 2 + spread**2
        total = tf.reduce_sum(self._shares(self.first) * distances)
        if self.each:
            loudness = _root(squares - 2 * natural * means + natural**2) / deviations
            shares = self._shares(1.0)
            counted = [
                tf.reduce_sum(part, 1) for part in tf.split(loudness * shares, self.channels, 1)
            ]
            beyond = tf.nn.relu(tf.stack(counted) - _LOUDEST)
            total += self.each * tf.reduce_sum(tf.reduce_mean(beyond**2, 1))
        return self.weight * total * features[0].shape[0]

    def _shares(self, first: float) -> np.ndarray:
        """Returns what each channel counts: all of a layer together 1, of the first one `first`."""
        counts = np.asarray(self.channels)
        shares = np.repeat(1 / counts, counts)
        shares[: counts[0]] *= first
        return shares.astype(np.float32)


def _moments(features: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the means of values and of squares over the places of each image, both [B,C].

    The gradient is a formula: TensorFlow's own passes over the features three times as often.
    """
    values, places = tf.cast(features, tf.float32), list(range(1, len(features.shape) - 1))
    count = tf.cast(tf.reduce_prod(tf.shape(values)[1:-1]), tf.float32)

    @tf.custom_gradient
    def both(values: tf.Tensor) -> tuple[tuple[tf.Tensor, tf.Tensor], Any]:
        def gradient(of_means: tf.Tensor, of_squares: tf.Tensor) -> tf.Tensor:
            level, slope = of_means / count, 2 * of_squares / count
            for place in places:
                level, slope = tf.expand_dims(level, place), tf.expand_dims(slope, place)
            return values * slope + level

        means = tf.reduce_mean(values, places)
        return (means, tf.reduce_mean(tf.square(values), places)), gradient

    return both(values)


def _root(variances: tf.Tensor) -> tf.Tensor:
    return tf.sqrt(tf.maximum(variances, _SMALLEST_VARIANCE))
