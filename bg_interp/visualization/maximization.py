"""tf-keras-vis's `ActivationMaximization`, with its whole optimisation in one compiled loop."""

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf
from tf_keras_vis import activation_maximization
from tf_keras_vis.activation_maximization.callbacks import managed_callbacks
from tf_keras_vis.activation_maximization.input_modifiers import Jitter, Rotate2D
from tf_keras_vis.activation_maximization.regularizers import Norm, TotalVariation2D
from tf_keras_vis.utils import get_input_names, get_num_of_steps_allowed, listify

from bg_interp.visualization import loop
from bg_interp.visualization.folding import FoldedModel
from bg_interp.visualization.work import Work, named_regularizers

_MODIFIERS = (Jitter(jitter=4), Rotate2D(degree=1))
_REGULARIZERS = (
    TotalVariation2D(weight=1.0),
    Norm(weight=0.3, p=1),
)


class ActivationMaximization(activation_maximization.ActivationMaximization):
    """Visualizes what a model's outputs answer to; called like tf-keras-vis's class.

    What differs: the loop is compiled; modifiers are views that the gradient runs through, each
    image's own, instead of changes that stay in the image; every draw is keyed by `seed`, so the
    same call gives the same bytes; an optimizer may be used again, since only its configuration is
    read. Modifiers, scores or optimizers that a graph cannot hold run in tf-keras-vis's own loop,
    with a warning that names them.

    Example:
      >>> maximization = ActivationMaximization(model, ReplaceToLinear())
      >>> images = maximization(CategoricalScore([3, 5]), seed_input=tf.zeros([2, 64, 64, 3]))
    """

    def __init__(
        self,
        model: keras.Model,
        model_modifier: Any = None,
        clone: bool = True,
        *,
        seed: int = 0,
        callback_every: int = 1,
        jit_compile: bool = False,
    ):
        """Takes tf-keras-vis's arguments and three of its own.

        Args:
          model: a Keras model.
          model_modifier: see tf-keras-vis.
          clone: see tf-keras-vis.
          seed: keys every random draw.
          callback_every: callbacks are called after this many steps; 1 as in tf-keras-vis. Larger
            numbers leave the compiled loop alone for longer.
          jit_compile: compile the loop by XLA; on CPUs the plain graph is faster.
        """
        super().__init__(model, model_modifier, clone)
        if callback_every < 1:
            raise ValueError(f"callback_every must be 1 or more. Received: {callback_every}")
        self._seed = seed
        self._callback_every = callback_every
        self._jit_compile = jit_compile
        self._folded: dict[tuple, FoldedModel] = {}
        self._loops: dict[tuple, loop.CompiledLoop] = {}

    def __call__(
        self,
        score: Any,
        seed_input: Any = None,
        input_range: Any = (0, 255),
        input_modifiers: Any = _MODIFIERS,
        regularizers: Any = _REGULARIZERS,
        steps: int = 200,
        optimizer: keras.optimizers.Optimizer | None = None,
        gradient_modifier: Callable | None = None,
        callbacks: Any = None,
        training: bool = False,
        unconnected_gradients: tf.UnconnectedGradients = tf.UnconnectedGradients.NONE,
        activation_modifiers: Any = None,
    ) -> Any:
        """Generates the inputs that maximize `score`; see tf-keras-vis for the arguments.

        Returns:
          A tensor [B,...] in `input_range`, or a list of them for models with several inputs.

        Raises:
          ValueError: an argument is not what tf-keras-vis asks for, or an input has no gradient.
          TypeError: a modifier or regularizer that cannot be called.
        """
        arguments = {
            "score": score,
            "seed_input": seed_input,
            "input_range": input_range,
            "input_modifiers": _as_list(input_modifiers),
            "regularizers": _as_list(regularizers),
            "steps": steps,
            "optimizer": optimizer,
            "gradient_modifier": gradient_modifier,
            "callbacks": callbacks,
            "training": training,
            "unconnected_gradients": tf.UnconnectedGradients(unconnected_gradients),
            "activation_modifiers": activation_modifiers,
        }
        scores = self._get_scores_for_multiple_outputs(score)
        ranges = self._get_input_ranges(input_range)
        values = [tf.cast(value, tf.float32) for value in self._get_seed_inputs(seed_input, ranges)]
        work = self._work(scores, values, arguments)
        activation = self._get_activation_modifiers(activation_modifiers)
        obstacles = work.obstacles()
        if obstacles:
            warnings.warn(
                "running tf-keras-vis's own loop, slowly and not seeded, since a compiled loop "
                f"cannot hold {', '.join(obstacles)}",
                stacklevel=2,
            )
            return super().__call__(**arguments)
        with managed_callbacks(**arguments) as called:
            values = self._iterate(work, called, steps, (ranges, activation))
        result = self._clip_and_modify(values, ranges, activation)
        single = len(self.model.inputs) == 1 and not isinstance(seed_input, list)
        return result[0] if single else result

    def _work(self, scores: list, values: list, arguments: dict) -> Work:
        """Gathers what is to be done, checked by tf-keras-vis's own rules."""
        names = get_input_names(self.model)
        modifiers = self._get_input_modifiers(arguments["input_modifiers"])
        regularizers = self._get_regularizers(arguments["regularizers"])
        shapes = tuple(tuple(value.shape[1:]) for value in values)
        if shapes in self._folded:
            self._folded[shapes].refresh()
        else:
            self._folded[shapes] = FoldedModel(self.model, shapes)
        return Work(
            model=self.model if arguments["training"] else self._folded[shapes].model,
            training=arguments["training"],
            values=values,
            modifiers=[modifiers[name] for name in names],
            scores=scores,
            mean_score=self._mean_score_value,
            regularizers=named_regularizers(regularizers, names),
            gradient_modifier=arguments["gradient_modifier"],
            optimizer=arguments["optimizer"],
            unconnected=arguments["unconnected_gradients"],
            fuse=self._jit_compile or loop.pays_to_fuse(values, arguments["steps"]),
        )

    def _iterate(self, work: Work, called: list, steps: int, finishing: tuple) -> list:
        """Runs the loop, in pieces where callbacks want to hear of it; returns the last values."""
        compiled, indices = self._compiled(work), work.indices()
        compiled.begin(work.values)
        steps = get_num_of_steps_allowed(steps)
        every = self._callback_every if called else max(steps, 1)
        for first in range(0, steps, every):
            last = min(first + every, steps)
            report, reached = compiled.run(indices, self._seed, first, last)
            if reached < last:
                warnings.warn(
                    f"the gradient of step {reached} was not finite; the ascent stopped there and "
                    "keeps the images it had",
                    stacklevel=3,
                )
                break
            for callback in called:
                callback(
                    last - 1,
                    self._clip_and_modify(compiled.values(), *finishing),
                    list(report.gradients),
                    list(report.scores),
                    list(report.outputs),
                    regularizations=list(report.regularizations),
                    overall_score=[-score for score in report.scores]
                    + [value for _, value in report.regularizations],
                )
        return compiled.values()

    def _compiled(self, work: Work) -> loop.CompiledLoop:
        """Returns a loop for this kind of work, traced before if nothing in it may have changed."""
        signature = work.signature()
        if signature is None:
            return loop.CompiledLoop(work.plan(), jit_compile=self._jit_compile)
        if signature not in self._loops:
            compiled = loop.CompiledLoop(work.plan(), jit_compile=self._jit_compile)
            self._loops[signature] = compiled
        return self._loops[signature]

    def _get_seed_inputs(self, seed_inputs: Any, input_ranges: Sequence[tuple]) -> list:
        """Draws missing inputs by our seed, where tf-keras-vis draws them by the global one."""
        if len(listify(seed_inputs)) == 0:
            seed_inputs = [
                self._drawn(place, tensor.shape[1:], *limits)
                for place, (tensor, limits) in enumerate(
                    zip(self.model.inputs, input_ranges, strict=True)
                )
            ]
        return super()._get_seed_inputs(seed_inputs, input_ranges)

    def _drawn(self, place: int, shape: Sequence[int | None], low: Any, high: Any) -> tf.Tensor:
        if None in shape:
            raise ValueError(
                f"the model leaves the size of input {place} open: {tuple(shape)}; give seed_input "
                "of the size to make"
            )
        if low is None and high is None:
            low, high = 0.0, 1.0
        elif low is None:
            low = high - abs(high / 2)
        elif high is None:
            high = low + abs(low * 2)
        draws = tf.random.stateless_uniform(shape, [self._seed, -1 - place])
        return low + (high - low) * draws


def _as_list(values: Any) -> Any:
    """Turns the tuples of our defaults into lists, which tf-keras-vis asks for."""
    return list(values) if isinstance(values, tuple) else values
