"""A supersampled canvas: shapes in object coordinates become colours and an exact soft mask.

Object coordinates run from -1 to 1 (x to the right, y down). The canvas carries one affine map
(scale, aspect, rotation, shift), so that drawers know nothing of where their object ends up.
"""

import colorsys
import dataclasses
from collections.abc import Sequence

import cv2
import numpy as np

Points = Sequence[tuple[float, float]] | np.ndarray
Colour = tuple[float, float, float]

# The mask's edge takes at least 4 x 4 levels at 128 px and 8 x 8 at 64 px.
_RASTER = 512
# Fractional bits of the coordinates handed to OpenCV.
_SHIFT = 4


def hsv(hue: float, saturation: float, value: float) -> Colour:
    """Returns an RGB colour in [0, 255]; the hue wraps around, the others are cut to [0, 1]."""
    red, green, blue = colorsys.hsv_to_rgb(
        hue % 1.0, min(max(saturation, 0.0), 1.0), min(max(value, 0.0), 1.0)
    )
    return red * 255.0, green * 255.0, blue * 255.0


def blend(first: Colour, second: Colour, share: float) -> Colour:
    """Returns the colour that lies `share` of the way from `first` to `second`."""
    red, green, blue = (a + (b - a) * share for a, b in zip(first, second, strict=True))
    return red, green, blue


def darker(colour: Colour, factor: float = 0.5) -> Colour:
    """Returns `colour` times `factor`."""
    return blend((0.0, 0.0, 0.0), colour, factor)


def smooth_closed(points: Points, steps: int = 8) -> np.ndarray:
    """Returns the closed Catmull-Rom spline through `points`, `steps` points for each of them."""
    p1 = np.asarray(points, float)[:, None]
    p0, p2, p3 = np.roll(p1, 1, 0), np.roll(p1, -1, 0), np.roll(p1, -2, 0)
    t = np.linspace(0.0, 1.0, steps, endpoint=False)[None, :, None]
    curve = (
        2 * p1
        + (p2 - p0) * t
        + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2
        + (3 * p1 - p0 - 3 * p2 + p3) * t**3
    )
    return (0.5 * curve).reshape(-1, 2)


def arc(
    centre: tuple[float, float],
    radii: tuple[float, float],
    start: float = 0.0,
    stop: float = 360.0,
    count: int = 40,
) -> np.ndarray:
    """Returns points on an elliptic arc, angles in degrees, clockwise on the screen from +x."""
    angles = np.radians(np.linspace(start, stop, count))
    return np.stack([np.cos(angles) * radii[0], np.sin(angles) * radii[1]], 1) + centre


@dataclasses.dataclass(frozen=True)
class Pose:
    """Where the object stands: an affine map from object to image coordinates, both [-1, 1]."""

    scale: float
    aspect: float
    degrees: float
    shift: tuple[float, float]

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Pose":
        """Draws a pose: small enough that the background fills most of the image."""
        return cls(
            scale=rng.uniform(0.65, 0.88),
            aspect=rng.uniform(0.88, 1.12),
            degrees=rng.uniform(-18.0, 18.0),
            shift=(rng.uniform(-0.12, 0.12), rng.uniform(-0.12, 0.12)),
        )

    def apply(self, points: Points) -> np.ndarray:
        """Maps points [N, 2] from object to image coordinates."""
        cosine, sine = np.cos(np.radians(self.degrees)), np.sin(np.radians(self.degrees))
        stretch = np.diag([self.scale * self.aspect, self.scale / self.aspect])
        matrix = np.array([[cosine, -sine], [sine, cosine]]) @ stretch
        return np.asarray(points, float) @ matrix.T + self.shift


class Canvas:
    """Draws shapes at several times the final resolution; later shapes cover earlier ones."""

    def __init__(self, image_size: int, pose: Pose, rng: np.random.Generator):
        factor = max(1, round(_RASTER / image_size))
        self._image_size = image_size
        self._side = image_size * factor
        self._pose = pose
        self._rng = rng
        # The edges are hard here, so the colours below them stay pure: softness comes only from
        # averaging, and neither black nor background leaks into the colour of a soft edge.
        self._raster = np.zeros((self._side, self._side, 4), np.uint8)

    def fill(
        self,
        points: Points,
        colour: Colour,
        *,
        smooth: bool = False,
        jitter: float = 0.012,
        outline: float = 0.0,
    ) -> None:
        """Fills a polygon.

        Args:
          points: its corners.
          colour: RGB in [0, 255].
          smooth: whether to run a smooth curve through the corners.
          jitter: standard deviation of the corners' random displacement.
          outline: width of an outline in a darker shade of the colour, half of it outside.
        """
        corners = np.asarray(points, float)
        corners = corners + self._rng.normal(0.0, jitter, corners.shape)
        if smooth:
            corners = smooth_closed(corners)
        cv2.fillPoly(self._raster, [self._pixels(corners)], (*colour, 255), cv2.LINE_8, _SHIFT)
        if outline:
            self.stroke(corners, outline, darker(colour), closed=True)

    def ellipse(
        self,
        centre: tuple[float, float],
        radii: tuple[float, float],
        colour: Colour,
        outline: float = 0.0,
    ) -> None:
        """Fills an ellipse whose axes lie along x and y."""
        points = arc(centre, radii)[:-1]
        self.fill(points, colour, jitter=0.0, outline=outline)

    def stroke(self, points: Points, width: float, colour: Colour, closed: bool = False) -> None:
        """Draws a line with round ends through `points`."""
        thickness = max(1, round(width * self._pose.scale * self._side / 2))
        pixels = [self._pixels(points)]
        cv2.polylines(self._raster, pixels, closed, (*colour, 255), thickness, cv2.LINE_8, _SHIFT)

    def foreground_and_mask(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns the colours, float32 [S, S, 3] in [0, 255], and the mask, uint8 [S, S, 1].

        The colour of a soft pixel is that of its covered part alone; where the mask is 0 it is 0.
        """
        size = (self._image_size, self._image_size)
        means = cv2.resize(self._raster, size, interpolation=cv2.INTER_AREA).astype(np.float32)
        mask = means[..., 3:]
        foreground = means[..., :3] * (255.0 / np.maximum(mask, 1.0))
        return np.clip(foreground, 0.0, 255.0), mask.astype(np.uint8)

    def _pixels(self, points: Points) -> np.ndarray:
        scaled = (self._pose.apply(points) + 1.0) * (self._side / 2) - 0.5
        return np.round(scaled * (1 << _SHIFT)).astype(np.int32)
