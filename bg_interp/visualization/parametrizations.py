"""What the ascent moves: pixels, pixels near a start image, a spectrum, or phases alone.

A parametrization turns its parameters into images in [0, 1] and knows how to take a step. All its
functions are pure, on tensors, so that a compiled loop can carry parameters and optimizer state.
"""

import abc
import dataclasses

import numpy as np
import tensorflow as tf

from bg_interp.visualization.settings import AscentSettings
from bg_interp.visualization.statistics import AscentStatistics

Tensors = tuple[tf.Tensor, ...]


@dataclasses.dataclass(frozen=True)
class Anchor:
    """The images and spectra that an ascent starts from, as tensors: another one needs no retrace.

    Attributes:
      start: float32 [1,H,W,C] in [0, 1]; colour: [C] in [0, 1]; basis: [C,C]; magnitude:
        [C,H,W//2+1].
    """

    start: tf.Tensor
    colour: tf.Tensor
    basis: tf.Tensor
    magnitude: tf.Tensor

    @classmethod
    def of(cls, statistics: AscentStatistics, start: np.ndarray) -> "Anchor":
        """Takes the statistics, and a start image [H,W,C] in [0, 255]."""
        return cls(
            tf.constant(start[None] / 255, tf.float32),
            tf.constant(statistics.mean_colour / 255, tf.float32),
            tf.constant(statistics.colour_basis, tf.float32),
            tf.constant(statistics.magnitude, tf.float32),
        )

    def tensors(self) -> Tensors:
        """Returns the fields in their order."""
        return self.start, self.colour, self.basis, self.magnitude


class Parametrization(abc.ABC):
    """Parameters and how they become images; see the module's docstring."""

    def __init__(self, settings: AscentSettings, shape: tuple[int, int, int, int]):
        """Takes the settings and the images' [B,H,W,C]."""
        self.settings = settings
        self.shape = shape
        # Distances are L2 over the pixels: those of the same picture, enlarged, grow with its side.
        self.size_factor = float(np.sqrt(shape[1] * shape[2])) / 64

    @abc.abstractmethod
    def begin(self, anchor: Anchor, key: tf.Tensor) -> tuple[tf.Tensor, Tensors]:
        """Returns the first parameters and the optimizer's first state."""

    @abc.abstractmethod
    def images(self, parameters: tf.Tensor, anchor: Anchor) -> tf.Tensor:
        """Returns [B,H,W,C], differentiable; outside [0, 1] only where `images` is not clipped."""

    def opacity(self, parameters: tf.Tensor) -> tf.Tensor | None:
        """Returns [B,H,W,1] in [0, 1]; None when the images are opaque."""
        return None

    @abc.abstractmethod
    def step(
        self,
        parameters: tf.Tensor,
        state: Tensors,
        gradient: tf.Tensor,
        anchor: Anchor,
        length: tf.Tensor,
    ) -> tuple[tf.Tensor, Tensors]:
        """Takes one step uphill along `gradient` of the score."""


class Projected(Parametrization):
    """Pixels within an L2 budget around the start image: steps of a given length, then projection.

    Clipping inside the loss would leave pixels beyond the range where no gradient reaches them;
    projection does not.
    """

    def begin(self, anchor: Anchor, key: tf.Tensor) -> tuple[tf.Tensor, Tensors]:  # noqa: D102
        change = tf.random.stateless_normal(self.shape, key, stddev=self.settings.initial)
        return anchor.start + change, ()

    def images(self, parameters: tf.Tensor, anchor: Anchor) -> tf.Tensor:  # noqa: D102
        return parameters

    def step(  # noqa: D102
        self,
        parameters: tf.Tensor,
        state: Tensors,
        gradient: tf.Tensor,
        anchor: Anchor,
        length: tf.Tensor,
    ) -> tuple[tf.Tensor, Tensors]:
        gradient = self._smoothed(gradient, anchor)
        moved = parameters + length * self.size_factor * gradient / (_length(gradient) + 1e-9)
        change = moved - anchor.start
        change *= tf.minimum(1.0, self.settings.budget * self.size_factor / _length(change))
        return tf.clip_by_value(anchor.start + change, 0.0, 1.0), state

    def _smoothed(self, gradient: tf.Tensor, anchor: Anchor) -> tf.Tensor:
        """Weighs the gradient's frequencies by a power of the magnitude that the data has there.

        Steps then fill shapes before they draw fine lines, which would ring.
        """
        if not self.settings.smoothing:
            return gradient
        weights = tf.reduce_mean(anchor.magnitude, 0) ** self.settings.smoothing
        spectrum = tf.signal.rfft2d(tf.transpose(gradient, [0, 3, 1, 2]))
        spectrum *= tf.cast(weights, tf.complex64)
        planes = tf.signal.irfft2d(spectrum, self.shape[1:3])
        return tf.transpose(planes, [0, 2, 3, 1])


class _ByAdam(Parametrization):
    """Parameters moved by Adam (Kingma & Ba 2015), with the quick second moment of the recipe."""

    def step(
        self,
        parameters: tf.Tensor,
        state: Tensors,
        gradient: tf.Tensor,
        anchor: Anchor,
        length: tf.Tensor,
    ) -> tuple[tf.Tensor, Tensors]:
        count, first, second = state
        count += 1
        first += 0.1 * (gradient - first)
        second += 0.01 * (gradient**2 - second)
        rate = length * tf.sqrt(1 - 0.99**count) / (1 - 0.9**count)
        return parameters + rate * first / (tf.sqrt(second) + 1e-7), (count, first, second)

    def _state(self, parameters: tf.Tensor) -> Tensors:
        return tf.constant(0.0), tf.zeros_like(parameters), tf.zeros_like(parameters)


class Pixel(_ByAdam):
    """Plain pixels."""

    def begin(self, anchor: Anchor, key: tf.Tensor) -> tuple[tf.Tensor, Tensors]:  # noqa: D102
        change = tf.random.stateless_normal(self.shape, key, stddev=self.settings.initial)
        parameters = anchor.start + change
        return parameters, self._state(parameters)

    def images(self, parameters: tf.Tensor, anchor: Anchor) -> tf.Tensor:  # noqa: D102
        return clipped(parameters)


class Fourier(_ByAdam):
    """A change of the start image, as a spectrum of decorrelated colours.

    Each frequency is scaled by the magnitude that it has in the data (Olah et al. 2017 use
    1/frequency), so that one learning rate suits all of them.
    """

    def begin(self, anchor: Anchor, key: tf.Tensor) -> tuple[tf.Tensor, Tensors]:  # noqa: D102
        shape = [2, *_spectrum_shape(self.shape)]
        parameters = tf.random.stateless_normal(shape, key, stddev=self.settings.initial)
        return parameters, self._state(parameters)

    def images(self, parameters: tf.Tensor, anchor: Anchor) -> tf.Tensor:  # noqa: D102
        spectrum = tf.complex(*tf.unstack(parameters * anchor.magnitude))
        return clipped(anchor.start + _coloured(spectrum, self.shape, anchor))


class Maco(_ByAdam):
    """Phases alone; the magnitude is that of the data (Fel et al. 2023, "MACO")."""

    def begin(self, anchor: Anchor, key: tf.Tensor) -> tuple[tf.Tensor, Tensors]:  # noqa: D102
        parameters = tf.random.stateless_uniform(_spectrum_shape(self.shape), key, -np.pi, np.pi)
        return parameters, self._state(parameters)

    def images(self, parameters: tf.Tensor, anchor: Anchor) -> tf.Tensor:  # noqa: D102
        magnitude = anchor.magnitude
        spectrum = tf.complex(tf.cos(parameters) * magnitude, tf.sin(parameters) * magnitude)
        return clipped(anchor.colour + _coloured(spectrum, self.shape, anchor))


class WithOpacity(Parametrization):
    """Pixels of any parametrization of pixels, and how opaque each of them is.

    Put before random backgrounds, what the class does not need becomes transparent.
    """

    def __init__(self, pixels: Parametrization):
        """Adds an opacity to `pixels`, whose parameters must be [B,H,W,C]."""
        super().__init__(pixels.settings, pixels.shape)
        self._pixels = pixels

    def begin(self, anchor: Anchor, key: tf.Tensor) -> tuple[tf.Tensor, Tensors]:  # noqa: D102
        parameters, state = self._pixels.begin(anchor, key)
        return tf.concat([parameters, tf.fill([*self.shape[:3], 1], 0.5)], -1), state

    def images(self, parameters: tf.Tensor, anchor: Anchor) -> tf.Tensor:  # noqa: D102
        return self._pixels.images(parameters[..., :-1], anchor)

    def opacity(self, parameters: tf.Tensor) -> tf.Tensor:  # noqa: D102
        return parameters[..., -1:]

    def step(  # noqa: D102
        self,
        parameters: tf.Tensor,
        state: Tensors,
        gradient: tf.Tensor,
        anchor: Anchor,
        length: tf.Tensor,
    ) -> tuple[tf.Tensor, Tensors]:
        pixels, state = self._pixels.step(
            parameters[..., :-1], state, gradient[..., :-1], anchor, length
        )
        uphill = gradient[..., -1:]
        moved = parameters[..., -1:] + length * self.size_factor * uphill / (_length(uphill) + 1e-9)
        return tf.concat([pixels, tf.clip_by_value(moved, 0.0, 1.0)], -1), state


def parametrization(settings: AscentSettings, shape: tuple[int, int, int, int]) -> Parametrization:
    """Returns the parametrization that `settings` name, for images of [B,H,W,C]."""
    kinds: dict[str, type] = {
        "pixel": Pixel,
        "projected": Projected,
        "fourier": Fourier,
        "maco": Maco,
    }
    made = kinds[settings.parametrization](settings, shape)
    return WithOpacity(made) if settings.opacity else made


def clipped(images: tf.Tensor) -> tf.Tensor:
    """Clips to [0, 1], but lets the gradient through: a pixel at the limit can come back."""
    return images + tf.stop_gradient(tf.clip_by_value(images, 0.0, 1.0) - images)


def _length(values: tf.Tensor) -> tf.Tensor:
    """Returns the L2 length of each image, [B,1,1,1]."""
    return tf.sqrt(tf.reduce_sum(values * values, [1, 2, 3], keepdims=True))


def _spectrum_shape(shape: tuple[int, int, int, int]) -> list[int]:
    batch, height, width, channels = shape
    return [batch, channels, height, width // 2 + 1]


def _coloured(spectrum: tf.Tensor, shape: tuple[int, int, int, int], anchor: Anchor) -> tf.Tensor:
    """Turns a spectrum of decorrelated colours [B,C,H,W//2+1] into a change of colour [B,H,W,C]."""
    planes = tf.signal.irfft2d(spectrum, [shape[1], shape[2]])
    return tf.einsum("bkhw,ck->bhwc", planes, anchor.basis)
