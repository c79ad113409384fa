"""The loop behind `ActivationMaximization`: one `tf.while_loop`, or few steps one by one."""

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from bg_interp.visualization import compiling, upstream

# Gradients of float16 networks below 6e-8 would be lost; scores of a thousand times the size keep
# them, and stay far from the largest float16.
_FLOAT16_SCALE = 1024.0


@dataclasses.dataclass(frozen=True)
class Plan:
    """What one trace of the loop is made for.

    Attributes:
      model: a function of a list of inputs that gives a list of outputs.
      modifiers: for each input, see `upstream.modified`.
      scores: for each output, a function of (output, indices) that gives a score [B] or a scalar.
      fused_regularizers: (name, function of the list of inputs) that XLA can compile.
      other_regularizers: the same, of unknown kind.
      gradient_modifier: a function of one gradient, or None.
      variables: what the optimizer moves: the model's inputs, float32 [B,...].
      optimizer: a Keras optimizer, built for `variables`.
      unconnected: what the gradient of an input without influence is.
      score_scale: factor on the scores while gradients are taken.
      fuse: trace the loop as a whole, and let XLA compile what is done beside the network; see
        `pays_to_fuse`.
    """

    model: Callable[[list], list]
    modifiers: tuple[tuple[upstream.Modifier, ...], ...]
    scores: tuple[Callable[[tf.Tensor, tf.Tensor], tf.Tensor], ...]
    fused_regularizers: tuple[tuple[str, Callable], ...]
    other_regularizers: tuple[tuple[str, Callable], ...]
    gradient_modifier: Callable | None
    variables: list[keras.Variable]
    optimizer: keras.Optimizer
    unconnected: tf.UnconnectedGradients
    score_scale: float = 1.0
    fuse: bool = True


@dataclasses.dataclass(frozen=True)
class Report:
    """What callbacks are told of a step, beside the values: all of it from before the update."""

    gradients: list
    scores: list
    outputs: list
    regularizations: list


class CompiledLoop:
    """Runs a `Plan`. Steps, seed, class indices and weights are tensors: one trace serves all."""

    def __init__(self, plan: Plan, *, jit_compile: bool = False):
        """Prepares the loop, which is traced when it first runs."""
        self._plan = plan
        self._names = [name for name, _ in plan.fused_regularizers + plan.other_regularizers]
        self._first_state = [variable.numpy() for variable in plan.optimizer.variables]
        self._step = compiling.apart(self._one_step)
        self._run = tf.function(self._many_steps, autograph=False, jit_compile=jit_compile)

    def begin(self, values: Sequence[tf.Tensor]) -> None:
        """Sets the inputs, float32 [B,...], and makes the optimizer as new."""
        pairs = [*zip(self._plan.variables, values, strict=True)]
        pairs += zip(self._plan.optimizer.variables, self._first_state, strict=True)
        for variable, value in pairs:
            variable.assign(value)

    def values(self) -> list[tf.Tensor]:
        """Returns the inputs as they are now."""
        return [tf.identity(variable.value) for variable in self._plan.variables]

    def run(
        self, indices: Sequence[tf.Tensor], seed: int, first: int, last: int
    ) -> tuple[Report, int]:
        """Takes the steps from `first` to `last`.

        Args:
          indices: for each output, int32 [B], the classes of scores that know them as a tensor.
          seed: keys the modifiers' draws, with the step.
          first: the number of the first step.
          last: that of the step after the last, above `first`.

        Returns:
          The report of the last step, and the step that was reached: less than `last` when a
          gradient was not finite; the values are then those before it.
        """
        run = self._run if self._plan.fuse else self._step_by_step
        bounds = (tf.constant(number, tf.int32) for number in (seed, first, last))
        notes, reached = run(list(indices), *bounds)
        gradients, scores, outputs, regularizations = notes
        named = list(zip(self._names, regularizations, strict=True))
        return Report(gradients, scores, outputs, named), int(reached)

    def _step_by_step(self, indices: list, seed: Any, first: Any, last: Any) -> tuple:
        """Does what `_many_steps` does without tracing a loop, which takes a tenth of a second."""
        for step in range(int(first), int(last)):
            sound, notes = self._step(indices, tf.stack([seed, step]))
            if not sound:
                return self._ended(sound, notes), step
        return self._ended(sound, notes), last

    def _many_steps(self, indices: list, seed: tf.Tensor, first: Any, last: Any) -> tuple:
        specs = [tf.TensorSpec(index.shape, index.dtype) for index in indices]
        one = self._step.get_concrete_function(specs, tf.TensorSpec([2], tf.int32))
        notes = tf.nest.map_structure(_zeros, one.structured_outputs[1])

        def body(step: tf.Tensor, sound: tf.Tensor, _: Any) -> tuple:
            sound, notes = self._step(indices, tf.stack([seed, step]))
            return step + tf.cast(sound, tf.int32), sound, notes

        step, sound, notes = tf.while_loop(
            lambda step, sound, *_: sound & (step < last),
            body,
            (first, tf.constant(True), notes),
            # Steps depend on each other; running ahead only costs memory.
            parallel_iterations=1,
        )
        return self._ended(sound, notes), step

    def _ended(self, sound: tf.Tensor, notes: tuple) -> tuple:
        """Undoes the last step if it was not sound; returns what there is to tell of it."""
        before, gradients, scores, outputs, others = notes
        # Once for all steps: only the last one can have been unsound.
        for variable, value in zip(self._plan.variables, before, strict=True):
            variable.assign(tf.where(sound, variable.value, value))
        fused = [function(before) for _, function in self._plan.fused_regularizers]
        return gradients, scores, outputs, fused + others

    def _one_step(self, indices: list, key: tf.Tensor) -> tuple:
        """Takes one step; returns whether all went well, and what there is to say of it."""
        plan = self._plan
        values = self.values()
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(values)
            seen = [
                upstream.modified(value, modifiers, key, fuse=plan.fuse) if modifiers else value
                for value, modifiers in zip(values, plan.modifiers, strict=True)
            ]
            outputs = plan.model(seen)
            scores = [
                score(output, index)
                for score, output, index in zip(plan.scores, outputs, indices, strict=True)
            ]
            others = [function(values) for _, function in plan.other_regularizers]
            targets = [-plan.score_scale * score for score in scores]
            targets += [plan.score_scale * other for other in others]
        gradients = tape.gradient(targets, values, unconnected_gradients=plan.unconnected)
        gradients = [self._connected(*pair) for pair in zip(gradients, values, strict=True)]
        gradients = self._update(values, gradients)
        return _finite(gradients), (values, gradients, scores, outputs, others)

    def _connected(self, gradient: tf.Tensor | None, value: tf.Tensor) -> tf.Tensor:
        """Undoes the scale of a gradient, and answers for one that is missing."""
        if gradient is not None:
            return gradient / self._plan.score_scale
        if not self._plan.fused_regularizers:
            raise ValueError(
                "the score must depend on every input by a gradient, but one input of shape "
                f"{value.shape} has none; is there an argmax, a cast to integers or a stopped "
                "gradient on the way?"
            )
        return tf.zeros_like(value)

    def _update(self, values: list, gradients: list) -> list:
        """Adds the regularizers' gradients, lets the optimizer take its step; returns the sum."""
        modifier = self._plan.gradient_modifier
        if modifier is None:
            # One pass over memory for regularizers and optimizer: here XLA pays on CPUs too. It
            # compiles sums over the image for long, so there are none in what it is given.
            return self._fused(self._regularize_and_move)(values, gradients)
        gradients = [modifier(one) for one in self._fused(self._regularized)(values, gradients)]
        self._fused(self._move)(gradients)
        return gradients

    def _regularize_and_move(self, values: list, gradients: list) -> list:
        gradients = self._regularized(values, gradients)
        self._move(gradients)
        return gradients

    def _regularized(self, values: list, gradients: list) -> list:
        with tf.GradientTape() as tape:
            tape.watch(values)
            results = [function(values) for _, function in self._plan.fused_regularizers]
        if not results:
            return gradients
        zero = tf.UnconnectedGradients.ZERO
        added = tape.gradient(results, values, unconnected_gradients=zero)
        return [one + other for one, other in zip(gradients, added, strict=True)]

    def _move(self, gradients: list) -> None:
        self._plan.optimizer.apply(gradients, self._plan.variables)

    def _fused(self, function: Callable) -> Callable:
        return compiling.fused(function) if self._plan.fuse else function


def score_scale(model: keras.Model) -> float:
    """Returns by what to multiply scores, so that a float16 network's gradients do not vanish."""
    half = any(layer.compute_dtype == "float16" for layer in model.layers)
    return _FLOAT16_SCALE if half else 1.0


def pays_to_fuse(values: Sequence[tf.Tensor], steps: int) -> bool:
    """Tells whether XLA saves more time in `steps` steps than it takes to compile.

    It takes a quarter of a second and saves 50 to 80 ns per pixel and step (measured on one CPU
    core, batches of 64 and 128 px, default modifiers and regularizers), so one call pays from 3 to
    5 million on. The limit is lower, since most loops are called again.
    """
    pixels = sum(math.prod(value.shape) for value in values) / 3
    return pixels * steps > 1.5e6


def _finite(gradients: list) -> tf.Tensor:
    # A sum is finite if its terms are: terms so large that it overflows have long diverged.
    return tf.math.is_finite(tf.add_n([tf.reduce_sum(gradient) for gradient in gradients]))


def _zeros(tensor: Any) -> tf.Tensor:
    return tf.zeros(tensor.shape, tensor.dtype)
