"""Presets: settings of an ascent by name, and the one place that chooses among them.

`natural` holds the features of the images to those of natural ones, and is what strangers can name.
All others are plain ascents, without a prior: less readable, and more faithful to what the network
alone would have.
"""

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

_PYRAMID = dataclasses.replace(
    _FOURIER, parametrization="pyramid", step_length=0.02, final_step_length=0.005, initial=0.02
)

NATURAL = AscentSettings(
    parametrization="pyramid",
    objective="even",
    features=10.0,
    half=0.75,
    together=12,
    steps=320,
    step_length=0.025,
    noise=0.0,
    final_noise=0.0,
    views=Views(shift=0.07),
    mirror=True,
    initial=0.025,
)

# What is usual where nothing is said of it: a spectrum and decorrelated colours, Adam at .01.
_PAPER = dataclasses.replace(
    _FOURIER,
    objective="logit",
    steps=200,
    step_length=0.01,
    final_step_length=0.01,
    noise=0.0,
    final_noise=0.0,
    views=Views(shift=1 / 16, rotation=6.0, scale=0.08),
)

PRESETS = {
    "natural": NATURAL,
    "small": SMALL,
    # Networks that were fine-tuned with adversarial steps.
    "mobilenet_v2": _FOURIER,
    # Networks that were never trained adversarially, as they come.
    "pretrained": _MACO,
    # As near to the paper's ascent as what is known of it allows.
    "paper": _PAPER,
}
# The plain ascent that suits the network.
PLAIN = "plain"
# Networks up to this side are taken for small ones when their names tell nothing.
_SMALL_SIDE = 96


def preset(name: str) -> AscentSettings:
    """Returns the settings of a name.

    Raises:
      UserError: no preset has this name.
    """
    if name not in PRESETS:
        raise UserError(
            f"preset must be one of {PLAIN}, {', '.join(PRESETS)}. "
            f"Received: {name!r}{nearest(name, [PLAIN, *PRESETS])}"
        )
    return PRESETS[name]


def suited(
    chosen: str | AscentSettings | None,
    names: Iterable[str],
    side: int | None,
    *,
    natural: bool,
    run: bool = False,
) -> AscentSettings:
    """Returns the settings for a network: the one choice for all class images.

    Args:
      chosen: settings, or the name of a preset; `plain` for the plain ascent that suits the
        network; None for `natural` wherever it can be used, but for small networks.
      names: of the network, or of the model and its layers.
      side: of its images, in pixels; None when it is open.
      natural: whether natural features are known, and there are two classes or more.
      run: whether the network was trained by tools/train.py, which trains adversarially.

    Raises:
      UserError: no preset has this name.
    """
    if isinstance(chosen, AscentSettings):
        return chosen
    if chosen not in (None, PLAIN):
        return preset(str(chosen))
    plain = _plain([name.lower() for name in names], side, run)
    return PRESETS["natural" if natural and chosen is None and plain != "small" else plain]


def for_run(network: str, recipe: str = "") -> AscentSettings:
    """Returns the plain settings for the arm of a run or study.

    Args:
      network: what --network calls it.
      recipe: what it was trained by; that of the paper has an ascent of its own.
    """
    if recipe == "paper":
        return preset(recipe)
    return suited(PLAIN, [network], None, natural=False, run=True)


def _plain(names: list[str], side: int | None, run: bool) -> str:
    if run:
        return "small" if names[0].startswith("small") else "mobilenet_v2"
    known = any(name.startswith("mobilenetv2") for name in names)
    return "small" if not known and side is not None and side <= _SMALL_SIDE else "pretrained"


def for_parametrization(name: str) -> AscentSettings:
    """Returns plain settings that suit a parametrization."""
    suiting = {"projected": SMALL, "pixel": _PIXEL, "pyramid": _PYRAMID}
    return (suiting | {"fourier": _FOURIER, "maco": _MACO})[name]


def check_parametrization(name: str | None, parametrization: str | None) -> None:
    """Checks that a preset is not asked to move what it is not made for.

    Raises:
      UserError: it is.
    """
    if name is None or name == PLAIN or parametrization is None:
        return
    made_for = preset(name).parametrization
    if parametrization != made_for:
        raise UserError(
            f"--preset={name} is made for --parametrization={made_for}; leave one of the two out. "
            f"Received: --parametrization={parametrization}"
        )
