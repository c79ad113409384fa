"""Adapters for MediaPipe's segmenters, one for each kind of model.

MediaPipe takes more than it can handle: other dtypes or layouts give silently wrong masks, poison
the segmenter for every later call, or abort the process; a segmenter that was closed, or crossed a
fork, gives nothing or hangs. Each of these is checked here before the library is called.
"""

import abc
import os
import pathlib
from collections.abc import Sequence

import mediapipe as mp
import numpy as np
from mediapipe.tasks.python import BaseOptions, vision
from mediapipe.tasks.python.components.containers.keypoint import NormalizedKeypoint
from mediapipe.tasks.python.vision import interactive_segmenter_legacy

from bg_interp.errors import UserError, nearest, one_line
from bg_interp.masks.segmenters.segmenter import (
    Segmenter,
    Settings,
    cannot_load_mediapipe,
    check_image,
    reduce,
)
from bg_interp.processes import quiet_native_logs


class MediaPipeSegmenter(Segmenter):
    """What all adapters share: the life of the native segmenter, and the way of an image.

    Not picklable, and bound to the process that made it: make one in each worker.
    """

    def __init__(self, settings: Settings, path: pathlib.Path):
        super().__init__(settings)
        self._path = path
        self._process = os.getpid()
        self._task = self._started()

    @abc.abstractmethod
    def _create(self, options: BaseOptions):
        """Makes MediaPipe's object."""

    @abc.abstractmethod
    def _confidences(self, image: mp.Image) -> np.ndarray:
        """Returns the foreground's opacity, a view or an array, float32 [H, W]."""

    def opacities(self, images: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Returns what the network says of each image; see `Segmenter.opacities`.

        Raises:
          ValueError: an image is not uint8 [H, W, 3].
          RuntimeError: the segmenter was closed, or belongs to another process.
        """
        return [self._opacity(image) for image in images]

    def _opacity(self, image: np.ndarray) -> np.ndarray:
        check_image(image)
        if self._task is None:
            raise RuntimeError(f"the segmenter {self.id} is closed; make a new one")
        if os.getpid() != self._process:
            raise RuntimeError(
                f"the segmenter {self.id} belongs to process {self._process}; make one in each "
                "process, and start processes by spawn"
            )
        data = reduce(image, self.settings.input_size)
        wrapped = mp.Image(image_format=mp.ImageFormat.SRGB, data=data)
        try:
            return self._confidences(wrapped)
        except (RuntimeError, ValueError):
            # After one failure MediaPipe's graph goes on failing; a new one may do.
            self.close()
            self._task = self._started()
            return self._confidences(wrapped)

    def _started(self):
        # A buffer, not a path: MediaPipe cannot open every path that Python can.
        options = BaseOptions(model_asset_buffer=self._path.read_bytes())
        try:
            with quiet_native_logs():
                return self._create(options)
        except (RuntimeError, ValueError) as error:
            reason = one_line(error)
            raise UserError(
                f"{self._path} must be a LiteRT segmentation model with MediaPipe's metadata. "
                f"MediaPipe says: {reason}"
            ) from error
        except OSError as error:  # The native library is loaded here, not by the import.
            raise cannot_load_mediapipe(error) from error

    def close(self) -> None:
        """Frees the native segmenter; without it MediaPipe complains when Python ends."""
        task, self._task = self._task, None
        if task is None or os.getpid() != self._process:
            return
        try:
            task.close()
        except (RuntimeError, ValueError):
            # A graph that has failed cannot be closed; without a handle MediaPipe does not try
            # again, and print a stack trace, when the object is freed.
            task._handle = None

    def __reduce__(self):
        raise TypeError(
            "a MediaPipe segmenter cannot be pickled; send its settings and open them there"
        )


class OneChannel(MediaPipeSegmenter):
    """A model whose single output is the foreground's opacity: `selfie` and `object`."""

    def _create(self, options: BaseOptions):
        return _image_segmenter(options)

    def _confidences(self, image: mp.Image) -> np.ndarray:
        # The confidence mask, never the category mask: that one is inverted for such models.
        masks = self._task.segment(image).confidence_masks
        if len(masks) != 1:
            raise UserError(
                f"{self._path} must have one output channel for --segmenter={self.settings.name}."
                f" Received: {len(masks)}; --segmenter=deeplab takes models with categories"
            )
        return _copied(masks[0])


class Categories(MediaPipeSegmenter):
    """A model with one output channel for each category, the first one the background."""

    def __init__(self, settings: Settings, path: pathlib.Path):
        super().__init__(settings, path)
        self._channel = self._channel_of(settings.category)

    def _create(self, options: BaseOptions):
        return _image_segmenter(options)

    def _channel_of(self, category: str | None) -> int | None:
        labels = self._task.labels
        if category is None:
            return None
        if category not in labels[1:]:
            known = labels[1:]
            self.close()
            raise UserError(
                f"--segmenter_category must be one of {', '.join(known)}. Received: "
                f"{category!r}{nearest(category, known)}"
            )
        return labels.index(category)

    def _confidences(self, image: mp.Image) -> np.ndarray:
        masks = self._task.segment(image).confidence_masks
        if len(masks) < 2:
            raise UserError(
                f"{self._path} must have a channel for the background and one for each category. "
                f"Received: {len(masks)}; --segmenter=object takes models with one channel"
            )
        if self._channel is None:
            return 1.0 - _copied(masks[0])
        return _copied(masks[self._channel])


class Interactive(MediaPipeSegmenter):
    """A model that segments what lies under a given point: magic_touch."""

    def _create(self, options: BaseOptions):
        legacy = interactive_segmenter_legacy
        return legacy.InteractiveSegmenterLegacy.create_from_options(
            legacy.InteractiveSegmenterLegacyOptions(
                base_options=options, output_confidence_masks=True
            )
        )

    def _confidences(self, image: mp.Image) -> np.ndarray:
        legacy = interactive_segmenter_legacy
        x, y = self.settings.keypoint
        region = legacy.RegionOfInterest(
            format=legacy.RegionOfInterest.Format.KEYPOINT, keypoint=NormalizedKeypoint(x=x, y=y)
        )
        # The last channel is the object, whether or not the model also has one for the rest.
        return _copied(self._task.segment(image, region).confidence_masks[-1])


def _image_segmenter(options: BaseOptions) -> vision.ImageSegmenter:
    return vision.ImageSegmenter.create_from_options(
        vision.ImageSegmenterOptions(
            base_options=options, output_confidence_masks=True, output_category_mask=False
        )
    )


def _copied(mask: mp.Image) -> np.ndarray:
    """Returns a copy of a mask's values: the view dangles once MediaPipe frees the mask."""
    view = mask.numpy_view()
    return np.array(view[..., 0] if view.ndim == 3 else view)
