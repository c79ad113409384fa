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
      preset: of the ascent; None for the plain one that suits the network.
    """

    name: str
    image: str
    words: str
    description: str
    is_common: bool = True
    preset: str | None = None


STARTS = (
    Start("own", "mean", "own start", "each treatment's own mean image", is_common=False),
    Start("black", "black", "common black start", "black, the same for all"),
    Start("grey", "grey", "common grey start", "grey, the same for all"),
)
# Made where a study asks for it: held to the features of the treatment's own training images.
NATURAL = Start(
    # "natural" is what the best training images are called among logits.
    "prior",
    "mean",
    "own start and natural features",
    "each treatment's own mean image, with the prior of natural features",
    is_common=False,
    preset="natural",
)
ALL_STARTS = (*STARTS, NATURAL)
