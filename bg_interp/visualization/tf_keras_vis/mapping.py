"""tf-keras-vis's modifiers, scores and regularizers, as parts that a compiled loop can run.

tf-keras-vis draws its jitter in Python and rotates images with SciPy: traced into a graph, the
first would freeze and the second fail. Both are mapped, by their attributes, to modifiers of ours.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tf_keras_vis.activation_maximization import input_modifiers
from tf_keras_vis.activation_maximization.regularizers import Norm, TotalVariation2D
from tf_keras_vis.utils import scores

from bg_interp.visualization.modifiers import Jitter, Modifier, Rotate, Scale
from bg_interp.visualization.parts import Part
from bg_interp.visualization.scores import Activation

# Larger rotations need shears over so many pixels that upstream's loop is no slower.
_MOST_DEGREES = 45.0

# What XLA compiles fast: it takes long for sums over the image, of which their gradients have none.
FUSED = (TotalVariation2D, Norm)
_PLAIN_SCORES = (scores.BinaryScore, scores.InactiveScore)


def is_known(part: Any) -> bool:
    """Tells whether what a score or regularizer does can be read off its type and attributes."""
    # Exact types of theirs: a subclass may do something else.
    return isinstance(part, Part) or type(part) in FUSED + _PLAIN_SCORES


def known_modifier(theirs: Any) -> Modifier | None:
    """Returns a modifier that does what one of tf-keras-vis does; None when it is not known.

    Raises:
      TypeError: `theirs` cannot be called, which tf-keras-vis too answers with a TypeError.
    """
    if isinstance(theirs, Modifier):
        return theirs
    if not callable(theirs):
        raise TypeError(f"an input modifier must be callable. Received: {theirs!r}")
    kind = type(theirs)
    if kind is input_modifiers.Jitter:
        return Jitter(theirs.jitter)
    if kind in (input_modifiers.Rotate, input_modifiers.Rotate2D):
        known = tuple(theirs.axes) == (1, 2) and abs(theirs.degree) <= _MOST_DEGREES
        return Rotate(abs(theirs.degree)) if known else None
    if kind is input_modifiers.Scale and theirs.low > 0:
        return Scale(theirs.low, theirs.high)
    return None


def known_score(theirs: Any, shape: Sequence[int]) -> Any:
    """Returns the score that does what a plain `CategoricalScore` does; any other as it is.

    Args:
      theirs: what the caller gave for one output.
      shape: that output's [B,...,K].

    Raises:
      ValueError: an index that the output has not.
    """
    if type(theirs) is scores.CategoricalScore and len(theirs.indices) in (1, shape[0]):
        theirs = Activation(theirs.indices)
    return theirs.fitted(shape) if isinstance(theirs, Activation) else theirs


def gradient_of(regularizer: Any, shape: Sequence[int]) -> Callable | None:
    """Returns the gradient of what a regularizer says, as a function of images; None if not known.

    By a tape it would be three times as many operations to trace, some of them ten times as slow
    where XLA does not compile them.

    Args:
      regularizer: tf-keras-vis's, or any other.
      shape: of the images.
    """
    if type(regularizer) is TotalVariation2D and len(shape) == 4:
        share = regularizer.weight / math.prod(shape[1:])
        return lambda images: share * _signs_of_differences(images)
    if type(regularizer) is Norm and regularizer.p == 1:
        share = regularizer.weight / math.prod(shape[1:])
        return lambda images: share * tf.sign(images)
    return None


def _signs_of_differences(images: tf.Tensor) -> tf.Tensor:
    """Returns the gradient of the absolute differences of all neighbours, summed."""
    gradients = []
    for axis in (1, 2):
        # On a ring, where the last and the first are neighbours, but do not count as such.
        count = np.ones([1 if one != axis else images.shape[axis] for one in range(4)], np.float32)
        count.flat[0] = 0.0
        signs = tf.sign(images - tf.roll(images, 1, axis)) * count
        gradients.append(signs - tf.roll(signs, -1, axis))
    return gradients[0] + gradients[1]


def obstacles(call: Any, modifiers: list[list], shapes: Sequence[tuple]) -> list[str]:
    """Returns the names of all parts of a call that a compiled loop cannot hold.

    Args:
      call: an `engine.call.Call`.
      modifiers: of each input, as the caller gave them.
      shapes: of the outputs.
    """
    names = []
    for start, given, mapped in zip(call.starts, modifiers, call.modifiers, strict=True):
        for theirs, ours in zip(given, mapped, strict=True):
            if ours is None or len(start.shape) != 4:
                names.append(f"the input modifier {name_of(theirs)}")
    for score, shape in zip(call.scores, shapes, strict=True):
        if not is_known(score) and not traces(score, tf.TensorSpec(shape)):
            names.append(f"the score {name_of(score)}")
    specs = [tf.TensorSpec(start.shape) for start in call.starts]
    for one in call.regularizers:
        if is_known(one.function) or one.place is None:
            continue
        if not traces(one.function, specs[one.place]):
            names.append(f"the regularizer {name_of(one.function)}")
    modifier = call.gradient_modifier
    unknown = modifier is not None and not isinstance(modifier, Part)
    if unknown and not all(traces(modifier, spec) for spec in specs):
        names.append(f"the gradient modifier {name_of(modifier)}")
    if not isinstance(call.optimizer, keras.Optimizer):
        names.append(f"the optimizer {name_of(call.optimizer)}")
    return names


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
