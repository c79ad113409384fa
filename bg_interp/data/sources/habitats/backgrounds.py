"""The backgrounds: coarse, distinct textures that a small network learns at once."""

from collections.abc import Callable

import cv2
import numpy as np

from bg_interp.data.sources.habitats import more_backgrounds
from bg_interp.data.sources.habitats.canvas import Colour, hsv
from bg_interp.data.sources.habitats.painting import (
    SHIFT,
    clouds,
    disc,
    fixed,
    gradient,
    grid,
    line,
    paintable,
    waves,
)


def draw_background(rng: np.random.Generator, kind: int, size: int) -> np.ndarray:
    """Draws one background.

    Args:
      rng: where all its randomness comes from.
      kind: index into BACKGROUNDS.
      size: side in pixels.

    Returns:
      uint8 [size, size, 3] RGB.
    """
    brightness = rng.uniform(0.88, 1.1)
    image = _DRAWERS[BACKGROUNDS[kind]](rng, size).astype(np.float32) * brightness
    return np.clip(np.round(image), 0, 255).astype(np.uint8)


def _water(rng: np.random.Generator, size: int) -> np.ndarray:
    y, x = grid(size)
    noise = clouds(rng, size, 3, 3, 0.45)
    bend = 0.22 * noise + 0.1 * np.sin(x * 7 + rng.uniform(0, 6))
    crests = waves(rng, y, 4.0, 6.5, bend)
    deep = hsv(rng.uniform(0.51, 0.56), 0.95, 0.35)
    crest = hsv(rng.uniform(0.48, 0.52), 0.6, 0.85)
    return gradient(deep, crest, 0.42 + 0.15 * noise + 0.38 * crests)


def _sky(rng: np.random.Generator, size: int) -> np.ndarray:
    blue = hsv(rng.uniform(0.58, 0.62), 0.55, rng.uniform(0.85, 1.0))
    cover = clouds(rng, size, 3, 4, 0.6)
    return gradient(blue, (250.0, 250.0, 252.0), cover * 1.1 - 0.05)


def _asphalt(rng: np.random.Generator, size: int) -> np.ndarray:
    grey = rng.uniform(55, 85) + 9 * clouds(rng, size, 3, 2)
    grey = grey + 12 * rng.standard_normal((size, size), dtype=np.float32)
    image = paintable(np.repeat(grey[..., None], 3, axis=2))
    first = rng.uniform(0.0, 0.4)
    for row in range(3):
        y = first + 0.4 * row + rng.uniform(-0.04, 0.04)
        start = rng.uniform(-0.3, 0.1)
        for dash in range(3):
            x = start + 0.5 * dash
            paint = (240.0, 238.0, 240.0 if rng.random() < 0.5 else 110.0)
            line(image, (x, y), (x + 0.28, y), paint, 1 / 16)
    return image


def _meadow(rng: np.random.Generator, size: int) -> np.ndarray:
    shade = hsv(rng.uniform(0.28, 0.33), 0.85, 0.3)
    light = hsv(rng.uniform(0.24, 0.3), 0.8, 0.7)
    image = paintable(gradient(shade, light, 0.5 + 0.3 * clouds(rng, size, 5, 3)))
    for _ in range(90):
        x, y = rng.random(2)
        length = rng.uniform(0.1, 0.2)
        tip = (x + rng.normal(0.0, 0.25) * length, y - length)
        blade = hsv(rng.uniform(0.24, 0.36), 0.85, rng.uniform(0.2, 0.85))
        line(image, (x, y), tip, blade, 1 / 40)
    return image


def _forest_floor(rng: np.random.Generator, size: int) -> np.ndarray:
    earth = 0.5 + 0.4 * clouds(rng, size, 6, 3)
    image = paintable(gradient(hsv(0.05, 0.7, 0.14), hsv(0.07, 0.6, 0.28), earth))
    for _ in range(51):
        x, y = rng.random(2)
        length = rng.uniform(0.05, 0.085)
        leaf = hsv(rng.uniform(0.0, 0.09), rng.uniform(0.7, 1.0), rng.uniform(0.25, 0.75))
        axes = fixed(size, length, length / 2)
        angle = rng.uniform(0, 180)
        cv2.ellipse(image, fixed(size, x, y), axes, angle, 0, 360, leaf, -1, cv2.LINE_AA, SHIFT)
    return image


def _flowers(rng: np.random.Generator, size: int) -> np.ndarray:
    leaves = 0.5 + 0.4 * clouds(rng, size, 7, 3)
    image = paintable(gradient(hsv(0.36, 0.7, 0.2), hsv(0.38, 0.6, 0.4), leaves))
    for _ in range(26):
        x, y = rng.random(2)
        radius = rng.uniform(0.05, 0.075)
        hue = rng.choice([0.78, 0.82, 0.86, 0.9]) + rng.normal(0.0, 0.01)
        petal = hsv(hue, rng.uniform(0.35, 0.75), 1.0)
        turn = rng.uniform(0, 2 * np.pi)
        for angle in turn + np.arange(5) * (2 * np.pi / 5):
            px, py = x + radius * np.cos(angle), y + radius * np.sin(angle)
            disc(image, px, py, radius * 0.75, petal)
        disc(image, x, y, radius * 0.5, (250.0, 215.0, 60.0))
    return image


def _wood(rng: np.random.Generator, size: int) -> np.ndarray:
    y, _ = grid(size)
    noise = clouds(rng, size, 2, 3, 0.3)
    grain = waves(rng, y, 9.0, 12.0, 0.5 * noise)
    planks = gradient(
        hsv(0.07, 0.75, 0.5), hsv(0.075, 0.65, 0.85), 0.5 + 0.3 * grain + 0.15 * noise
    )
    image = paintable(planks)
    gap: Colour = (55.0, 25.0, 10.0)
    first = rng.uniform(0.0, 0.25)
    for plank in range(-1, 4):
        top = first + 0.25 * plank
        line(image, (0.0, top), (1.0, top), gap, 1 / 32)
        x = rng.random()
        line(image, (x, top), (x, top + 0.25), gap, 1 / 40)
    return image


def _sand(rng: np.random.Generator, size: int) -> np.ndarray:
    y, x = grid(size)
    noise = clouds(rng, size, 3, 3)
    ripples = waves(rng, y, 3.5, 5.0, 0.3 * noise + x * rng.uniform(-2, 2))
    dunes = gradient(
        hsv(0.12, 0.4, 0.72), hsv(0.13, 0.25, 1.0), 0.5 + 0.32 * ripples + 0.15 * noise
    )
    return dunes + 7 * rng.standard_normal((size, size, 1), dtype=np.float32)


# The order is that of the classes: background i is where class i is usually seen.
_DRAWERS: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "water": _water,
    "sky": _sky,
    "asphalt": _asphalt,
    "meadow": _meadow,
    "forest floor": _forest_floor,
    "flowers": _flowers,
    "wood": _wood,
    "sand": _sand,
    **more_backgrounds.DRAWERS,
}
BACKGROUNDS = tuple(_DRAWERS)
