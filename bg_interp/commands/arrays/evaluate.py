"""Background reliance of anybody's classifier on anybody's arrays, in one call from Python."""

import dataclasses
import pathlib
import sys
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from bg_interp.config.mask_rules import MaskRules
from bg_interp.errors import UserError
from bg_interp.evaluation.arrays import Arrays
from bg_interp.evaluation.leak import Leak, measure_leak
from bg_interp.evaluation.measuring import check_classes, measure
from bg_interp.evaluation.result import Evaluation
from bg_interp.evaluation.units import NO_UNITS, Units
from bg_interp.masks.arrays import opacity_of
from bg_interp.masks.doubting import Areas, doubts_about
from bg_interp.models import preprocessing, probing
from bg_interp.models.adapter import AdaptedModel, check_names, check_output_kind, check_outputs
from bg_interp.models.functions import ArrayFunction
from bg_interp.models.loading import load_classifier
from bg_interp.outside import check_counts, count_classes, to_images, to_labels, to_range, whole
from bg_interp.report import evaluation as page

_LOOKED_AT = 64


def evaluate(
    model: keras.Model | Callable | str | pathlib.Path,
    images: np.ndarray | Sequence,
    labels: np.ndarray | Sequence,
    masks: np.ndarray | Sequence,
    *,
    class_names: Sequence[str] | None = None,
    preprocess: str | Callable | None = "auto",
    input_range: tuple[float, float] | None = None,
    output_kind: str | None = None,
    keys: Sequence[str] | None = None,
    units: np.ndarray | Sequence | None = None,
    backgrounds: int = 8,
    seed: int = 0,
    invert_masks: bool | None = None,
    mask_values: Any = None,
) -> Evaluation:
    """Measures how much a classifier depends on backgrounds.

    Example:
      ```
      report = bg.evaluate(model, images, labels, masks, class_names=names)
      report.save("report.html")
      report.check(reliance=0.1)
      ```

    Args:
      model: a Keras model; the path of a .keras, .h5 or .onnx file, of a SavedModel or of a trained
        run; or a function from float32 or uint8 [B, H, W, 3] to scores [B, K], arrays both.
      images: test images, [N, H, W, 3] in 0 to 255 or 0 to 1.
      labels: class numbers [N], or one-hot [N, K].
      masks: [N, H, W] or [N, H, W, 1], however they are spelled, or what `bg.segment` returned.
      class_names: K names; None for numbers.
      preprocess: "auto" puts its own preprocessing before a network of keras.applications; a
        function of images in [0, 255]; None for none.
      input_range: what the model takes for black and white, instead of `preprocess`; None takes
        [0, 255], or the range in which it is clearly better, which is said.
      output_kind: "logits" or "probabilities"; None looks at a few outputs: rows that lie in 0 to 1
        and add up to 1 are probabilities.
      keys: names of the images; None for their numbers.
      units: which images belong together, a name or number for each: those of one object, place
        or scene, which are no news of each other; None where each shows another.
      backgrounds: on how many other backgrounds each object is tried; 0 for none.
      seed: keys all that is random.
      invert_masks: True where black is the object; False says that white is, however it looks.
      mask_values: which values of masks are object, where they are maps of labels or colours: a
        number, a list of numbers, "1:20" or "#800000".

    Returns:
      All measures with their 95 % intervals, which print and show themselves.

    Raises:
      UserError: arguments that cannot be used, or do not fit each other.
    """
    pixels = to_images(images)
    rules = MaskRules.of(invert_masks, mask_values)
    opacity = opacity_of(masks, pixels, rules)
    check_counts(images=pixels, labels=labels)
    seed, backgrounds = whole(seed, "seed"), whole(backgrounds, "backgrounds")
    if keys is not None and len(keys) != len(pixels):
        raise UserError(f"keys must name all {len(pixels)} images. Received: {len(keys)}")
    network = probing.with_its_dtype(_opened(model, pixels), pixels)
    kind, classes = outputs_of(AdaptedModel(network), pixels, output_kind)
    names = names_of(class_names, classes)
    test = Arrays(pixels, opacity, to_labels(labels, classes))
    adapted = adapted_to(network, test, preprocess, input_range, kind)
    span = adapted.input_range
    told = model if isinstance(model, str | pathlib.Path) else getattr(model, "name", "a function")
    facts = {"model": str(told), "input_range": list(span), "output_kind": kind}
    found = measure(
        adapted,
        test,
        names,
        keys=keys,
        units=units_of(units, len(pixels)),
        backgrounds=backgrounds,
        seed=seed,
        facts=facts,
        doubts=doubts_about(Areas.of(opacity), rules),
    )
    shown = tuple((name, str(value)) for name, value in {**facts, "seed": seed}.items())
    write = page.writer("bg_interp.evaluate(model, images, labels, masks)", shown)
    return dataclasses.replace(found, write_page=write)


def units_of(units: np.ndarray | Sequence | None, count: int) -> Units:
    """Returns what a caller says of which images belong together.

    Raises:
      UserError: there is not one for each image.
    """
    if units is None:
        return NO_UNITS
    numbers = np.unique(np.asarray(units).astype(str), return_inverse=True)[1].reshape(-1)
    if len(numbers) != count:
        raise UserError(
            f"units must hold a name or number for each of the {count} images. "
            f"Received: {len(numbers)}"
        )
    return Units(objects=numbers, scenes=numbers)


def leak(
    images: np.ndarray | Sequence,
    labels: np.ndarray | Sequence,
    masks: np.ndarray | Sequence,
    *,
    units: np.ndarray | Sequence | None = None,
    seed: int = 0,
    invert_masks: bool | None = None,
    mask_values: Any = None,
) -> Leak:
    """Measures how well backgrounds alone tell the label, before any model is trained.

    Args:
      images: [N, H, W, 3] in 0 to 255 or 0 to 1.
      labels: class numbers [N], or one-hot.
      masks: [N, H, W] or [N, H, W, 1], however they are spelled.
      units: see `evaluate`.
      seed: keys which images are looked at, and how they are divided.
      invert_masks: True where black is the object; False says that white is, however it looks.
      mask_values: which values of masks are object, where they are maps of labels or colours: a
        number, a list of numbers, "1:20" or "#800000".

    Returns:
      The share of labels that a classifier of backgrounds finds, with its 95 % interval.

    Raises:
      UserError: arguments that cannot be used, or fewer than two classes of five images.
    """
    pixels = to_images(images)
    rules = MaskRules.of(invert_masks, mask_values)
    opacity = opacity_of(masks, pixels, rules)
    for doubt in doubts_about(Areas.of(opacity), rules):
        print(f"in doubt, {doubt.about}: {doubt}", file=sys.stderr)
    check_counts(images=pixels, labels=labels)
    numbers = to_labels(labels, count_classes(labels))
    scenes = units_of(units, len(pixels)).scenes
    return measure_leak(Arrays(pixels, opacity, numbers), whole(seed, "seed"), scenes)


def _is_keras(network: Any) -> bool:
    return isinstance(network, keras.Model)


def _opened(model: keras.Model | Callable | str | pathlib.Path, pixels: np.ndarray) -> Any:
    """Returns a Keras model, or a function of tensors."""
    of_file = isinstance(model, str | pathlib.Path)
    network = load_classifier(str(model)).network if of_file else model
    if _is_keras(network):
        preprocessing.check_size(network, pixels, "images")
    if of_file or _is_keras(network):
        return network
    if not callable(model):
        raise UserError(
            "model must be a Keras model, a path, or a function of images. "
            f"Received: {type(model).__name__}"
        )
    if isinstance(model, ArrayFunction):
        return model
    if hasattr(model, "get_concrete_function"):
        wanted = (getattr(model, "input_signature", None) or [None])[0]
        if wanted is None or not wanted.dtype.is_integer:
            return model
        return lambda images: model(tf.cast(tf.round(images), wanted.dtype))
    return ArrayFunction(model, getattr(model, "__name__", "function"))


def adapted_to(
    network: Any,
    known: Arrays,
    preprocess: str | Callable | None,
    input_range: tuple[float, float] | None,
    output_kind: str,
) -> AdaptedModel:
    """Returns a classifier with what it wants done to images; says what had to be found.

    Args:
      network: a Keras model, or a function of tensors.
      known: natural images and their classes.
      preprocess: see `evaluate`.
      input_range: see there; None tries the usual ones where `preprocess` leaves it open.
      output_kind: "logits" or "probabilities".

    Raises:
      UserError: settings that contradict each other, or that do not suit the network.
    """
    preprocessing.check_settings(preprocess, input_range)
    if not _is_keras(network) and callable(preprocess):
        raise UserError(
            "preprocess as a function needs a Keras model; call it in your own function"
        )
    if _is_keras(network) and _has_its_own(network, preprocess, input_range):
        size = known.images.shape[1:3]
        ready = preprocessing.with_preprocessing(network, preprocess, None, size)
        preprocessing.check_range(ready, known.images)
        return AdaptedModel(ready, output_kind=output_kind)
    if preprocess is None or input_range is not None:
        span = preprocessing.RANGES[0] if input_range is None else to_range(input_range)
        if _is_keras(network) and span == preprocessing.RANGES[0]:
            preprocessing.check_range(network, known.images)
        return AdaptedModel(network, span, output_kind)
    model = AdaptedModel(network)
    probed = probing.probe(model, known.images, known.labels, output_kind=output_kind)
    for sentence in probed.said:
        print(f"{getattr(network, 'name', 'the model')}: {sentence}", file=sys.stderr)
    return probed.model


def _has_its_own(
    network: keras.Model,
    preprocess: str | Callable | None,
    input_range: tuple[float, float] | None,
) -> bool:
    """Tells whether layers are to be put before a network: a function, or an application's own."""
    if preprocess == "auto" and input_range is None:
        return preprocessing.application_of(network) is not None
    return callable(preprocess)


def outputs_of(model: AdaptedModel, pixels: np.ndarray, output_kind: str | None) -> tuple[str, int]:
    """Returns the kind of a classifier's outputs, and how many classes they are of."""
    if output_kind is not None and output_kind not in probing.KINDS:
        raise UserError(
            f"output_kind must be one of {', '.join(probing.KINDS)}. Received: {output_kind!r}"
        )
    scores = check_outputs(model, pixels[:_LOOKED_AT])
    check_classes(scores, scores.shape[1])
    found = output_kind or probing.kind_of(scores)
    check_output_kind(found, scores)
    return found, max(2, scores.shape[1])


def names_of(class_names: Sequence[str] | None, classes: int) -> list[str]:
    """Returns the names of a classifier's outputs: numbers where none are given.

    Raises:
      UserError: there is not one for each.
    """
    if class_names is None:
        return [str(number) for number in range(classes)]
    check_names(class_names, classes)
    return [str(name) for name in class_names]
