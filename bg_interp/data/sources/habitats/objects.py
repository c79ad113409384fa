"""The object classes: their body plans, and one object drawn with its exact soft mask."""

from collections.abc import Callable

import cv2
import numpy as np

from bg_interp.data.sources.habitats import animals, crawlers, indoors, outdoors, things
from bg_interp.data.sources.habitats.canvas import Canvas, Pose
from bg_interp.data.sources.habitats.palette import Palette

_Drawer = Callable[[Canvas, Palette, np.random.Generator], None]

# Body plans of a class vary in detail, not in pose or layout: the mean of a class must still be
# a picture of it, since that is what maximization can show. A dataset of N classes has the first
# N; the eight that there were first stay as they are.
BODY_PLANS: dict[str, tuple[_Drawer, ...]] = {
    "fish": (animals.striped_fish, animals.spotted_fish),
    "bird": (animals.songbird, animals.round_bird),
    "car": (things.saloon_car, things.hatchback_car),
    "tree": (things.fir_tree, things.leafy_tree),
    "mushroom": (things.dotted_mushroom, things.brimmed_mushroom),
    "butterfly": (animals.spotted_butterfly, animals.swallowtail_butterfly),
    "cup": (things.banded_mug, things.tea_cup),
    "starfish": (animals.dotted_starfish, animals.ridged_starfish),
    "turtle": (crawlers.plated_turtle, crawlers.spotted_turtle),
    "spider": (crawlers.crossed_spider, crawlers.banded_spider),
    "crab": (crawlers.smiling_crab, crawlers.dotted_crab),
    "snail": (crawlers.spiral_snail, crawlers.ringed_snail),
    "rocket": (outdoors.portholed_rocket, outdoors.banded_rocket),
    "cactus": (outdoors.ribbed_cactus, outdoors.flowering_cactus),
    "house": (outdoors.cottage, outdoors.barn),
    "umbrella": (outdoors.panelled_umbrella, outdoors.dotted_umbrella),
    "anchor": (outdoors.stocked_anchor, outdoors.roped_anchor),
    "pear": (outdoors.leafy_pear, outdoors.speckled_pear),
    "guitar": (indoors.round_guitar, indoors.horned_guitar),
    "chair": (indoors.slatted_chair, indoors.padded_chair),
    "scissors": (indoors.round_scissors, indoors.long_scissors),
    "lamp": (indoors.standing_lamp, indoors.bellied_lamp),
    "key": (indoors.ring_key, indoors.clover_key),
    "crown": (indoors.pointed_crown, indoors.toothed_crown),
}
CLASSES = tuple(BODY_PLANS)


def draw_object(
    rng: np.random.Generator, label: int, size: int, plan: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Draws one object.

    Args:
      rng: where all its randomness comes from.
      label: index into CLASSES.
      size: side in pixels.
      plan: index into the class's body plans; None draws it.

    Returns:
      (foreground, mask): uint8 [size, size, 3] RGB of the object alone, 0 where the mask is 0, and
      uint8 [size, size, 1], 255 = object.
    """
    plans = BODY_PLANS[CLASSES[label]]
    drawn = int(rng.integers(len(plans)))
    pose, palette = Pose.draw(rng), Palette.draw(rng, label)
    canvas = Canvas(size, pose, rng)
    plans[drawn if plan is None else plan](canvas, palette, rng)
    foreground, mask = canvas.foreground_and_mask()
    foreground = foreground * _shading(rng, size)
    return np.clip(np.round(foreground), 0, 255).astype(np.uint8), mask


def _shading(rng: np.random.Generator, size: int) -> np.ndarray:
    """Returns factors around 1, float32 [size, size, 1]: light from one side, and a soft mottle."""
    axis = np.linspace(-1.0, 1.0, size, dtype=np.float32)
    angle = rng.uniform(0.0, 2 * np.pi)
    light = np.cos(angle) * axis[None, :] + np.sin(angle) * axis[:, None]
    grid = rng.standard_normal((16, 16), dtype=np.float32)
    mottle = cv2.resize(grid, (size, size), interpolation=cv2.INTER_CUBIC)
    return (1.0 + 0.16 * light + 0.05 * mottle)[..., None].astype(np.float32)
