"""All measures of one classifier that need no class images, taken together."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bg_interp.doubts import Doubt
from bg_interp.evaluation.arrays import Arrays, compiled, usable_rows
from bg_interp.evaluation.estimate import Estimate
from bg_interp.evaluation.model_evaluation import check_classes, evaluate_model
from bg_interp.evaluation.reliance.adversarial import right_on_every_background
from bg_interp.evaluation.reliance.groups import by_object, mean_group, measure_groups
from bg_interp.evaluation.reliance.variants import Variants
from bg_interp.evaluation.result import Evaluation
from bg_interp.models.adapter import AdaptedModel


def measure(
    model: AdaptedModel,
    test: Arrays,
    names: Sequence[str],
    *,
    keys: Sequence[str] | None = None,
    places: np.ndarray | None = None,
    place_names: Sequence[str] = (),
    backgrounds: int = 8,
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
      backgrounds: how many backgrounds of other classes each object is tried before; 0 for none.
      seed: keys all that is random.
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
    graph = compiled(model)
    variants = Variants(some, seed)
    logits = dict(logits or variants.logits(graph))
    check_classes(logits["original"], len(names))
    measured = evaluate_model(model, test, names, logits=logits, seed=seed)
    where = None if places is None else places[usable]
    groups = measure_groups(logits, some.labels, names, seed, where, place_names)
    adversarial = None
    if backgrounds:
        right = right_on_every_background(graph, variants, backgrounds)
        adversarial = Estimate.of_share(right)
    return Evaluation(
        measured={"seed": seed, **(facts or {}), **measured},
        test=some,
        keys=tuple(keys[row] for row in np.flatnonzero(usable).tolist()),
        logits=logits,
        groups=groups,
        mean_group=mean_group(groups),
        thirds=by_object(logits, some),
        adversarial=adversarial,
        backgrounds=backgrounds,
        doubts=tuple(doubts),
    )
