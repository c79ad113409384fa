"""What another network sees in class images: the nearest thing to a stranger who names them."""

import dataclasses
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from bg_interp.errors import UserError
from bg_interp.models import opening
from bg_interp.models.adapter import AdaptedModel
from bg_interp.models.asking import Model, batch_of, batches, compiled, predict
from bg_interp.models.loading import load_classifier
from bg_interp.pixels import Pixels


@dataclasses.dataclass(frozen=True, eq=False)
class Opinion:
    """What a judge makes of images of classes that it knows as well.

    Attributes:
      guesses: int [K], the class that it finds in each image.
      places: int [K], how many classes it finds likelier than the image's own: 0 is its first
        guess.
    """

    guesses: np.ndarray
    places: np.ndarray

    def __str__(self) -> str:
        first, five = int((self.places < 1).sum()), int((self.places < 5).sum())
        return (
            f"another network names {first} of {len(self.places)} at its first guess, {five} "
            "within five"
        )

    def to_dict(self, names: Sequence[str]) -> dict[str, Any]:
        """Returns it for results.json.

        Args:
          names: of all outputs.
        """
        guesses = [names[guess] for guess in self.guesses]
        return {"first_guess": guesses, "likelier_classes": self.places.tolist()}


def opened_judge(
    judge: Any, pixels: Pixels | Callable | None
) -> tuple[Callable[[Any], Any], tuple[int, int] | None]:
    """Opens another classifier as one of RGB in [0, 255]; says what was found, or assumed, of it.

    Args:
      judge: anything that `loading.load_classifier` takes.
      pixels: what it wants done to pixels; None to find out.

    Returns:
      The judge, and rows and columns of its images; None for any.

    Raises:
      UserError: it cannot be used.
    """
    found = load_classifier(judge)
    taken, notes = opening.assumed(found, pixels)
    for sentence in notes:
        print(f"the judge, {found.name}: {sentence}", file=sys.stderr)
    rows, columns = found.layout.size
    size = None if rows is None or columns is None else (rows, columns)
    if isinstance(taken, Pixels):
        return AdaptedModel(found.network, taken, layout=found.layout), size
    return opening.of_bytes(found, taken, size), size


def opinion(
    judge: Model,
    images: np.ndarray,
    units: Sequence[int],
    classes: int,
    *,
    image_size: tuple[int, int] | None = None,
) -> Opinion:
    """Asks a judge.

    Args:
      judge: of images in [0, 255]; its outputs are those of the network that the images are of, in
        the same order.
      images: float [K,H,W,3] in [0, 255]; they are resized to the judge's size.
      units: the class of each.
      classes: how many outputs the network has.
      image_size: rows and columns of the judge's images; None for any.

    Raises:
      UserError: the judge has another number of outputs.
    """
    size = image_size or images.shape[1:3]
    ask = compiled(judge)
    parts = (
        np.asarray(tf.image.resize(images[rows], size))
        for rows in batches(len(images), batch_of((*size, images.shape[-1])))
    )
    outputs = np.concatenate([predict(ask, part) for part in parts])
    if outputs.ndim != 2 or outputs.shape[1] != classes:
        raise UserError(
            f"the judge must have the network's {classes} classes, in the same order. "
            f"Received: outputs of {list(outputs.shape[1:])}"
        )
    own = outputs[np.arange(len(outputs)), np.asarray(units)]
    return Opinion(outputs.argmax(1), (outputs > own[:, None]).sum(1))
