"""Any classifier of images as the one thing measures know: RGB in [0, 255] to logits."""

import collections
import dataclasses
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from bg_interp.errors import UserError, nearest
from bg_interp.models import graph


@dataclasses.dataclass(frozen=True, eq=False)
class AdaptedModel:
    """A classifier whose own conventions are hidden: call it with RGB in [0, 255].

    Attributes:
      network: a Keras model, or any differentiable function of a batch of images.
      input_range: the (low, high) in which `network` takes pixels.
      output_kind: "logits", or "probabilities" that are turned into log-probabilities.
      columns: the outputs that are the data set's classes, in their order; None for all.
    """

    network: Callable[[Any], Any]
    input_range: tuple[float, float] = (0.0, 255.0)
    output_kind: str = "logits"
    columns: tuple[int, ...] | None = None

    def to_input(self, images: tf.Tensor) -> tf.Tensor:
        """Maps RGB in [0, 255] to what `network` takes, float32 [B, H, W, 3]."""
        low, high = self.input_range
        images = tf.cast(images, tf.float32)
        # Left untouched where nothing is to be done, so that no rounding creeps in.
        return images if (low, high) == (0.0, 255.0) else low + images * ((high - low) / 255.0)

    def to_logits(self, outputs: tf.Tensor) -> tf.Tensor:
        """Maps what `network` returns to logits, float32 [B, K].

        A single output is that of a binary classifier for its second class.
        """
        outputs = tf.cast(outputs, tf.float32)
        if self.output_kind == "probabilities":
            if outputs.shape[-1] == 1:
                outputs = tf.concat([1.0 - outputs, outputs], axis=-1)
            outputs = tf.math.log(tf.maximum(outputs, 1e-12))
        elif outputs.shape[-1] == 1:
            outputs = tf.concat([tf.zeros_like(outputs), outputs], axis=-1)
        return outputs if self.columns is None else tf.gather(outputs, self.columns, axis=-1)

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        """Returns logits, float32 [B, K], for RGB in [0, 255]."""
        return self.to_logits(self.network(self.to_input(images)))


def adapt(model: Callable[[Any], Any]) -> AdaptedModel:
    """Returns `model` itself if it is adapted already, else as one that takes [0, 255]."""
    return model if isinstance(model, AdaptedModel) else AdaptedModel(model)


def check_outputs(
    model: AdaptedModel, images: np.ndarray, names: Sequence[str] | None = None
) -> np.ndarray:
    """Checks that there is a name for each of the model's outputs; a single one has two classes.

    Args:
      model: the model.
      images: a few images, [B, H, W, 3] in [0, 255].
      names: of the classes, where they are known.

    Returns:
      What its network gives for the images, float32 [B, K].

    Raises:
      UserError: it gives no scores, or there is not a name for each.
    """
    outputs = np.asarray(model.network(model.to_input(images)), np.float32)
    if outputs.ndim != 2 or len(outputs) != len(images):
        raise UserError(
            "--model must give scores [images, classes]. "
            f"Received: {list(outputs.shape)} for {len(images)} images"
        )
    if names is not None:
        check_names(names, 2 if outputs.shape[1] == 1 else outputs.shape[1])
    return outputs


def check_names(names: Sequence[str], classes: int) -> None:
    """Checks that there is a name for each of a model's classes.

    Raises:
      UserError: there is not, or they are no list of names.
    """
    listed = isinstance(names, Iterable) and not isinstance(names, str)
    if not listed or len(names) != classes:
        received = f"{len(names)} names" if listed else repr(names)
        raise UserError(
            f"--class_names must name the model's {classes} classes in their order. "
            f"Received: {received}"
        )


def check_output_kind(kind: str, outputs: np.ndarray) -> str | None:
    """Looks at some outputs to see whether they are of the kind that was said.

    Args:
      kind: "logits" or "probabilities".
      outputs: what a classifier gives for a few images, float32 [B, K].

    Returns:
      A note when logits look like probabilities: they are no mistake for accuracy, but their
      gradients vanish. Otherwise None.

    Raises:
      UserError: what is said to be probabilities leaves [0, 1], or a single output that is said to
        be a logit never does.
    """
    within = bool((outputs > -1e-3).all() and (outputs < 1.001).all())
    if kind == "probabilities" and not within:
        raise UserError(
            "--output_kind=probabilities needs outputs from 0 to 1. Received: "
            f"{outputs.min():.3g} to {outputs.max():.3g}; try --output_kind=logits"
        )
    if kind == "logits" and within and outputs.shape[-1] == 1:
        raise UserError(
            "a single output from 0 to 1 looks like a sigmoid's, and as a logit it would always "
            "mean the second class; give --output_kind=probabilities"
        )
    sums_to_one = np.allclose(outputs.sum(axis=-1), 1.0, atol=1e-2)
    if kind == "logits" and within and sums_to_one:
        return (
            "note: the outputs look like probabilities; with --output_kind=probabilities "
            "attribution explains their logarithm, whose gradient does not vanish"
        )
    return None


def keras_network(model: AdaptedModel) -> keras.Model | None:
    """Returns the Keras model inside, or None when there are no layers to look at."""
    # A subclassed model is code, whose layers need not say how they follow each other.
    return model.network if graph.has_graph(model.network) else None


def for_two_classes(kernel: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Turns the weights of a single score into those of two classes; others stay as they are.

    A single score is that of the second class, against 0 for the first: so scikit-learn keeps a
    regression of two classes, and so a dense layer of one unit is read.

    Args:
      kernel: [D, K].
      bias: [K].
    """
    if len(bias) > 1:
        return kernel, bias
    return np.pad(kernel, [(0, 0), (1, 0)]), np.pad(bias, (1, 0))


def match_classes(model_classes: Sequence[str], dataset_classes: Sequence[str]) -> tuple[int, ...]:
    """Finds the model's output for each class of the data set; case and underscores don't matter.

    Raises:
      UserError: a class of the data set is not among the model's, or more than once.
    """
    positions = {_normal(name): position for position, name in enumerate(model_classes)}
    counts = collections.Counter(map(_normal, model_classes))
    for name in dataset_classes:
        if counts[_normal(name)] > 1:
            raise UserError(
                "--class_names must name each class of the data set once. Received: "
                f"{counts[_normal(name)]} outputs called {name!r}; rename those that are not meant"
            )
        if _normal(name) not in positions:
            raise UserError(
                "--class_names must name every class of the data set as the model's outputs are "
                f"ordered. Missing: {name!r}{nearest(_normal(name), positions)}"
            )
    return tuple(positions[_normal(name)] for name in dataset_classes)


def _normal(name: str) -> str:
    return name.strip().lower().replace("_", " ")
