"""How the training of a classifier resized its images, found by asking the classifier."""

import sys

import numpy as np

from bg_interp.config.data import RESIZES
from bg_interp.data.examples import InMemory, OnDisk, in_memory
from bg_interp.data.sources import Split
from bg_interp.evaluation.arrays import compiled, predict
from bg_interp.models.adapter import AdaptedModel
from bg_interp.models.evidence import more_often

# Ways differ in a few images of a hundred.
_ASKED = 512
# Two others are compared with `smooth`, and only being better counts.
_LEVEL = 0.05


def detect_resize(model: AdaptedModel, split: Split, examples: InMemory, name: str) -> str:
    """Finds how images are resized for a classifier, and says so.

    A way other than `smooth` is taken where the classifier is clearly right more often: by a sign
    test over the images that only one of the two gets right.

    Args:
      model: takes what images `examples` holds.
      split: of the images.
      examples: all of them, resized smoothly.
      name: what to call the classifier.

    Returns:
      One of RESIZES.
    """
    rows = np.unique(np.linspace(0, len(examples) - 1, min(len(examples), _ASKED)).astype(np.int64))
    images = {"smooth": examples.arrays["image"][rows]}
    for how in RESIZES[1:]:
        on_disk = OnDisk(split, None, images["smooth"].shape[1], examples.positions[rows], how)
        images[how] = in_memory(on_disk, f"test images, {how}").arrays["image"]
    if np.array_equal(images["sharp"], images["smooth"]):
        # They are of the right size already.
        return "smooth"
    graph, labels = compiled(model), examples.arrays["label"][rows]
    right = {how: predict(graph, some).argmax(axis=1) == labels for how, some in images.items()}
    best = max(RESIZES, key=lambda how: right[how].sum())
    found = best if more_often(right[best], right["smooth"], _LEVEL) else "smooth"
    counts = ", ".join(f"{right[how].sum()} {how}" for how in RESIZES)
    print(
        f"{name}: its images are resized {found} (of {len(rows)} it is right about {counts}); "
        "set --resize if that is wrong",
        file=sys.stderr,
    )
    return found
