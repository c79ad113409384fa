"""What the ascent moves: pixels of one size or many, a spectrum, phases, opacity beside pixels.

A parametrization turns parameters into images in [0, 1] and back. `ActivationMaximization` takes
one by `parametrization=`; what it is given and what it returns stay images in the model's range,
modifiers and regularizers see images, and the optimizer moves the parameters. All functions are
pure, so that a compiled loop can hold them.
"""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from bg_interp.visualization import views
from bg_interp.visualization.parts import Part, StepContext
from bg_interp.visualization.statistics import AscentStatistics


class Parametrization(Part):
    """Parameters, and how they become images.

    Attributes:
      needs_noise: whether `seen` reads the context's noise.
    """

    needs_noise = False

    def begin(self, start: tf.Tensor, key: tf.Tensor) -> list[tf.Tensor]:
        """Returns the first parameters.

        Args:
          start: images float32 [B,H,W,C] in [0, 1] to begin with.
          key: int32 [2], for a random beginning.
        """
        raise NotImplementedError

    def images(self, parameters: Sequence[tf.Tensor], start: tf.Tensor) -> tf.Tensor:
        """Returns [B,H,W,C], differentiable."""
        raise NotImplementedError

    def seen(self, images: tf.Tensor, context: StepContext) -> tf.Tensor:
        """Returns what the modifiers get of `images`."""
        return images

    def finished(self, images: tf.Tensor) -> tf.Tensor:
        """Returns what people get of `images`."""
        return images


class Input(Parametrization):
    """The input itself, in its own range and of any shape: what tf-keras-vis moves."""

    def begin(self, start: tf.Tensor, key: tf.Tensor) -> list[tf.Tensor]:  # noqa: D102
        return [start]

    def images(self, parameters: Sequence[tf.Tensor], start: tf.Tensor) -> tf.Tensor:  # noqa: D102
        return parameters[0]


class Pixels(Parametrization):
    """Pixels in [0, 1], whatever the model's range is."""

    def __init__(self, initial: float = 0.0, clip: bool = False):
        """Chooses how to begin, and what holds beyond the range.

        Args:
          initial: deviation of the random change that each image begins with.
          clip: show pixels beyond the range at its end. Needless with `Projected`, which does not
            leave it.
        """
        self.initial = initial
        self.clip = clip

    def begin(self, start: tf.Tensor, key: tf.Tensor) -> list[tf.Tensor]:  # noqa: D102
        return [start + tf.random.stateless_normal(start.shape, key, stddev=self.initial)]

    def images(self, parameters: Sequence[tf.Tensor], start: tf.Tensor) -> tf.Tensor:  # noqa: D102
        return clipped(parameters[0]) if self.clip else parameters[0]


class Pyramid(Parametrization):
    """A change of the start image, as a sum of images of several sizes, each enlarged to the next.

    Steps of pixels alone find the finest lines first, and what is large and has one colour last or
    never. Here each size takes steps of the same length (Fort & Whitaker 2025, "Direct Ascent
    Synthesis").
    """

    def __init__(self, initial: float = 0.0, smallest: int = 4):
        """Chooses how to begin.

        Args:
          initial: deviation of the random change that each size begins with, in [0, 1].
          smallest: sides are halved down to this many pixels, rounded up.
        """
        self.initial = initial
        self.smallest = smallest

    def begin(self, start: tf.Tensor, key: tf.Tensor) -> list[tf.Tensor]:  # noqa: D102
        batch, height, width, channels = start.shape
        shapes = [(height, width)]
        while min(shapes[-1]) > self.smallest:
            shapes.append(tuple(-(-side // 2) for side in shapes[-1]))
        return [
            tf.random.stateless_normal(
                [batch, *shape, channels], key + tf.constant([0, place << 20]), stddev=self.initial
            )
            for place, shape in enumerate(reversed(shapes))
        ]

    def images(self, parameters: Sequence[tf.Tensor], start: tf.Tensor) -> tf.Tensor:  # noqa: D102
        change, *finer = parameters
        for one in finer:
            change = one + tf.image.resize(change, one.shape[1:3])
        return clipped(start + change)


class Fourier(Parametrization):
    """A change of the start image, as a spectrum of decorrelated colours.

    Each frequency is scaled by the magnitude that it has in the data (Olah et al. 2017 use
    1/frequency), so that one learning rate suits all of them.
    """

    dynamic = ("magnitude", "basis")

    def __init__(self, known: AscentStatistics, initial: float = 0.1):
        """Takes statistics of the data, and the deviation of the first change of the spectrum."""
        self.magnitude = np.asarray(known.magnitude, np.float32)
        self.basis = np.asarray(known.colour_basis, np.float32)
        self.initial = initial

    def begin(self, start: tf.Tensor, key: tf.Tensor) -> list[tf.Tensor]:  # noqa: D102
        shape = [2, *_spectrum_shape(start.shape)]
        return [tf.random.stateless_normal(shape, key, stddev=self.initial)]

    def images(self, parameters: Sequence[tf.Tensor], start: tf.Tensor) -> tf.Tensor:  # noqa: D102
        spectrum = tf.complex(*tf.unstack(parameters[0] * self.magnitude))
        return clipped(start + _coloured(spectrum, start.shape, self.basis))


class Maco(Parametrization):
    """Phases alone; the magnitude is that of the data (Fel et al. 2023, "MACO").

    It begins with random phases: of the start image only the size counts.
    """

    dynamic = ("magnitude", "basis", "colour")

    def __init__(self, known: AscentStatistics):
        """Takes statistics of the data."""
        self.magnitude = np.asarray(known.magnitude, np.float32)
        self.basis = np.asarray(known.colour_basis, np.float32)
        self.colour = np.asarray(known.mean_colour / 255, np.float32)

    def begin(self, start: tf.Tensor, key: tf.Tensor) -> list[tf.Tensor]:  # noqa: D102
        shape = _spectrum_shape(start.shape)
        return [tf.random.stateless_uniform(shape, key, -np.pi, np.pi)]

    def images(self, parameters: Sequence[tf.Tensor], start: tf.Tensor) -> tf.Tensor:  # noqa: D102
        magnitude, phases = tf.convert_to_tensor(self.magnitude), parameters[0]
        spectrum = tf.complex(tf.cos(phases) * magnitude, tf.sin(phases) * magnitude)
        return clipped(self.colour + _coloured(spectrum, start.shape, self.basis))


class Opacity(Parametrization):
    """Pixels, and how opaque each of them is.

    The network sees the images on random backgrounds, so that what the class does not need can
    become transparent; people see them before white. Regularizers see the opacity as last channel:
    `MeanOpacity` holds it against the image.
    """

    needs_noise = True
    stream = 1 << 29

    def __init__(self, pixels: Parametrization):
        """Adds an opacity to another parametrization."""
        self.pixels = pixels

    def begin(self, start: tf.Tensor, key: tf.Tensor) -> list[tf.Tensor]:  # noqa: D102
        return [*self.pixels.begin(start, key), tf.fill([*start.shape[:3], 1], 0.5)]

    def images(self, parameters: Sequence[tf.Tensor], start: tf.Tensor) -> tf.Tensor:  # noqa: D102
        *pixels, opacity = parameters
        return tf.concat([self.pixels.images(pixels, start), clipped(opacity)], -1)

    def seen(self, images: tf.Tensor, context: StepContext) -> tf.Tensor:
        """Returns the images on a random colour with noise on it, each its own."""
        context = context.for_stream(self.stream)
        images, opacity = images[..., :-1], images[..., -1:]
        colours = (1 + views.uniform([images.shape[0], 1, 1, images.shape[3]], context.key)) / 2
        background = tf.zeros_like(images) + colours
        background = views.noise(background, 32 / 255, context.noise, context.key)
        return opacity * images + (1 - opacity) * background

    def finished(self, images: tf.Tensor) -> tf.Tensor:
        """Returns the images before white."""
        images, opacity = images[..., :-1], images[..., -1:]
        return opacity * images + (1 - opacity)


def clipped(images: tf.Tensor) -> tf.Tensor:
    """Clips to [0, 1], but lets the gradient through: a pixel at the limit can come back."""
    return images + tf.stop_gradient(tf.clip_by_value(images, 0.0, 1.0) - images)


def _spectrum_shape(shape: Sequence[int]) -> list[int]:
    batch, height, width, channels = shape
    return [batch, channels, height, width // 2 + 1]


def _coloured(spectrum: tf.Tensor, shape: Sequence[int], basis: tf.Tensor) -> tf.Tensor:
    """Turns a spectrum of decorrelated colours [B,C,H,W//2+1] into a change of colour [B,H,W,C]."""
    planes = tf.signal.irfft2d(spectrum, [shape[1], shape[2]])
    return tf.einsum("bkhw,ck->bhwc", planes, basis)
