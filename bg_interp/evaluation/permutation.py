"""What chance alone would give: the same measurement with labels that mean nothing."""

import dataclasses

import numpy as np

DRAWS = 199


@dataclasses.dataclass(frozen=True)
class Chance:
    """A measured value beside what it would be by chance.

    Attributes:
      mean: of what chance gave.
      low, high: between which 95 % of it lie.
      p_value: how often chance gives so much or more, one-sided (Phipson and Smyth 2010: never 0).
    """

    mean: float
    low: float
    high: float
    p_value: float


def against_chance(found: float, by_chance: np.ndarray) -> Chance:
    """Compares a value with the same measurement of permuted labels, [draws]; see `DRAWS`."""
    # Values of chance themselves: between two of them so much would come more often than that.
    low = np.quantile(by_chance, 0.025, method="lower")
    high = np.quantile(by_chance, 0.975, method="higher")
    as_much = int((by_chance >= found - 1e-12).sum())
    p_value = (as_much + 1) / (len(by_chance) + 1)
    return Chance(float(by_chance.mean()), float(low), float(high), p_value)


def permuted(
    labels: np.ndarray, units: np.ndarray | None, generator: np.random.Generator
) -> np.ndarray:
    """Returns labels that images have by chance, while those of one unit stay together.

    Images of one scene have one label: were they permuted singly, chance would look smaller than
    it is. Where units hold several labels, all of a unit's labels move together, in their order.

    Args:
      labels: int [N].
      units: int [N], which images belong together; None: each is one of its own.
      generator: draws the permutation.

    Returns:
      [N], of the type of `labels`.
    """
    if units is None:
        return generator.permutation(labels)
    names, unit = np.unique(units, return_inverse=True)
    first = np.empty(len(names), labels.dtype)
    first[unit] = labels
    if (first[unit] == labels).all():
        return generator.permutation(first)[unit]
    # Units in two random orders, laid beside each other image by image.
    given, taken = (
        np.argsort(generator.permutation(len(names))[unit], kind="stable") for _ in range(2)
    )
    made = np.empty_like(labels)
    made[taken] = labels[given]
    return made
