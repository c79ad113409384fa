"""What happens to training images: the treatment of their background, and random changes."""

import dataclasses

from bg_interp.cli import FINITE, NOT_NEGATIVE, POSITIVE, SHARE, setting

BACKGROUNDS = ("none", "black", "noise", "mix", "blur", "mean", "swap", "random_mask")
# What a mix can do to the images that it treats.
IN_MIX = tuple(name for name in BACKGROUNDS if name not in ("none", "mix"))


@dataclasses.dataclass(frozen=True)
class TreatmentConfig:
    """A treatment and its settings."""

    background: str = setting(
        "black",
        "what happens to the background of training images. none, black, noise and mix are the "
        "paper's; blur, mean, swap and random_mask are controls",
        choices=BACKGROUNDS,
    )
    background_in_mix: str = setting(
        "black",
        "what mix does to the images that it treats",
        choices=IN_MIX,
    )
    mix_fraction: float = setting(
        0.5, "share of images that mix treats, resampled each epoch", rule=SHARE
    )
    noise_mean: float = setting(
        127.0,
        "mean of the noise background in pixel units (0 to 255), before clipping",
        rule=FINITE,
    )
    noise_stddev: float = setting(
        64.0,
        "standard deviation of the noise background in pixel units, before clipping",
        rule=POSITIVE,
    )


@dataclasses.dataclass(frozen=True)
class AugmentationConfig:
    """How far training images are changed at random; the defaults suit small images."""

    shift: float = setting(
        1 / 16,
        "largest random shift of training images to each side, as a share of their size",
        rule=SHARE,
    )
    scale: float = setting(
        0.0,
        "training images are scaled by 1 - scale to 1 + scale",
        rule=(lambda value: 0 <= value < 1, "must be at least 0 and below 1"),
    )
    flip: bool = setting(False, "mirror every second training image")
    pixel_noise: float = setting(
        16.0,
        "largest standard deviation of the Gaussian noise on training images, in pixel units",
        rule=NOT_NEGATIVE,
    )
