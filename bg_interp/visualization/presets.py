"""Settings that suit a family of networks, by name, and how a network's family is found."""

import dataclasses
from collections.abc import Iterable

from bg_interp.config.ascent import AscentSettings, Views
from bg_interp.errors import UserError, nearest

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


def check_parametrization(name: str | None, parametrization: str | None) -> None:
    """Checks that a preset is not asked to move what it is not made for.

    Raises:
      UserError: it is.
    """
    if name is None or parametrization is None:
        return
    made_for = preset(name).parametrization
    if parametrization != made_for:
        raise UserError(
            f"--preset={name} is made for --parametrization={made_for}; leave one of the two out. "
            f"Received: --parametrization={parametrization}"
        )
