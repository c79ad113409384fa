"""How far judges can be trusted: their accuracy on natural images that they were not trained on."""

from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf

from bg_interp.evaluation.arrays import Arrays
from bg_interp.evaluation.judge_data import HELD_OUT_BLUR, blur, tiled_backgrounds
from bg_interp.evaluation.variants import make_variant, partners

_OBJECT_JUDGES = ("foreground", "shape", "development")


def held_out_images(test: Arrays, seed: int) -> dict[str, np.ndarray]:
    """Makes the natural images that judges are tested on, each float32 [N, H, W, 3] in [0, 255].

    Args:
      test: images held out, masks usable.
      seed: keys the choice of backgrounds and the noise.
    """
    on_black = make_variant("foreground_only", test).astype(np.float32)
    on_foreign = make_variant("mixed_random", test, seed).astype(np.float32)
    mean = on_foreign.mean(axis=(1, 2), keepdims=True)
    noise = np.random.default_rng(seed).normal(0.0, 25.0, on_foreign.shape)
    return {
        "objects on black": on_black,
        "objects on foreign backgrounds": on_foreign,
        "objects, blurred": _blurred(on_foreign),
        "objects, contrast 0.3": mean + 0.3 * (on_foreign - mean),
        "objects, noisy": np.clip(on_foreign + noise, 0, 255).astype(np.float32),
        "backgrounds alone": tiled_backgrounds(test).astype(np.float32),
    }


def _blurred(images: np.ndarray) -> np.ndarray:
    deviations = tf.fill([len(images)], HELD_OUT_BLUR * images.shape[1])
    return blur(tf.constant(images), deviations).numpy()


def measure_judges(
    scores: Mapping[str, Callable[[np.ndarray], np.ndarray]], test: Arrays, seed: int
) -> dict[str, dict[str, float]]:
    """Returns {judge: {kind of image: share that the judge assigns to the image's class}}.

    For the judges of objects "backgrounds alone" should be near chance. For the background judge
    objects on black are right when it says "none of them".

    Args:
      scores: each judge as a function from images to scores.
      test: natural images held out, masks usable.
      seed: see `held_out_images`.
    """
    images, labels = held_out_images(test, seed), test.labels

    def share(judge: str, kind: np.ndarray, expected: np.ndarray | int) -> float:
        return float((scores[judge](kind).argmax(axis=1) == expected).mean())

    measured = {
        judge: {name: share(judge, kind, labels) for name, kind in images.items()}
        for judge in _OBJECT_JUDGES
    }
    backgrounds, on_black = images["backgrounds alone"], images["objects on black"]
    original = test.images.astype(np.float32)
    foreign = images["objects on foreign backgrounds"]
    foreign_labels = labels[partners("mixed_random", labels, seed)]
    none = scores["background"](on_black[:1]).shape[1] - 1
    measured["background"] = {
        "backgrounds alone": share("background", backgrounds, labels),
        "backgrounds, blurred": share("background", _blurred(backgrounds), labels),
        "backgrounds behind their objects": share("background", original, labels),
        "backgrounds behind foreign objects": share("background", foreign, foreign_labels),
        "objects on black: none of them": share("background", on_black, none),
    }
    return measured
