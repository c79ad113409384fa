"""Drawers of things that stand outdoors, beyond the first eight classes; poses are shared."""

import itertools

import numpy as np

from bg_interp.data.sources.habitats.canvas import Canvas, arc, blend, darker, hsv
from bg_interp.data.sources.habitats.palette import WHITE, Palette

_OUTLINE = 0.035
_SIDES = (-1, 1)


def _rocket(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    flame = [(-0.16, 0.6), (0.0, rng.uniform(0.88, 0.98)), (0.16, 0.6)]
    canvas.fill(flame, hsv(rng.uniform(0.05, 0.15), 0.8, 1.0), smooth=True)
    for side in _SIDES:
        fin = [(side * 0.2, 0.1), (side * 0.62, 0.5), (side * 0.62, 0.86), (side * 0.2, 0.6)]
        canvas.fill(fin, palette.second, outline=_OUTLINE)
    half = rng.uniform(0.26, 0.31)
    hull = [(0.0, -0.98), (half * 0.8, -0.6), (half, -0.1), (half * 0.9, 0.66)]
    hull += [(-x, y) for x, y in reversed(hull[1:])]
    canvas.fill(hull, palette.main, outline=_OUTLINE)


def portholed_rocket(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    """Stands upright: a pointed hull with portholes, two fins, a flame."""
    _rocket(canvas, palette, rng)
    for y, radius in ((-0.34, 0.15), (0.1, 0.1)):
        canvas.ellipse((0.0, y), (radius, radius), palette.second, outline=0.05)


def banded_rocket(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    """Stands upright: a pointed hull with a coloured nose and bands, two fins, a flame."""
    _rocket(canvas, palette, rng)
    canvas.fill([(0.0, -0.96), (0.2, -0.6), (-0.2, -0.6)], palette.second)
    for y in (-0.2, 0.14, 0.46):
        canvas.stroke([(-0.22, y), (0.22, y)], 0.11, palette.second)


def _cactus(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    left, right = rng.uniform(0.08, 0.24), rng.uniform(-0.16, 0.0)
    for width, colour in ((0.3, darker(palette.main)), (0.24, palette.main)):
        canvas.stroke([(-0.16, left), (-0.6, left), (-0.6, left - 0.46)], width, colour)
        canvas.stroke([(0.16, right), (0.62, right), (0.62, right - 0.5)], width, colour)
        canvas.stroke([(0.0, -0.72), (0.0, 0.8)], width + 0.14, colour)


def ribbed_cactus(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    """A thick stem with two arms that turn up, ribs along it."""
    _cactus(canvas, palette, rng)
    for x in (-0.09, 0.09):
        canvas.stroke([(x, -0.74), (x, 0.86)], 0.045, darker(palette.main, 0.6))


def flowering_cactus(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    """A thick stem with two arms that turn up, light spines, a flower on top."""
    _cactus(canvas, palette, rng)
    light = blend(palette.main, WHITE, 0.65)
    for y in np.arange(-0.56, 0.8, 0.26):
        canvas.stroke([(-0.1, y), (-0.03, y + 0.06)], 0.05, light)
        canvas.stroke([(0.1, y + 0.1), (0.03, y + 0.16)], 0.05, light)
    canvas.ellipse((0.0, -0.84), (0.17, 0.13), palette.second, outline=_OUTLINE)


def _walls(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    chimney = [(0.32, -0.9), (0.52, -0.9), (0.52, -0.3), (0.32, -0.3)]
    canvas.fill(chimney, darker(palette.second, 0.7), outline=_OUTLINE)
    canvas.fill([(-0.7, -0.1), (0.7, -0.1), (0.7, 0.86), (-0.7, 0.86)], palette.main, outline=0.04)
    top = rng.uniform(-0.96, -0.86)
    canvas.fill([(-0.94, -0.06), (0.0, top), (0.94, -0.06)], palette.second, outline=0.04)


def cottage(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    """A gable roof with a chimney on the right, a door in the middle, two windows."""
    _walls(canvas, palette, rng)
    canvas.fill([(-0.16, 0.3), (0.16, 0.3), (0.16, 0.86), (-0.16, 0.86)], palette.dark)
    glass = blend(palette.main, WHITE, 0.75)
    for x in (-0.44, 0.44):
        pane = [(x - 0.15, 0.16), (x + 0.15, 0.16), (x + 0.15, 0.46), (x - 0.15, 0.46)]
        canvas.fill(pane, glass, outline=0.05)


def barn(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    """A gable roof with a chimney on the right, a broad gate with a cross, a round window."""
    _walls(canvas, palette, rng)
    light = blend(palette.main, WHITE, 0.75)
    gate = [(-0.4, 0.2), (0.4, 0.2), (0.4, 0.86), (-0.4, 0.86)]
    canvas.fill(gate, palette.dark, outline=0.03)
    canvas.stroke([(-0.38, 0.22), (0.38, 0.84)], 0.07, light)
    canvas.stroke([(0.38, 0.22), (-0.38, 0.84)], 0.07, light)
    canvas.ellipse((0.0, -0.36), (0.15, 0.15), light, outline=0.04)


def _umbrella_stick(canvas: Canvas, palette: Palette) -> None:
    hook = [(0.0, -0.1), (0.0, 0.76), *arc((0.14, 0.76), (0.14, 0.18), 180, 0, 12)]
    canvas.stroke(hook, 0.12, darker(palette.dark, 0.6))
    canvas.stroke(hook, 0.08, blend(palette.dark, WHITE, 0.45))
    canvas.stroke([(0.0, -0.98), (0.0, -0.8)], 0.08, palette.dark)


def _canopy(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> list:
    width, top = rng.uniform(0.88, 0.96), rng.uniform(0.84, 0.92)
    dome = arc((0.0, 0.04), (width, top), 180, 360, 24)
    edges = np.linspace(width, -width, 5)
    scallops = [
        point
        for right, left in itertools.pairwise(edges)
        for point in arc(((right + left) / 2, 0.04), ((right - left) / 2, 0.14), 0, -180, 8)
    ]
    canvas.fill([*dome, *scallops], palette.main, jitter=0.0, outline=_OUTLINE)
    return [(x, 0.02) for x in edges[1:-1]]


def panelled_umbrella(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    """Open, with four panels and a hooked stick."""
    _umbrella_stick(canvas, palette)
    for x, y in _canopy(canvas, palette, rng):
        canvas.stroke([(0.0, -0.84), (x * 0.8, -0.4), (x, y)], 0.06, palette.second)


def dotted_umbrella(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    """Open, with dots and a hooked stick."""
    _umbrella_stick(canvas, palette)
    _canopy(canvas, palette, rng)
    for x, y in ((-0.6, -0.18), (-0.22, -0.26), (0.22, -0.26), (0.6, -0.18), (0.0, -0.6)):
        canvas.ellipse((x, y), (0.1, 0.1), palette.second)


def _anchor(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    reach = rng.uniform(0.7, 0.8)
    bow = arc((0.0, 0.14), (reach, 0.66), 8, 172, 24)
    for width, colour in ((0.24, darker(palette.main)), (0.18, palette.main)):
        canvas.stroke([(0.0, -0.5), (0.0, 0.8)], width, colour)
        canvas.stroke(bow, width, colour)
        canvas.stroke(arc((0.0, -0.74), (0.16, 0.17)), width * 0.7, colour, closed=True)
    for side in _SIDES:
        barb = [(side * (reach - 0.3), 0.2), (side * (reach + 0.2), 0.24), (side * reach, -0.14)]
        canvas.fill(barb, palette.main, outline=_OUTLINE)


def stocked_anchor(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    """Upright: a ring, a cross-bar with knobs, two barbed arms."""
    _anchor(canvas, palette, rng)
    canvas.stroke([(-0.42, -0.36), (0.42, -0.36)], 0.16, palette.second)
    for side in _SIDES:
        canvas.ellipse((side * 0.44, -0.36), (0.12, 0.12), palette.second, outline=_OUTLINE)


def roped_anchor(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    """Upright: a ring, a plain cross-bar, a rope around the shank, two barbed arms."""
    _anchor(canvas, palette, rng)
    canvas.stroke([(-0.46, -0.36), (0.46, -0.36)], 0.16, palette.main)
    for y in (-0.16, 0.1, 0.36):
        canvas.stroke([(-0.13, y), (0.13, y + 0.14)], 0.08, palette.second)


def _pear(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    canvas.stroke([(0.0, -0.62), (0.06, -0.96)], 0.09, palette.dark)
    width = rng.uniform(0.62, 0.7)
    half = [(0.0, -0.76), (0.24, -0.62), (0.3, -0.28), (width, 0.3), (0.48, 0.78), (0.0, 0.92)]
    outline = [*half, *((-x, y) for x, y in reversed(half[1:-1]))]
    canvas.fill(outline, palette.main, smooth=True, outline=_OUTLINE)
    canvas.ellipse((-0.28, 0.26), (0.12, 0.24), blend(palette.main, WHITE, 0.55))


def leafy_pear(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    """Narrow above and broad below, with a stalk and a leaf on the right."""
    _pear(canvas, palette, rng)
    leaf = [(0.06, -0.84), (0.34, -0.98), (0.66, -0.8), (0.34, -0.68)]
    canvas.fill(leaf, palette.second, smooth=True, outline=_OUTLINE)


def speckled_pear(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    """Narrow above and broad below, with a stalk and speckles."""
    _pear(canvas, palette, rng)
    for x, y in ((0.06, -0.3), (0.22, 0.06), (0.0, 0.34), (0.34, 0.44), (-0.1, 0.66), (0.2, 0.7)):
        canvas.ellipse((x, y), (0.055, 0.055), palette.second)
