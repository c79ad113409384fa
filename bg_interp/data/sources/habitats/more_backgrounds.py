"""The backgrounds beyond the first eight: coarse, distinct textures as well, outdoors and in."""

from collections.abc import Callable

import cv2
import numpy as np

from bg_interp.data.sources.habitats.canvas import Colour, blend, hsv
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


def _plain(size: int, colour: Colour) -> np.ndarray:
    return paintable(np.full((size, size, 3), colour, np.float32))


def _pebbles(rng: np.random.Generator, size: int) -> np.ndarray:
    image = _plain(size, hsv(0.1, 0.3, 0.22))
    for _ in range(110):
        x, y = rng.random(2)
        stone = hsv(rng.uniform(0.05, 0.14), rng.uniform(0.05, 0.25), rng.uniform(0.45, 0.85))
        radius = rng.uniform(0.045, 0.08)
        disc(image, x, y, radius, hsv(0.1, 0.3, 0.2))
        disc(image, x, y, radius * 0.82, stone)
    return image


def _cobweb(rng: np.random.Generator, size: int) -> np.ndarray:
    image = _plain(size, hsv(rng.uniform(0.36, 0.42), 0.5, 0.16))
    x, y = rng.uniform(0.25, 0.75, 2)
    thread = (205.0, 212.0, 210.0)
    turn = rng.uniform(0, np.pi)
    angles = turn + np.arange(12) * (np.pi / 6)
    tips = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    for tip in tips:
        line(image, (x, y), (x + 1.5 * tip[0], y + 1.5 * tip[1]), thread, 1 / 64)
    for radius in np.arange(0.1, 1.2, 0.12):
        ring = radius * tips + (x, y)
        for a, b in zip(ring, np.roll(ring, -1, axis=0), strict=True):
            line(image, a, b, thread, 1 / 64)
    return image


def _coral(rng: np.random.Generator, size: int) -> np.ndarray:
    deep = 0.5 + 0.35 * clouds(rng, size, 3, 2)
    image = paintable(gradient(hsv(0.66, 0.9, 0.3), hsv(0.64, 0.75, 0.5), deep))
    for _ in range(16):
        x, y = rng.random(), rng.uniform(0.2, 1.15)
        branch = hsv(rng.uniform(0.96, 1.04), rng.uniform(0.5, 0.75), rng.uniform(0.8, 1.0))
        for lean in rng.uniform(-0.16, 0.16, 4):
            tip = (x + lean, y - rng.uniform(0.16, 0.26))
            line(image, (x, y), tip, branch, 1 / 22)
            disc(image, *tip, 0.035, branch)
    return image


def _cabbage(rng: np.random.Generator, size: int) -> np.ndarray:
    leaf = 0.5 + 0.3 * clouds(rng, size, 3, 3)
    image = paintable(gradient(hsv(0.36, 0.55, 0.5), hsv(0.33, 0.42, 0.8), leaf))
    vein = hsv(0.26, 0.18, 0.96)
    foot, lean = rng.uniform(0.3, 0.7), rng.uniform(-0.25, 0.25)
    line(image, (foot, 1.0), (foot + lean, 0.0), vein, 1 / 20)
    for share in np.arange(-0.4, 1.0, 0.2) + rng.uniform(-0.05, 0.05):
        x, y = foot + lean * share, 1.0 - share
        for side in (-1, 1):
            line(image, (x, y), (x + side * 0.8, y - 0.6), vein, 1 / 32)
    return image


def _night_sky(rng: np.random.Generator, size: int) -> np.ndarray:
    haze = 0.4 + 0.35 * clouds(rng, size, 2, 3)
    image = paintable(gradient(hsv(0.68, 0.9, 0.1), hsv(0.74, 0.75, 0.36), haze))
    for _ in range(44):
        x, y = rng.random(2)
        disc(image, x, y, rng.uniform(0.008, 0.022), (255.0, 252.0, 215.0))
    return image


def _red_rock(rng: np.random.Generator, size: int) -> np.ndarray:
    y, x = grid(size)
    noise = clouds(rng, size, 3, 3, 0.5)
    layers = waves(rng, y + 0.08 * x, 2.6, 3.6, 0.16 * noise)
    fine = waves(rng, y, 11.0, 14.0, 0.4 * noise)
    return gradient(
        hsv(0.02, 0.85, 0.42), hsv(0.055, 0.62, 0.93), 0.5 + 0.34 * layers + 0.14 * fine
    )


def _snow(rng: np.random.Generator, size: int) -> np.ndarray:
    drifts = 0.62 + 0.4 * clouds(rng, size, 2, 2)
    image = paintable(gradient(hsv(0.59, 0.22, 0.8), (252.0, 253.0, 255.0), drifts))
    x, y = rng.uniform(-0.1, 0.3), rng.uniform(0.1, 0.9)
    slope = rng.uniform(-0.5, 0.5)
    for step in range(9):
        side = 0.05 * (-1) ** step
        centre = fixed(size, x + 0.13 * step, y + 0.13 * slope * step + side)
        axes = fixed(size, 0.045, 0.028)
        cv2.ellipse(image, centre, axes, 0, 0, 360, hsv(0.6, 0.4, 0.6), -1, cv2.LINE_AA, SHIFT)
    return image


def _rain(rng: np.random.Generator, size: int) -> np.ndarray:
    wet = 0.5 + 0.3 * clouds(rng, size, 3, 2)
    image = paintable(gradient(hsv(0.61, 0.55, 0.26), hsv(0.6, 0.45, 0.5), wet))
    slant = rng.uniform(0.04, 0.1)
    for _ in range(60):
        x, y = rng.uniform(-0.1, 1.0), rng.uniform(-0.2, 1.0)
        drop = hsv(0.56, rng.uniform(0.05, 0.2), rng.uniform(0.75, 0.95))
        line(image, (x, y), (x + slant, y + 0.17), drop, 1 / 52)
    return image


def _corrugated(rng: np.random.Generator, size: int) -> np.ndarray:
    _, x = grid(size)
    folds = waves(rng, x, 7.0, 9.0, 0.0)
    sheet = gradient(hsv(0.56, 0.12, 0.36), hsv(0.54, 0.04, 0.93), 0.5 + 0.46 * folds)
    rust = np.clip(clouds(rng, size, 3, 3) - 1.1, 0, 1)[..., None]
    return sheet * (1 - rust) + np.array(hsv(0.05, 0.8, 0.5), np.float32) * rust


def _gingham(rng: np.random.Generator, size: int) -> np.ndarray:
    y, x = grid(size)
    count = rng.uniform(4.5, 6.0)
    first, second = rng.random(2)
    across = ((x * count + first) % 1.0 < 0.5).astype(np.float32)
    along = ((y * count + second) % 1.0 < 0.5).astype(np.float32)
    cloth = gradient((250.0, 246.0, 244.0), hsv(0.99, 0.85, 0.75), (across + along) / 2)
    return cloth + 5 * rng.standard_normal((size, size, 1), dtype=np.float32)


def _curtain(rng: np.random.Generator, size: int) -> np.ndarray:
    y, x = grid(size)
    bend = 0.25 * clouds(rng, size, 2, 2) * (0.4 + y)
    folds = waves(rng, x, 4.0, 5.5, bend)
    return gradient(hsv(0.94, 0.9, 0.2), hsv(0.96, 0.8, 0.72), 0.5 + 0.45 * folds)


def _carpet(rng: np.random.Generator, size: int) -> np.ndarray:
    y, x = grid(size)
    count = rng.uniform(3.4, 4.4)
    a, b = rng.random(2)
    ways = np.abs((x * count + a) % 1.0 - 0.5) + np.abs((y * count + b) % 1.0 - 0.5)
    image = gradient(hsv(0.77, 0.55, 0.36), hsv(0.8, 0.4, 0.6), (ways < 0.42).astype(np.float32))
    gold = np.array(hsv(0.13, 0.65, 0.85), np.float32)
    image = np.where((np.abs(ways - 0.42) < 0.06)[..., None], gold, image)
    return image + 9 * rng.standard_normal((size, size, 1), dtype=np.float32)


def _squared_paper(rng: np.random.Generator, size: int) -> np.ndarray:
    image = _plain(size, (247.0, 247.0, 238.0))
    ink = hsv(rng.uniform(0.56, 0.62), 0.5, 0.85)
    a, b = rng.uniform(0, 0.11, 2)
    for step in np.arange(0.0, 1.0, 0.11):
        line(image, (a + step, 0.0), (a + step, 1.0), ink, 1 / 64)
        line(image, (0.0, b + step), (1.0, b + step), ink, 1 / 64)
    edge = rng.uniform(0.08, 0.2)
    line(image, (edge, 0.0), (edge, 1.0), hsv(0.98, 0.6, 0.9), 1 / 50)
    return image


def _wallpaper(rng: np.random.Generator, size: int) -> np.ndarray:
    paper = hsv(rng.uniform(0.46, 0.5), 0.32, 0.84)
    image = _plain(size, paper)
    dot = blend(paper, (255.0, 255.0, 255.0), 0.88)
    a, b = rng.uniform(0, 0.2, 2)
    for row in range(-1, 11):
        for column in range(-1, 6):
            x = a + 0.2 * column + 0.1 * (row % 2)
            disc(image, x, b + 0.1 * row, 0.036, dot)
    return image


def _bricks(rng: np.random.Generator, size: int) -> np.ndarray:
    image = _plain(size, (196.0, 188.0, 178.0))
    height, width = 0.115, 0.26
    top = rng.uniform(-height, 0.0)
    for row in range(11):
        left = rng.uniform(-width, 0.0)
        for column in range(6):
            x, y = left + column * width, top + row * height
            brick = hsv(rng.uniform(0.01, 0.04), rng.uniform(0.5, 0.68), rng.uniform(0.45, 0.66))
            corners = fixed(size, x + 0.03, y + 0.03), fixed(size, x + width, y + height)
            cv2.rectangle(image, *corners, brick, -1, cv2.LINE_AA, SHIFT)
    return image


def _chessboard(rng: np.random.Generator, size: int) -> np.ndarray:
    y, x = grid(size)
    count = rng.uniform(4.2, 5.2)
    a, b = rng.uniform(0, 2, 2)
    squares = (np.floor(x * count + a) + np.floor(y * count + b)) % 2
    marble = 0.06 * clouds(rng, size, 4, 3)
    return gradient((26.0, 24.0, 28.0), (240.0, 232.0, 214.0), 0.05 + 0.88 * squares + marble)


# In the order of the classes beyond the first eight.
DRAWERS: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "pebbles": _pebbles,
    "cobweb": _cobweb,
    "coral reef": _coral,
    "cabbage leaf": _cabbage,
    "night sky": _night_sky,
    "red rock": _red_rock,
    "snow": _snow,
    "rain": _rain,
    "corrugated iron": _corrugated,
    "gingham": _gingham,
    "curtain": _curtain,
    "carpet": _carpet,
    "squared paper": _squared_paper,
    "wallpaper": _wallpaper,
    "bricks": _bricks,
    "chessboard": _chessboard,
}
