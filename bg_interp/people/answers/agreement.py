"""How far each judge agrees with people: the rank correlation of their verdicts, by picture.

A judge that ranks pictures as people do may be wrong by a constant and still stand in for them; one
that doesn't can't, whatever its share of right answers.
"""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.stats

_RESAMPLES = 1000
# What each judge says of each class image, by which pictures can be ranked.
_VERDICTS = ("probability", "margin", "right")


def verdicts(judged: Mapping[str, Any]) -> dict[str, list[float | None]]:
    """Returns what judges said of an arm's class images: judge -> a number for each class.

    Args:
      judged: the arm's measures of its class images from one start.
    """
    shares = {}
    for name, said in judged.items():
        if not isinstance(said, Mapping):
            continue
        key = next((key for key in _VERDICTS if key in said), None)
        if key is not None:
            shares[name] = list(said[key])
    return shares


def rank_correlation(people: np.ndarray, judge: np.ndarray, seed: int = 0) -> dict[str, Any] | None:
    """Correlates verdicts by rank (Spearman), with an interval over seeds and classes.

    Args:
      people, judge: float64 [treatments, seeds, classes], NaN where there is none.
      seed: keys the resampling, crossed like that of all intervals.

    Returns:
      `value`, `interval` (95 %) and `pictures`; None where one of the two doesn't vary.
    """
    judge = np.where(np.isnan(people), np.nan, judge)
    people = np.where(np.isnan(judge), np.nan, people)
    value = float(_spearman(people.reshape(1, -1), judge.reshape(1, -1))[0])
    if np.isnan(value):
        return None
    treatments, seeds, classes = people.shape
    generator = np.random.default_rng(seed)
    rows = generator.integers(seeds, size=(_RESAMPLES, 1, seeds, 1))
    columns = generator.integers(classes, size=(_RESAMPLES, 1, 1, classes))
    cells = np.arange(treatments)[None, :, None, None], rows, columns
    drawn = _spearman(people[cells].reshape(_RESAMPLES, -1), judge[cells].reshape(_RESAMPLES, -1))
    known = drawn[~np.isnan(drawn)]
    low, high = np.quantile(known, (0.025, 0.975)) if len(known) else (-1.0, 1.0)
    pictures = int((~np.isnan(people)).sum())
    return {"value": value, "interval": [float(low), float(high)], "pictures": pictures}


def _spearman(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Returns the rank correlation of each row of two arrays [R, N], NaN where one is constant.

    Both are NaN at the same places, which are left out.
    """
    ranks = [scipy.stats.rankdata(some, axis=1, nan_policy="omit") for some in (first, second)]
    with np.errstate(invalid="ignore", divide="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # A draw may hold no picture at all.
        centred = [rank - np.nanmean(rank, axis=1, keepdims=True) for rank in ranks]
        products = np.nansum(centred[0] * centred[1], axis=1)
        return products / np.sqrt(
            np.nansum(centred[0] ** 2, axis=1) * np.nansum(centred[1] ** 2, axis=1)
        )
