"""Background reliance of anybody's classifier on anybody's arrays, in one call from Python."""

import dataclasses
import pathlib
import sys
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from bg_interp.arguments import check_counts, count_classes, to_images, to_labels, whole
from bg_interp.config.mask_rules import MaskRules
from bg_interp.errors import UserError
from bg_interp.evaluation.arrays import Arrays
from bg_interp.evaluation.leak import Leak, measure_leak
from bg_interp.evaluation.measuring import measure
from bg_interp.evaluation.result import Evaluation
from bg_interp.evaluation.units import NO_UNITS, Units
from bg_interp.masks.arrays import opacity_of
from bg_interp.masks.doubting import doubts_of
from bg_interp.models import opening
from bg_interp.models.loading import load_classifier
from bg_interp.models.outputs import KINDS, check_listed, check_names
from bg_interp.pixels import given
from bg_interp.report import evaluation as page


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
    places: np.ndarray | Sequence | None = None,
    units: np.ndarray | Sequence | None = None,
    backgrounds: int = 8,
    seed: int = 0,
    invert_masks: bool | None = None,
    mask_values: Any = None,
) -> Evaluation:
    """Measures how much a classifier relies on backgrounds.

    Example:
      ```
      report = bg.evaluate(model, images, labels, masks, class_names=names)
      report.save("report.html")
      report.check(reliance=0.1)
      ```

    Args:
      model: a Keras model; the path of a .keras, .h5 or .onnx file, of a SavedModel or of a trained
        run; or a function from float32 or uint8 [B, H, W, 3] to scores [B, K], both arrays.
      images: test images, [N, H, W, 3] in 0 to 255 or 0 to 1.
      labels: class numbers [N], or one-hot [N, K].
      masks: [N, H, W] or [N, H, W, 1], in any common format, or what `bg.segment` returned.
      class_names: K names; None for numbers.
      preprocess: "auto" puts its own preprocessing before a network of keras.applications; a
        function of images in [0, 255]; None for none.
      input_range: the pixel range that the model expects, instead of `preprocess`; None takes
        [0, 255], or the range in which it is clearly better, with a message.
      output_kind: "logits" or "probabilities"; None looks at a few outputs: rows within 0 to 1 that
        add up to 1 are probabilities.
      keys: names of the images; None for their numbers.
      places: the kind of each image's background, a name or number for each, such as land and
        water; the worst group is then measured on unmodified images as well. None if unknown.
      units: which images belong together, a name or number for each: those of one object, place or
        scene, which are not independent; None if all show different ones.
      backgrounds: number of other backgrounds on which each object is tried; 0 for none.
      seed: of all random choices.
      invert_masks: True if black is the object; False if white is, even if that looks inverted.
      mask_values: which values of masks are the object, if they are label maps or coloured: a
        number, a list of numbers, "1:20" or "#800000".

    Returns:
      All measures with their 95 % intervals; they can be printed, and shown in a notebook.

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
    where, kinds = _places(places, len(pixels))
    if output_kind is not None and output_kind not in KINDS:
        raise UserError(f"output_kind must be one of {', '.join(KINDS)}. Received: {output_kind!r}")
    classifier = load_classifier(model)
    names = class_names if class_names is not None else classifier.class_names
    if names is not None:
        check_listed(names)
    found = opening.opened(
        classifier,
        pixels,
        _numbers(labels),
        pixels=given(preprocess, input_range),
        output_kind=output_kind,
        class_names=names,
    )
    adapted = found.model
    for sentence in found.notes:
        print(f"{found.name}: {sentence}", file=sys.stderr)
    classes = found.classes
    test = Arrays(pixels, opacity, to_labels(labels, classes))
    facts = {
        "model": found.name,
        "preprocess": adapted.pixels.name,
        "input_range": adapted.pixels.range and list(adapted.pixels.range),
        "output_kind": adapted.output_kind,
        "found": list(found.notes),
    }
    evaluation = measure(
        adapted,
        test,
        names_of(names, classes),
        keys=keys,
        places=where,
        place_names=kinds,
        units=units_of(units, len(pixels)),
        backgrounds=backgrounds,
        seed=seed,
        facts=facts,
        doubts=(*found.doubts, *doubts_of(*test, rules)),
    )
    shown = {"seed": seed, **facts, "found": "; ".join(found.notes)}
    write = page.writer(
        "bg_interp.evaluate(model, images, labels, masks)",
        [(name, str(value)) for name, value in shown.items() if value],
    )
    return dataclasses.replace(evaluation, write_page=write)


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


def _places(
    places: np.ndarray | Sequence | None, count: int
) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """Returns the number of each image's kind of background, int [N], and the kinds' names.

    Raises:
      UserError: there is not one for each image.
    """
    if places is None:
        return None, ()
    given = np.asarray(places)
    if given.shape != (count,):
        raise UserError(
            f"places must name the kind of background of each of {count} images. Received: an "
            f"array of shape {list(given.shape)}"
        )
    kinds, numbers = np.unique(given.astype(str), return_inverse=True)
    return numbers.astype(np.int32), tuple(kinds.tolist())


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
    """Measures how well backgrounds alone predict the label, before any model is trained.

    Args:
      images: [N, H, W, 3] in 0 to 255 or 0 to 1.
      labels: class numbers [N], or one-hot.
      masks: [N, H, W] or [N, H, W, 1], in any common format.
      units: see `evaluate`.
      seed: of the choice of images and of the folds.
      invert_masks: True if black is the object; False if white is, even if that looks inverted.
      mask_values: which values of masks are the object, if they are label maps or coloured: a
        number, a list of numbers, "1:20" or "#800000".

    Returns:
      The share of labels that a classifier of backgrounds finds, with its 95 % interval.

    Raises:
      UserError: arguments that cannot be used, or fewer than two classes of five images.
    """
    pixels = to_images(images)
    rules = MaskRules.of(invert_masks, mask_values)
    opacity = opacity_of(masks, pixels, rules)
    check_counts(images=pixels, labels=labels)
    numbers = to_labels(labels, count_classes(labels))
    for doubt in doubts_of(pixels, opacity, numbers, rules):
        print(f"in doubt, {doubt.about}: {doubt}", file=sys.stderr)
    scenes = units_of(units, len(pixels)).scenes
    return measure_leak(Arrays(pixels, opacity, numbers), whole(seed, "seed"), scenes)


def _numbers(labels: np.ndarray | Sequence) -> np.ndarray:
    """Returns class numbers before the number of classes is known; see `to_labels`."""
    return to_labels(labels, count_classes(labels))


def names_of(class_names: Sequence[str] | None, classes: int) -> list[str]:
    """Returns the names of a classifier's outputs: numbers where none are given.

    Raises:
      UserError: there is not one for each.
    """
    if class_names is None:
        return [str(number) for number in range(classes)]
    check_names(class_names, classes)
    return [str(name) for name in class_names]
