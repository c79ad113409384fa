"""Keras callbacks for anybody's `fit`: class images and background reliance as training goes on."""

import inspect
import pathlib
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from bg_interp.arguments import check_counts, to_images, to_labels, whole
from bg_interp.commands.class_images import ClassVisualizer
from bg_interp.errors import UserError, nearest
from bg_interp.evaluation.answers import Answers
from bg_interp.evaluation.arrays import Arrays, compiled, with_usable_masks
from bg_interp.evaluation.measures import HEADLINE, MEASURES, VARIANTS, take_all
from bg_interp.evaluation.reliance.variants import Variants
from bg_interp.masks.arrays import opacity_of
from bg_interp.models import opening, preprocessing
from bg_interp.models.loading import as_network, classes_of, load_classifier
from bg_interp.pixels import BYTES, given
from bg_interp.storage.summaries import EventWriter
from bg_interp.visualization.ascent import check_start

# After so many steps a batch normalisation of the usual momentum, 0.99, knows the data.
_SETTLED = 500
_SHOWN = [one for one in MEASURES if one.is_variant or one.table == HEADLINE]


class _Every(keras.callbacks.Callback):
    """Does something at the end of every so many epochs, and writes events of them."""

    def __init__(self, logdir: str | pathlib.Path | None, every: int):
        super().__init__()
        self._folder = None if logdir is None else pathlib.Path(logdir)
        self._every = whole(every, "every", 1)
        self._writer: EventWriter | None = None
        self._range_known = False

    def on_train_begin(self, logs: dict | None = None) -> None:
        # A mistake is told now, and not after the first epoch, unless the first batch is what
        # builds the model.
        if self.model.built:
            self._prepare()
        if self._folder is not None:
            self._writer = EventWriter(self._folder)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if (epoch + 1) % self._every == 0:
            self._prepare()
            self._warn_of_range()
            self._at(epoch + 1, {} if logs is None else logs)
            if self._writer is not None:
                self._writer.flush()

    def _warn_of_range(self) -> None:
        """Warns, once, of images in another range than the model has learnt to take."""
        if self._range_known or int(self.model.optimizer.iterations) < _SETTLED:
            return
        self._range_known = True
        try:
            self._check_range()
        except UserError as error:
            # Training may have taken hours: it goes on.
            warnings.warn(str(error), stacklevel=2)

    def _prepare(self) -> None:
        """Prepares for the model, once.

        Raises:
          UserError: it cannot be used.
        """
        raise NotImplementedError

    def _check_range(self) -> None:
        raise NotImplementedError

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
      logdir: folder for the events; the step of an image is the number of its epoch, from 1.
      every: epochs between images.
      start: see `class_images`.
      seed: see `class_images`.
      **how: the other arguments of `bg.class_images`: `data`, `classes`, `class_names`,
        `input_range`, `preprocess`, `preset`, `image_size`, `samples`.

    Raises:
      UserError: when training begins: a model or classes that cannot be used. A range that does not
        fit `data` is a warning, as soon as the model's batch normalisation can tell.
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
        _check_arguments(how)
        check_start(start)
        self._start, self._seed, self._how = start, whole(seed, "seed"), how
        self._maker: ClassVisualizer | None = None

    def _prepare(self) -> None:
        if self._maker is None:
            how = dict(self._how)
            said = given(how.pop("preprocess", "auto"), how.pop("input_range", None))
            # What a network that learns now says of images speaks for no preprocessing yet.
            pixels, _ = opening.assumed(load_classifier(self.model), said)
            self._maker = ClassVisualizer(self.model, preprocess=pixels, **how)

    def _check_range(self) -> None:
        if self._maker is not None:
            self._maker.check_range()

    def _at(self, epoch: int, logs: dict) -> None:
        if self._maker is None:
            return
        sheet = self._maker(self._start, self._seed).sheet()
        if self._writer is not None:
            with self._writer.as_default(epoch):
                tf.summary.image("class_images", sheet[None], step=epoch, max_outputs=1)


def _check_arguments(how: dict[str, Any]) -> None:
    known = [*inspect.signature(ClassVisualizer).parameters][1:]
    for name in how:
        if name not in known:
            raise UserError(
                f"ClassImages takes {', '.join(known)}, logdir, every, start and seed. "
                f"Received: {name}{nearest(name, known)}"
            )


class BackgroundReliance(_Every):
    """Measures the accuracy on objects, on backgrounds, and on swapped ones during training.

    The measures are added to the epoch's logs, where History and EarlyStopping can use
    them: `reliance`, `bg_gap`, and `accuracy_` with the name of each variant.

    Args:
      images: test images, [N, H, W, 3] in 0 to 255 or 0 to 1.
      labels: class numbers [N], or one-hot.
      masks: [N, H, W] or [N, H, W, 1], in any common format.
      logdir: folder for TensorBoard scalars; None for none.
      every: epochs between measurements.
      input_range: the pixel range that the model expects; None for [0, 255].
      preprocess: see `bg.class_images`.
      seed: of the choice of other backgrounds.

    Raises:
      UserError: arrays that are not such data, or do not fit each other.
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
        self._images = to_images(images)
        self._masks, self._labels = opacity_of(masks, self._images), labels
        check_counts(images=self._images, labels=labels)
        self._input = {"preprocess": preprocess, "input_range": input_range}
        self._seed = whole(seed, "seed")
        self._ready: keras.Model | None = None
        self._arrays: Arrays
        self._variants: Variants
        self._measure: Callable[[], dict[str, float]] | None = None

    def _prepare(self) -> None:
        if self._ready is not None:
            return
        preprocessing.check_size(self.model, self._images, "images")
        found = as_network(self.model)
        pixels, _ = opening.assumed(found, given(**self._input))
        self._ready = opening.of_bytes(found, pixels, self._images.shape[1:3])
        classes = classes_of(self._ready)
        labels = to_labels(self._labels, classes)
        self._arrays = with_usable_masks(Arrays(self._images, self._masks, labels))
        self._variants = Variants(self._arrays, self._seed)

    def _measuring(self, model_of_bytes: keras.Model) -> Callable[[], dict[str, float]]:
        """Returns what measures the model with its present weights, traced once."""
        # Only now, since what a model gives before it has learnt does not show the kind.
        found = opening.opened(model_of_bytes, self._arrays.images, None, pixels=BYTES)
        predict, variants = compiled(found.model), self._variants
        labels, names = self._arrays.labels, tuple(map(str, range(found.classes)))

        def measure() -> dict[str, float]:
            said = {name: one.argmax(axis=1) for name, one in variants.logits(predict).items()}
            taken = take_all(Answers(labels, names, said, self._seed), _SHOWN)
            return {
                f"accuracy_{name}" if name in VARIANTS else name: one.value
                for name, one in taken.items()
            }

        return measure

    def _check_range(self) -> None:
        if self._ready is not None:
            preprocessing.check_range(self._ready, self._images)

    def _at(self, epoch: int, logs: dict) -> None:
        if self._ready is None:
            return
        if self._measure is None:
            self._measure = self._measuring(self._ready)
        values = self._measure()
        logs.update(values)
        if self._writer is not None:
            with self._writer.as_default(epoch):
                for name, value in values.items():
                    tf.summary.scalar(f"background/{name}", value, step=epoch)
