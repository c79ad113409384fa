"""Whether a judge may call an image recognisable: it has to know objects, and not only colours."""

from collections.abc import Mapping

from bg_interp.evaluation.judges.accuracy import BLOBS, ON_BLACK

# Of natural objects that were held out, the least a judge has to name.
_OBJECTS = 0.8
# Of blobs, as a multiple of chance, the most: who names those has learnt colours.
_BLOBS = 2.0


def distrust(accuracies: Mapping[str, float], classes: int) -> str | None:
    """Returns why a judge's word is no evidence that an image is recognisable, or None.

    Args:
      accuracies: {kind of held-out natural image: share right} of one judge of objects.
      classes: K.
    """
    objects, blobs = accuracies[ON_BLACK], accuracies[BLOBS]
    reasons = []
    if objects < _OBJECTS:
        reasons.append(f"it names {objects:.2f} of the objects, less than {_OBJECTS}")
    if blobs > _BLOBS / classes:
        reasons.append(
            f"it names {blobs:.2f} of the blobs that are left of objects blurred to colour and "
            f"place, more than twice chance ({1 / classes:.2f})"
        )
    return "; ".join(reasons) or None
