"""What a network does to pixels itself, before its first weights.

Networks are made as `MobileNetV2(input_tensor=preprocess_input(image))`, with a Rescaling layer at
their beginning, or with the arithmetic that Keras records: they keep the name of an application,
and take other pixels than it. What they do is read off images of one level.
"""

from typing import Any

import keras
import numpy as np

from bg_interp.models import graph
from bg_interp.pixels import BYTES, RANGES, Pixels

# Networks are trained on values of about this size at most: bytes divided by the deviation of
# ImageNet's reach 2.6.
_USUAL = 5.0
# The side of images of one level where a network leaves it open.
_SIDE = 32


def taken(network: Any) -> Pixels | None:
    """Returns what pixels a network takes that changes them itself.

    Of the usual ranges it is the first one that becomes numbers of the size on which networks are
    trained; bytes where none does.

    Args:
      network: a Keras network of images.

    Returns:
      None where pixels reach the first weights as they are, or where that can't be seen.
    """
    ends = [level for one in RANGES for level in one.range or ()]
    # Somebody's layers may raise anything.
    try:
        found = _levels(network, ends)
    except Exception:
        return None
    if found is None or np.allclose(found, ends):
        return None
    pairs = np.abs(found).reshape(-1, 2).max(axis=1)
    return next((one for one, most in zip(RANGES, pairs, strict=True) if most <= _USUAL), BYTES)


def _levels(network: keras.Model, levels: list[float]) -> np.ndarray | None:
    """Returns what images of one level are where the first weights see them, by their median.

    None for a network without weights, or whose first layer has them.
    """
    wiring = graph.rewire(network)
    (image,) = wiring.model.inputs
    first = next((call for call in wiring.calls if _learns(call.layer)), None)
    # A network that can't be laid flat is one layer, which sees the images themselves.
    if first is None or first.inputs[0] is image:
        return None
    stem = keras.Model(image, first.inputs[0])
    sides = [_SIDE if side is None else side for side in image.shape[1:]]
    images = np.ones((len(levels), *sides), np.float32)
    images *= np.array(levels, np.float32).reshape(-1, *[1] * len(sides))
    seen = np.asarray(stem(images, training=False), np.float32)
    return np.median(seen.reshape(len(levels), -1), axis=1)


def _learns(layer: keras.Operation) -> bool:
    normalises = isinstance(layer, keras.layers.Normalization)
    return bool(getattr(layer, "weights", None)) and not normalises
