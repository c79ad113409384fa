"""A measured value with its interval."""

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval.

    Attributes:
      value: what was measured.
      low: lower end of the interval.
      high: upper end of it.
      count: how many answers it was measured on.
      worth: how many independent answers of equal weight would tell as much; None where that is
        not known.
    """

    value: float
    low: float
    high: float
    count: int
    worth: float | None = None

    @classmethod
    def of_share(cls, right: "np.ndarray") -> "Estimate":
        """Returns the share of right answers, bool [N], N above 0."""
        # Whoever only names measures has no use for what measures them.
        from bg_interp.evaluation import effective

        found = effective.share_of(right)
        return cls(float(right.mean()), *found.interval, found.count, found.worth)

    def __str__(self) -> str:
        """Returns for instance "0.31 [0.18, 0.43]"."""
        # Rounding may leave -0.00, which would be read as less than nothing.
        value, low, high = (round(one, 2) + 0.0 for one in (self.value, self.low, self.high))
        return f"{value:.2f} [{low:.2f}, {high:.2f}]"
