"""A measured value with its interval."""

import dataclasses

import numpy as np

from bg_interp.evaluation.reliance.variants import share_interval


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval.

    Attributes:
      value: what was measured.
      low: lower end of the interval.
      high: upper end of it.
      count: how many answers it was measured on.
    """

    value: float
    low: float
    high: float
    count: int

    @classmethod
    def of_share(cls, right: np.ndarray, of: int = 1) -> "Estimate":
        """Returns the share of right answers, bool [N]; `of` as in `share_interval`."""
        low, high = share_interval(right.astype(np.float64), of)
        return cls(float(right.mean()), low, high, len(right))

    @property
    def mean(self) -> float:
        """The value, as plots call it."""
        return self.value

    def __str__(self) -> str:
        """Returns for instance ".31 [.18, .43]"."""
        return f"{self.value:.2f} [{self.low:.2f}, {self.high:.2f}]"
