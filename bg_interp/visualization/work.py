"""One call of `ActivationMaximization`, taken apart: can it be compiled, and was it before?"""

import copy
import dataclasses
import functools
import json
from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf
from tf_keras_vis.activation_maximization.regularizers import Norm, TotalVariation2D
from tf_keras_vis.utils import listify, scores

from bg_interp.visualization import loop, upstream

Regularizer = tuple[str, Any, int | None]


def named_regularizers(regularizers: Any, names: Sequence[str]) -> list[Regularizer]:
    """Lists regularizers as (name, regularizer, input it looks at; None for all of them).

    Args:
      regularizers: what tf-keras-vis makes of its argument: a list of old-style regularizers, or
        a dict of dicts by input and name.
      names: the inputs' names.

    Raises:
      TypeError: a regularizer that cannot be called.
    """
    if isinstance(regularizers, list):
        listed: list[Regularizer] = [(one.name, one, None) for one in regularizers]
    else:
        listed = [
            (name, regularizer, place)
            for place, input_name in enumerate(names)
            for name, regularizer in regularizers[input_name].items()
        ]
    for _, regularizer, _ in listed:
        if not callable(regularizer):
            raise TypeError(f"a regularizer must be callable. Received: {regularizer!r}")
    return listed


@dataclasses.dataclass(frozen=True)
class Work:
    """The arguments of one call, in the order of the model's inputs and outputs.

    Attributes:
      model: what to maximise; training: in which mode to call it.
      values: the inputs to begin with, float32 [B,...].
      modifiers: for each input, tf-keras-vis's modifiers.
      scores: for each output, a score; mean_score: what brings its result to one number per image.
      regularizers: see `named_regularizers`.
      gradient_modifier: a function of one gradient, or None.
      optimizer: an optimizer, or None for tf-keras-vis's default.
      unconnected: what the gradient of an input without influence is.
      fuse: see `loop.Plan`.
    """

    model: keras.Model
    training: bool
    values: list[tf.Tensor]
    modifiers: list[list]
    scores: list[Callable]
    mean_score: Callable[[Any], tf.Tensor]
    regularizers: list[Regularizer]
    gradient_modifier: Callable | None
    optimizer: Any
    unconnected: tf.UnconnectedGradients
    fuse: bool

    def obstacles(self) -> list[str]:
        """Returns the names of all parts that a compiled loop cannot hold."""
        found = []
        for value, modifiers in zip(self.values, self.modifiers, strict=True):
            signatures = [upstream.modifier_signature(modifier) for modifier in modifiers]
            for modifier, signature in zip(modifiers, signatures, strict=True):
                if signature is None or len(value.shape) != 4:
                    found.append(f"the input modifier {upstream.name_of(modifier)}")
        specs = [tf.TensorSpec(value.shape, value.dtype) for value in self.values]
        for score, spec in zip(self.scores, self._output_specs, strict=True):
            if type(score) not in _KNOWN_SCORES and not upstream.traces(score, spec):
                found.append(f"the score {upstream.name_of(score)}")
        for _, regularizer, place in self.regularizers:
            if type(regularizer) in _FUSED or place is None:
                continue
            if not upstream.traces(regularizer, specs[place]):
                found.append(f"the regularizer {upstream.name_of(regularizer)}")
        modifier = self.gradient_modifier
        if modifier is not None and not all(upstream.traces(modifier, spec) for spec in specs):
            found.append(f"the gradient modifier {upstream.name_of(modifier)}")
        if self.optimizer is not None and not isinstance(self.optimizer, keras.Optimizer):
            found.append(f"the optimizer {upstream.name_of(self.optimizer)}")
        return found

    def signature(self) -> tuple | None:
        """Returns what a trace depends on; None when a part is a function that may change."""
        parts = [*self.scores, *(regularizer for _, regularizer, _ in self.regularizers)]
        plain = all(type(part) in _KNOWN_SCORES + _FUSED for part in parts)
        if self.gradient_modifier is not None or not plain:
            return None
        return (
            self.training,
            self.unconnected,
            self.fuse,
            tuple(tuple(value.shape) for value in self.values),
            self._modifier_signatures,
            tuple(_score_signature(*pair) for pair in zip(self.scores, self._indices, strict=True)),
            tuple((name, str(vars(one)), place) for name, one, place in self.regularizers),
            self._optimizer_signature,
        )

    def plan(self) -> loop.Plan:
        """Returns the plan of the loop that does this work."""
        fused: list[tuple[str, Callable]] = []
        others: list[tuple[str, Callable]] = []
        for name, regularizer, place in self.regularizers:
            kept = others
            if type(regularizer) in _FUSED:
                # Loops are kept by what a regularizer was like; the caller may change it later.
                kept, regularizer = fused, copy.copy(regularizer)
            if type(regularizer) is TotalVariation2D and not self.fuse:
                regularizer = functools.partial(upstream.total_variation, regularizer)
            kept.append((name, functools.partial(_regularization, regularizer, place)))
        optimizer = self._fresh_optimizer
        variables = [keras.Variable(value) for value in self.values]
        optimizer.build(variables)
        return loop.Plan(
            model=functools.partial(_outputs, self.model, self.training),
            modifiers=self._modifier_signatures,
            scores=tuple(
                functools.partial(_score, None if known else score, self.mean_score)
                for score, known in zip(self.scores, self._indices, strict=True)
            ),
            fused_regularizers=tuple(fused),
            other_regularizers=tuple(others),
            gradient_modifier=self.gradient_modifier,
            variables=variables,
            optimizer=optimizer,
            unconnected=self.unconnected,
            score_scale=loop.score_scale(self.model),
            fuse=self.fuse,
        )

    def indices(self) -> list[tf.Tensor]:
        """Returns, for each output, the classes that its score looks for, as far as it is known."""
        return [tf.constant(known or [0], tf.int32) for known in self._indices]

    @functools.cached_property
    def _output_specs(self) -> list[tf.TensorSpec]:
        batch = self.values[0].shape[0]
        return [
            tf.TensorSpec([batch, *tensor.shape[1:]], tf.float32) for tensor in self.model.outputs
        ]

    @functools.cached_property
    def _indices(self) -> list[list[int] | None]:
        return [
            upstream.categorical_indices(score, spec.shape.as_list())
            for score, spec in zip(self.scores, self._output_specs, strict=True)
        ]

    @property
    def _modifier_signatures(self) -> tuple:
        return tuple(
            tuple(upstream.modifier_signature(modifier) for modifier in modifiers)
            for modifiers in self.modifiers
        )

    @property
    def _optimizer_signature(self) -> str:
        optimizer = self._fresh_optimizer
        # Keras numbers the names of its objects.
        config = {**optimizer.get_config(), "name": type(optimizer).__name__}
        return json.dumps(config, sort_keys=True, default=str)

    @property
    def _fresh_optimizer(self) -> keras.Optimizer:
        """Returns an optimizer like the caller's, whose own state stays untouched."""
        if self.optimizer is None:
            return keras.optimizers.RMSprop(learning_rate=1.0, rho=0.999)
        return type(self.optimizer).from_config(self.optimizer.get_config())


_FUSED = (TotalVariation2D, Norm)
_KNOWN_SCORES = (scores.CategoricalScore, scores.BinaryScore, scores.InactiveScore)


def _score_signature(score: Any, indices: list[int] | None) -> str:
    return "categorical" if indices else f"{type(score).__name__} {vars(score)}"


def _outputs(model: keras.Model, training: bool, values: list) -> list:
    values = values[0] if len(values) == 1 else values
    # Scores and their mean are taken in float32, whatever the network computes in.
    return [tf.cast(output, tf.float32) for output in listify(model(values, training=training))]


def _score(
    score: Callable | None, mean: Callable, output: tf.Tensor, indices: tf.Tensor
) -> tf.Tensor:
    """Returns the score of each image; of its class, where no other score is given."""
    if score is not None:
        return mean(score(output))
    output = tf.reduce_mean(output, list(range(1, len(output.shape) - 1)))
    # With batch_dims, gather would need four times as many operations for its gradient.
    places = tf.stack([tf.range(output.shape[0]), indices], axis=1)
    return tf.gather_nd(output, places)


def _regularization(regularizer: Any, place: int | None, values: list) -> tf.Tensor:
    return regularizer(values if place is None else values[place])
