"""The settings of an ascent, and presets by the name of a network."""

import dataclasses
from collections.abc import Iterable

from bg_interp.errors import UserError, nearest

PARAMETRIZATIONS = ("pixel", "projected", "fourier", "maco")
OBJECTIVES = ("logit", "margin")


@dataclasses.dataclass(frozen=True)
class Views:
    """How much the random views of an image vary; uniformly from minus to plus each value.

    Attributes:
      shift: share of the image's side.
      rotation: degrees.
      scale: relative change of size, 0.1 = from 0.9 to 1.1.
      crop: (smallest, largest) side of a random square that is enlarged to the whole image, as a
        share of the side; None for no crops.
      whole_pixels: shifts are whole pixels and the image is a ring, which nothing leaves; the
        cheapest view.
    """

    shift: float = 0.0
    rotation: float = 0.0
    scale: float = 0.0
    crop: tuple[float, float] | None = None
    whole_pixels: bool = False


_SMALL_VIEWS = Views(shift=1 / 16, rotation=6.0, scale=0.08)


@dataclasses.dataclass(frozen=True)
class AscentSettings:
    """How an image is made; lengths and budgets are for 64 px and grow with the image's side.

    Attributes:
      parametrization: `pixel` (Adam on the pixels), `projected` (pixels within a distance of the
        start image), `fourier` (Adam on spectrum and decorrelated colours), `maco` (Adam on the
        phase alone, the magnitude fixed).
      objective: `logit`, or `margin` = the logit minus the mean of all others.
      steps: gradient steps.
      step_length: `projected`: distance per step, L2 of the image in [0, 1]; else Adam's rate.
      final_step_length: what `step_length` falls to, linearly.
      budget: `projected`: largest L2 distance from the start image, in [0, 1].
      smoothing: `projected`: power of the data's magnitude spectrum that weighs the gradient;
        0 leaves it as it is.
      noise: deviation of the pixel noise in views at first, in [0, 255]; final_noise: at last.
      views: the random views.
      initial: deviation of the random change that each sample starts with, in [0, 1] for pixels,
        in units of the spectrum for `fourier`.
      diversity: weight of the likeness between samples of one class, which is held against them; 0
        lets each find its own way from its own start.
      opacity: 0 for opaque images; else the weight of the mean opacity, which is held against an
        image that is put before random backgrounds, so that the object stands free.
      tried: whether the preset was ever looked at on such a network.
    """

    parametrization: str = "projected"
    objective: str = "margin"
    steps: int = 80
    step_length: float = 1.0
    final_step_length: float = 0.2
    budget: float = 25.0
    smoothing: float = 0.25
    noise: float = 8.0
    final_noise: float = 2.0
    views: Views = _SMALL_VIEWS
    initial: float = 0.01
    diversity: float = 0.0
    opacity: float = 0.0
    tried: bool = True

    def __post_init__(self) -> None:
        """Checks the two choices and the steps.

        Raises:
          UserError: a value breaks its rule.
        """
        for name, choices in (
            ("parametrization", PARAMETRIZATIONS),
            ("objective", OBJECTIVES),
        ):
            value = getattr(self, name)
            if value not in choices:
                raise UserError(
                    f"{name} must be one of {', '.join(choices)}. "
                    f"Received: {value!r}{nearest(value, choices)}"
                )
        if self.opacity and self.parametrization not in ("pixel", "projected"):
            raise UserError(
                "opacity needs the parametrization pixel or projected. "
                f"Received: {self.parametrization}"
            )
        if self.steps < 1:
            raise UserError(f"steps must be 1 or more. Received: {self.steps}")


SMALL = AscentSettings()

_FOURIER = AscentSettings(
    parametrization="fourier",
    steps=96,
    step_length=0.05,
    final_step_length=0.005,
    noise=16.0,
    final_noise=4.0,
    views=Views(shift=0.1, rotation=6.0, scale=0.15),
    initial=0.1,
)

_MACO = AscentSettings(
    parametrization="maco",
    steps=160,
    step_length=0.3,
    final_step_length=0.1,
    noise=16.0,
    final_noise=4.0,
    views=Views(rotation=6.0, crop=(0.5, 1.0)),
)

_PIXEL = dataclasses.replace(
    SMALL, parametrization="pixel", step_length=0.02, final_step_length=0.005
)

PRESETS = {
    "small": SMALL,
    "mobilenet_v2": _FOURIER,
    # Networks that were never trained adversarially, as they come; tried on a MobileNetV2.
    "pretrained": _MACO,
    "resnet50": dataclasses.replace(_FOURIER, tried=False),
    "vgg16": dataclasses.replace(_FOURIER, tried=False),
    "efficientnet": dataclasses.replace(_FOURIER, tried=False),
}


def preset(name: str) -> AscentSettings:
    """Returns the settings for a family of networks.

    Raises:
      UserError: no preset has this name.
    """
    if name not in PRESETS:
        raise UserError(
            f"preset must be one of {', '.join(PRESETS)}. "
            f"Received: {name!r}{nearest(name, PRESETS)}"
        )
    return PRESETS[name]


def preset_for(network: str) -> AscentSettings:
    """Returns the settings for a network by its name, as `--network` takes it.

    Networks that were never tried get the settings of MobileNetV2, marked as untried.
    """
    family = next(
        (name for name in PRESETS if network.lower().startswith(name.replace("_", ""))), None
    )
    if family is None:
        return dataclasses.replace(PRESETS["mobilenet_v2"], tried=False)
    return PRESETS[family]


# Networks up to this side are taken for small ones when their names tell nothing.
_SMALL_SIDE = 96


def preset_for_layers(names: Iterable[str], side: int | None) -> AscentSettings:
    """Returns the settings for a network from elsewhere, whose kind must be guessed.

    Args:
      names: of the model and its layers; applications of Keras are named after themselves.
      side: of its images, in pixels; None when it is open.
    """
    if any(name.lower().startswith("mobilenetv2") for name in names):
        return PRESETS["pretrained"]
    small = side is not None and side <= _SMALL_SIDE
    return dataclasses.replace(PRESETS["small" if small else "pretrained"], tried=False)


def for_parametrization(name: str) -> AscentSettings:
    """Returns settings that suit a parametrization, for presets that are made for another one."""
    return {"projected": SMALL, "fourier": _FOURIER, "maco": _MACO, "pixel": _PIXEL}[name]
