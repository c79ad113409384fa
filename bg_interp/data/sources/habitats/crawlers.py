"""Drawers of the animals beyond the first eight classes, seen so that nothing hides their legs."""

import numpy as np

from bg_interp.data.sources.habitats.canvas import Canvas, arc, blend, darker
from bg_interp.data.sources.habitats.palette import BLACK, WHITE, Palette

_OUTLINE = 0.035
_SIDES = (-1, 1)


def _shell(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    width, height = rng.uniform(0.5, 0.58), rng.uniform(0.56, 0.64)
    canvas.ellipse((0.0, 0.08), (width, height), palette.main, outline=_OUTLINE * 1.3)


def _flippers(canvas: Canvas, palette: Palette, reach: float) -> None:
    for side in _SIDES:
        for y, lift in ((-0.34, -0.3), (0.5, 0.26)):
            limb = [(side * 0.36, y - 0.12), (side * reach, y + lift), (side * 0.42, y + 0.2)]
            canvas.fill(limb, palette.second, smooth=True, outline=_OUTLINE)
    canvas.fill([(-0.08, 0.62), (0.0, 0.96), (0.08, 0.62)], palette.second)
    canvas.ellipse((0.0, -0.7), (0.2, 0.24), palette.second, outline=_OUTLINE)
    for side in _SIDES:
        canvas.ellipse((side * 0.09, -0.78), (0.045, 0.045), BLACK)


def plated_turtle(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    """Seen from above, head up: an oval shell of large plates, four limbs."""
    _flippers(canvas, palette, rng.uniform(0.82, 0.94))
    _shell(canvas, palette, rng)
    ink = darker(palette.main, 0.45)
    ring = arc((0.0, 0.08), (0.24, 0.28), 0, 360, 7)
    canvas.stroke(ring, 0.06, ink)
    for x, y in ring[:-1]:
        canvas.stroke([(x, y), (2.1 * x, 0.08 + 2.1 * (y - 0.08))], 0.06, ink)


def spotted_turtle(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    """Seen from above, head up: an oval shell with light spots, four limbs."""
    _flippers(canvas, palette, rng.uniform(0.82, 0.94))
    _shell(canvas, palette, rng)
    light = blend(palette.main, WHITE, 0.55)
    for x, y in ((0.0, -0.22), (-0.24, 0.0), (0.24, 0.0), (0.0, 0.16), (-0.2, 0.36), (0.2, 0.36)):
        canvas.ellipse((x, y), (0.1, 0.1), light)


def _legs(canvas: Canvas, palette: Palette, rng: np.random.Generator, width: float) -> None:
    bend = rng.uniform(0.0, 0.08)
    for side in _SIDES:
        for first, knee, foot in (
            (-0.26, (0.4, -0.62 - bend), (0.62, -0.94)),
            (-0.16, (0.58, -0.34 - bend), (0.95, -0.36)),
            (-0.04, (0.58, 0.12 - bend), (0.95, 0.38)),
            (0.06, (0.44, 0.44), (0.62, 0.94)),
        ):
            leg = [(side * 0.08, first), (side * knee[0], knee[1]), (side * foot[0], foot[1])]
            canvas.stroke(leg, width, palette.second)


def crossed_spider(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    """Seen from above, head up: a round body with a cross, eight bent legs."""
    _legs(canvas, palette, rng, rng.uniform(0.075, 0.1))
    canvas.ellipse((0.0, 0.3), (0.3, rng.uniform(0.34, 0.4)), palette.main, outline=_OUTLINE)
    canvas.ellipse((0.0, -0.18), (0.2, 0.2), palette.main, outline=_OUTLINE)
    light = blend(palette.second, WHITE, 0.6)
    canvas.stroke([(0.0, 0.1), (0.0, 0.52)], 0.08, light)
    canvas.stroke([(-0.14, 0.26), (0.14, 0.26)], 0.08, light)


def banded_spider(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    """Seen from above, head up: a pointed body with bands, eight bent legs."""
    _legs(canvas, palette, rng, rng.uniform(0.075, 0.1))
    body = [(0.0, -0.04), (0.26, 0.12), (0.28, 0.4), (0.0, 0.76), (-0.28, 0.4), (-0.26, 0.12)]
    canvas.fill(body, palette.main, smooth=True, outline=_OUTLINE)
    for y, half in ((0.18, 0.22), (0.36, 0.24), (0.52, 0.14)):
        canvas.stroke([(-half, y), (half, y)], 0.07, palette.second)
    canvas.ellipse((0.0, -0.18), (0.2, 0.18), palette.main, outline=_OUTLINE)


def _claws(canvas: Canvas, palette: Palette, size: float) -> None:
    for side in _SIDES:
        canvas.stroke([(side * 0.44, 0.0), (side * 0.74, -0.3)], 0.13, palette.main)
        claw = [(side * 0.74, -0.22), (side * 0.96, -0.5), (side * 0.86, -0.5 - size)]
        claw += [(side * 0.74, -0.6), (side * 0.56, -0.5 - size), (side * 0.52, -0.44)]
        canvas.fill(claw, palette.main, outline=_OUTLINE)


def _crab(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    for side in _SIDES:
        for y, foot in ((0.2, 0.26), (0.34, 0.56), (0.44, 0.84)):
            leg = [(side * 0.4, y), (side * 0.78, y), (side * 0.94, foot)]
            canvas.stroke(leg, 0.09, palette.second)
        canvas.stroke([(side * 0.16, -0.1), (side * 0.18, -0.42)], 0.06, palette.second)
        canvas.ellipse((side * 0.18, -0.44), (0.09, 0.09), WHITE)
        canvas.ellipse((side * 0.18, -0.45), (0.045, 0.045), BLACK)
    _claws(canvas, palette, rng.uniform(0.32, 0.42))
    canvas.ellipse((0.0, 0.2), (0.58, rng.uniform(0.38, 0.44)), palette.main, outline=_OUTLINE)


def smiling_crab(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    """Seen from in front: a broad body with a mouth, two raised claws, six legs."""
    _crab(canvas, palette, rng)
    canvas.stroke(arc((0.0, 0.18), (0.24, 0.18), 20, 160, 12), 0.06, darker(palette.main, 0.4))


def dotted_crab(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    """Seen from in front: a broad body with dots, two raised claws, six legs."""
    _crab(canvas, palette, rng)
    for x, y in ((-0.32, 0.14), (0.0, 0.06), (0.32, 0.14), (-0.16, 0.34), (0.16, 0.34)):
        canvas.ellipse((x, y), (0.075, 0.075), palette.second)


def _snail_foot(canvas: Canvas, palette: Palette) -> None:
    foot = [(-0.96, 0.3), (-0.92, -0.12), (-0.7, -0.2), (-0.56, 0.1), (-0.4, 0.44)]
    foot += [(0.5, 0.46), (0.98, 0.74), (-0.5, 0.78), (-0.86, 0.66)]
    canvas.fill(foot, palette.second, outline=_OUTLINE)
    for x, tip in ((-0.88, -0.98), (-0.72, -0.6)):
        canvas.stroke([(x, -0.12), (tip, -0.56)], 0.06, palette.second)
        canvas.ellipse((tip, -0.58), (0.07, 0.07), darker(palette.second, 0.3))


def _snail_shell(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> tuple[float, float]:
    radius = rng.uniform(0.56, 0.64)
    middle = (0.14, 0.6 - radius)
    canvas.ellipse(middle, (radius, radius), palette.main, outline=_OUTLINE * 1.4)
    return middle[1], radius


def spiral_snail(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    """Creeps left: a round shell with a spiral, a long foot, two feelers."""
    _snail_foot(canvas, palette)
    y, radius = _snail_shell(canvas, palette, rng)
    turn = np.linspace(0.0, 4.4 * np.pi, 60)
    reach = radius * 0.86 * turn / turn[-1]
    spiral = np.stack([0.14 + np.cos(turn) * reach, y + np.sin(turn) * reach], axis=1)
    canvas.stroke(spiral, 0.08, darker(palette.main, 0.45))


def ringed_snail(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    """Creeps left: a round shell with light rings, a long foot, two feelers."""
    _snail_foot(canvas, palette)
    y, radius = _snail_shell(canvas, palette, rng)
    light = blend(palette.main, WHITE, 0.55)
    for share, shift in ((0.7, 0.04), (0.36, 0.08)):
        ring = arc((0.14 + shift, y + shift), (radius * share, radius * share))
        canvas.stroke(ring, 0.09, light, closed=True)
