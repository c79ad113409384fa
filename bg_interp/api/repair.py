"""Repair of anybody's Keras classifier on anybody's arrays, in one call from Python."""

import dataclasses
import pathlib
import sys
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from bg_interp.api.evaluate import names_of, units_of
from bg_interp.arguments import check_counts, to_images, to_labels, whole
from bg_interp.config.mask_rules import MaskRules
from bg_interp.data.near_duplicates import near_duplicates
from bg_interp.doubts import Doubt
from bg_interp.errors import UserError
from bg_interp.evaluation.arrays import Arrays
from bg_interp.evaluation.units import NO_UNITS, Units
from bg_interp.masks.arrays import opacity_of
from bg_interp.masks.doubting import doubts_of
from bg_interp.models import opening, preprocessing
from bg_interp.models.adapter import AdaptedModel
from bg_interp.models.loading import as_network
from bg_interp.pixels import Pixels, given
from bg_interp.repairing import repair as retraining
from bg_interp.repairing.head import find_head
from bg_interp.repairing.repair import Classifier, Images, Settings
from bg_interp.repairing.result import Repair

# One image in so many of each class is set aside to measure on.
_ASIDE = 5
_SEEN = Doubt(
    "test",
    "measured on a fifth of the images given: the new last layer has not seen them, but the layers "
    "below may have learnt from them",
    "test=(images, labels, masks) takes those that the classifier has never seen",
)


def repair(
    model: keras.Model | str | pathlib.Path,
    images: np.ndarray | Sequence,
    labels: np.ndarray | Sequence,
    masks: np.ndarray | Sequence,
    class_names: Sequence[str] | None = None,
    seed: int = 0,
    *,
    test: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None,
    preprocess: str | Callable | None = "auto",
    input_range: tuple[float, float] | None = None,
    units: np.ndarray | Sequence | None = None,
    copies: int = 8,
    max_loss: float = 0.02,
    invert_masks: bool | None = None,
    mask_values: Any = None,
) -> Repair:
    """Takes the background shortcut out of a classifier by retraining its last layer.

    The last layer is refitted by logistic regression to the features of the images and of
    copies with their objects on random other backgrounds (Kirichenko et al. 2023, arXiv
    2204.02937). All other layers, and `model` itself, are unchanged.

    Example:
      ```
      result = bg.repair(model, images, labels, masks)
      print(result)
      result.model.save("repaired.keras")
      ```

    Args:
      model: a Keras classifier, sequential or functional, that ends with a Dense layer; or the path
        of one.
      images: those that it was trained on, [N, H, W, 3] in 0 to 255 or 0 to 1.
      labels: class numbers [N], or one-hot [N, K].
      masks: [N, H, W] or [N, H, W, 1], in any common format, or what `bg.segment` returned.
      class_names: K names; None for numbers.
      seed: of all random choices.
      test: images, labels and masks to measure on, which the classifier has not seen; None sets
        aside a fifth of the images, which the new layer has not seen, and says so.
      preprocess: "auto" puts its own preprocessing before a network of keras.applications, and none
        before any other; a function of images in [0, 255]; None for none.
      input_range: the pixel range that the model expects, instead of `preprocess`; None takes
        [0, 255], or the range in which it is clearly better, with a message.
      units: names or numbers [N] of what images have in common, such as the object or the video
        that they show: settings are chosen, and without `test` results are measured, on images of
        other units than those fitted. Near-duplicates are found in addition.
      copies: number of random backgrounds that each object is pasted onto, at least 1.
      max_loss: largest accepted loss of accuracy on unmodified images (0.02: two points) in
        exchange for accuracy on other backgrounds; measured on images that the new layer has not
        seen.
      invert_masks: True if black is the object; False if white is, even if that looks inverted.
      mask_values: which values of masks are the object, if they are label maps or coloured: a
        number, a list of numbers, "1:20" or "#800000".

    Returns:
      The repaired classifier, and what was measured before and after.

    Raises:
      UserError: a model, images, labels or masks that cannot be used.
    """
    copies, seed = whole(copies, "copies", 1), whole(seed, "seed")
    if not isinstance(max_loss, int | float) or not 0 <= max_loss <= 1:
        raise UserError(f"max_loss must be from 0 to 1. Received: {max_loss!r}")
    opened = as_network(model)
    model, class_names = opened.network, class_names or opened.class_names
    head = find_head(model)
    rules = MaskRules.of(invert_masks, mask_values)
    train = _arrays(images, labels, masks, head.classes, rules)
    doubts, of_test = doubts_of(*train, rules), NO_UNITS
    together = units_of(units, len(train.labels))
    if test is None:
        together = together.with_duplicates(near_duplicates(train.images))
        aside = _aside(train.labels, together, seed)
        of_test, together = together.take(aside), together.take(~aside)
        train, measured_on = train.take(~aside), train.take(aside)
        doubts = (*doubts, _SEEN)
    elif isinstance(test, tuple | list) and len(test) == len(Arrays._fields):
        measured_on = _arrays(*test, head.classes, rules)
        doubts = (*doubts, *doubts_of(*measured_on, rules))
    else:
        raise UserError("test must be a tuple of images, labels and masks, or None")
    size, how_pixels = train.images.shape[1:3], given(preprocess, input_range)
    found = opening.opened(opened, train.images, train.labels, pixels=how_pixels)
    for sentence in found.notes:
        print(f"{found.name}: {sentence}", file=sys.stderr)

    def of_bytes(network: keras.Model) -> keras.Model:
        if callable(how_pixels) and not isinstance(how_pixels, Pixels):
            return preprocessing.with_function(network, how_pixels, size)
        return preprocessing.with_pixels(network, found.model.pixels, found.model.layout, size)

    def like_it(network: keras.Model) -> AdaptedModel:
        if callable(how_pixels) and not isinstance(how_pixels, Pixels):
            network = of_bytes(network)
        return dataclasses.replace(found.model, network=network)

    classifier = Classifier(
        head=head,
        features=of_bytes(head.features()),
        adapted=like_it,
        names=names_of(class_names, head.classes),
        facts={"preprocess": found.model.pixels.name, "found": list(found.notes)},
        doubts=tuple(dict.fromkeys((*found.doubts, *doubts))),
    )
    how = Settings(copies, max_loss, seed)
    return retraining.repair(
        classifier, Images(train, units=together), Images(measured_on, units=of_test), how
    )


def _arrays(
    images: np.ndarray | Sequence,
    labels: np.ndarray | Sequence,
    masks: np.ndarray | Sequence,
    classes: int,
    rules: MaskRules,
) -> Arrays:
    """Returns a caller's arrays in the form of elements."""
    pixels = to_images(images)
    opacity = opacity_of(masks, pixels, rules)
    check_counts(images=pixels, labels=labels)
    return Arrays(pixels, opacity, to_labels(labels, classes))


def _aside(labels: np.ndarray, units: Units, seed: int) -> np.ndarray:
    """Draws a fifth of the images of each class to measure on, bool [N]; whole units of them."""
    objects = np.arange(len(labels)) if units.objects is None else units.objects
    chosen = np.zeros(len(labels), bool)
    for label, count in zip(*np.unique(labels, return_counts=True), strict=True):
        of_class = labels == label
        # A class that shows one object alone can only be measured on the same.
        kinds = objects if len(np.unique(objects[of_class])) > 1 else np.arange(len(labels))
        for one in np.random.default_rng([seed, label]).permutation(np.unique(kinds[of_class])):
            if (chosen & of_class).sum() * _ASIDE >= count:
                break
            chosen |= kinds == one
    return chosen
