"""What a repair is made of: a classifier, its training images, and how they are weighed."""

import dataclasses

from bg_interp.cli import FOLDER, POSITIVE, SHARE, setting
from bg_interp.config.classifier import ClassifierConfig


@dataclasses.dataclass(frozen=True)
class RepairConfig(ClassifierConfig):
    """A classifier and its images; an empty name is settled by what the model's file says."""

    model: str | None = setting(
        None,
        "a folder that tools/train.py wrote, or a .keras or .h5 file, whose last layer is dense",
    )
    max_loss: float = setting(
        0.02,
        "largest accepted loss of accuracy on unmodified images (0.02: two points) in exchange "
        "for accuracy on other backgrounds; measured on images that the new layer has not seen",
        rule=SHARE,
    )
    copies: int = setting(
        8,
        "how many random backgrounds each object is pasted onto; fewer take less time and memory",
        rule=POSITIVE,
    )
    class_images: bool = setting(
        True,
        "draw what the classes look like to the network before and after, by activation "
        "maximization: seconds for small networks, minutes for large ones",
    )
    output: str | None = setting(None, "folder to write to; default: <model>-repaired", rule=FOLDER)
