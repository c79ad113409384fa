"""A repair of one classifier: its last layer retrained, measured before and after."""

import dataclasses
import functools
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from bg_interp.data.near_duplicates import near_duplicates
from bg_interp.doubts import Doubt
from bg_interp.evaluation.arrays import Arrays, compiled, predict, usable_rows, with_usable_masks
from bg_interp.evaluation.measures import VARIANTS
from bg_interp.evaluation.measuring import measure
from bg_interp.evaluation.reliance.variants import Variants
from bg_interp.evaluation.result import Evaluation
from bg_interp.evaluation.units import NO_UNITS, Units
from bg_interp.models.adapter import AdaptedModel
from bg_interp.repairing.cache import ResumeCache, digest
from bg_interp.repairing.fitting import check_classes, fit
from bg_interp.repairing.head import Head, in_order, logits_of_bytes, of_data
from bg_interp.repairing.result import Repair
from bg_interp.repairing.sample import make_sample


@dataclasses.dataclass(frozen=True, eq=False)
class Images:
    """Labelled images with masks, and what stands behind their objects.

    Attributes:
      arrays: the images; those whose masks are unusable are left out where it matters.
      places: int [N], each image's kind of background; None where nothing tells.
      place_names: of the kinds.
      units: which images show one object or one scene; near-duplicates are found beside.
    """

    arrays: Arrays
    places: np.ndarray | None = None
    place_names: Sequence[str] = ()
    units: Units = NO_UNITS


@dataclasses.dataclass(frozen=True, eq=False)
class Classifier:
    """A classifier as a repair sees it.

    Attributes:
      head: its last layer.
      features: RGB in [0, 255] to what the last layer sees.
      adapted: a network of the classifier's conventions, as one that measures can ask.
      names: of the dataset's classes.
      columns: the network's class for each of the dataset's; None for the same order.
      facts: what results.json shall hold.
      doubts: what the data could not settle of the classifier or its images.
    """

    head: Head
    features: keras.Model
    adapted: Callable[[keras.Model], AdaptedModel]
    names: Sequence[str]
    columns: Sequence[int] | None = None
    facts: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    doubts: tuple[Doubt, ...] = ()


@dataclasses.dataclass(frozen=True)
class Settings:
    """How a classifier is repaired.

    Attributes:
      copies: how many random backgrounds each object is pasted on.
      max_loss: how much accuracy unmodified images may lose.
      seed: keys all random choices.
    """

    copies: int = 8
    max_loss: float = 0.02
    seed: int = 0


def repair(
    classifier: Classifier,
    train: Images,
    test: Images,
    settings: Settings,
    cache: ResumeCache | None = None,
) -> Repair:
    """Retrains the last layer of a classifier, and measures before and after.

    Args:
      classifier: it stays as it is.
      train: what the new last layer learns from.
      test: what is measured on.
      settings: how.
      cache: what an earlier run of the same repair has worked out.

    Raises:
      UserError: images or masks cannot be used.
    """
    cache, started = cache or ResumeCache(), time.monotonic()
    usable = usable_rows(train.arrays)
    arrays = train.arrays.take(usable)
    check_classes(arrays.labels, classifier.head.classes)
    units = train.units.take(usable).with_duplicates(near_duplicates(arrays.images))
    sample = make_sample(
        classifier.features,
        arrays,
        copies=settings.copies,
        seed=settings.seed,
        cache=cache,
        units=units,
    )
    old = of_data(*classifier.head.weights(), classifier.columns)
    fitted = fit(sample, sample.features @ old[0] + old[1], settings.max_loss, cache)
    new = old[0] + fitted.kernel, old[1] + fitted.bias
    kernel, bias = in_order(*new, classifier.columns)
    network, seconds = classifier.head.replaced(kernel, bias), time.monotonic() - started
    print("measuring before and after", file=sys.stderr)
    return Repair(
        model=network,
        logits=logits_of_bytes(classifier.features, kernel, bias),
        before=_measured(classifier, classifier.head.model, test, settings.seed, cache),
        after=_measured(classifier, network, test, settings.seed, cache),
        fit=fitted,
        seconds=seconds,
    )


def _measured(
    classifier: Classifier, network: keras.Model, test: Images, seed: int, cache: ResumeCache
) -> Evaluation:
    model, usable = classifier.adapted(network), with_usable_masks(test.arrays)
    graph, identity = compiled(model), digest(network, model.pixels, model.output_kind)
    logits, variants = {}, Variants(usable, seed)
    for name in VARIANTS:
        images = variants.make(name)
        asked = functools.partial(predict, graph, images)
        logits[name] = cache(digest(identity, classifier.columns, images), asked)
    return measure(
        model,
        test.arrays,
        classifier.names,
        places=test.places,
        place_names=test.place_names,
        units=test.units,
        backgrounds=0,
        controls=False,
        draws_maps=False,
        seed=seed,
        facts=classifier.facts,
        logits=logits,
        doubts=classifier.doubts,
    )
