"""What a segmenter is: its settings, its id, and the call that makes a mask of an image.

Nothing heavy is imported here: settings travel to worker processes and name folders of masks.
`opening` turns them into a segmenter.
"""

import abc
import dataclasses
import hashlib
import json
import pathlib
from collections.abc import Sequence

import numpy as np
from PIL import Image

from bg_interp.errors import UserError, one_line
from bg_interp.masks.segmenters.cleaning import Cleaning
from bg_interp.masks.segmenters.kinds import KINDS, check
from bg_interp.storage import files

# Raised when masks of the same settings come out differently than before.
_VERSION = 1
# Larger photographs are reduced before a network of unknown input size sees them.
_LARGEST_SIDE = 1024


@dataclasses.dataclass(frozen=True)
class Settings:
    """Everything that decides what mask an image gets.

    Attributes:
      name: one of `kinds.KINDS`.
      model: the user's own .tflite file, or None for the registered model. `deeplab` and
        `interactive` always need one.
      category: for `deeplab`, the one category that is foreground; None for all of them.
      backend: "mediapipe", or "keras" for `object` in batches, on a GPU if there is one.
      keypoint: for `interactive`, the point that lies on the object: x and y from 0 to 1.
      cleaning: the post-processing.
    """

    name: str = "object"
    model: str | None = None
    category: str | None = None
    backend: str = "mediapipe"
    keypoint: tuple[float, float] = (0.5, 0.5)
    cleaning: Cleaning = dataclasses.field(default_factory=Cleaning)

    def check(self) -> None:
        """Checks that the settings fit together.

        Raises:
          UserError: they do not.
        """
        check(self.name, self.model, self.category, self.backend)

    @property
    def input_size(self) -> int | None:
        """Height and width that the network works at, in pixels; None when it is not known."""
        model = KINDS[self.name].model
        return model.input_size if model and self.model is None else None

    @property
    def id(self) -> str:
        """A short name that changes whenever the masks do: model sha256 and settings.

        Raises:
          UserError: the settings do not fit together.
        """
        self.check()
        registered = KINDS[self.name].model
        if self.model is None and registered is not None:
            model_hash = registered.sha256
        else:
            model_hash = files.sha256(pathlib.Path(str(self.model)))
        rest = dataclasses.asdict(self) | {"model": model_hash, "version": _VERSION}
        if self.name != "interactive":
            del rest["keypoint"]
        digest = hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()
        return f"{self.name}-{model_hash[:12]}-{digest[:8]}"

    def flags(self) -> str:
        """The flags of tools/segment.py that make these masks."""
        parts = [f"--segmenter={self.name}"]
        if self.model is not None:
            parts.append(f"--segmenter_model={self.model}")
        if self.category is not None:
            parts.append(f"--segmenter_category={self.category}")
        if self.backend != "mediapipe":
            parts.append(f"--segmenter_backend={self.backend}")
        return " ".join(parts)


class Segmenter(abc.ABC):
    """Makes masks: uint8 RGB [H, W, 3] in, float32 [H, W] in [0, 1] out, 1 = foreground.

    Attributes:
      settings: what it was made from.
      id: see `Settings.id`.
    """

    def __init__(self, settings: Settings):
        self.settings = settings
        self.id = settings.id

    @abc.abstractmethod
    def opacities(self, images: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Returns what the network says of each image, before the post-processing.

        Args:
          images: uint8 RGB [H, W, 3] each.

        Returns:
          float32 [h, w] in [0, 1] each, possibly smaller than the image.
        """

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Returns the mask of one image, at the image's size.

        Raises:
          ValueError: the image is not uint8 [H, W, 3].
        """
        (opacity,) = self.opacities([image])
        return enlarge(self.settings.cleaning(opacity), image.shape[:2])

    def close(self) -> None:  # noqa: B027  (Most have nothing to free.)
        """Frees the network; the segmenter cannot be used afterwards."""

    def __enter__(self) -> "Segmenter":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def cannot_load_mediapipe(error: Exception) -> UserError:
    """Returns the error to raise when MediaPipe's native library does not load."""
    reason = one_line(error)
    return UserError(
        f"MediaPipe cannot be loaded ({reason}); it needs system libraries, on Debian and Ubuntu: "
        "apt-get install libegl1 libgles2 libgl1 libglib2.0-0"
    )


def check_image(image: np.ndarray) -> None:
    """Checks what a segmenter is given: other arrays give silently wrong masks, or abort.

    Raises:
      ValueError: the image is not uint8 [H, W, 3] with at least one pixel.
    """
    fits = isinstance(image, np.ndarray) and image.ndim == 3 and image.shape[2] == 3
    if not fits or image.dtype != np.uint8 or not image.size:
        received = f"{image.dtype} {image.shape}" if hasattr(image, "dtype") else type(image)
        raise ValueError(f"an image must be uint8 RGB [height, width, 3]. Received: {received}")


def reduce(image: np.ndarray, size: int | None) -> np.ndarray:
    """Returns the image at the network's input size, smoothed so that fine texture cannot alias.

    Args:
      image: uint8 [H, W, 3].
      size: height and width to reach; None only limits the longer side, keeping its shape.
    """
    height, width = image.shape[:2]
    if size is not None:
        wanted = (size, size)
    else:
        scale = min(1.0, _LARGEST_SIDE / max(height, width))
        wanted = (max(1, round(width * scale)), max(1, round(height * scale)))
    if wanted == (width, height):
        return np.ascontiguousarray(image)
    # A reducing gap lets Pillow shrink a very large photograph by whole factors first.
    resized = Image.fromarray(image).resize(wanted, Image.Resampling.BILINEAR, reducing_gap=3.0)
    return np.asarray(resized)


def enlarge(mask: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Returns a mask [h, w], float32 or uint8, at another height and width, interpolated."""
    if mask.shape == shape:
        return mask
    resized = Image.fromarray(mask).resize(shape[::-1], Image.Resampling.BILINEAR)
    return np.asarray(resized)
