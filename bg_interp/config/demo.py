"""The demonstration: where it goes, and how long it takes."""

import dataclasses

from bg_interp.cli import FOLDER, POSITIVE, SEED, Rule, setting

# What the small network and the drawings allow.
_SIDE: Rule = (lambda side: 32 <= side <= 512, "must be from 32 to 512")


@dataclasses.dataclass(frozen=True)
class DemoConfig:
    """A short way from drawings to a repaired network."""

    workdir: str = setting(
        "runs/demo", "folder of the page, the networks and their audits", rule=FOLDER
    )
    steps: int = setting(120, "training steps of each of the two networks", rule=POSITIVE)
    image_size: int = setting(64, "side of the pictures in pixels, 32 to 512", rule=_SIDE)
    seed: int = setting(0, "seed of the networks, and of the choice of backgrounds", rule=SEED)
    photos: str | None = setting(
        None,
        "write some of the pictures into this folder as well, PHOTOS/{train,test}/CLASS/*.png, to "
        "try the other programs on",
        rule=FOLDER,
    )
    open: bool = setting(False, "open the page in the browser")
