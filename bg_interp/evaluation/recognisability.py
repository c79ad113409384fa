"""How recognisable class images are, and how much background they hold, by the judges' word.

The same measures are taken of natural images (upper mark) and should be taken of an untrained
network's class images (lower mark); a number means little without both.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bg_interp.errors import UserError
from bg_interp.evaluation.arrays import Arrays, mean_by_class, plain_list
from bg_interp.evaluation.judges.training import Judges
from bg_interp.evaluation.reliance.variants import Variants

# Natural images of each class that stand in for class images in the upper mark.
_EXEMPLARS = 5


def score_images(images: np.ndarray, labels: np.ndarray, judges: Judges) -> dict[str, Any]:
    """Asks every judge what the images show.

    Args:
      images: [N, H, W, 3] in [0, 255], of the size that the judges were trained at.
      labels: int [N], the class that each image is to show; np.arange(K) for class images.
      judges: the judges of the dataset.

    Returns:
      By judge, under its `measure`: means over each class's images, [K], None for a class without
      images, of `right` and of the judge's own `details`; and `mean`, that of `right` over classes.

    Raises:
      UserError: an image holds values that are not finite.
    """
    if not np.isfinite(images).all():
        broken = np.flatnonzero(~np.isfinite(images).all(axis=(1, 2, 3))).tolist()
        raise UserError(
            f"images to be judged must be finite. Received NaN or infinity in images {broken}; "
            "the ascent that made them diverged: lower its step length"
        )
    images = np.clip(images, 0, 255).astype(np.float32)
    results: dict[str, Any] = {}
    for judge in judges.kinds:
        scores = judges.trained[judge.name](images)
        right = mean_by_class(scores.argmax(axis=1) == labels, labels, judges.classes)
        results[judge.measure] = {
            **_summary(right),
            **{
                name: plain_list(mean_by_class(values, labels, judges.classes))
                for name, values in judge.details(scores, labels).items()
            },
        }
    return results


def forced_choice(
    class_images: np.ndarray,
    queries: np.ndarray,
    labels: np.ndarray,
    encode: Callable[[np.ndarray], np.ndarray],
) -> np.ndarray:
    """Plays the two-alternative forced choice with class images as explanations.

    Given the class images of classes k and j, which of two natural images, one of k and one of j,
    belongs to k? The one whose features are more like k's class image than j's (cosine). The share
    of right answers over all pairs of queries equals the area under the ROC curve (Green and Swets
    1966), ties counting half. In the manner of the Machine Interpretability Score (Zimmermann,
    Klindt and Brendel 2024, arXiv 2405.02124), with these differences: the encoder is the
    development judge instead of DreamSim, queries are chosen by their label instead of by the
    network's activation, one class image stands for each side instead of nine, and answers are
    counted instead of passed through a logistic fitted to people's answers.

    Args:
      class_images: [K, H, W, 3] in [0, 255].
      queries: [N, H, W, 3] in [0, 255], natural images.
      labels: int [N], their classes.
      encode: images to features [N, D].

    Returns:
      float64 [K], the mean share of right answers against every other class; 0.5 is chance, NaN
      for classes without queries.
    """
    similarity = _unit(encode(queries)) @ _unit(encode(class_images)).T
    classes = len(class_images)
    shares = np.full((classes, classes), np.nan)
    for one in range(classes):
        for other in range(one):
            preference = similarity[:, one] - similarity[:, other]
            a, b = preference[labels == one][:, None], preference[labels == other][None]
            if a.size and b.size:
                share = np.mean((a > b) + 0.5 * (a == b))
                shares[one, other] = shares[other, one] = share
    known = ~np.isnan(shares)
    totals = np.where(known, shares, 0.0).sum(axis=1)
    return np.divide(totals, known.sum(axis=1), out=np.full(classes, np.nan), where=known.any(1))


def _unit(features: np.ndarray) -> np.ndarray:
    return features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-9)


def _exemplars_and_queries(labels: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
    """Splits positions into sets of one image of each class that has images, and the rest.

    A class with few images gives some of them to several sets, and keeps one as a query.
    """
    ordered = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    held = [rows[: max(1, min(_EXEMPLARS, len(rows) - 1))] for rows in ordered]
    sets = [np.array([rows[number % len(rows)] for rows in held]) for number in range(_EXEMPLARS)]
    taken = np.concatenate(
        [rows for rows, every in zip(held, ordered, strict=True) if len(every) > 1]
        or [np.zeros(0, np.int64)]
    )
    return sets, np.setdiff1d(np.arange(len(labels)), taken)


def check_judges(judges: Judges, classes: int) -> None:
    """Checks that judges are those of a dataset of so many classes.

    Raises:
      UserError: they aren't.
    """
    if judges.classes != classes:
        raise UserError(
            f"judges must be those of the dataset: {classes} classes. "
            f"Received judges of {judges.classes} classes"
        )


def judge_class_images(
    class_images: dict[str, np.ndarray],
    test: Arrays,
    judges: Judges,
    seed: int = 0,
    shown: Sequence[int] | None = None,
) -> dict[str, Any]:
    """Scores class images, and natural images beside them.

    Args:
      class_images: {name of the start, or of the network: [L, H, W, 3] in [0, 255]}.
      test: natural images, masks usable.
      judges: the judges of the dataset.
      seed: keys the queries' backgrounds.
      shown: the L classes that there are images of; None for all K.

    Returns:
      {name: what `score_images` returns, and `forced_choice` {"right": [K], "mean"}}, and the
      same for `natural_objects` (on black) and `natural_backgrounds` (tiled; no forced choice); or
      {name: {"left_out": why}} for images that cannot be judged.
    """
    classes = np.arange(judges.classes) if shown is None else np.asarray(shown)
    variants = Variants(test, seed)
    on_black = variants.make("foreground_only")
    results = {
        "natural_objects": score_images(on_black, test.labels, judges),
        "natural_backgrounds": score_images(variants.make("background_only"), test.labels, judges),
    }
    exemplars, rest = _exemplars_and_queries(test.labels)
    queries, query_labels = variants.make("mixed_random")[rest], test.labels[rest]

    def choose(images: np.ndarray, of: np.ndarray) -> np.ndarray:
        among, shares = np.isin(query_labels, of), np.full(judges.classes, np.nan)
        labels = np.searchsorted(of, query_labels[among])
        shares[of] = forced_choice(images, queries[among], labels, judges.encode)
        return shares

    present = np.unique(test.labels)
    upper = np.mean([choose(on_black[rows], present) for rows in exemplars], axis=0)
    results["natural_objects"]["forced_choice"] = _summary(upper)
    for name, images in class_images.items():
        try:
            results[name] = score_images(images, classes, judges)
        except UserError as error:
            # Those of one start may have diverged; the others still count.
            results[name] = {"left_out": str(error)}
            continue
        results[name]["forced_choice"] = _summary(choose(images, classes))
    return results


def _summary(by_class: np.ndarray) -> dict[str, Any]:
    known = by_class[~np.isnan(by_class)]
    return {
        "right": plain_list(by_class),
        "mean": float(known.mean()) if known.size else None,
    }
