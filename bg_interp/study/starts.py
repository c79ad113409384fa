"""The images that the ascent of a study's class images starts from."""

import dataclasses

# The network before training, from the own start: the lower mark of every measure.
UNTRAINED = "untrained"


@dataclasses.dataclass(frozen=True)
class Start:
    """One start.

    Attributes:
      name: its key in measures.json and class_images.npz.
      image: what `Ascent` calls it.
      words: in the names of measures.
      description: in the page.
      is_common: whether all arms share it; what differs from a common start is the network's.
    """

    name: str
    image: str
    words: str
    description: str
    is_common: bool = True


STARTS = (
    Start("own", "mean", "own start", "each treatment's own mean image", is_common=False),
    Start("black", "black", "common black start", "black, the same for all"),
    Start("grey", "grey", "common grey start", "grey, the same for all"),
)
