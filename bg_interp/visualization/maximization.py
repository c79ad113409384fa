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

from bg_interp.models import copying
from bg_interp.models.folding import FoldedModel
from bg_interp.visualization import features
from bg_interp.visualization.engine import loop
from bg_interp.visualization.engine.call import Call, regularizers_of, schedule_of
from bg_interp.visualization.parametrizations import Input, Parametrization
from bg_interp.visualization.tf_keras_vis import mapping

_MODIFIERS = (Jitter(jitter=4), Rotate2D(degree=1))
# Folding takes as long as a few steps.
_FEW_STEPS = 16
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

    Attributes:
      stopped_at: the step of the last call at which a gradient was not finite; None if all were.

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

        Raises:
          ValueError: `callback_every` below 1.
        """
        copied = copying.copied(model) if clone and listify(model_modifier) else None
        # A clone as tf-keras-vis makes it would lose what layers keep beside their weights.
        super().__init__(copied or model, model_modifier, clone and copied is None)
        if callback_every < 1:
            raise ValueError(f"callback_every must be 1 or more. Received: {callback_every}")
        self.seed = seed
        self.stopped_at: int | None = None
        self._callback_every = callback_every
        self._jit_compile = jit_compile
        self._folded: dict[tuple, FoldedModel] = {}
        self._tapped: dict[tuple[str, ...], keras.Model] = {}
        self._outputs: Callable | None = None
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
        *,
        parametrization: Any = None,
        seed: int | None = None,
    ) -> Any:
        """Generates the inputs that maximize `score`; see tf-keras-vis for its arguments.

        Args:
          parametrization: what is moved instead of the input itself, one of `parametrizations`;
            for models with several inputs a list, with None for those that move as they are.
          seed: keys every random draw; None for the seed of the constructor.

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
        self.stopped_at = None
        self._seed = self.seed if seed is None else seed
        ranges = self._get_input_ranges(input_range)
        finishing = ranges, self._get_activation_modifiers(activation_modifiers)
        call, obstacles = self._call(arguments, ranges, parametrization)
        if obstacles and call.parametrized:
            raise ValueError(
                f"a parametrization needs the compiled loop, which cannot hold "
                f"{', '.join(obstacles)}"
            )
        if obstacles:
            warnings.warn(
                "running tf-keras-vis's own loop, slowly and not seeded, since a compiled loop "
                f"cannot hold {', '.join(obstacles)}",
                stacklevel=2,
            )
            return super().__call__(**arguments)
        with managed_callbacks(**arguments) as called:
            values = self._iterate(call, called, finishing)
        result = self._clip_and_modify(values, *finishing)
        single = len(self.model.inputs) == 1 and not isinstance(seed_input, list)
        return result[0] if single else result

    def outputs(self, images: tf.Tensor) -> list[tf.Tensor]:
        """Returns what the model gives for images in its own range, float32 [B,...] each."""
        folded = self._folded_for([tuple(images.shape[1:])])
        if self._outputs is None:
            self._outputs = tf.function(
                lambda values: [tf.cast(one, tf.float32) for one in listify(folded(values))],
                autograph=False,
            )
        return self._outputs(images)

    def _call(self, given: dict, ranges: list, parametrization: Any) -> tuple[Call, list[str]]:
        """Gathers what is to be done, by tf-keras-vis's own rules, and what stands in its way."""
        scores = self._get_scores_for_multiple_outputs(given["score"])
        starts = [
            tf.cast(value, tf.float32)
            for value in self._get_seed_inputs(given["seed_input"], ranges)
        ]
        names = get_input_names(self.model)
        by_name = self._get_input_modifiers(given["input_modifiers"])
        modifiers = [by_name[name] for name in names]
        mapped = [[mapping.known_modifier(one) for one in each] for each in modifiers]
        shapes = [(starts[0].shape[0], *output.shape[1:]) for output in self.model.outputs]
        optimizer = given["optimizer"]
        if optimizer is None:
            optimizer = keras.optimizers.RMSprop(learning_rate=1.0, rho=0.999)
        known = isinstance(optimizer, keras.Optimizer)
        against = regularizers_of(self._get_regularizers(given["regularizers"]), names)
        layers = tuple(dict.fromkeys(name for one in against for name in one.layers))
        call = Call(
            model=self._model_for(starts, given, layers),
            training=given["training"],
            layers=layers,
            starts=starts,
            limits=ranges,
            parametrizations=self._parametrizations(parametrization, ranges),
            modifiers=mapped,
            scores=[mapping.known_score(*pair) for pair in zip(scores, shapes, strict=True)],
            mean_score=self._mean_score_value,
            regularizers=against,
            gradient_modifier=given["gradient_modifier"],
            optimizer=optimizer,
            schedule=schedule_of(optimizer) if known else None,
            unconnected=given["unconnected_gradients"],
            steps=get_num_of_steps_allowed(given["steps"]),
            seed=self._seed,
            fuse=self._jit_compile or loop.pays_to_fuse(starts, given["steps"]),
        )
        return call, mapping.obstacles(call, modifiers, shapes)

    def _parametrizations(self, given: Any, ranges: list) -> list[Parametrization]:
        """Returns a parametrization for each input."""
        listed = given if isinstance(given, (list, tuple)) else [given] * len(ranges)
        if len(listed) != len(ranges):
            raise ValueError(
                f"there must be one parametrization for each of {len(ranges)} inputs. "
                f"Received: {len(listed)}"
            )
        for one, limits in zip(listed, ranges, strict=True):
            if one is not None and None in limits:
                raise ValueError(f"a parametrization needs an input_range. Received: {limits}")
        return [Input() if one is None else one for one in listed]

    def _model_for(self, starts: list, given: dict, layers: tuple[str, ...]) -> keras.Model:
        """Returns the model to call: with BatchNorm folded where that saves more than it takes.

        The outputs of `layers` stand behind its own.
        """
        floats = all("float" in tensor.dtype for tensor in self.model.inputs)
        shapes = [tuple(start.shape[1:]) for start in starts]
        pairs = zip(shapes, self.model.inputs, strict=True)
        own_size = all(None in each.shape[1:] or shape == each.shape[1:] for shape, each in pairs)
        if given["training"] or (given["steps"] <= _FEW_STEPS and floats and own_size):
            return self._with_features(layers)
        return self._folded_for(shapes, layers)

    def _with_features(self, layers: tuple[str, ...]) -> keras.Model:
        if not layers:
            return self.model
        if layers not in self._tapped:
            self._tapped[layers] = features.tapped(self.model, layers)
        return self._tapped[layers]

    def _folded_for(self, shapes: list[tuple], layers: tuple[str, ...] = ()) -> keras.Model:
        """Returns the model with its present weights, BatchNorm folded, for inputs of `shapes`."""
        key = (*shapes, layers)
        if key in self._folded:
            self._folded[key].refresh()
        else:
            self._folded[key] = FoldedModel(self._with_features(layers), shapes)
        return self._folded[key].model

    def _iterate(self, call: Call, called: list, finishing: tuple) -> list:
        """Runs the loop, in pieces where callbacks want to hear of it; returns the last values."""
        compiled = self._compiled(call)
        compiled.begin(call)
        heard = [self._call_steps(callback, call.steps) for callback in called]
        first = 0
        for last in sorted(set().union(*heard, {call.steps} if call.steps > 0 else ())):
            report, reached = compiled.run(call.seed, first, last)
            if reached < last:
                self.stopped_at = reached
                warnings.warn(
                    f"the gradient of step {reached} was not finite; the ascent stopped there and "
                    "keeps the images it had",
                    stacklevel=3,
                )
                break
            for callback, wanted in zip(called, heard, strict=True):
                if last not in wanted:
                    continue
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
            first = last
        return compiled.values()

    def _call_steps(self, callback: Any, steps: int) -> set[int]:
        """Returns after how many steps a callback is called."""
        if hasattr(callback, "call_steps"):
            return callback.call_steps(steps)
        every = self._callback_every
        return {min(first + every, steps) for first in range(0, steps, every)}

    def _compiled(self, call: Call) -> loop.CompiledLoop:
        """Returns a loop for this kind of call, traced before if nothing in it may have changed."""
        signature = call.signature()
        if signature is None:
            return loop.CompiledLoop(call, jit_compile=self._jit_compile)
        if signature not in self._loops:
            self._loops[signature] = loop.CompiledLoop(call, jit_compile=self._jit_compile)
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
