"""What the data cannot back: it is said where a verdict would stand, and no verdict is given."""

import dataclasses
from typing import Any

from bg_interp.errors import UserError
from bg_interp.messages import capitalised


@dataclasses.dataclass(frozen=True)
class Doubt:
    """A reading of somebody's model, images or masks that the data do not settle.

    A result with doubts prints its measures under them, gives no verdict, and its checks end as
    undecided.

    Attributes:
      about: what is doubtful: "preprocessing", "outputs", "masks", "labels", "groups", ...
      reason: what was seen, as a clause without a full stop.
      way_out: the argument or step that settles it, as a clause.

    Both are written like errors, with settings as --flags and programs as tools/files.py, and hold
    the words of where they are read.
    """

    about: str
    reason: str
    way_out: str

    def __post_init__(self) -> None:
        for name in ("reason", "way_out"):
            # An error knows whether it speaks of flags or of arguments.
            object.__setattr__(self, name, str(UserError(getattr(self, name))))

    def __str__(self) -> str:
        """Returns the doubt in one line."""
        return f"{self.reason}; {self.way_out}"

    def sentence(self) -> str:
        """Returns the doubt as a sentence of its own."""
        return f"{capitalised(str(self))}."

    def to_dict(self) -> dict[str, Any]:
        """Returns what JSON can hold."""
        return dataclasses.asdict(self)
