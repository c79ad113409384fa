"""All measures of one model, as one plain dictionary."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from bg_interp.errors import UserError
from bg_interp.evaluation.arrays import Arrays, compiled, predict, with_usable_masks
from bg_interp.evaluation.attribution import attribution
from bg_interp.evaluation.judges.training import Judges
from bg_interp.evaluation.recognisability import judge_class_images
from bg_interp.evaluation.variants import background_reliance
from bg_interp.models.adapter import adapt


def evaluate_model(
    model: Callable[[Any], Any],
    test: Arrays,
    class_names: Sequence[str],
    *,
    judges: Judges | None = None,
    class_images: Mapping[str, np.ndarray] | None = None,
    shown: Sequence[int] | None = None,
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
    graph = compiled(adapted)
    _check_classes(predict(graph, usable.images[:1]).shape, classes, judges)
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
        "background": background_reliance(graph, usable, classes, seed),
        "attribution": attribution(adapted, usable, classes, seed),
        "class_images": judged,
        "judges": judges.accuracies if judges is not None else {},
    }


def _check_classes(shape: tuple[int, ...], classes: int, judges: Judges | None) -> None:
    """Checks that everybody speaks of the same K classes.

    Raises:
      UserError: they don't.
    """
    if len(shape) != 2 or shape[1] != classes:
        raise UserError(
            f"the model must give one output for each of the {classes} classes of the data set. "
            f"Received an output of shape {list(shape)} for one image; name the model's outputs "
            "with --class_names to pick those classes"
        )
    if judges is not None and judges.classes != classes:
        raise UserError(
            f"judges must be those of the data set: {classes} classes. "
            f"Received judges of {judges.classes} classes"
        )
