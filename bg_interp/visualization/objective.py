"""What an ascent climbs: the score that a network gives to random views of its images."""

import keras
import numpy as np
import tensorflow as tf

from bg_interp.errors import UserError
from bg_interp.visualization import views
from bg_interp.visualization.parametrizations import Anchor, Parametrization
from bg_interp.visualization.settings import AscentSettings


class Objective:
    """The score of images, and its gradient with respect to what a parametrization moves."""

    def __init__(
        self,
        model: keras.Model,
        settings: AscentSettings,
        samples: int,
        input_range: tuple[float, float],
    ):
        """Takes what the score depends on.

        Args:
          model: from images [B,H,W,C] to [B,...,K]; over the middle axes the mean counts.
          settings: views, noise, and the weights of what is added to the score.
          samples: images of each unit in a batch, one after the other.
          input_range: what the model takes for black and white.
        """
        self._model = model
        self._settings = settings
        self._samples = samples
        self._range = input_range

    def outputs(self, images: tf.Tensor) -> tf.Tensor:
        """Returns float32 [B,K] for images in [0, 255]."""
        low, high = self._range
        scaled = images if self._range == (0.0, 255.0) else low + images * ((high - low) / 255)
        outputs = tf.cast(self._model(scaled, training=False), tf.float32)
        return tf.reduce_mean(outputs, list(range(1, len(outputs.shape) - 1)))

    def gradient(
        self,
        kind: Parametrization,
        parameters: tf.Tensor,
        anchor: Anchor,
        columns: tf.Tensor,
        bank: tf.Tensor,
        key: tf.Tensor,
        share: tf.Tensor,
    ) -> tf.Tensor:
        """Returns the gradient at one view, like `parameters`.

        Args:
          kind: turns `parameters` and `anchor` into images.
          parameters: where the ascent stands.
          anchor: where it started.
          columns: int32 [B], the unit of each image.
          bank: see `views.noise_bank`.
          key: int32 [2], keys the view.
          share: scalar in [0, 1], how much of the ascent is done.

        Raises:
          UserError: the model's output does not depend on its input by a gradient.
        """
        settings = self._settings
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(parameters)
            images = kind.images(parameters, anchor) * 255
            opacity = kind.opacity(parameters)
            if opacity is not None:
                images = _before_background(images, opacity, bank, key)
            seen = views.view(images, key, settings.views)
            deviation = settings.noise + share * (settings.final_noise - settings.noise)
            # Another key than the views': the two draws must not go together.
            seen = views.noise(seen, deviation, bank, key + tf.constant([0, 2**30], tf.int32))
            total = tf.reduce_sum(self._scores(self.outputs(seen), columns))
            if opacity is not None:
                total -= settings.opacity * tf.reduce_sum(tf.reduce_mean(opacity, [1, 2, 3]))
            if settings.diversity and self._samples > 1:
                total -= settings.diversity * self._likeness(images / 255 - anchor.start)
        gradient = tape.gradient(total, parameters)
        if gradient is None:
            raise UserError(
                "the model's output must depend on its image by a gradient, but it has none; is "
                "there an argmax, a cast to integers or a stopped gradient on the way?"
            )
        return gradient

    def _scores(self, outputs: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
        """Returns [B], each image's own output, or by how much it exceeds the others' mean."""
        units = outputs.shape[1]
        own = tf.gather(outputs, columns, axis=1, batch_dims=1)
        if self._settings.objective != "margin" or units == 1:
            return own
        return own - (tf.reduce_sum(outputs, 1) - own) / (units - 1)

    def _likeness(self, changes: tf.Tensor) -> tf.Tensor:
        """Returns the sum of the squared cosines between samples of the same unit."""
        flat = tf.reshape(changes, [self._samples, -1, np.prod(changes.shape[1:])])
        flat = tf.math.l2_normalize(flat, axis=-1, epsilon=1e-6)
        cosines = tf.einsum("ikp,jkp->kij", flat, flat)
        return tf.reduce_sum(cosines**2) - tf.reduce_sum(tf.linalg.diag_part(cosines) ** 2)


def _before_background(
    images: tf.Tensor, opacity: tf.Tensor, bank: tf.Tensor, key: tf.Tensor
) -> tf.Tensor:
    """Puts each image before a random colour with noise on it."""
    key += tf.constant([0, 2**29])
    colours = 127.5 * (1 + views.uniform([images.shape[0], 1, 1, images.shape[3]], key))
    background = views.noise(tf.zeros_like(images) + colours, tf.constant(32.0), bank, key)
    return opacity * images + (1 - opacity) * background
