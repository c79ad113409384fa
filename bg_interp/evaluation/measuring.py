"""All measures of one classifier that need no class images, taken together."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bg_interp.data.near_duplicates import near_duplicates
from bg_interp.doubts import Doubt
from bg_interp.errors import UserError
from bg_interp.evaluation.answers import Answers
from bg_interp.evaluation.arrays import Arrays, compiled, usable_rows
from bg_interp.evaluation.attribution import attribution
from bg_interp.evaluation.looking import with_maps
from bg_interp.evaluation.reliance import controls as method
from bg_interp.evaluation.reliance.adversarial import right_on_every_background
from bg_interp.evaluation.reliance.groups import Groups, by_object, measure_groups
from bg_interp.evaluation.reliance.variants import Variants
from bg_interp.evaluation.result import Evaluation
from bg_interp.evaluation.units import NO_UNITS, Units
from bg_interp.models.adapter import AdaptedModel

# Of the images that are left out so many are kept, to be looked at.
_UNMEASURED = 8


def measure(
    model: AdaptedModel,
    test: Arrays,
    names: Sequence[str],
    *,
    keys: Sequence[str] | None = None,
    places: np.ndarray | None = None,
    place_names: Sequence[str] = (),
    units: Units = NO_UNITS,
    backgrounds: int = 8,
    controls: bool = True,
    explains: bool = True,
    draws_maps: bool = True,
    seed: int = 0,
    facts: Mapping[str, Any] | None = None,
    logits: Mapping[str, np.ndarray] | None = None,
    doubts: Sequence[Doubt] = (),
) -> Evaluation:
    """Takes all measures of one classifier that need no class images.

    Args:
      model: the classifier.
      test: the test images; those whose mask has no foreground or no background are left out.
      names: the K classes in the order of labels and logits.
      keys: names of the images; None for their numbers.
      places: int [N], each image's kind of background; None where nothing tells.
      place_names: of the kinds.
      units: which images show one object or one scene; near-duplicates are found beside.
      backgrounds: on how many backgrounds of other classes, and of its own, each object is tried;
        0 for none.
      controls: whether reliance is measured as well with masks smaller and larger and with
        backgrounds inpainted: seven forward passes of each image.
      explains: whether attribution is measured.
      draws_maps: whether maps of it are kept of the worst images, for a page.
      seed: keys all random choices.
      facts: what else the results shall hold.
      logits: what the model says of the variants of the usable images, where that is known; see
        `variants.Variants.logits`.
      doubts: what the data could not settle of the classifier, its images or masks; with any,
        there is no verdict.

    Raises:
      UserError: no mask is usable, or the model gives other classes.
    """
    usable = usable_rows(test)
    some = test.take(usable)
    if keys is None:
        keys = [str(row) for row in range(len(test.labels))]
    graph, variants = compiled(model), Variants(some, seed)
    logits = dict(logits or variants.logits(graph))
    check_classes(logits["original"], len(names))
    if controls:
        logits |= method.logits(graph, variants)
    right = {name: one.argmax(axis=1) == some.labels for name, one in logits.items()}
    on_all = {}
    if backgrounds:
        for name, variant in (("adversarial", "swap"), ("adversarial_same", "mixed_same")):
            on_all[name] = right_on_every_background(
                graph, variants, variant, right[variant], backgrounds
            )
    units = units.take(usable).with_duplicates(near_duplicates(some.images))
    where = None if places is None else places[usable]
    groups, natural = _groups(right, some.labels, names, seed, where, place_names, units)
    answers = Answers(
        labels=some.labels,
        names=tuple(names),
        predicted={name: one.argmax(axis=1) for name, one in logits.items()},
        seed=seed,
        on_all=on_all,
        trusted=method.trusted(logits["background_only"], some.labels),
        units=units,
        groups=groups,
        natural=natural,
    )
    left_out = np.flatnonzero(~usable)[:_UNMEASURED]
    found = Evaluation(
        answers=answers,
        test=some,
        keys=tuple(keys[row] for row in np.flatnonzero(usable).tolist()),
        logits=logits,
        groups=groups,
        thirds=by_object(right, some),
        attribution=attribution(model, some, len(names), seed) if explains else {},
        images_left_out=len(test.labels) - len(some.labels),
        unmeasured=tuple((keys[row], test.images[row], test.masks[row]) for row in left_out),
        backgrounds=backgrounds,
        facts=facts or {},
        doubts=tuple(doubts),
    )
    return with_maps(found, model) if explains and draws_maps else found


def _groups(
    right: Mapping[str, np.ndarray],
    labels: np.ndarray,
    names: Sequence[str],
    seed: int,
    places: np.ndarray | None,
    place_names: Sequence[str],
    units: Units,
) -> tuple[Groups, Groups | None]:
    """Returns groups on composites, and on unmodified images where places are told."""
    how = labels, names, seed, places, place_names
    groups = measure_groups(right, *how, units=units.objects)
    if places is None:
        return groups, None
    return groups, measure_groups(right, *how, variants=("original",), units=units.objects)


def check_classes(scores: np.ndarray, classes: int) -> None:
    """Checks that a model gives a finite number for each of K classes.

    Args:
      scores: what the model gives for an image or several.
      classes: K, of the dataset.

    Raises:
      UserError: it doesn't.
    """
    if scores.ndim != 2 or scores.shape[1] != classes:
        raise UserError(
            f"the model must give one output for each of the {classes} classes of the dataset. "
            f"Received an output of shape {list(scores.shape)} for {len(scores)} images; name the "
            "model's outputs with --class_names to pick those classes"
        )
    if not np.isfinite(scores).all():
        raise UserError(
            "the model must give finite numbers. Received: NaN or infinity for a test image; see "
            "that --input_range is the range that it takes"
        )
