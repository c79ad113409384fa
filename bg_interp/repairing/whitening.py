"""Features in which backgrounds count for little: what they change is made small.

The features of one object before several backgrounds differ by what the backgrounds do. Directions
in which they differ much are shrunk, so that regularisation, which holds back long weights, keeps a
classifier off them. This is within-class covariance normalization (Hatch, Kajarekar and Stolcke
2006, "Within-Class Covariance Normalization for SVM-based Speaker Recognition") with an object in
the place of a speaker.
"""

import dataclasses

import numpy as np

# Of the mean variance that backgrounds cause: what is added to that of every direction, so that one
# in which none was seen is not blown up. Chosen on development seeds of composites.
_FLOOR = 0.1
# Wider layers, of which there are few, are scaled feature by feature: a matrix would not fit.
_WIDEST = 4096


@dataclasses.dataclass(frozen=True, eq=False)
class Whitening:
    """A linear map of features.

    Attributes:
      mean: float [D], of the features.
      transform: float [D, D]; or [D], what each feature is multiplied with.
    """

    mean: np.ndarray
    transform: np.ndarray

    @classmethod
    def of(cls, features: np.ndarray, objects: np.ndarray) -> "Whitening":
        """Estimates the map.

        Args:
          features: float [M, D].
          objects: int [M], the object that is in each image.
        """
        mean, deviation = features.mean(axis=0), features.std(axis=0) + 1e-6
        scaled = (features - mean) / deviation
        _, each, counts = np.unique(objects, return_inverse=True, return_counts=True)
        sums = np.zeros((len(counts), scaled.shape[1]), scaled.dtype)
        np.add.at(sums, each, scaled)
        changed = scaled - (sums / counts[:, None])[each]
        freedom = max(len(features) - len(counts), 1)
        if len(mean) > _WIDEST:
            variances, directions = (changed**2).sum(axis=0) / freedom, None
        else:
            variances, directions = np.linalg.eigh(changed.T @ changed / freedom)
        variances = np.maximum(variances, 0.0)
        floor = _FLOOR * variances.mean() + 1e-12
        # Scaled so that the mean direction keeps its length: strengths mean the same everywhere.
        factors = np.sqrt((variances.mean() + floor) / (variances + floor))
        if directions is None:
            return cls(mean, factors / deviation)
        return cls(mean, directions * factors / deviation[:, None])

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Returns features [M, D] as a last layer is to learn from them, float32 [M, D]."""
        return _mapped(features - self.mean, self.transform).astype(np.float32)

    def undone(self, kernel: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns what does to the features themselves what a layer does to whitened ones.

        Args:
          kernel: float [D, K], of whitened features.
          bias: float [K].
        """
        plain = _mapped(kernel.T, self.transform.T).T
        return plain, bias - self.mean @ plain


def _mapped(rows: np.ndarray, transform: np.ndarray) -> np.ndarray:
    """Maps rows [M, D] by a matrix [D, D], or by its diagonal [D]."""
    return rows * transform if transform.ndim == 1 else rows @ transform
