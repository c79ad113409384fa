"""The loop behind `ActivationMaximization`: one `tf.while_loop`, or few steps one by one."""

import collections
import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from bg_interp.errors import UserError
from bg_interp.visualization import compiling, parts, views
from bg_interp.visualization.engine.call import Call, Regularizer
from bg_interp.visualization.engine.moved_input import MovedInput
from bg_interp.visualization.modifiers import modified
from bg_interp.visualization.tf_keras_vis import mapping

# Gradients of float16 networks below 6e-8 would be lost; scores of a thousand times the size keep
# them, and stay far from the largest float16.
_FLOAT16_SCALE = 1024.0


@dataclasses.dataclass(frozen=True)
class Report:
    """What callbacks are told of a step, beside the values: all of it from before the update."""

    gradients: list
    scores: list
    outputs: list
    regularizations: list


class MissingGradientError(UserError, ValueError):
    """What is maximised does not depend on the input by a gradient."""


class CompiledLoop:
    """Runs a call, and others that differ only in values: one trace serves all of them."""

    def __init__(self, call: Call, *, jit_compile: bool = False):
        """Prepares the loop, which is traced when it first runs."""
        self._call = call.bind()
        self._scale = score_scale(call.model)
        pairs = zip(call.starts, call.limits, call.parametrizations, strict=True)
        self._inputs = [MovedInput(place, *pair, call) for place, pair in enumerate(pairs)]
        self._variables = [one for moved in self._inputs for one in moved.variables]
        self._call.optimizer.build(self._variables)
        self._first_state = [variable.numpy() for variable in self._call.optimizer.variables]
        self._formulas: dict[Regularizer, Callable] = {}
        self._fused: list[Regularizer] = []
        self._others: list[Regularizer] = []
        for regularizer in self._call.regularizers:
            # Gradients by the inputs themselves need no tape through a parametrization.
            if call.parametrized or type(regularizer.function) not in mapping.FUSED:
                self._others.append(regularizer)
            elif formula := self._formula_of(regularizer):
                self._formulas[regularizer] = formula
            else:
                self._fused.append(regularizer)
        self._step = compiling.apart(self._one_step)
        self._run = tf.function(self._many_steps, autograph=False, jit_compile=jit_compile)

    def begin(self, call: Call) -> None:
        """Takes the values of a call with the same signature, and makes the optimizer as new."""
        for twin, part in zip(self._call.parts(), call.parts(), strict=True):
            parts.assign(twin, part)
        for moved, start, parametrization in zip(
            self._inputs, call.starts, call.parametrizations, strict=True
        ):
            moved.begin(start, parametrization, call.seed)
        state = zip(self._call.optimizer.variables, self._first_state, strict=True)
        for variable, value in state:
            variable.assign(value)

    def values(self) -> list[tf.Tensor]:
        """Returns the images as they are now, for people."""
        return [moved.finished(parametrization) for moved, parametrization in self._pairs()]

    def run(self, seed: int, first: int, last: int) -> tuple[Report, int]:
        """Takes the steps from `first` to `last`.

        Args:
          seed: keys the draws, with the step.
          first: the number of the first step.
          last: that of the step after the last, above `first`.

        Returns:
          The report of the last step, and the step that was reached: less than `last` when a
          gradient was not finite; the values are then those before it.
        """
        run = self._run if self._call.fuse else self._step_by_step
        notes, reached = run(*(tf.constant(number, tf.int32) for number in (seed, first, last)))
        gradients, scores, outputs, regularizations = notes
        names = [one.name for one in (*self._formulas, *self._fused, *self._others)]
        named = list(zip(names, regularizations, strict=True))
        return Report(gradients, scores, outputs, named), int(reached)

    def _formula_of(self, regularizer: Regularizer) -> Callable | None:
        """Returns a regularizer's gradient, where XLA does not leave out what a tape adds to it."""
        if self._call.fuse or regularizer.place is None:
            return None
        shape = self._call.starts[regularizer.place].shape
        return mapping.gradient_of(regularizer.function, shape)

    def _pairs(self) -> Any:
        return zip(self._inputs, self._call.parametrizations, strict=True)

    def _step_by_step(self, seed: tf.Tensor, first: tf.Tensor, last: tf.Tensor) -> tuple:
        """Does what `_many_steps` does without tracing a loop, which takes a tenth of a second."""
        for step in range(int(first), int(last)):
            sound, notes = self._step(seed, tf.constant(step))
            if not sound:
                return self._ended(sound, notes), step
        return self._ended(sound, notes), last

    def _many_steps(self, seed: tf.Tensor, first: tf.Tensor, last: tf.Tensor) -> tuple:
        one = self._step.get_concrete_function(seed, first)
        notes = tf.nest.map_structure(_zeros, one.structured_outputs[1])

        def body(step: tf.Tensor, sound: tf.Tensor, _: Any) -> tuple:
            sound, notes = self._step(seed, step)
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
        for variable, value in zip(self._variables, before, strict=True):
            variable.assign(tf.where(sound, variable.value, value))
        own = [regularizer(before) for regularizer in (*self._formulas, *self._fused)]
        return gradients, scores, outputs, own + others

    def _one_step(self, seed: tf.Tensor, step: tf.Tensor) -> tuple:
        """Takes one step; returns whether all went well, and what there is to say of it."""
        call = self._call
        before = [tf.identity(variable.value) for variable in self._variables]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(before)
            left = iter(before)
            units = [
                parametrization.images([next(left) for _ in moved.variables], moved.start)
                for moved, parametrization in self._pairs()
            ]
            outputs, features = call.outputs(self._seen(units, seed, step))
            scores = [
                call.mean_score(score(output))
                for score, output in zip(call.scores, outputs, strict=True)
            ]
            others = self._regularizations(units, features)
            targets = [-self._scale * score for score in scores]
            targets += [self._scale * other for other in others]
        gradients = tape.gradient(targets, before, unconnected_gradients=call.unconnected)
        gradients = [self._connected(*pair) for pair in zip(gradients, before, strict=True)]
        gradients = self._update(before, gradients, step)
        return _finite(gradients), (before, gradients, scores, outputs, others)

    def _seen(self, units: list, seed: tf.Tensor, step: tf.Tensor) -> list:
        """Returns what the network sees of images in the parametrizations' own range."""
        images_seen, key = [], views.key_of(seed, step)
        for unit, (moved, parametrization), modifiers in zip(
            units, self._pairs(), self._call.modifiers, strict=True
        ):
            context = parts.StepContext(key, step, moved.noise, self._call.fuse)
            images = moved.scaled(parametrization.seen(unit, context))
            images_seen.append(modified(images, modifiers, context))
        return images_seen

    def _regularizations(self, units: list, features: dict[str, tf.Tensor]) -> list:
        if not self._others:
            return []
        values = [moved.scaled(unit) for moved, unit in zip(self._inputs, units, strict=True)]
        return [
            one.function([features[name] for name in one.layers]) if one.layers else one(values)
            for one in self._others
        ]

    def _connected(self, gradient: tf.Tensor | None, value: tf.Tensor) -> tf.Tensor:
        """Undoes the scale of a gradient, and answers for one that is missing."""
        if gradient is not None:
            return gradient if self._scale == 1 else gradient / self._scale
        if not self._formulas and not self._fused:
            raise MissingGradientError(
                "the score must depend on every input by a gradient, but one input of shape "
                f"{value.shape} has none; is there an argmax, a cast to integers or a stopped "
                "gradient on the way?"
            )
        return tf.zeros_like(value)

    def _update(self, values: list, gradients: list, step: tf.Tensor) -> list:
        """Adds the regularizers' gradients, lets the optimizer take its step; returns the sum."""
        call, modifier = self._call, self._call.gradient_modifier
        if call.schedule is not None:
            call.optimizer.learning_rate = call.schedule(step)
        if modifier is None or isinstance(modifier, parts.Part):
            # One pass over memory for regularizers and optimizer: here XLA pays on CPUs too. It
            # compiles sums over the image for long, so there are none in what it is given.
            return self._compiled(self._regularize_and_move)(values, gradients)
        regularized = self._compiled(self._regularized)(values, gradients)
        gradients = [modifier(one) for one in regularized]
        self._compiled(self._move)(gradients)
        return gradients

    def _regularize_and_move(self, values: list, gradients: list) -> list:
        gradients = self._regularized(values, gradients)
        if self._call.gradient_modifier is not None:
            gradients = [self._call.gradient_modifier(one) for one in gradients]
        self._move(gradients)
        return gradients

    def _regularized(self, values: list, gradients: list) -> list:
        """Adds the gradients of the regularizers that look at the inputs themselves."""
        added: dict[int | None, list] = collections.defaultdict(list)
        # The last one first, as a tape adds them.
        for regularizer, formula in reversed(self._formulas.items()):
            added[regularizer.place].append(formula(regularizer.seen(values)))
        if self._fused:
            with tf.GradientTape() as tape:
                tape.watch(values)
                results = [regularizer(values) for regularizer in self._fused]
            zero = tf.UnconnectedGradients.ZERO
            taped = tape.gradient(results, values, unconnected_gradients=zero)
            for place, one in enumerate(taped):
                added[place].append(one)
        return [
            one + tf.add_n(added[place]) if place in added else one
            for place, one in enumerate(gradients)
        ]

    def _move(self, gradients: list) -> None:
        self._call.optimizer.apply(gradients, self._variables)

    def _compiled(self, function: Callable) -> Callable:
        return compiling.fused(function) if self._call.fuse else function


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
