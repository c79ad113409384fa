"""The shape judge: histograms of oriented gradients and ridge regression, no network at all.

It sees edges and no colours, and shares nothing with the networks that it judges: what it and a
network judge both recognise is not a quirk of networks. It is fooled by ringing and by speckle.
"""

import dataclasses
import pathlib

import numpy as np
import tqdm

from bg_interp.evaluation.judges import data
from bg_interp.evaluation.judges.judge import Judge, Material
from bg_interp.storage.files import replacing

_CELLS = 8  # Cells along each side: coarse enough to forgive shifts of a few per cent.


def gradient_histograms(images: np.ndarray) -> np.ndarray:
    """Returns histograms of oriented gradients (Dalal and Triggs 2005), float32 [N, D].

    Args:
      images: [N, H, W, 3] in [0, 255]; 8 x 8 cells in blocks of 2 x 2, 9 orientations.
    """
    from skimage.feature import hog

    cell = (images.shape[1] // _CELLS, images.shape[2] // _CELLS)
    features = [
        hog(image, 9, cell, (2, 2), channel_axis=-1)
        for image in np.clip(images, 0, 255).astype(np.uint8)
    ]
    return np.asarray(features, np.float32)


@dataclasses.dataclass(frozen=True, eq=False)
class TrainedShapeJudge:
    """A linear classifier of gradient histograms.

    Attributes:
      weights: float32 [D, K].
      bias: float32 [K].
    """

    weights: np.ndarray
    bias: np.ndarray

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Returns a score per class, float32 [N, K], for [N, H, W, 3] in [0, 255].

        The scores are regressed class indicators, not probabilities.
        """
        return gradient_histograms(images) @ self.weights + self.bias

    def save(self, path: pathlib.Path) -> None:
        """Writes the arrays to an .npz file."""
        with replacing(path) as temporary, open(temporary, "wb") as file:
            np.savez(file, weights=self.weights, bias=self.bias)


@dataclasses.dataclass(frozen=True)
class ShapeJudge(Judge):
    """Learns by ridge regression from the images that the foreground judge learns from."""

    suffix = ".npz"

    def train(self, material: Material, seed: int) -> TrainedShapeJudge:
        """See `Judge.train`."""
        from sklearn.linear_model import Ridge

        draw = data.draw_objects(
            material.arrays, material.backgrounds, material.classes, self.batch_size
        )
        steps = self.steps_for(material.classes)
        batches = data.batches_of(draw, steps, seed + self.seed).as_numpy_iterator()
        shown = tqdm.tqdm(batches, f"{self.words}: learning", steps, unit="step", leave=False)
        images, labels = (np.concatenate(part) for part in zip(*shown, strict=True))
        indicators = np.eye(self.outputs(material.classes), dtype=np.float32)[labels]
        ridge = Ridge(alpha=5.0).fit(gradient_histograms(images), indicators)
        return TrainedShapeJudge(
            ridge.coef_.T.astype(np.float32), ridge.intercept_.astype(np.float32)
        )

    def load(self, path: pathlib.Path) -> TrainedShapeJudge:
        """See `Judge.load`."""
        with np.load(path, allow_pickle=False) as stored:
            return TrainedShapeJudge(stored["weights"], stored["bias"])

    def details(self, scores: np.ndarray, labels: np.ndarray) -> dict[str, np.ndarray]:
        """Returns `margin`, that of the own class over the best other."""
        own, others = (np.arange(len(labels)), labels), scores.copy()
        others[own] = -np.inf
        return {"margin": scores[own] - others.max(axis=1)}
