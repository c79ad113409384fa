"""tf-keras-vis's modifiers and scores, expressed so that a compiled loop can run them.

tf-keras-vis draws its jitter in Python and turns images with SciPy: traced into a graph, the first
would freeze and the second fail. Both are mapped, by their attributes, to views.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf
from tf_keras_vis.activation_maximization import input_modifiers
from tf_keras_vis.activation_maximization.regularizers import TotalVariation2D
from tf_keras_vis.utils import scores

from bg_interp.visualization import views

# Larger turns need shears over so many pixels that upstream's loop is no slower.
_MOST_DEGREES = 45.0

Modifier = tuple[Any, ...]


def modifier_signature(modifier: Any) -> Modifier | None:
    """Returns what a known modifier does, as a hashable value; None when it is not known.

    Raises:
      TypeError: `modifier` cannot be called, which tf-keras-vis too answers with a TypeError.
    """
    if not callable(modifier):
        raise TypeError(f"an input modifier must be callable. Received: {modifier!r}")
    # Exact types: a subclass may do something else.
    kind = type(modifier)
    if kind is input_modifiers.Jitter:
        return ("jitter", modifier.jitter)
    if kind in (input_modifiers.Rotate, input_modifiers.Rotate2D):
        known = tuple(modifier.axes) == (1, 2) and abs(modifier.degree) <= _MOST_DEGREES
        return ("rotate", abs(modifier.degree)) if known else None
    if kind is input_modifiers.Scale and modifier.low > 0:
        return ("scale", modifier.low, modifier.high)
    return None


def modified(
    images: tf.Tensor, modifiers: Sequence[Modifier], key: tf.Tensor, *, fuse: bool
) -> tf.Tensor:
    """Applies modifiers, in their order, drawn for each image by itself.

    Args:
      images: float [B,H,W,C] with static sizes.
      modifiers: what `modifier_signature` returned.
      key: int32 [2].
      fuse: see `views.turn`.
    """
    # Drawn at once: every operation takes time to trace.
    all_draws = tf.unstack(views.uniform([len(modifiers), images.shape[0], 2], key))
    for (kind, *limits), draws in zip(modifiers, all_draws, strict=True):
        if kind == "jitter":
            images = _jittered(images, draws, *limits)
        elif kind == "rotate":
            images = _turned(images, draws, limits[0], fuse)
        else:
            images = _scaled(images, draws, *limits)
    return images


def _jittered(images: tf.Tensor, draws: tf.Tensor, most: int) -> tf.Tensor:
    # Floor of a uniform draw over 2 * most + 1 numbers gives each the same share.
    places = tf.floor((draws + 1) / 2 * (2 * most + 1))
    return views.roll(images, tf.cast(tf.minimum(places, 2.0 * most), tf.int32) - most)


def _turned(images: tf.Tensor, draws: tf.Tensor, most: float, fuse: bool) -> tf.Tensor:
    return views.turn(images, draws[:, 0] * math.radians(most), most, fuse=fuse)


def _scaled(images: tf.Tensor, draws: tf.Tensor, low: float, high: float) -> tf.Tensor:
    step = 1.0 / ((low + high) / 2 + (high - low) / 2 * draws[:, 0])
    return views.resize(images, step, step, tf.zeros_like(draws))


def total_variation(regularizer: TotalVariation2D, images: tf.Tensor) -> tf.Tensor:
    """Returns what `regularizer` does, with a gradient in a tenth of the time without XLA.

    Args:
      regularizer: tf-keras-vis's.
      images: float [B,H,W,C] with static sizes.

    Returns:
      [B], the sum of the absolute differences of neighbours, by the number of values, weighted.
    """

    @tf.custom_gradient
    def varied(values: tf.Tensor) -> tuple:
        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            share = upstream * (regularizer.weight / math.prod(values.shape[1:]))
            signs = _signs_of_differences(values, 1) + _signs_of_differences(values, 2)
            return share[:, None, None, None] * signs

        return regularizer(values), gradient

    return varied(images)


def _signs_of_differences(images: tf.Tensor, axis: int) -> tf.Tensor:
    """Returns the gradient of the absolute differences of neighbours along an axis."""
    size = images.shape[axis]
    first, last = (tf.gather(images, [place], axis=axis) for place in (0, size - 1))
    before = tf.concat([first, tf.split(images, [size - 1, 1], axis)[0]], axis)
    after = tf.concat([tf.split(images, [1, size - 1], axis)[1], last], axis)
    return tf.sign(images - before) + tf.sign(images - after)


def categorical_indices(score: Any, output_shape: Sequence[int]) -> list[int] | None:
    """Returns the index of each image in a plain `CategoricalScore`; None for any other score.

    Indices that are tensors need no new trace for other classes.

    Args:
      score: what the caller gave for one output.
      output_shape: that output's [B,...,K].

    Raises:
      ValueError: an index that the output has not, in tf-keras-vis's words.
    """
    if type(score) is not scores.CategoricalScore or len(output_shape) < 2:
        return None
    indices = list(score.indices)
    count = output_shape[-1]
    if max(indices) >= count or min(indices) < -count:
        raise ValueError(f"Invalid index value. indices: {indices}, output.shape: {output_shape}")
    # As in Python, -1 is the last class.
    indices = [index % count for index in indices]
    if len(indices) == 1:
        indices *= output_shape[0]
    return indices if len(indices) == output_shape[0] else None


def traces(function: Callable, *specs: tf.TensorSpec) -> bool:
    """Tells whether `function` can be part of a graph: NumPy code, for one, cannot."""
    # Any error counts: upstream's loop, which then runs, raises it again if it is the caller's.
    try:
        tf.function(function, autograph=False).get_concrete_function(*specs)
    except Exception:
        return False
    return True


def name_of(thing: Any) -> str:
    """Returns a name for a function or object in a message."""
    return getattr(thing, "__qualname__", None) or type(thing).__qualname__
