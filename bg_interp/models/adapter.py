"""Any classifier of images as the one thing measures know: RGB in [0, 255] to logits."""

import collections
import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from bg_interp.errors import UserError, nearest
from bg_interp.models import graph, outputs
from bg_interp.models.asking import in_inference
from bg_interp.models.layout import ANY, Layout
from bg_interp.models.outputs import check_names
from bg_interp.pixels import BYTES, Pixels


@dataclasses.dataclass(frozen=True, eq=False)
class AdaptedModel:
    """A classifier whose own conventions are hidden: call it with RGB in [0, 255].

    Attributes:
      network: a Keras model, or any function of a batch of images.
      pixels: what is done to pixels before `network` sees them.
      output_kind: "logits", or "probabilities" that are turned into log-probabilities.
      columns: the outputs that are the dataset's classes, in their order; None for all.
      layout: the shape in which `network` takes images.
      key: which of several outputs has the scores; None for a single one.
    """

    network: Callable[[Any], Any]
    pixels: Pixels = BYTES
    output_kind: str = "logits"
    columns: tuple[int, ...] | None = None
    layout: Layout = ANY
    key: Any = None

    def to_input(self, images: tf.Tensor) -> tf.Tensor:
        """Maps RGB in [0, 255], [B, H, W, 3], to what `network` takes."""
        images = tf.cast(images, tf.float32)
        return self.layout.arranged(self.pixels(self.layout.coloured(images)))

    def scores(self, images: tf.Tensor) -> tf.Tensor:
        """Returns what `network` gives for RGB in [0, 255], in inference, [B, K]."""
        return outputs.scores_of(in_inference(self.network)(self.to_input(images)), self.key)

    def to_logits(self, scores: tf.Tensor) -> tf.Tensor:
        """Maps what `network` gives to logits, float32 [B, K].

        A single output is that of a binary classifier for its second class.
        """
        scores = tf.cast(scores, tf.float32)
        if self.output_kind == "probabilities":
            if scores.shape[-1] == 1:
                scores = tf.concat([1.0 - scores, scores], axis=-1)
            scores = tf.math.log(tf.maximum(scores, 1e-12))
        elif scores.shape[-1] == 1:
            scores = tf.concat([tf.zeros_like(scores), scores], axis=-1)
        return scores if self.columns is None else tf.gather(scores, self.columns, axis=-1)

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        """Returns logits, float32 [B, K], for RGB in [0, 255]."""
        return self.to_logits(self.scores(images))


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
    scores = outputs.check_scores(model.scores(tf.constant(images)), len(images))
    if names is not None:
        check_names(names, 2 if scores.shape[1] == 1 else scores.shape[1])
    return scores


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
    """Finds the model's output for each class of the dataset; case and underscores don't matter.

    Raises:
      UserError: a class of the dataset is not among the model's, or more than once.
    """
    positions = {_normal(name): position for position, name in enumerate(model_classes)}
    counts = collections.Counter(map(_normal, model_classes))
    for name in dataset_classes:
        if counts[_normal(name)] > 1:
            raise UserError(
                "--class_names must name each class of the dataset once. Received: "
                f"{counts[_normal(name)]} outputs called {name!r}; rename those that are not meant"
            )
        if _normal(name) not in positions:
            raise UserError(
                "--class_names must name every class of the dataset as the model's outputs are "
                f"ordered. Missing: {name!r}{nearest(_normal(name), positions)}"
            )
    return tuple(positions[_normal(name)] for name in dataset_classes)


def _normal(name: str) -> str:
    return name.strip().lower().replace("_", " ")
