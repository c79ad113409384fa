"""Keras callbacks for anybody's `fit`: class images and background reliance as training goes on."""

import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from bg_interp.commands.class_images import Maker
from bg_interp.data.outside import check_counts, to_images, to_labels
from bg_interp.errors import UserError
from bg_interp.evaluation.arrays import Arrays, compiled, with_usable_masks
from bg_interp.evaluation.reliance.variants import background_reliance, variant_logits
from bg_interp.masks.spelling import to_opacity
from bg_interp.models import preprocessing
from bg_interp.storage.summaries import EventWriter


class _Every(keras.callbacks.Callback):
    """Does something at the end of every so many epochs, and writes events of them."""

    def __init__(self, logdir: str | pathlib.Path | None, every: int):
        super().__init__()
        if every < 1:
            raise UserError(f"every must be 1 or more. Received: {every}")
        self._folder = None if logdir is None else pathlib.Path(logdir)
        self._every = every
        self._writer: EventWriter | None = None

    def on_train_begin(self, logs: dict | None = None) -> None:
        if self._folder is not None:
            self._writer = EventWriter(self._folder)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if (epoch + 1) % self._every == 0:
            self._at(epoch + 1, {} if logs is None else logs)
            if self._writer is not None:
                self._writer.flush()

    def on_train_end(self, logs: dict | None = None) -> None:
        if self._writer is not None:
            self._writer.close()

    def _at(self, epoch: int, logs: dict) -> None:
        raise NotImplementedError


class ClassImages(_Every):
    """Writes what each class looks like to the network as TensorBoard images.

    Example:
      ```
      model.fit(x, y, callbacks=[bg.callbacks.ClassImages("logs", data=x, class_names=names)])
      ```

    Args:
      logdir: gets the events; the step of an image is the number of its epoch, from 1.
      every: epochs between images.
      start: see `class_images`.
      seed: see `class_images`.
      **how: the other arguments of `bg.class_images`: `data`, `classes`, `class_names`,
        `input_range`, `preprocess`, `preset`, `image_size`, `samples`.

    Raises:
      UserError: when training begins: a model, a range or classes that cannot be used.
    """

    def __init__(
        self,
        logdir: str | pathlib.Path,
        *,
        every: int = 1,
        start: str | np.ndarray = "mean",
        seed: int = 0,
        **how: Any,
    ):
        super().__init__(logdir, every)
        self._start, self._seed, self._how = start, seed, how
        self._maker: Maker | None = None

    def _at(self, epoch: int, logs: dict) -> None:
        if self._maker is None:
            # As late as this, since a model may be built by its first batch.
            self._maker = Maker(self.model, **self._how)
        sheet = self._maker(self._start, self._seed).sheet()
        if self._writer is not None:
            with self._writer.as_default(epoch):
                tf.summary.image("class_images", sheet[None], step=epoch, max_outputs=1)


class BackgroundReliance(_Every):
    """Measures the accuracy on objects, on backgrounds, and before other ones as training goes on.

    The measures enter the epoch's logs, so that History and EarlyStopping see them: `bg_gap`, and
    `accuracy_` with the name of each variant.

    Args:
      images: test images, [N, H, W, 3] in 0 to 255 or 0 to 1.
      labels: class numbers [N], or one-hot.
      masks: [N, H, W] or [N, H, W, 1], however they are spelled.
      logdir: gets TensorBoard scalars; None for none.
      every: epochs between measurements.
      input_range: what the model takes for black and white; None for [0, 255].
      preprocess: see `bg.class_images`.
      seed: keys the choice of other backgrounds.

    Raises:
      UserError: arrays that are no such data, or do not fit each other.
    """

    def __init__(
        self,
        images: np.ndarray | Sequence,
        labels: np.ndarray | Sequence,
        masks: np.ndarray | Sequence,
        *,
        logdir: str | pathlib.Path | None = None,
        every: int = 1,
        input_range: tuple[float, float] | None = None,
        preprocess: Any = "auto",
        seed: int = 0,
    ):
        super().__init__(logdir, every)
        self._images, self._masks = to_images(images), to_opacity(masks)
        self._labels = labels
        check_counts(images=self._images, masks=self._masks, labels=np.asarray(labels))
        self._input = {"preprocess": preprocess, "input_range": input_range}
        self._seed = seed
        self._measure: Callable[[], dict[str, Any]] | None = None

    def _prepared(self) -> Callable[[], dict[str, Any]]:
        """Returns what measures the model with its present weights."""
        model = preprocessing.with_preprocessing(
            self.model, **self._input, image_size=self._images.shape[1]
        )
        preprocessing.check_range(model, self._images)
        classes = max(2, int(model.outputs[0].shape[-1]))
        labels = to_labels(self._labels, classes)
        arrays = with_usable_masks(Arrays(self._images, self._masks, labels))
        predict = compiled(model)
        return lambda: background_reliance(
            variant_logits(predict, arrays, self._seed), arrays.labels, classes, self._seed
        )

    def _at(self, epoch: int, logs: dict) -> None:
        if self._measure is None:
            # Not before: a model may be built by its first batch.
            self._measure = self._prepared()
        found = self._measure()
        values = {f"accuracy_{name}": share for name, share in found["accuracy"].items()}
        values["bg_gap"] = found["bg_gap"]["value"]
        logs.update(values)
        if self._writer is not None:
            with self._writer.as_default(epoch):
                for name, value in values.items():
                    tf.summary.scalar(f"background/{name}", value, step=epoch)
