"""Drawers of plants and things. Within a class the pose is shared, so its mean keeps a shape."""

import numpy as np

from bg_interp.data.sources.habitats.canvas import Canvas, Colour, arc, blend, darker, hsv
from bg_interp.data.sources.habitats.palette import WHITE, Palette

_OUTLINE = 0.035


def _wheels(canvas: Canvas, radius: float) -> None:
    # A broad bright hub: on asphalt and on black a dark tyre alone would vanish.
    for x in (-0.52, 0.54):
        canvas.ellipse((x, 0.4), (radius, radius), (34.0, 34.0, 38.0))
        canvas.ellipse((x, 0.4), (radius * 0.68, radius * 0.68), (236.0, 238.0, 242.0))
        canvas.ellipse((x, 0.4), (radius * 0.22, radius * 0.22), (90.0, 90.0, 96.0))


def _car_lower_body(canvas: Canvas, palette: Palette, rear: float) -> None:
    body = [(-0.96, 0.08), (-0.88, -0.1), (-0.45, -0.16), (rear, -0.16), (0.96, 0.02)]
    canvas.fill([*body, (0.98, 0.36), (-0.97, 0.36)], palette.main, outline=_OUTLINE)
    canvas.stroke([(-0.9, 0.28), (0.92, 0.28)], 0.08, palette.second)
    canvas.ellipse((-0.87, 0.08), (0.1, 0.09), (255.0, 242.0, 150.0))
    canvas.ellipse((0.9, 0.08), (0.06, 0.09), (220.0, 40.0, 30.0))
    for x in (-0.04, 0.2):
        canvas.stroke([(x, 0.02), (x + 0.1, 0.02)], 0.04, darker(palette.main, 0.4))


def _windows(canvas: Canvas, panes: list[list[tuple[float, float]]], rng) -> None:
    # Darker than the wheels, which are to be the brightest part of every car.
    glass = hsv(0.56, rng.uniform(0.3, 0.5), rng.uniform(0.55, 0.75))
    for pane in panes:
        canvas.fill(pane, glass, jitter=0.006)


def saloon_car(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    """Drives left: bonnet, cabin in the middle with two windows, boot, two wheels."""
    roof = rng.uniform(-0.66, -0.56)
    cabin = [(-0.56, -0.12), (-0.28, roof), (0.34, roof), (0.66, -0.12)]
    canvas.fill(cabin, palette.main, outline=_OUTLINE)
    _car_lower_body(canvas, palette, 0.72)
    front = [(-0.42, -0.16), (-0.22, roof + 0.1), (-0.02, roof + 0.1), (-0.02, -0.16)]
    back = [(0.08, -0.16), (0.08, roof + 0.1), (0.3, roof + 0.1), (0.5, -0.16)]
    _windows(canvas, [front, back], rng)
    _wheels(canvas, rng.uniform(0.28, 0.32))


def hatchback_car(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    """Drives left: bonnet, a long cabin to the rear with two windows, two wheels, a roof bar."""
    roof = rng.uniform(-0.66, -0.56)
    cabin = [(-0.58, -0.12), (-0.3, roof), (0.62, roof + 0.02), (0.88, -0.12)]
    canvas.fill(cabin, palette.main, outline=_OUTLINE)
    _car_lower_body(canvas, palette, 0.9)
    front = [(-0.44, -0.16), (-0.24, roof + 0.1), (0.04, roof + 0.1), (0.04, -0.16)]
    back = [(0.14, -0.16), (0.14, roof + 0.1), (0.54, roof + 0.1), (0.68, -0.16)]
    _windows(canvas, [front, back], rng)
    if rng.random() < 0.5:
        canvas.stroke([(-0.2, roof - 0.08), (0.5, roof - 0.07)], 0.06, palette.second)
    _wheels(canvas, rng.uniform(0.28, 0.32))


def _trunk(canvas: Canvas, top: float, rng: np.random.Generator) -> None:
    bark = hsv(0.07, 0.6, rng.uniform(0.38, 0.55))
    width = rng.uniform(0.12, 0.16)
    foot = width + 0.06
    canvas.fill([(-width, top), (width, top), (foot, 0.95), (-foot, 0.95)], bark, outline=_OUTLINE)


def fir_tree(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    """Three or four tiers that narrow to a point, above a straight trunk."""
    _trunk(canvas, 0.2, rng)
    tiers = int(rng.integers(3, 5))
    width = rng.uniform(0.64, 0.74)
    for tier in range(tiers):
        share = tier / tiers
        half = width * (1.0 - 0.72 * share)
        bottom = 0.46 - 1.05 * share
        top = bottom - 0.62 if tier < tiers - 1 else -0.97
        shade = blend(palette.main, WHITE, 0.14 * tier)
        edge = [(-half, bottom), (0.0, top), (half, bottom), (0.0, bottom + 0.07)]
        canvas.fill(edge, shade, outline=_OUTLINE)


def leafy_tree(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    """A crown of round tufts, broad below and narrow above, over a straight trunk."""
    _trunk(canvas, 0.1, rng)
    tufts = [(-0.42, 0.12, 0.3), (0.42, 0.12, 0.3), (0.0, 0.14, 0.34)]
    tufts += [(-0.26, -0.24, 0.33), (0.26, -0.24, 0.33), (0.0, -0.6, 0.32)]
    for x, y, radius in tufts:
        x, y = x + rng.normal(0.0, 0.025), y + rng.normal(0.0, 0.025)
        # Lighter upwards: the tufts stand out against each other whatever the colour.
        shade = blend(palette.main, WHITE, 0.16 * (0.15 - y))
        canvas.ellipse((x, y), (radius, radius), shade, outline=_OUTLINE * 0.8)
    canvas.ellipse((0.0, -0.2), (0.3, 0.28), palette.main)
    if rng.random() < 0.4:
        for x, y in ((-0.3, -0.2), (0.18, -0.5), (0.36, 0.02), (-0.08, 0.1)):
            canvas.ellipse((x, y), (0.08, 0.08), palette.second)


def _stem(canvas: Canvas, width: float, foot: float, rng: np.random.Generator) -> Colour:
    cream = hsv(0.11, rng.uniform(0.08, 0.2), rng.uniform(0.86, 0.97))
    left = [(-width, -0.05), (width, -0.05), (width, 0.45), (foot, 0.85)]
    canvas.fill([*left, (0.0, 0.94), (-foot, 0.85), (-width, 0.45)], cream, outline=0.03)
    return cream


def dotted_mushroom(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    """A half-round cap with light dots on a pale stem with a ring."""
    width = rng.uniform(0.76, 0.92)
    cream = _stem(canvas, 0.19, rng.uniform(0.26, 0.34), rng)
    ring = [(-0.2, 0.16), (0.2, 0.16), (0.3, 0.32), (-0.3, 0.32)]
    canvas.fill(ring, darker(cream, 0.86), outline=0.025)
    cap = arc((0.0, 0.06), (width, rng.uniform(0.82, 0.92)), 180, 360)
    canvas.fill(cap, palette.main, jitter=0.0, outline=_OUTLINE)
    canvas.ellipse((0.0, 0.06), (width, 0.13), darker(cream, 0.75))
    dots = ((-0.45, -0.24, 0.12), (0.04, -0.52, 0.15), (0.45, -0.22, 0.12), (-0.05, -0.2, 0.1))
    for x, y, radius in dots:
        x, y = x + rng.normal(0.0, 0.035), y + rng.normal(0.0, 0.025)
        canvas.ellipse((x, y), (radius, radius * 0.85), blend(palette.second, WHITE, 0.6))


def brimmed_mushroom(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    """A plain, thick cap with a rolled brim and a lit top, on a stout pale stem."""
    width = rng.uniform(0.76, 0.9)
    _stem(canvas, rng.uniform(0.2, 0.26), rng.uniform(0.3, 0.38), rng)
    top = rng.uniform(-0.82, -0.72)
    cap = [(-width, 0.0), (-0.66, -0.44), (-0.25, top), (0.25, top), (0.66, -0.44), (width, 0.0)]
    cap += [(0.5, 0.14), (0.0, 0.18), (-0.5, 0.14)]
    canvas.fill(cap, palette.main, smooth=True, outline=_OUTLINE)
    brim = [(-width + 0.06, 0.02), (-0.4, 0.14), (0.0, 0.18), (0.4, 0.14), (width - 0.06, 0.02)]
    canvas.stroke(brim, 0.1, palette.second)
    canvas.ellipse((-0.24, -0.42), (0.26, 0.16), blend(palette.main, WHITE, 0.45))


def _steam(canvas: Canvas, rng: np.random.Generator) -> None:
    if rng.random() < 0.6:
        for x in (-0.24, 0.1):
            curl = [(x, -0.68), (x + 0.08, -0.77), (x - 0.03, -0.87), (x + 0.06, -0.97)]
            canvas.stroke(curl, 0.06, (228.0, 228.0, 228.0))


def _handle(canvas: Canvas, centre: tuple[float, float], radii, colour: Colour) -> None:
    ring = arc(centre, radii, -95, 95, 20)
    canvas.stroke(ring, 0.23, darker(colour))
    canvas.stroke(ring, 0.17, colour)


def _cup_top(canvas: Canvas, width: float, colour: Colour) -> None:
    canvas.ellipse((-0.04, -0.5), (width, 0.16), blend(colour, WHITE, 0.35), outline=0.03)
    canvas.ellipse((-0.04, -0.48), (width - 0.1, 0.105), hsv(0.06, 0.7, 0.28))


def banded_mug(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    """A straight mug with a band, a round handle on the right, coffee, often steam."""
    bottom = rng.uniform(0.66, 0.8)
    _handle(canvas, (0.48, 0.06), (0.39, 0.36), palette.main)
    wall = [(-0.64, -0.5), (0.56, -0.5), (0.47, bottom), (0.3, bottom + 0.09)]
    canvas.fill([*wall, (-0.38, bottom + 0.09), (-0.55, bottom)], palette.main, outline=_OUTLINE)
    y = rng.uniform(-0.08, 0.12)
    band = [(-0.6, y), (0.52, y), (0.49, y + 0.3), (-0.57, y + 0.3)]
    canvas.fill(band, palette.second, jitter=0.006)
    _cup_top(canvas, 0.6, palette.main)
    _steam(canvas, rng)


def tea_cup(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    """A cup that narrows in a curve to its foot, with dots, a handle on the right, often steam."""
    foot = [(-0.26, 0.6), (0.18, 0.6), (0.3, 0.86), (-0.38, 0.86)]
    canvas.fill(foot, palette.second, outline=_OUTLINE)
    _handle(canvas, (0.48, 0.04), (0.39, 0.34), palette.main)
    bottom = rng.uniform(0.68, 0.78)
    side = [(0.57, -0.46), (0.56, 0.14), (0.46, 0.52), (0.2, bottom)]
    wall = [*side, *((-0.08 - x, y) for x, y in reversed(side))]
    canvas.fill(wall, palette.main, smooth=True, outline=_OUTLINE)
    for x, y in ((-0.4, -0.1), (-0.04, 0.02), (0.32, -0.1), (-0.22, 0.34), (0.16, 0.34)):
        canvas.ellipse((x, y), (0.085, 0.085), palette.second)
    _cup_top(canvas, 0.62, palette.main)
    _steam(canvas, rng)
