"""What can be told of an ascent on its way: progress, frames for an animation, TensorBoard.

They are callbacks of tf-keras-vis. Those of this module say which steps they want to hear of, and
leave the compiled loop alone in between.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from tf_keras_vis.activation_maximization.callbacks import Callback

Progress = Callable[[int, int], None]


class EvenlySpaced(Callback):
    """A callback that wants to hear of some steps, evenly spread, the last one included."""

    def __init__(self, count: int):
        """Takes the number of calls."""
        self.count = count

    def call_steps(self, steps: int) -> set[int]:
        """Returns after how many steps to call."""
        return {int(last) for last in np.linspace(0, steps, min(self.count, steps) + 1)[1:]}


class ProgressCallback(EvenlySpaced):
    """Tells a function of the progress, with (steps done, all steps): a bar of tqdm, for one."""

    def __init__(
        self, progress: Progress, count: int = 10, *, done: int = 0, steps: int | None = None
    ):
        """Takes what to tell.

        Args:
          progress: the function.
          count: how often to call it.
          done: steps of calls before this one, of which it is told as well.
          steps: of all these calls; None for those of this one.
        """
        super().__init__(count)
        self._progress = progress
        self._done = done
        self._steps = steps

    def on_begin(self, steps: int = 0, **_: Any) -> None:
        """Keeps the number of all steps."""
        self._steps = self._steps or steps

    def __call__(self, i: int, *_: Any, **__: Any) -> None:
        """Tells that step `i` is done."""
        self._progress(self._done + i + 1, self._steps or 0)


class Frames(EvenlySpaced):
    """Keeps the first images of the batch on their way.

    Attributes:
      frames: float32 [n,H,W,C] each, in the model's range.
    """

    def __init__(self, count: int, images: int):
        """Takes how many frames to keep, and how many images of the batch."""
        super().__init__(count)
        self.frames: list[np.ndarray] = []
        self._images = images

    def __call__(self, i: int, values: list, *_: Any, **__: Any) -> None:
        """Keeps a frame."""
        self.frames.append(np.asarray(values[0])[: self._images])

    def of_one_size(self, shape: Sequence[int]) -> np.ndarray:
        """Returns all frames as float32 [n,images,*shape], small ones enlarged."""
        if not self.frames:
            return np.zeros((0, self._images, *shape), np.float32)
        return np.stack([resized(one, shape[:2]) for one in self.frames])


class TensorBoard(EvenlySpaced):
    """Writes images and mean score to TensorBoard, at the step of the ascent."""

    def __init__(
        self, writer: Any, count: int = 5, input_range: tuple[float, float] = (0.0, 255.0)
    ):
        """Takes where to write.

        Args:
          writer: what `tf.summary.create_file_writer` returns, or an `EventWriter`.
          count: how often.
          input_range: that of the model.
        """
        super().__init__(count)
        self._writer = writer
        self._range = input_range

    def __call__(self, i: int, values: list, grads: list, scores: list, *_: Any, **__: Any) -> None:
        """Writes what there is after step `i`."""
        low, high = self._range
        images = np.rint((np.asarray(values[0]) - low) * (255 / (high - low))).astype(np.uint8)
        with self._writer.as_default():
            tf.summary.image("maximization/images", images, step=i + 1, max_outputs=len(images))
            tf.summary.scalar("maximization/score", np.mean(scores[0]), step=i + 1)


def resized(images: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """Returns images [...,H,W,C] in another size; as they are where they have it."""
    if images.shape[-3:-1] == tuple(size):
        return images
    return np.asarray(tf.image.resize(images, size))
