"""How a classifier wants pixels: in a range, by a mean and deviation, in an order of colours.

All conventions in use are an affine map of each colour, some with blue first. They have names, the
same for the tools' `--preprocess=` and for `preprocess=` in Python.
"""

import dataclasses
import functools
import re
from collections.abc import Callable, Sequence
from typing import Any

from bg_interp.errors import UserError, nearest

# Of the photographs of ImageNet in 0 to 1, red first, as torchvision's networks take them; and the
# mean in 0 to 255, blue first, of the networks that came from Caffe.
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_CAFFE = (103.939, 116.779, 123.68)
_BLUE_FIRST = "bgr:"
HELP = (
    "0:255, 0:1, -1:1 or any LOW:HIGH; imagenet (mean and standard deviation of ImageNet, as for "
    "torchvision's networks); caffe (BGR, means subtracted, as for Keras's VGG16 and ResNet50); "
    "mean:R,G,B/std:R,G,B, of pixels in 0 to 255 or, if no number is above 1, in 0 to 1; bgr: "
    "before any of these for BGR; or the name of a network of keras.applications"
)


@dataclasses.dataclass(frozen=True)
class Pixels:
    """What is done to images in [0, 255] before a classifier sees them.

    Attributes:
      name: as `named` reads it.
      scale: of red, green and blue, or blue, green and red where they are reversed.
      shift: added after that.
      reversed: whether blue comes first.
    """

    name: str
    scale: tuple[float, float, float] = (1.0, 1.0, 1.0)
    shift: tuple[float, float, float] = (0.0, 0.0, 0.0)
    reversed: bool = False

    @property
    def range(self) -> tuple[float, float] | None:
        """What black and white become, where they are greys of red-first images; else None."""
        if self.reversed or len(set(self.scale)) > 1 or len(set(self.shift)) > 1:
            return None
        return self.shift[0], self.shift[0] + 255.0 * self.scale[0]

    @property
    def limits(self) -> tuple[float, float]:
        """The lowest and the highest value that any pixel becomes."""
        ends = [
            s + level * f for s, f in zip(self.shift, self.scale, strict=True) for level in (0, 255)
        ]
        return min(ends), max(ends)

    def factors(self, channels: int) -> tuple[list[float], list[float]]:
        """Returns scale and shift of each channel: of grey, of three colours, or with alpha."""
        grey = sum(self.scale) / 3, sum(self.shift) / 3
        if channels == 1:
            return [grey[0]], [grey[1]]
        more = channels - 3
        return [*self.scale, *[grey[0]] * more], [*self.shift, *[grey[1]] * more]

    def __call__(self, images: Any) -> Any:
        """Maps images in [0, 255], float [B, H, W, C] of 1, 3 or 4 channels, to what is wanted."""
        channels = int(images.shape[-1])
        scale, shift = self.factors(channels)
        if self.reversed and channels >= 3:
            alpha = [images[..., 3:]] if channels > 3 else []
            images = images[..., 2::-1] if not alpha else _joined(images[..., 2::-1], *alpha)
        # Left untouched where nothing is to be done, so that no rounding creeps in.
        if set(scale) == {1.0} and set(shift) == {0.0}:
            return images
        if len(set(scale)) == 1 and len(set(shift)) == 1:
            return shift[0] + images * scale[0]
        # Heavy, and of no use to those who only name a preprocessing.
        import numpy as np

        return np.array(shift, np.float32) + images * np.array(scale, np.float32)


def _joined(colours: Any, alpha: Any) -> Any:
    import keras

    return keras.ops.concatenate([colours, alpha], axis=-1)


def of_range(low: float, high: float) -> Pixels:
    """Returns the map of black to `low` and of white to `high`."""
    scale = (high - low) / 255.0
    return Pixels(f"{low:g}:{high:g}", (scale,) * 3, (float(low),) * 3)


def _of_mean(name: str, mean: Sequence[float], deviation: Sequence[float]) -> Pixels:
    """Returns (pixel - mean) / deviation, both of pixels in 0 to 255."""
    scale = tuple(1.0 / value for value in deviation)
    shift = tuple(-m / d for m, d in zip(mean, deviation, strict=True))
    return Pixels(name, scale, shift)  # type: ignore[arg-type]


def _blue_first(known: Pixels) -> Pixels:
    """Returns the same map with the colours in the other order."""
    return Pixels(_BLUE_FIRST + known.name, known.scale[::-1], known.shift[::-1], True)


BYTES = of_range(0, 255)
IMAGENET = _of_mean(
    "imagenet", [255 * value for value in _MEAN], [255 * value for value in _DEVIATION]
)
CAFFE = Pixels("caffe", shift=tuple(-value for value in _CAFFE), reversed=True)  # type: ignore[arg-type]
RANGES = (BYTES, of_range(0, 1), of_range(-1, 1))
# What a classifier of unknown preprocessing is tried with; the usual ones first.
USUAL = (*RANGES, IMAGENET, CAFFE, *(_blue_first(one) for one in RANGES))

# What the networks of keras.applications take, by the beginnings of their names.
_APPLICATIONS = {
    CAFFE: "vgg16 vgg19 resnet50 resnet101 resnet152",
    RANGES[2]: "resnet50v2 resnet101v2 resnet152v2 mobilenet mobilenetv2 inceptionv3 "
    "inceptionresnetv2 xception nasnet",
    IMAGENET: "densenet",
    BYTES: "efficientnet mobilenetv3 convnext regnet",
}
# Layers that such a network has, whose own preprocessing is believed where no image can tell.
_MARKS = {
    "vgg": "block1_conv1",
    "resnet": "conv1_conv",
    "mobilenetv2": "Conv1",
    "mobilenet": "conv_dw_1",
    "inceptionv3": "mixed0",
    "inceptionresnetv2": "mixed_5b",
    "xception": "block1_conv1_bn",
    "nasnet": "stem_conv1",
    "densenet": "conv2_block1_0_bn",
}


def application(name: str) -> Pixels | None:
    """Returns what the network of keras.applications takes that a name begins with, if any."""
    plain = re.sub(r"[^a-z0-9]", "", name.lower())
    found = {
        known: made
        for made, names in _APPLICATIONS.items()
        for known in names.split()
        if plain.startswith(known)
    }
    return found[max(found, key=len)] if found else None


def is_application(name: str, layers: Sequence[str]) -> bool:
    """Tells whether a network has a layer that the application has after which it is named."""
    plain = re.sub(r"[^a-z0-9]", "", name.lower())
    marks = {known: mark for known, mark in _MARKS.items() if plain.startswith(known)}
    return not marks or marks[max(marks, key=len)] in layers


def named(text: str, what: str = "--preprocess") -> Pixels:
    """Reads the name of a preprocessing; see `HELP`.

    Raises:
      UserError: it is none.
    """
    plain = text.strip().lower()
    if plain.startswith(_BLUE_FIRST):
        return _blue_first(named(plain.removeprefix(_BLUE_FIRST), what))
    simple: dict[str, Pixels] = {"imagenet": IMAGENET, "torch": IMAGENET, "caffe": CAFFE}
    simple |= {"tf": RANGES[2], "none": BYTES}
    reading: list[Callable[[str], Pixels | None]] = [simple.get, _range, _mean, application]
    for read in reading:
        taken = read(plain)
        if taken is not None:
            return taken
    known = ["auto", *simple, *" ".join(_APPLICATIONS.values()).split()]
    raise UserError(
        f"{what} must be auto, or one of: {HELP}. Received: {text!r}{nearest(plain, known)}"
    )


def _range(text: str) -> Pixels | None:
    try:
        low, high = (float(end) for end in text.split(":"))
    except ValueError:
        return None
    return of_range(low, high) if low < high else None


def _mean(text: str) -> Pixels | None:
    match = re.fullmatch(r"mean:([^/]+)/std:([^/]+)", text)
    try:
        mean, deviation = ([float(value) for value in part.split(",")] for part in match.groups())  # type: ignore[union-attr]
    except (AttributeError, ValueError):
        return None
    mean, deviation = (values * 3 if len(values) == 1 else values for values in (mean, deviation))
    if len(mean) != 3 or len(deviation) != 3 or min(deviation) <= 0:
        return None
    of_ones = max(*mean, *deviation) <= 1
    unit = 255.0 if of_ones else 1.0
    return _of_mean(text, [unit * value for value in mean], [unit * value for value in deviation])


@functools.cache
def candidates(channels: int = 3) -> tuple[Pixels, ...]:
    """Returns what a classifier of 1, 3 or 4 channels may take; the usual ones first."""
    return USUAL if channels >= 3 else RANGES


def given(
    preprocess: str | Pixels | Callable | None, input_range: Sequence[float] | None
) -> Pixels | Callable | None:
    """Returns what a caller said of a classifier's preprocessing; None where it is to be found.

    Args:
      preprocess: "auto", a name, a function of images in [0, 255], or None for none.
      input_range: the pixel range that the classifier expects, instead.

    Raises:
      UserError: settings that contradict each other, or are none.
    """
    auto = preprocess is None or (isinstance(preprocess, str) and preprocess == "auto")
    if input_range is not None:
        if not auto:
            raise UserError(
                f"{_called(preprocess)} and input_range exclude each other: give one of the two"
            )
        return of_range(*to_range(input_range))
    if preprocess is None:
        return BYTES
    if isinstance(preprocess, str):
        return None if auto else named(preprocess, "preprocess")
    if isinstance(preprocess, Pixels) or callable(preprocess):
        return preprocess
    raise UserError(
        f'preprocess must be "auto", a name, a function or None. Received: {preprocess!r}'
    )


def to_range(value: Any, what: str = "input_range") -> tuple[float, float]:
    """Returns what stands for black and for white.

    Raises:
      UserError: it is no such pair.
    """
    try:
        low, high = (float(end) for end in value)
    except (TypeError, ValueError):
        low = high = 0.0
    if not low < high:
        raise UserError(
            f"{what} must be the pixel range that the model expects, such as (0, 1) or (-1, 1). "
            f"Received: {value!r}"
        )
    return low, high


def of_flags(preprocess: str, input_range: str, of: str = "") -> Pixels | None:
    """Returns what `--preprocess` or `--input_range` says; None where both are "auto".

    Args:
      preprocess, input_range: the flags' values.
      of: what the flags' names begin with, where they are of a second model.

    Raises:
      UserError: a name that is none, or two of them.
    """
    if "auto" not in (preprocess, input_range):
        raise UserError(
            f"--{of}preprocess and --{of}input_range exclude each other. "
            f"Received: {preprocess!r} and {input_range!r}"
        )
    said = input_range if preprocess == "auto" else preprocess
    return None if said == "auto" else named(said, f"--{of}preprocess")


def _called(preprocess: Any) -> str:
    return "preprocess as a function" if callable(preprocess) else f"preprocess={preprocess!r}"
