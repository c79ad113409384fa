"""Random changes of the images that the network sees, drawn again for every step.

An image whose class survives small shifts, rotations, changes of size and noise holds the class's
shape; without them the ascent finds patterns that work at one place only. Each image of a batch
gets its own, keyed by seed and step.

In `ActivationMaximization` they are views: the gradient runs back through them, and the image
itself stays where it is. In tf-keras-vis's own loop, which knows no seed and no step, they change
the image as its modifiers do, and count their calls themselves.
"""

import collections
import math
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import tensorflow as tf
from tf_keras_vis.activation_maximization.input_modifiers import InputModifier

from bg_interp.visualization import views
from bg_interp.visualization.optimizers import between
from bg_interp.visualization.parts import Part, StepContext

# Modifiers of one kind draw apart when they stand twice in a list.
_NEXT_OF_ITS_KIND = 2**20


class Modifier(InputModifier, Part):
    """A random change of images [B,H,W,C] with static sizes.

    Attributes:
      stream: keeps the draws of different kinds apart.
      needs_noise: whether `apply` reads the context's noise.
      seed: keys the draws in tf-keras-vis's own loop; ours brings its own.
    """

    stream: ClassVar[int] = 0
    needs_noise: ClassVar[bool] = False
    seed = 0
    _calls = 0

    def __call__(self, seed_input: tf.Tensor) -> tf.Tensor:
        """Changes images in tf-keras-vis's own loop."""
        images = tf.convert_to_tensor(seed_input)
        seed, step = tf.constant(self.seed), tf.constant(self._calls)
        self._calls += 1
        context = StepContext(views.key_of(seed, step), step, None, fuse=False)
        return self.apply(images, context.for_stream(self.stream))

    def apply(self, images: tf.Tensor, context: StepContext) -> tf.Tensor:
        """Returns changed images, a function of the context's key, differentiable by `images`."""
        raise NotImplementedError


class View(Modifier):
    """Shifts, rotates, scales and crops at once, by linear interpolation.

    One shear, one change of size and one shear do it all, in a fifth of the time that gathering
    pixel by pixel takes. Changes of size mirror the image at its edges.
    """

    def __init__(
        self,
        shift: float = 0.0,
        rotation: float = 0.0,
        scale: float = 0.0,
        crop: Sequence[float] | None = None,
    ):
        """Takes how much views vary, uniformly from minus to plus each value.

        Args:
          shift: share of the image's side.
          rotation: degrees, at most 60.
          scale: relative change of size, 0.1 = from 0.9 to 1.1.
          crop: (smallest, largest) side of a random square that is enlarged to the whole image, as
            a share of the side; None for no crops.
        """
        self.shift = shift
        self.rotation = rotation
        self.scale = scale
        self.crop = crop

    def apply(self, images: tf.Tensor, context: StepContext) -> tf.Tensor:
        """Returns a view of each image."""
        batch, height, width, _ = images.shape
        sides = tf.constant([height, width], images.dtype)
        draws = views.uniform([batch, 5], context.key, images.dtype)
        angle = draws[:, 0] * (self.rotation * math.pi / 180)
        shift = draws[:, 1:3] * self.shift * sides
        reach = 1.0 / (1.0 + self.scale * draws[:, 3])
        middle = tf.zeros_like(draws[:, 1:3])
        if self.crop is not None:
            low, high = self.crop
            side = (low + high) / 2 + (high - low) / 2 * draws[:, 4]
            # A crop may lie anywhere inside the image.
            reach, middle = reach * side, (1 - side)[:, None] / 2 * draws[:, 1:3]
        shift += middle * sides
        return views.rotate_and_scale(images, angle, reach, shift, self.rotation, fuse=context.fuse)


class Jitter(Modifier):
    """Shifts by whole pixels on a ring, which nothing leaves: the cheapest view."""

    stream = 1 << 26

    def __init__(self, pixels: int):
        """Takes the largest shift, along both axes."""
        self.pixels = pixels

    def apply(self, images: tf.Tensor, context: StepContext) -> tf.Tensor:
        """Returns shifted images; each number of pixels is as likely."""
        draws = views.uniform([images.shape[0], 2], context.key)
        places = tf.floor((draws + 1) * (self.pixels + 0.5))
        shifts = tf.cast(tf.minimum(places, 2.0 * self.pixels), tf.int32) - self.pixels
        return views.roll(images, shifts)


class Rotate(Modifier):
    """Rotates about the image's centre, on a ring."""

    stream = 2 << 26

    def __init__(self, degrees: float):
        """Takes the largest angle, at most 60 degrees."""
        self.degrees = degrees

    def apply(self, images: tf.Tensor, context: StepContext) -> tf.Tensor:
        """Returns rotated images."""
        angle = views.uniform([images.shape[0]], context.key) * math.radians(self.degrees)
        return views.rotate(images, angle, self.degrees, fuse=context.fuse)


class Scale(Modifier):
    """Changes the size about the image's centre, and mirrors it at its edges."""

    stream = 3 << 26

    def __init__(self, low: float = 0.9, high: float = 1.1):
        """Takes the smallest and the largest factor."""
        self.low = low
        self.high = high

    def apply(self, images: tf.Tensor, context: StepContext) -> tf.Tensor:
        """Returns images of other sizes on the same canvas."""
        draws = views.uniform([images.shape[0]], context.key)
        step = 1.0 / ((self.low + self.high) / 2 + (self.high - self.low) / 2 * draws)
        shift = tf.zeros([images.shape[0], 2])
        return views.resize(images, step, step, shift, fuse=context.fuse)


class Mirror(Modifier):
    """Exchanges left and right in every other image."""

    stream = 5 << 26

    def apply(self, images: tf.Tensor, context: StepContext) -> tf.Tensor:
        """Returns each image as it is, or mirrored, as likely."""
        draws = views.uniform([images.shape[0]], context.key)
        # A third of the time of a choice between whole images.
        mirrored = tf.where(draws < 0, images.shape[2], 1)
        return tf.reverse_sequence(images, mirrored, seq_axis=2, batch_axis=0)


class Noise(Modifier):
    """Adds Gaussian noise that fades over the steps: shapes come first, fine lines last."""

    stream = 1 << 30
    needs_noise = True
    dynamic = ("steps",)

    def __init__(self, first: float, last: float | None = None, steps: int = 1):
        """Takes the noise's deviations, in the range of the model's input.

        Args:
          first: deviation at first.
          last: what it comes to after `steps`, along a line; None to stay as it is.
          steps: of the ascent.
        """
        self.first = first
        self.last = first if last is None else last
        self.steps = steps

    def __call__(self, seed_input: tf.Tensor) -> tf.Tensor:
        """Adds noise in tf-keras-vis's own loop."""
        deviation = between(self.first, self.last, self._calls, self.steps)
        images, key = tf.convert_to_tensor(seed_input), [self.seed, self.stream + self._calls]
        self._calls += 1
        return images + deviation * tf.random.stateless_normal(images.shape, key)

    def apply(self, images: tf.Tensor, context: StepContext) -> tf.Tensor:
        """Returns images with noise."""
        deviation = between(self.first, self.last, context.step, self.steps)
        return views.noise(images, deviation, context.noise, context.key)


class SpectrumWeights(Part):
    """A gradient modifier: weighs frequencies by a power of the magnitude that data has there.

    Steps then fill shapes before they draw fine lines, which would ring.
    """

    dynamic = ("magnitude",)

    def __init__(self, magnitude: np.ndarray, power: float = 0.25):
        """Takes the weights' origin.

        Args:
          magnitude: float [C,H,W//2+1], see `AscentStatistics`; the mean over channels counts.
          power: 0 leaves gradients as they are.
        """
        self.magnitude = np.asarray(magnitude, np.float32)
        self.power = power

    def __call__(self, gradient: tf.Tensor) -> tf.Tensor:
        """Weighs a gradient [B,H,W,C]; what has another number of channels is left as it is."""
        if gradient.shape[3] != self.magnitude.shape[0]:
            return gradient
        weights = tf.reduce_mean(tf.convert_to_tensor(self.magnitude), 0) ** self.power
        spectrum = tf.signal.rfft2d(tf.transpose(gradient, [0, 3, 1, 2]))
        spectrum *= tf.cast(weights, tf.complex64)
        planes = tf.signal.irfft2d(spectrum, gradient.shape[1:3])
        return tf.transpose(planes, [0, 2, 3, 1])


def modified(images: tf.Tensor, modifiers: Sequence[Modifier], context: StepContext) -> tf.Tensor:
    """Applies modifiers in their order, each with draws of its own."""
    seen: collections.Counter = collections.Counter()
    for modifier in modifiers:
        kind = type(modifier)
        own = context.for_stream(modifier.stream + seen[kind] * _NEXT_OF_ITS_KIND)
        images = modifier.apply(images, own)
        seen[kind] += 1
    return images
