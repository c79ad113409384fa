"""What the ascent needs to know of the data a network was trained on."""

import dataclasses
import math
import pathlib

import keras
import numpy as np

from bg_interp.errors import UserError
from bg_interp.models.asking import compiled, predict
from bg_interp.storage.files import replacing
from bg_interp.visualization.features import FeatureMoments

# Images of 512 x 148 x 148 pixels; 77 of 380 x 380.
_ENOUGH_VALUES = 1 << 25


@dataclasses.dataclass(frozen=True)
class AscentStatistics:
    """Statistics over all classes together, so that they give no class away.

    Attributes:
      mean: float32 [H,W,C] in [0, 255], the mean image.
      mean_colour: float32 [C] in [0, 255].
      colour_basis: float32 [C,C]; a colour is `mean_colour + 255 * colour_basis @ z` with z
        uncorrelated and of variance 1.
      magnitude: float32 [C,H,W//2+1], root mean square of |rfft2(z)| of the decorrelated colours.
      natural_logits: float32 [K], each class's logit on its best natural image; None if unknown.
      median_logits: float32 [K], that on its median natural image.
      features: what the images give in the network's layers; None if nobody has measured it.
    """

    mean: np.ndarray
    mean_colour: np.ndarray
    colour_basis: np.ndarray
    magnitude: np.ndarray
    natural_logits: np.ndarray | None = None
    median_logits: np.ndarray | None = None
    features: FeatureMoments | None = None

    def save(self, path: pathlib.Path) -> None:
        """Writes an .npz file, whole or not at all."""
        values = {name: value for name, value in vars(self).items() if value is not None}
        measured = values.pop("features", None)
        if measured is not None:
            values |= {f"features_{name}": value for name, value in vars(measured).items()}
        with replacing(path) as temporary, open(temporary, "wb") as file:
            np.savez(file, **values)


def load(path: pathlib.Path) -> AscentStatistics:
    """Reads what `AscentStatistics.save` wrote.

    Raises:
      UserError: the file is missing, damaged, or holds something else.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            values = {name: file[name] for name in file.files}
            moments = {
                name.removeprefix("features_"): values.pop(name)
                for name in file.files
                if name.startswith("features_")
            }
            measured = FeatureMoments(**moments).with_tuples() if moments else None
            return AscentStatistics(**values, features=measured)
    # zipfile and NumPy raise all kinds of exceptions, by the place of the damage.
    except Exception as error:
        raise UserError(
            f"{path} must be the ascent statistics that training writes. Received: a file that "
            f"cannot be read as such; delete it to start from grey, or train again ({error})"
        ) from error


def measure(
    images: np.ndarray, model: keras.Model | None = None, labels: np.ndarray | None = None
) -> AscentStatistics:
    """Measures the statistics of a set of treated images.

    Args:
      images: uint8 or float [N,H,W,C] in [0, 255]; of many large ones, some stand for all.
      model: the network, for the natural logits.
      labels: int [N], the images' classes, for the natural logits.
    """
    pixels = np.asarray(_enough(images), np.float32) / 255
    channels = pixels.shape[-1]
    colours = pixels.reshape(-1, channels)
    mean = colours.mean(0)
    covariance = np.cov(colours, rowvar=False).reshape(channels, channels)
    variances, directions = np.linalg.eigh(covariance)
    # A set of one colour has no variance in some direction: keep the basis invertible.
    basis = directions * np.sqrt(np.maximum(variances, 1e-6))
    spectrum = np.fft.rfft2((pixels - mean) @ np.linalg.inv(basis).T, axes=(1, 2))
    magnitude = np.sqrt((np.abs(spectrum) ** 2).mean(0)).transpose(2, 0, 1)
    best, median = None, None
    if model is not None and labels is not None:
        best, median = _natural_logits(model, images, np.asarray(labels))
    return AscentStatistics(
        mean=(pixels.mean(0) * 255).astype(np.float32),
        mean_colour=(mean * 255).astype(np.float32),
        colour_basis=basis.astype(np.float32),
        magnitude=magnitude.astype(np.float32),
        natural_logits=best,
        median_logits=median,
    )


def _enough(images: np.ndarray) -> np.ndarray:
    """Returns images spread over all of them, so few that spectra do not take gigabytes."""
    count = min(len(images), max(1, _ENOUGH_VALUES // math.prod(images.shape[1:])))
    if count == len(images):
        return images
    return images[np.linspace(0, len(images) - 1, count).astype(int)]


def _natural_logits(
    model: keras.Model, images: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the best and the median, each float32 [K], NaN where a class has no image."""
    logits = predict(compiled(model), images)
    best, median = np.full((2, logits.shape[1]), np.nan, np.float32)
    for label in np.unique(labels):
        own = logits[labels == label, label]
        best[label], median[label] = own.max(), np.median(own)
    return best, median


# Photographs' magnitudes fall as 1/frequency. Chosen by eye on a pretrained MobileNetV2.
_NATURAL_DECAY = 1.3
# Colours of photographs, decorrelated (Olah et al. 2017, "Feature Visualization"), a little paler.
_NATURAL_BASIS = 0.8 * np.array([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]])


def generic(height: int, width: int, channels: int = 3, level: float = 127.5) -> AscentStatistics:
    """Returns statistics for a network whose data is unknown.

    One colour everywhere, a spectrum that falls a little faster than that of photographs, in whose
    fine detail the images would drown, and the colours of photographs.

    Args:
      height: pixels; width: pixels.
      channels: 3, or any other number, whose channels then count as uncorrelated.
      level: brightness of the mean image in [0, 255]: 127.5 is grey, 0 is black.
    """
    rows, columns = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)
    frequency = np.maximum(np.hypot(rows, columns), 1 / max(height, width))
    magnitude = frequency**-_NATURAL_DECAY
    # Scaled so that a picture of this spectrum has variance 1.
    magnitude *= height * width / np.sqrt(2 * (magnitude**2).sum())
    basis = _NATURAL_BASIS if channels == 3 else 0.25 * np.eye(channels)
    return AscentStatistics(
        mean=np.full((height, width, channels), level, np.float32),
        mean_colour=np.full(channels, level, np.float32),
        colour_basis=basis.astype(np.float32),
        magnitude=np.broadcast_to(magnitude, (channels, *magnitude.shape)).astype(np.float32),
    )
