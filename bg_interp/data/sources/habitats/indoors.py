"""Drawers of things that are found indoors, beyond the first eight classes; poses are shared."""

import numpy as np

from bg_interp.data.sources.habitats.canvas import Canvas, Colour, arc, blend, darker
from bg_interp.data.sources.habitats.palette import BLACK, WHITE, Palette

_OUTLINE = 0.035
_SIDES = (-1, 1)


def _guitar(canvas: Canvas, palette: Palette, rng: np.random.Generator, body: list) -> None:
    neck = blend(palette.dark, WHITE, 0.3)
    canvas.fill([(-0.08, -0.8), (0.08, -0.8), (0.08, 0.1), (-0.08, 0.1)], neck, outline=0.03)
    canvas.fill([(-0.15, -0.98), (0.15, -0.98), (0.11, -0.74), (-0.11, -0.74)], palette.second)
    canvas.fill(body, palette.main, smooth=True, outline=_OUTLINE * 1.3)
    canvas.stroke([(0.0, -0.8), (0.0, 0.2)], 0.1, neck)
    canvas.ellipse((0.0, 0.26), (0.15, 0.15), BLACK, outline=0.05)
    y = rng.uniform(0.58, 0.66)
    canvas.stroke([(-0.2, y), (0.2, y)], 0.08, palette.second)


def round_guitar(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    """Upright: a waisted body with a round hole, a long neck."""
    wide = rng.uniform(0.52, 0.6)
    half = [(0.0, -0.18), (0.32, -0.12), (0.36, 0.1), (0.28, 0.26), (wide, 0.6), (0.32, 0.92)]
    left = [(-x, y) for x, y in reversed(half[1:])]
    _guitar(canvas, palette, rng, [*half, (0.0, 0.96), *left])


def horned_guitar(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    """Upright: a waisted body with two horns and a round hole, a long neck."""
    wide = rng.uniform(0.52, 0.6)
    half = [(0.1, 0.04), (0.34, -0.26), (0.42, -0.06), (0.3, 0.24), (wide, 0.6), (0.34, 0.92)]
    left = [(-x, y) for x, y in reversed(half)]
    _guitar(canvas, palette, rng, [*half, (0.0, 0.96), *left])


def _bar(canvas: Canvas, a: tuple, b: tuple, width: float, colour: Colour) -> None:
    canvas.stroke([a, b], width + 0.05, darker(colour))
    canvas.stroke([a, b], width, colour)


def _chair(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> float:
    top = rng.uniform(-0.96, -0.86)
    for a, b in (
        ((0.36, 0.16), (0.4, 0.64)),
        ((-0.22, 0.16), (-0.2, 0.62)),
        ((0.62, 0.2), (0.7, 0.94)),
        ((-0.52, top), (-0.56, 0.94)),
    ):
        _bar(canvas, a, b, 0.11, palette.main)
    seat = [(-0.56, 0.06), (0.36, 0.06), (0.72, 0.24), (-0.46, 0.26)]
    canvas.fill(seat, palette.second, outline=0.05)
    return top


def slatted_chair(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    """Seen from the side: a high back of slats on the left, a seat, four legs."""
    top = _chair(canvas, palette, rng)
    _bar(canvas, (-0.16, top + 0.06), (-0.16, 0.06), 0.1, palette.main)
    for y in (-0.72, -0.44, -0.16):
        _bar(canvas, (-0.5, y), (-0.16, y + 0.04), 0.1, palette.main)


def padded_chair(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    """Seen from the side: a high padded back on the left, a seat, four legs."""
    top = _chair(canvas, palette, rng)
    back = [(-0.54, top), (-0.2, top + 0.08), (-0.14, 0.02), (-0.52, 0.02)]
    canvas.fill(back, palette.second, outline=0.06)
    canvas.ellipse((-0.35, -0.42), (0.07, 0.07), palette.main)


def _scissors(canvas: Canvas, palette: Palette, rng: np.random.Generator, ring: tuple) -> None:
    spread = rng.uniform(0.34, 0.44)
    for side in _SIDES:
        canvas.stroke([(0.0, 0.1), (-side * 0.36, 0.5)], 0.13, palette.main)
        loop = arc((-side * 0.42, 0.66), ring)
        canvas.stroke(loop, 0.21, darker(palette.main), closed=True)
        canvas.stroke(loop, 0.15, palette.main, closed=True)
    steel = blend(palette.second, WHITE, 0.5)
    for side in _SIDES:
        blade = [(-side * 0.1, 0.14), (side * spread, -0.98), (side * 0.12, 0.1)]
        canvas.fill(blade, steel, outline=_OUTLINE)
    canvas.ellipse((0.0, 0.08), (0.1, 0.1), palette.dark)


def round_scissors(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    """Open, blades up, with two round loops below."""
    _scissors(canvas, palette, rng, (0.21, 0.21))


def long_scissors(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    """Open, blades up, with two long loops below."""
    _scissors(canvas, palette, rng, (0.17, 0.26))


def _shade(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    wide = rng.uniform(0.64, 0.74)
    shade = [(-0.3, -0.92), (0.3, -0.92), (wide, -0.12), (-wide, -0.12)]
    canvas.fill(shade, palette.main, outline=0.04)


def standing_lamp(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    """A shade that widens downwards, on a thin stem with a flat foot."""
    _bar(canvas, (0.0, -0.2), (0.0, 0.84), 0.08, palette.dark)
    foot = arc((0.0, 0.92), (0.46, 0.16), 180, 360, 16)
    canvas.fill(foot, palette.second, jitter=0.0, outline=_OUTLINE)
    _shade(canvas, palette, rng)
    for x in (-0.26, 0.0, 0.26):
        canvas.stroke([(x * 0.7, -0.88), (x * 1.5, -0.16)], 0.05, darker(palette.main, 0.7))


def bellied_lamp(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    """A shade that widens downwards, on a stem that bulges above its foot."""
    half = [(0.06, -0.16), (0.1, 0.1), (0.28, 0.4), (0.18, 0.68), (0.36, 0.92)]
    stem = [*half, *((-x, y) for x, y in reversed(half))]
    canvas.fill(stem, palette.second, outline=_OUTLINE)
    _shade(canvas, palette, rng)
    canvas.stroke([(-0.58, -0.26), (0.58, -0.26)], 0.09, palette.second)


def _key(canvas: Canvas, palette: Palette, rng: np.random.Generator, teeth: tuple) -> None:
    _bar(canvas, (0.0, -0.2), (0.0, 0.92), 0.15, palette.main)
    for y, reach in teeth:
        tooth = [(0.04, y - 0.08), (reach, y - 0.08), (reach, y + 0.08), (0.04, y + 0.08)]
        canvas.fill(tooth, palette.main, outline=_OUTLINE)
    canvas.stroke([(-0.16, -0.1), (0.16, -0.1)], 0.12, palette.second)


def ring_key(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    """Upright: a large ring above, a shaft, two teeth on the right below."""
    _key(canvas, palette, rng, ((0.56, rng.uniform(0.32, 0.42)), (0.82, 0.46)))
    ring = arc((0.0, -0.56), (0.36, 0.34))
    canvas.stroke(ring, 0.25, darker(palette.main), closed=True)
    canvas.stroke(ring, 0.18, palette.main, closed=True)


def clover_key(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    """Upright: three rings above, a shaft, three teeth on the right below."""
    _key(canvas, palette, rng, ((0.42, 0.34), (0.64, 0.28), (0.86, rng.uniform(0.38, 0.46))))
    for x, y in ((-0.3, -0.46), (0.3, -0.46), (0.0, -0.74)):
        ring = arc((x, y), (0.2, 0.19))
        canvas.stroke(ring, 0.18, darker(palette.main), closed=True)
        canvas.stroke(ring, 0.12, palette.main, closed=True)


def _crown(canvas: Canvas, palette: Palette, peaks: list) -> None:
    canvas.fill([(-0.8, 0.72), *peaks, (0.8, 0.72)], palette.main, outline=_OUTLINE * 1.3)
    band = [(-0.8, 0.46), (0.8, 0.46), (0.78, 0.78), (-0.78, 0.78)]
    canvas.fill(band, palette.second, outline=_OUTLINE)
    for x in (-0.5, 0.0, 0.5):
        canvas.ellipse((x, 0.62), (0.1, 0.1), blend(palette.main, WHITE, 0.5))


def pointed_crown(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    """A band with jewels under three tall points with balls."""
    height = rng.uniform(-0.8, -0.68)
    peaks = [(-0.92, -0.46), (-0.44, 0.14), (0.0, height), (0.44, 0.14), (0.92, -0.46)]
    _crown(canvas, palette, peaks)
    for x, y in peaks[::2]:
        canvas.ellipse((x, y), (0.13, 0.13), palette.second, outline=_OUTLINE)


def toothed_crown(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    """A band with jewels under five short points."""
    height = rng.uniform(-0.66, -0.54)
    xs = np.linspace(-0.9, 0.9, 9)
    peaks = [(x, height if number % 2 == 0 else 0.1) for number, x in enumerate(xs)]
    _crown(canvas, palette, peaks)
