"""How far judges can be trusted: their accuracy on natural images that they were not trained on."""

import dataclasses

import numpy as np
import tensorflow as tf

from bg_interp.evaluation.arrays import Arrays
from bg_interp.evaluation.judges.data import HELD_OUT_BLUR, blur
from bg_interp.evaluation.judges.judge import Judge, TrainedJudge
from bg_interp.evaluation.reliance.variants import Variants, partners

# Raised when judges are tested on other images: what a cached judge got right is then found anew.
VERSION = 2

ON_BLACK = "objects on black"
BLOBS = "objects as blobs"
SILHOUETTES = "silhouettes"
# Deviation of the blur that leaves nothing of an object but its colour and its place.
_BLOB_BLUR = 0.1


def _held_out_images(test: Arrays, seed: int) -> dict[str, np.ndarray]:
    """Makes objects in several ways, and their backgrounds, each float32 [N, H, W, 3] in [0, 255].

    Args:
      test: images held out, masks usable.
      seed: keys the choice of backgrounds and the noise.
    """
    variants = Variants(test, seed)
    on_black = variants.make("foreground_only").astype(np.float32)
    on_foreign = variants.make("mixed_random").astype(np.float32)
    mean = on_foreign.mean(axis=(1, 2), keepdims=True)
    noise = np.random.default_rng(seed).normal(0.0, 25.0, on_foreign.shape)
    silhouettes = np.broadcast_to(test.masks, on_black.shape).astype(np.float32)
    return {
        ON_BLACK: on_black,
        "objects on foreign backgrounds": on_foreign,
        BLOBS: _blurred(on_black, _BLOB_BLUR),
        SILHOUETTES: silhouettes,
        "objects, blurred": _blurred(on_foreign),
        "objects, contrast 0.3": mean + 0.3 * (on_foreign - mean),
        "objects, noisy": np.clip(on_foreign + noise, 0, 255).astype(np.float32),
        "backgrounds alone": variants.make("background_only").astype(np.float32),
    }


def _blurred(images: np.ndarray, share: float = HELD_OUT_BLUR) -> np.ndarray:
    deviations = tf.fill([len(images)], share * images.shape[1])
    return blur(tf.constant(images), deviations).numpy()


@dataclasses.dataclass(frozen=True, eq=False)
class HeldOut:
    """Natural images that judges are tested on, each with what is right to say of it.

    Attributes:
      of_objects: {kind of image: (float32 [N, H, W, 3] in [0, 255], int [N])}, for the judges of
        objects; "backgrounds alone" should be near chance.
      of_backgrounds: the same for judges of backgrounds, whose last class is "none of them".
    """

    of_objects: dict[str, tuple[np.ndarray, np.ndarray]]
    of_backgrounds: dict[str, tuple[np.ndarray, np.ndarray]]

    def accuracies(self, judge: Judge, trained: TrainedJudge) -> dict[str, float]:
        """Returns {kind of image: the share of which the judge says what is right}."""
        cases = self.of_backgrounds if judge.of_backgrounds else self.of_objects
        return {
            kind: float((trained(images).argmax(axis=1) == right).mean())
            for kind, (images, right) in cases.items()
        }


def held_out(test: Arrays, classes: int, seed: int) -> HeldOut:
    """Makes what judges are tested on.

    Args:
      test: images that the judges did not learn from, masks usable.
      classes: K, of the dataset.
      seed: keys the choice of backgrounds and the noise.
    """
    images, labels = _held_out_images(test, seed), test.labels
    backgrounds, on_black = images["backgrounds alone"], images[ON_BLACK]
    foreign = labels[partners("mixed_random", labels, seed)]
    of_backgrounds = {
        "backgrounds alone": (backgrounds, labels),
        "backgrounds, blurred": (_blurred(backgrounds), labels),
        "backgrounds behind their objects": (test.images.astype(np.float32), labels),
        "backgrounds behind foreign objects": (images["objects on foreign backgrounds"], foreign),
        "objects on black: none of them": (on_black, np.full(len(labels), classes)),
    }
    return HeldOut({kind: (shown, labels) for kind, shown in images.items()}, of_backgrounds)
