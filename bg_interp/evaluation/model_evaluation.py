"""All measures of one model, as one plain dictionary."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from bg_interp.errors import UserError
from bg_interp.evaluation.arrays import Arrays, compiled, with_usable_masks
from bg_interp.evaluation.attribution import attribution
from bg_interp.evaluation.judges.training import Judges
from bg_interp.evaluation.recognisability import judge_class_images
from bg_interp.evaluation.reliance.variants import Variants, background_reliance
from bg_interp.models.adapter import adapt


def evaluate_model(
    model: Callable[[Any], Any],
    test: Arrays,
    class_names: Sequence[str],
    *,
    judges: Judges | None = None,
    class_images: Mapping[str, np.ndarray] | None = None,
    shown: Sequence[int] | None = None,
    logits: Mapping[str, np.ndarray] | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Takes all measures of one model.

    Args:
      model: RGB float32 [B, H, W, 3] in [0, 255] to logits [B, K]: a Keras model, an
        `AdaptedModel`, or any function.
      test: the test images; those whose mask has no foreground or no background are left out.
      class_names: the K classes in the order of labels and logits.
      judges: the data set's judges; None leaves class images unjudged.
      class_images: {start: [L, H, W, 3] in [0, 255]}, for instance the network's images from its
        own start and from a common one, and an untrained network's as the lower mark.
      shown: the L classes that there are class images of; None for all K.
      logits: what the model says of the variants of the usable images, where that is known; see
        `variants.Variants.logits`.
      seed: keys partners, noise and resampling; the same for all models that are compared.

    Returns:
      What JSON can hold: `classes`, `images`, `images_left_out`, `classes_without_images`,
      `chance`, `background` (see `variants.background_reliance`), `attribution` (see
      `attribution.attribution`), `class_images` (see `recognisability.judge_class_images`, empty
      without judges) and `judges` (their accuracies).

    Raises:
      UserError: no mask is usable, or the model, the class names and the judges disagree on K.
    """
    adapted = adapt(model)
    usable = with_usable_masks(test)
    classes = len(class_names)
    _check_judges(judges, classes)
    # A graph is traced once: who knows the answers needs none.
    answers = Variants(usable, seed).logits(compiled(adapted)) if logits is None else logits
    check_classes(answers["original"], classes)
    present = set(usable.labels.tolist())
    missing = [name for label, name in enumerate(class_names) if label not in present]
    judged: dict[str, Any] = {}
    if judges is not None:
        judged = judge_class_images(dict(class_images or {}), usable, judges, seed, shown)
    return {
        "classes": list(class_names),
        "images": len(usable.labels),
        "images_left_out": len(test.labels) - len(usable.labels),
        "classes_without_images": missing,
        "chance": 1.0 / classes,
        "background": background_reliance(answers, usable.labels, classes, seed),
        "attribution": attribution(adapted, usable, classes, seed),
        "class_images": judged,
        "judges": judges.accuracies if judges is not None else {},
    }


def check_classes(scores: np.ndarray, classes: int) -> None:
    """Checks that a model gives a finite number for each of K classes.

    Args:
      scores: what the model gives for an image or several.
      classes: K, of the data set.

    Raises:
      UserError: it doesn't.
    """
    if scores.ndim != 2 or scores.shape[1] != classes:
        raise UserError(
            f"the model must give one output for each of the {classes} classes of the data set. "
            f"Received an output of shape {list(scores.shape)} for {len(scores)} images; name the "
            "model's outputs with --class_names to pick those classes"
        )
    if not np.isfinite(scores).all():
        raise UserError(
            "the model must give finite numbers. Received: NaN or infinity for a test image; see "
            "that --input_range is the range that it takes"
        )


def _check_judges(judges: Judges | None, classes: int) -> None:
    if judges is not None and judges.classes != classes:
        raise UserError(
            f"judges must be those of the data set: {classes} classes. "
            f"Received judges of {judges.classes} classes"
        )
