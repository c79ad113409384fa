"""Where a model looks: the share of its attribution that lies on the object.

SmoothGrad (Smilkov et al. 2017, arXiv 1706.03825) is our own compiled, seeded loop; Grad-CAM++
(Chattopadhay et al. 2018, arXiv 1710.11063) is tf-keras-vis's. Both explain the logit of the true
class. Their shares are read beside the mask's area, which attribution without any preference
would reach. The pointing game (Zhang et al. 2016, arXiv 1608.00507) asks how often the strongest
pixel lies on the object.

Not a headline: differences between treatments are small, and Grad-CAM++ has the resolution of the
last convolution, a few cells across on small networks.
"""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from bg_interp.errors import one_line
from bg_interp.evaluation.arrays import (
    Arrays,
    batch_of,
    batches,
    mean_by_class,
    plain_list,
)
from bg_interp.models import graph
from bg_interp.models.adapter import AdaptedModel, keras_network

SAMPLES = 10
NOISE = 25.0  # Deviation in pixel units: 10 % of the range, as Smilkov et al. advise.
MAX_IMAGES = 200


def _smoothgrad_graph(model: AdaptedModel, shape: tuple[int, ...]) -> Callable[..., tf.Tensor]:
    """Returns (images, labels, seed) -> maps as one graph, for any number of images of a shape."""

    def gradient(images: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(images)
            score = tf.reduce_sum(tf.gather(model(images), labels, batch_dims=1))
        found = tape.gradient(score, images)
        if found is None:
            raise ValueError("the model cannot be differentiated with respect to its images")
        return found

    def maps(images: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        def add(sample: tf.Tensor, total: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            key = tf.stack([seed, sample])
            noise = NOISE * tf.random.stateless_normal(tf.shape(images), key)
            return sample + 1, total + gradient(images + noise, labels)

        start = (tf.constant(0), tf.zeros_like(images))
        # Samples do not need each other: TensorFlow would take several at once, and hold what the
        # network computes for each of them.
        _, total = tf.while_loop(
            lambda sample, _: sample < SAMPLES, add, start, parallel_iterations=1
        )
        return tf.reduce_sum(tf.abs(total), axis=-1) / SAMPLES

    # Named beforehand, since a batch of another size would else be traced anew, for seconds; traced
    # now, since TensorFlow warns whoever calls several graphs of one function.
    signature = [
        tf.TensorSpec([None, *shape], tf.float32),
        tf.TensorSpec([None], tf.int32),
        tf.TensorSpec([], tf.int32),
    ]
    graph = tf.function(maps, autograph=False, input_signature=signature)
    return graph.get_concrete_function()


def smoothgrad(
    model: AdaptedModel, images: np.ndarray, labels: np.ndarray, seed: int = 0
) -> np.ndarray:
    """Returns SmoothGrad maps of the true class, float32 [N, H, W], not negative.

    Args:
      model: differentiable with respect to its images.
      images: [N, H, W, 3] in [0, 255].
      labels: int [N].
      seed: keys the noise; each batch has its own.

    Raises:
      ValueError: the model's logits have no gradient with respect to its images.
    """
    ask = _smoothgrad_graph(model, images.shape[1:])
    maps = [
        ask(
            tf.cast(images[rows], tf.float32),
            tf.cast(labels[rows], tf.int32),
            tf.constant(seed + rows.start, tf.int32),
        ).numpy()
        for rows in batches(len(images), batch_of(images.shape[1:], gradients=True))
    ]
    return np.concatenate(maps)


def gradcam_plus_plus(model: AdaptedModel, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Returns Grad-CAM++ maps of the true class, float32 [N, H, W], not negative.

    Args:
      model: holds a Keras model with a convolution, also inside of a nested model.
      images: [N, H, W, 3] in [0, 255].
      labels: int [N].

    Raises:
      ValueError: the model has no layers to look at, or none is a convolution.
    """
    from tf_keras_vis.gradcam_plus_plus import GradcamPlusPlus

    network = keras_network(model)
    if network is None:
        raise ValueError("a SavedModel or function has no layers")
    flat, last = _laid_flat(network)
    visualizer = GradcamPlusPlus(flat, clone=False)

    def maps(rows: slice) -> np.ndarray:
        def score(outputs: tf.Tensor) -> tf.Tensor:
            own = tf.gather(model.to_logits(outputs), labels[rows], batch_dims=1)
            # Upstream multiplies by exp(score), which overflows on large logits and cancels in
            # the maps up to scale: shifting the score to 0 keeps them and stays finite.
            return own - tf.stop_gradient(own)

        return visualizer(
            score,
            model.to_input(images[rows]),
            penultimate_layer=last,
            seek_penultimate_conv_layer=last is None,
            normalize_cam=False,
        )

    return np.concatenate(
        [maps(rows) for rows in batches(len(images), batch_of(images.shape[1:], gradients=True))]
    )


def _laid_flat(network: keras.Model) -> tuple[keras.Model, keras.Layer | None]:
    """Returns a model, and the layer in it whose `output` is that of its last convolution.

    Layers of nested models have been called twice, and `output` is that of the first call; those of
    a sequential model are called again for each one that is added, as when it is read from a file.
    There a layer of no effect is put behind the convolution. None: tf-keras-vis finds the layer.
    """
    nested = any(graph.has_graph(layer) for layer in network.layers)
    if not isinstance(network, keras.Sequential) and not nested:
        return network, None
    from tf_keras_vis.utils.model_modifiers import Conv as BaseConv

    convolutions = [
        call.layer for call in graph.rewire(network).calls if isinstance(call.layer, BaseConv)
    ]
    if not convolutions:
        return network, None
    mark = keras.layers.Identity(dtype=convolutions[-1].dtype_policy)

    def marked(layer: Any) -> Any:
        if layer is not convolutions[-1]:
            return layer
        return lambda *values, **how: mark(layer(*values, **how))

    return graph.rewire(network, marked).model, mark


def share_in_mask(maps: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Returns the share of each map that lies on the object, float64 [N]; NaN for empty maps.

    Args:
      maps: [N, H, W], not negative.
      masks: uint8 [N, H, W, 1]; soft masks weigh.
    """
    inside = (maps * (masks[..., 0] / 255.0)).sum(axis=(1, 2), dtype=np.float64)
    total = maps.sum(axis=(1, 2), dtype=np.float64)
    return np.divide(inside, total, out=np.full(len(maps), np.nan), where=total > 0)


def pointing_game(maps: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Returns 1.0 where the strongest pixel lies on the object, else 0.0; NaN for empty maps."""
    flat = maps.reshape(len(maps), -1)
    hit = masks.reshape(len(masks), -1)[np.arange(len(maps)), flat.argmax(axis=1)] > 127
    return np.where(flat.max(axis=1) > 0, hit.astype(np.float64), np.nan)


def attribution(model: AdaptedModel, arrays: Arrays, classes: int, seed: int = 0) -> dict[str, Any]:
    """Measures both attributions on at most MAX_IMAGES images, drawn by `seed`.

    Returns:
      `images` (how many), `mask_area` [K], and for `smoothgrad` and `gradcam_plus_plus` {"share"
      [K], "pointing" [K], "empty_maps": count}, or {"left_out": why}; means by class over maps
      that are not empty, None for a class without any.
    """
    drawn = np.random.default_rng(seed).permutation(len(arrays.labels))[:MAX_IMAGES]
    some = arrays.take(drawn)
    areas = (some.masks / 255.0).mean(axis=(1, 2, 3))
    results: dict[str, Any] = {
        "images": len(drawn),
        "mask_area": _by_class(areas, some.labels, classes),
    }
    methods = {
        "smoothgrad": lambda: smoothgrad(model, some.images, some.labels, seed),
        "gradcam_plus_plus": lambda: gradcam_plus_plus(model, some.images, some.labels),
    }
    for name, method in methods.items():
        try:
            maps = method()
            if maps.shape != some.images.shape[:3]:
                raise ValueError(f"its maps are of another shape than images: {maps.shape[1:]}")
        except Exception as error:
            # Somebody's model may not be differentiable, have no layers, or compute in numbers that
            # a method does not know, and each raises its own; the rest still counts.
            results[name] = {"left_out": one_line(error)}
            continue
        results[name] = {
            "share": _by_class(share_in_mask(maps, some.masks), some.labels, classes),
            "pointing": _by_class(pointing_game(maps, some.masks), some.labels, classes),
            "empty_maps": int((maps.max(axis=(1, 2)) <= 0).sum()),
        }
    return results


def _by_class(values: np.ndarray, labels: np.ndarray, classes: int) -> list[float | None]:
    """Returns each class's mean over the images whose map is not empty."""
    known = ~np.isnan(values)
    return plain_list(mean_by_class(values[known], labels[known], classes))
