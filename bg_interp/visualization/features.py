"""Means and deviations of a network's features on natural images: what FeatureStatistics holds to.

A network that Keras trained keeps them itself, as moving statistics of its batch normalisation; of
any other network they are measured on photographs, of objects or backgrounds alone where there are
masks.
"""

import dataclasses
import itertools
import math
from collections.abc import Collection, Sequence

import keras
import numpy as np
import tensorflow as tf

from bg_interp.errors import UserError
from bg_interp.models import graph
from bg_interp.models.asking import as_graph

_LAYERS = keras.layers
_NORMALISATIONS = (
    _LAYERS.BatchNormalization,
    _LAYERS.LayerNormalization,
    _LAYERS.GroupNormalization,
)
# A channel that hardly varies must not outweigh all others: deviations are at least this share of
# the root mean square of their layer's.
_SMALLEST_SHARE = 0.03
# So many values of features are held at once while they are measured, 64 MB of float32.
_VALUES_AT_ONCE = 1 << 24
# Moving statistics belong to the weights when noise with the spectrum of photographs moves the
# means of no layer by more deviations than this, in the median over its channels. MobileNetV2 as
# Keras has it: at most 1.0; small networks trained on drawings: .4 to 1.3; both fine-tuned with
# their normalisation frozen, so that natural class images fail: 4 to 8.
_LARGEST_SHIFT = 2.5
_PROBES = 8
# What is more than so many times as wide as the narrowest layer of its size is an expansion of it.
_WIDEST = 2
# The side of images of a network that leaves it open.
_OPEN_SIDE = 224


@dataclasses.dataclass(frozen=True, eq=False)
class FeatureMoments:
    """What natural images give in some layers, over all images and places.

    Attributes:
      layers: names, "outer/inner" for those of nested models.
      channels: how many each of them has; their sum is C.
      means: float32 [C], those of all layers one after the other.
      deviations: float32 [C], above 0.
    """

    layers: tuple[str, ...]
    channels: tuple[int, ...]
    means: np.ndarray
    deviations: np.ndarray

    def with_tuples(self) -> "FeatureMoments":
        """Returns this with names and counts as Python's own, after a file held them as arrays."""
        layers = tuple(str(one) for one in self.layers)
        return dataclasses.replace(self, layers=layers, channels=tuple(map(int, self.channels)))

    def of_layers(self, chosen: Collection[str]) -> "FeatureMoments":
        """Returns those of some of the layers."""
        kept = [name in chosen for name in self.layers]
        values = np.repeat(kept, self.channels)
        return FeatureMoments(
            tuple(itertools.compress(self.layers, kept)),
            tuple(itertools.compress(self.channels, kept)),
            self.means[values],
            self.deviations[values],
        )

    @staticmethod
    def of(
        layers: Sequence[str], means: Sequence[np.ndarray], deviations: Sequence[np.ndarray]
    ) -> "FeatureMoments":
        """Joins what each layer gives, and keeps deviations away from 0."""
        floors = [_SMALLEST_SHARE * np.sqrt(np.mean(np.square(one))) + 1e-6 for one in deviations]
        kept = [np.maximum(*pair) for pair in zip(deviations, floors, strict=True)]
        return FeatureMoments(
            tuple(layers),
            tuple(len(one) for one in means),
            np.concatenate(means).astype(np.float32),
            np.concatenate(kept).astype(np.float32),
        )


def narrow_layers(natural: FeatureMoments, calls: Sequence[graph.Call]) -> list[str]:
    """Returns the layers that can stand for all: the narrow ones, and the last.

    Wide ones between them, six times as wide in a MobileNetV2, are most of what a step costs, and
    class images are named at least as often without them.

    Args:
      natural: of a model's layers.
      calls: of the model's layers, with static sizes.

    Raises:
      UserError: the model has no such layer.
    """
    shapes = {call.name: tuple(call.outputs[0].shape[1:]) for call in calls}
    _check_layers(natural.layers, shapes)
    narrowest: dict[tuple, int] = {}
    for name in natural.layers:
        *size, width = shapes[name]
        narrowest[tuple(size)] = min(width, narrowest.get(tuple(size), width))
    return [
        name
        for name, width in zip(natural.layers, natural.channels, strict=True)
        if width <= _WIDEST * narrowest[shapes[name][:-1]] or name == natural.layers[-1]
    ]


def tapped(model: keras.Model, layers: Sequence[str]) -> keras.Model:
    """Returns the model with the outputs of inner layers behind its own; it shares all layers.

    Raises:
      UserError: the model has no such layer.
    """
    wiring = graph.rewire(model)
    outputs_of = {call.name: call.outputs[0] for call in wiring.calls}
    _check_layers(layers, outputs_of)
    outputs = [*wiring.model.outputs, *(outputs_of[name] for name in layers)]
    inputs = wiring.model.inputs
    return keras.Model(inputs[0] if len(inputs) == 1 else inputs, outputs, name=model.name)


def _check_layers(layers: Sequence[str], there: Collection[str]) -> None:
    for name in layers:
        if name not in there:
            raise UserError(f"the model has no layer {name!r} whose features could be seen")


def of_normalisation(
    model: keras.Model,
    calls: Sequence[graph.Call] | None = None,
    input_range: tuple[float, float] = (0.0, 255.0),
) -> FeatureMoments | None:
    """Returns what the moving statistics of batch normalisation tell of the training images.

    Args:
      model: a Keras model.
      calls: of its layers, where they are known, so that the model need not be laid flat again.
      input_range: the pixel range that the model expects.

    Returns:
      None where there are no `moving_statistics`, and where they are not those of the weights, as
      of a network that was fine-tuned with its normalisation frozen: held to them, images of all
      classes become the same bright stripes.
    """
    told = moving_statistics(model, calls)
    return told if told and _are_of_the_weights(told, model, input_range) else None


def moving_statistics(
    model: keras.Model, calls: Sequence[graph.Call] | None = None
) -> FeatureMoments | None:
    """Returns what batch normalisation tells of the images it was trained on, whatever its weights.

    A normalised channel has the mean beta and the deviation |gamma|: that of the layer's output,
    which is there as well where the layer is folded into the convolution before it.

    Args:
      model: a Keras model.
      calls: see `of_normalisation`.

    Returns:
      None for a network without batch normalisation, or whose statistics nobody has trained:
      folded ones are identities, and those of a new network are 0 and 1.
    """
    normalisations = [
        call
        for call in (graph.rewire(model).calls if calls is None else calls)
        if isinstance(call.layer, _LAYERS.BatchNormalization) and call.layer.axis in _last(call)
    ]
    if not any(_is_trained(call.layer) for call in normalisations):
        return None
    means, deviations = zip(*(_normalised(call) for call in normalisations), strict=True)
    return FeatureMoments.of([call.name for call in normalisations], means, deviations)


def _are_of_the_weights(
    told: FeatureMoments, model: keras.Model, input_range: tuple[float, float]
) -> bool:
    """Tells whether features have, by and large, the means that moving statistics tell."""
    low, high = input_range
    rows, columns, channels = model.inputs[0].shape[1:]
    noise = _pink_noise((_PROBES, rows or _OPEN_SIDE, columns or _OPEN_SIDE, channels))
    seen = _moments(model, told.layers, low + (high - low) * noise)
    shifts = np.abs(seen.means - told.means) / told.deviations
    each = np.split(shifts, np.cumsum(told.channels)[:-1])
    return max(float(np.median(one)) for one in each) < _LARGEST_SHIFT


def _pink_noise(shape: tuple[int, ...]) -> np.ndarray:
    """Draws grey noise whose spectrum falls as that of photographs, float32 [N,H,W,C] in [0, 1]."""
    count, rows, columns, channels = shape
    frequency = np.hypot(np.fft.fftfreq(rows)[:, None], np.fft.rfftfreq(columns))
    frequency[0, 0] = np.inf
    white = np.random.default_rng(0).normal(size=(count, rows, columns))
    noise = np.fft.irfft2(np.fft.rfft2(white) / frequency, (rows, columns))
    noise = 0.45 + 0.25 * noise / noise.std(axis=(1, 2), keepdims=True)
    grey = np.clip(noise, 0, 1).astype(np.float32)[..., None]
    return np.repeat(grey, channels, axis=-1)


def _last(call: graph.Call) -> tuple[int, int]:
    return -1, len(call.outputs[0].shape) - 1


def _is_trained(layer: keras.layers.Layer) -> bool:
    mean = np.asarray(layer.moving_mean)
    variance = np.asarray(layer.moving_variance) + layer.epsilon
    return bool(np.any(np.abs(mean) > 1e-3) or np.any(np.abs(variance - 1) > 2 * layer.epsilon))


def _normalised(call: graph.Call) -> tuple[np.ndarray, np.ndarray]:
    layer, count = call.layer, call.outputs[0].shape[-1]
    mean = np.asarray(layer.beta) if layer.center else np.zeros(count)
    deviation = np.abs(np.asarray(layer.gamma)) if layer.scale else np.ones(count)
    variance = np.asarray(layer.moving_variance)
    # Epsilon takes something off channels that hardly vary.
    return mean, deviation * np.sqrt(variance / (variance + layer.epsilon))


def telling_layers(model: keras.Model) -> list[str]:
    """Returns the layers whose features are worth holding to natural ones.

    Those that normalise, where there are any; else all that have weights and give rows and columns,
    or tokens.
    """
    calls = [call for call in graph.rewire(model).calls if len(call.outputs) == 1]
    spatial = [call for call in calls if len(call.outputs[0].shape) in (3, 4)]
    normal = [call for call in spatial if isinstance(call.layer, _NORMALISATIONS)]
    weighted = [call for call in spatial if getattr(call.layer, "weights", None)]
    # A layer that is called twice has two kinds of features: the last one counts.
    return list(dict.fromkeys(call.name for call in normal or weighted))


def measured(
    model: keras.Model, images: np.ndarray, weights: np.ndarray | None = None
) -> FeatureMoments:
    """Measures what photographs give in a network's layers.

    Args:
      model: takes images as they are given.
      images: [N,H,W,C] in the model's range and size.
      weights: float [N,H,W] in [0, 1], how much each place counts: masks for objects alone, their
        opposite for backgrounds; None counts all alike.

    Raises:
      UserError: the network has no layers with features, or no place counts.
    """
    layers = telling_layers(model)
    if not layers:
        raise UserError("the model has no layers whose features could be held to natural ones")
    if weights is not None and not np.any(weights):
        raise UserError("masks must leave something of the images. Received: none of it")
    return _moments(model, layers, images, weights)


def _moments(
    model: keras.Model,
    layers: Sequence[str],
    images: np.ndarray,
    weights: np.ndarray | None = None,
) -> FeatureMoments:
    """Measures what images give in some layers; see `measured`."""
    network, own = tapped(model, layers), len(model.outputs)
    values = sum(math.prod(one.shape[1:]) for one in network.outputs[own:] if one.shape[1])
    ask = as_graph(network)  # It holds what is asked for alone, and not what all layers give.
    together = int(np.clip(_VALUES_AT_ONCE // max(values, 1), 1, 64))
    totals: list[np.ndarray] = []
    for first in range(0, len(images), together):
        batch = np.asarray(images[first : first + together], np.float32)
        some = None if weights is None else weights[first : first + together]
        features = ask(tf.constant(batch))[own:]
        sums = [_sums(np.asarray(one, np.float32), some) for one in features]
        totals = [old + new for old, new in zip(totals, sums, strict=True)] if totals else sums
    means = [total[1] / total[0] for total in totals]
    variances = [total[2] / total[0] - mean**2 for total, mean in zip(totals, means, strict=True)]
    return FeatureMoments.of(layers, means, [np.sqrt(np.maximum(one, 0)) for one in variances])


def _sums(features: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """Returns float64 [3,C]: sums of the weights, of weighted values, and of their squares."""
    flat = features.reshape(-1, features.shape[-1]).astype(np.float64)
    if weights is None:
        return np.stack([np.full(flat.shape[1], len(flat)), flat.sum(0), (flat**2).sum(0)])
    each = _at_places(weights, features.shape[1:-1]).reshape(-1, 1).astype(np.float64)
    sums = (each * flat).sum(0), (each * flat**2).sum(0)
    return np.stack([np.full(flat.shape[1], each.sum()), *sums])


def _at_places(weights: np.ndarray, places: Sequence[int]) -> np.ndarray:
    """Brings weights [N,H,W] to rows and columns of features, or to tokens.

    Tokens that are no square and one more are the class's token and a square: that token counts as
    the mean of all.
    """
    weights = np.asarray(weights, np.float32)[..., None]
    if len(places) == 2:
        return np.asarray(tf.image.resize(weights, places, "area"))[..., 0]
    side = math.isqrt(places[0])
    flat = np.asarray(tf.image.resize(weights, (side, side), "area"))
    flat = flat.reshape(len(weights), -1)
    rest = np.repeat(flat.mean(1, keepdims=True), places[0] - side * side, axis=1)
    return np.concatenate([rest, flat], axis=1)
