"""Tells a network that learned nothing: its class images are no evidence of anything.

Adversarial training can end with a network that answers the same for every image. It saves, exports
and draws class images like any other; only its accuracy on the images it was trained on tells.
"""

from collections.abc import Sequence

import numpy as np

from bg_interp.training.checkpoints import Row

# Of the logged steps, those that tell how training ended.
_LAST = 0.1
_FEWEST = 5
# Of the way from chance to always right.
_NEAR_CHANCE = 0.1


def collapsed(rows: Sequence[Row], classes: int) -> str | None:
    """Returns why a run counts as collapsed, in words, or None.

    Args:
      rows: what `loop.train` returned.
      classes: number of classes.
    """
    training = [row for row in rows if row["split"] == "train"]
    last = training[-max(_FEWEST, round(_LAST * len(training))) :]
    loss = np.mean([float(row["loss"]) for row in last])
    if not np.isfinite(loss):
        return f"its loss ended as {loss}"
    accuracy = np.mean([float(row["accuracy"]) for row in last])
    chance = 1.0 / classes
    if accuracy < chance + _NEAR_CHANCE * (1.0 - chance):
        return (
            f"its accuracy on training images ended at {accuracy:.2f}, where chance is {chance:.2f}"
        )
    return None
