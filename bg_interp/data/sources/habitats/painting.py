"""Brushes for backgrounds: smooth noise, colour gradients, and shapes at sub-pixel places."""

import cv2
import numpy as np

from bg_interp.data.sources.habitats.canvas import Colour

# Fractional bits of the coordinates handed to OpenCV.
SHIFT = 4


def clouds(
    rng: np.random.Generator, size: int, cells: int, octaves: int, persistence: float = 0.55
) -> np.ndarray:
    """Returns smooth noise of about unit variance, float32 [size, size]: a sum of octaves."""
    total = np.zeros((size, size), np.float32)
    power, amplitude = 0.0, 1.0
    for _ in range(octaves):
        coarse = rng.standard_normal((cells, cells), dtype=np.float32)
        total += amplitude * cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC)
        power += amplitude**2
        amplitude *= persistence
        cells *= 2
    return total / np.float32(np.sqrt(power))


def grid(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns (y, x) in [0, 1], float32 [size, size] each."""
    axis = np.linspace(0.0, 1.0, size, dtype=np.float32)
    y, x = np.meshgrid(axis, axis, indexing="ij")
    return y, x


def gradient(low: Colour, high: Colour, share: np.ndarray) -> np.ndarray:
    """Returns float32 [size, size, 3] between two colours by `share` in [0, 1]."""
    share = np.clip(share, 0.0, 1.0)[..., None]
    return np.array(low, np.float32) * (1.0 - share) + np.array(high, np.float32) * share


def paintable(image: np.ndarray) -> np.ndarray:
    """Returns an image that OpenCV paints on, uint8."""
    # OpenCV smooths edges on 8-bit images only.
    return np.ascontiguousarray(np.clip(np.round(image), 0, 255).astype(np.uint8))


def fixed(size: int, x: float, y: float) -> tuple[int, int]:
    """Converts [0, 1] coordinates to OpenCV's fixed point, so that shapes keep sub-pixel places."""
    return round(x * size * (1 << SHIFT)), round(y * size * (1 << SHIFT))


def line(image: np.ndarray, a: tuple, b: tuple, colour: Colour, width: float) -> None:
    """Draws a line between two points in [0, 1]; its width is a share of the side."""
    size = image.shape[0]
    thickness = max(1, round(width * size))
    cv2.line(image, fixed(size, *a), fixed(size, *b), colour, thickness, cv2.LINE_AA, SHIFT)


def disc(image: np.ndarray, x: float, y: float, radius: float, colour: Colour) -> None:
    """Draws a filled circle; place and radius are shares of the side."""
    size = image.shape[0]
    fixed_radius = round(radius * size * (1 << SHIFT))
    cv2.circle(image, fixed(size, x, y), fixed_radius, colour, -1, cv2.LINE_AA, SHIFT)


def waves(
    rng: np.random.Generator, y: np.ndarray, low: float, high: float, bend: np.ndarray | float
) -> np.ndarray:
    """Returns a sine along `y` of `low` to `high` periods, bent by a phase, in [-1, 1]."""
    return np.sin((y * rng.uniform(low, high) + bend) * 2 * np.pi + rng.uniform(0, 2 * np.pi))
