"""What the data cannot back: it is said where a verdict would stand, and no verdict is given."""

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True)
class Doubt:
    """A reading of somebody's model, images or masks that the data do not settle.

    A result with doubts prints its measures under them, gives no verdict, and its checks end as
    undecided.

    Attributes:
      about: what is doubtful: "preprocessing", "outputs", "masks", "labels", "groups", ...
      reason: what was seen, as a clause without a full stop.
      way_out: the argument or step that settles it, as a clause.
    """

    about: str
    reason: str
    way_out: str

    def __str__(self) -> str:
        """Returns the doubt in one line."""
        return f"{self.reason}; {self.way_out}"

    def to_dict(self) -> dict[str, Any]:
        """Returns what JSON can hold."""
        return dataclasses.asdict(self)
