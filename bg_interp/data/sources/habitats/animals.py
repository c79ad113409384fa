"""Drawers of the animals. Within a class the pose is shared, so that its mean keeps a shape."""

import numpy as np

from bg_interp.data.sources.habitats.canvas import (
    Canvas,
    Colour,
    arc,
    blend,
    darker,
    hsv,
    smooth_closed,
)
from bg_interp.data.sources.habitats.palette import BLACK, WHITE, Palette

_OUTLINE = 0.035


def _eye(canvas: Canvas, x: float, y: float, radius: float) -> None:
    canvas.ellipse((x, y), (radius, radius), WHITE)
    canvas.ellipse((x - 0.2 * radius, y), (0.55 * radius, 0.55 * radius), BLACK)


def _fish_body(canvas: Canvas, height: float, colour: Colour) -> None:
    body = [
        (-0.88, 0.02),
        (-0.55, -height * 0.75),
        (-0.05, -height),
        (0.35, -height * 0.6),
        (0.62, 0.0),
        (0.35, height * 0.6),
        (-0.05, height),
        (-0.55, height * 0.75),
    ]
    canvas.fill(body, colour, smooth=True, outline=_OUTLINE)


def _fish_face(canvas: Canvas, palette: Palette, height: float) -> None:
    gill = arc((-0.48, 0.02), (0.16, height * 0.62), -65, 65, 16)
    canvas.stroke(gill, 0.05, darker(palette.main, 0.55))
    canvas.stroke([(-0.86, 0.1), (-0.7, 0.12)], 0.045, darker(palette.main, 0.4))
    _eye(canvas, -0.6, -0.12, 0.115)


def striped_fish(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    """Faces left: a high body with upright stripes, pointed fins and a forked tail."""
    height = rng.uniform(0.42, 0.52)
    tail = rng.uniform(0.38, 0.48)
    fins = palette.second
    canvas.fill([(0.42, 0), (0.95, -tail), (0.8, 0), (0.95, tail)], fins, outline=_OUTLINE)
    top = [(-0.2, -height * 0.8), (0.15, -height - 0.3), (0.42, -height * 0.45)]
    canvas.fill(top, fins, outline=_OUTLINE)
    canvas.fill([(0.0, height * 0.8), (0.2, height + 0.24), (0.36, height * 0.5)], fins)
    _fish_body(canvas, height, palette.main)
    for x in np.linspace(-0.18, 0.36, rng.integers(2, 5)):
        reach = height * (0.86 - 0.9 * abs(x + 0.05))
        canvas.stroke([(x - 0.03, -reach), (x + 0.05, 0), (x - 0.03, reach)], 0.09, fins)
    _fish_face(canvas, palette, height)


def spotted_fish(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    """Faces left: a longer body with a light belly and spots, round fins and a fan tail."""
    height = rng.uniform(0.36, 0.45)
    tail = rng.uniform(0.36, 0.46)
    fins = palette.second
    fan = [(0.42, 0), (0.72, -tail), (0.94, -tail * 0.8), (0.86, 0), (0.94, tail * 0.8)]
    canvas.fill([*fan, (0.72, tail)], fins, smooth=True, outline=_OUTLINE)
    sail = [(-0.3, -height * 0.7), (-0.15, -height - 0.2), (0.25, -height - 0.16), (0.42, -0.15)]
    canvas.fill(sail, fins, smooth=True, outline=_OUTLINE)
    _fish_body(canvas, height, palette.main)
    belly = [(-0.72, 0.14), (-0.1, 0.2), (0.4, 0.14), (0.05, height * 0.88), (-0.4, height * 0.72)]
    canvas.fill(belly, blend(palette.main, WHITE, 0.55), smooth=True)
    for x in np.linspace(-0.2, 0.36, rng.integers(3, 5)):
        y = -height * rng.uniform(0.2, 0.5)
        canvas.ellipse((x, y), (0.065, 0.065), fins)
    canvas.fill([(-0.2, 0.08), (0.14, 0.02), (0.12, 0.3)], fins, smooth=True)
    _fish_face(canvas, palette, height)


def _bird_legs(canvas: Canvas, colour: Colour) -> None:
    for x in (-0.08, 0.16):
        canvas.stroke([(x, 0.5), (x + 0.02, 0.88)], 0.06, colour)
        canvas.stroke([(x - 0.15, 0.92), (x + 0.02, 0.86), (x + 0.1, 0.92)], 0.05, colour)


def _bird_head(canvas: Canvas, colour: Colour, radius: float, beak: float) -> None:
    orange = hsv(0.09, 0.95, 1.0)
    x, y = -0.42, -0.46
    upper = [(x - radius * 0.75, y - 0.16), (x - radius - beak, y + 0.04), (x - 0.2, y + 0.15)]
    canvas.fill(upper, orange, jitter=0.006, outline=0.03)
    canvas.ellipse((x, y), (radius, radius), colour, outline=_OUTLINE)
    _eye(canvas, x - 0.1, y - 0.05, 0.125)


def songbird(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    """Stands facing left: a round head, a slim body, a long straight tail, a folded wing."""
    droop = rng.uniform(-0.08, 0.1)
    tail = [(0.3, 0.02), (0.96, droop), (0.98, 0.22 + droop), (0.32, 0.3)]
    canvas.fill(tail, palette.second, outline=_OUTLINE)
    _bird_legs(canvas, hsv(0.08, 0.8, 0.85))
    body = [(-0.62, -0.2), (-0.2, -0.34), (0.2, -0.14), (0.52, 0.14), (0.3, 0.5), (-0.12, 0.56)]
    canvas.fill([*body, (-0.5, 0.28)], palette.main, smooth=True, outline=_OUTLINE)
    breast = [(-0.56, -0.02), (-0.36, 0.04), (-0.2, 0.4), (-0.36, 0.36), (-0.52, 0.18)]
    canvas.fill(breast, blend(palette.main, WHITE, 0.6), smooth=True)
    wing = [(-0.22, -0.06), (0.15, -0.12), (0.68, 0.24), (0.2, 0.34), (-0.1, 0.24)]
    canvas.fill(wing, palette.second, smooth=True, outline=_OUTLINE)
    _bird_head(canvas, palette.main, rng.uniform(0.31, 0.35), rng.uniform(0.2, 0.26))


def round_bird(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    """Stands facing left: a round head and body, a short raised tail, a round wing, a crest."""
    lift = rng.uniform(-0.1, 0.04)
    tail = [(0.3, 0.0), (0.78, -0.2 + lift), (0.94, 0.0 + lift), (0.86, 0.16 + lift), (0.36, 0.3)]
    canvas.fill(tail, palette.second, outline=_OUTLINE)
    _bird_legs(canvas, hsv(0.08, 0.8, 0.85))
    canvas.ellipse((-0.02, 0.14), (0.56, rng.uniform(0.4, 0.46)), palette.main, outline=_OUTLINE)
    canvas.ellipse((-0.26, 0.28), (0.26, 0.22), blend(palette.main, WHITE, 0.6))
    wing = [(-0.14, 0.0), (0.12, -0.12), (0.46, 0.04), (0.5, 0.26), (0.2, 0.36), (-0.06, 0.24)]
    canvas.fill(wing, palette.second, smooth=True, outline=_OUTLINE)
    if rng.random() < 0.5:
        crest = [(-0.5, -0.7), (-0.3, -0.98), (-0.26, -0.84), (-0.1, -0.9), (-0.22, -0.62)]
        canvas.fill(crest, palette.second)
    _bird_head(canvas, palette.main, rng.uniform(0.32, 0.37), rng.uniform(0.18, 0.24))


def _butterfly_body(canvas: Canvas, colour: Colour) -> None:
    for side in (-1, 1):
        feeler = [(0.0, -0.45), (side * 0.1, -0.7), (side * 0.24, -0.86)]
        canvas.stroke(feeler, 0.045, colour)
        canvas.ellipse(feeler[-1], (0.05, 0.05), colour)
    canvas.ellipse((0.0, 0.04), (0.09, 0.5), colour)
    canvas.ellipse((0.0, -0.44), (0.12, 0.12), colour)


def _mirrored(points: list[tuple[float, float]], side: int) -> list[tuple[float, float]]:
    return [(side * x, y) for x, y in points]


def _wing(canvas: Canvas, points: list[tuple[float, float]], rim: Colour, inside: Colour) -> None:
    """Draws a wing with a broad rim: the same curve twice, the second one shrunk."""
    canvas.fill(points, rim, smooth=True, jitter=0.0)
    curve = smooth_closed(points)
    middle = curve.mean(axis=0)
    canvas.fill(middle + (curve - middle) * 0.86, inside, jitter=0.0)


def spotted_butterfly(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    """Seen from above, head up: round wings with one large spot each."""
    reach, drop = rng.uniform(-0.04, 0.04, 2)
    upper = [(0.05, -0.12), (0.32, -0.7), (0.82 + reach, -0.82), (0.94 + reach, -0.36), (0.5, 0.04)]
    lower = [(0.05, 0.02), (0.52, 0.06), (0.76, 0.38 + drop), (0.5, 0.82 + drop), (0.18, 0.58)]
    rim = darker(palette.main, 0.6)
    for side in (-1, 1):
        _wing(canvas, _mirrored(lower, side), darker(palette.second, 0.6), palette.second)
        _wing(canvas, _mirrored([*upper, (0.05, 0.08)], side), rim, palette.main)
        canvas.ellipse((side * 0.62, -0.46), (0.16, 0.16), palette.second)
        canvas.ellipse((side * 0.46, 0.4), (0.13, 0.13), palette.main)
    _butterfly_body(canvas, palette.dark)


def swallowtail_butterfly(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    """Seen from above, head up: pointed wings with a dark rim, light dots and two tails."""
    reach, drop = rng.uniform(-0.04, 0.04, 2)
    upper = [(0.05, -0.16), (0.4, -0.62), (0.9 + reach, -0.86), (0.9 + reach, -0.46), (0.56, 0.06)]
    lower = [(0.05, 0.0), (0.54, 0.04), (0.74, 0.36), (0.56, 0.62), (0.54, 0.9 + drop)]
    lower += [(0.4, 0.68), (0.16, 0.56)]
    rim = blend(palette.dark, darker(palette.main, 0.6), 0.6)
    for side in (-1, 1):
        _wing(canvas, _mirrored(lower, side), rim, palette.main)
        _wing(canvas, _mirrored([*upper, (0.05, 0.06)], side), rim, palette.main)
        for x, y in ((0.84, -0.62), (0.8, -0.42), (0.68, -0.22)):
            canvas.ellipse((side * x, y), (0.055, 0.055), palette.second)
        canvas.stroke(_mirrored([(0.16, -0.16), (0.5, -0.42)], side), 0.06, palette.second)
        canvas.ellipse((side * 0.46, 0.36), (0.15, 0.13), palette.second)
    _butterfly_body(canvas, palette.dark)


def _star(inner: float, tip: float, turn: float) -> np.ndarray:
    """Returns the control points of a five-armed star with blunt tips, one arm up."""
    points = []
    for arm in range(5):
        angle = turn + (arm * 72 - 90) * np.pi / 180
        for offset, radius in ((-tip, 0.9), (tip, 0.9), (np.pi / 5, inner)):
            points.append((np.cos(angle + offset) * radius, np.sin(angle + offset) * radius))
    return np.array(points)


def _along_arms(turn: float, radius: float) -> np.ndarray:
    angles = turn + (np.arange(5) * 72 - 90) * np.pi / 180
    return np.stack([np.cos(angles), np.sin(angles)], 1) * radius


def dotted_starfish(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    """Slim arms, one of them up, with a row of dots on each."""
    turn = rng.uniform(-0.18, 0.18)
    star = _star(rng.uniform(0.32, 0.4), 0.12, turn)
    canvas.fill(star, palette.main, smooth=True, outline=_OUTLINE)
    for radius, dot in ((0.28, 0.08), (0.48, 0.07), (0.66, 0.06)):
        for x, y in _along_arms(turn, radius):
            canvas.ellipse((x, y), (dot, dot), palette.second)
    canvas.ellipse((0.0, 0.0), (0.12, 0.12), palette.second)


def ridged_starfish(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    """Plump arms, one of them up, with a ridge along each and a light centre."""
    turn = rng.uniform(-0.18, 0.18)
    star = _star(rng.uniform(0.4, 0.48), 0.17, turn)
    canvas.fill(star, palette.main, smooth=True, outline=_OUTLINE * 1.4)
    width = rng.uniform(0.08, 0.13)
    for x, y in _along_arms(turn, 0.74):
        canvas.stroke([(0.0, 0.0), (x, y)], width, palette.second)
    canvas.ellipse((0.0, 0.0), (0.17, 0.17), palette.second, outline=0.05)
