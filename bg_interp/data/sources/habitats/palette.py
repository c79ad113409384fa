"""The colours of one object: typical of its class at times in the first eight, else any."""

import dataclasses

import numpy as np

from bg_interp.data.sources.habitats.canvas import Colour, blend, darker, hsv

# Share of objects in the colours of their class; above it colour would do instead of shape.
TYPICAL_SHARE = 0.35

WHITE: Colour = (250.0, 250.0, 250.0)
BLACK: Colour = (12.0, 12.0, 14.0)

# Main and second hue of a typical object, of the first eight classes. The others have none, so that
# their colours say nothing.
_TYPICAL_HUES = (
    (0.06, 0.12),  # fish: orange, yellow
    (0.58, 0.55),  # bird: blue
    (0.0, 0.62),  # car: red, blue
    (0.3, 0.36),  # tree: green
    (0.0, 0.0),  # mushroom: red
    (0.08, 0.75),  # butterfly: orange, violet
    (0.6, 0.0),  # cup: blue, red
    (0.04, 0.1),  # starfish: orange
)


@dataclasses.dataclass(frozen=True)
class Palette:
    """Main colour, a second one of clearly another lightness, and a dark one; RGB in [0, 255]."""

    main: Colour
    second: Colour
    dark: Colour

    @classmethod
    def draw(cls, rng: np.random.Generator, label: int) -> "Palette":
        """Draws the colours of an object of class `label`."""
        if label < len(_TYPICAL_HUES) and rng.random() < TYPICAL_SHARE:
            hue, second_hue = np.array(_TYPICAL_HUES[label]) + rng.normal(0.0, 0.02, 2)
        else:
            hue, second_hue = rng.random(2)
        main = hsv(hue, rng.uniform(0.5, 0.95), rng.uniform(0.55, 0.98))
        second = hsv(second_hue, rng.uniform(0.2, 0.9), rng.uniform(0.6, 1.0))
        dark = hsv(rng.random(), 0.45, rng.uniform(0.15, 0.35))
        return cls(main, _told_apart(second, main), dark)


def _lightness(colour: Colour) -> float:
    red, green, blue = colour
    return 0.3 * red + 0.59 * green + 0.11 * blue


def _told_apart(colour: Colour, other: Colour) -> Colour:
    """Returns `colour`, made lighter or darker when `other` is of nearly the same lightness."""
    if abs(_lightness(colour) - _lightness(other)) > 60.0:
        return colour
    if _lightness(other) < 130.0:
        return blend(colour, (255.0, 248.0, 225.0), 0.65)
    return darker(colour, 0.45)
