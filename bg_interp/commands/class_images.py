"""Class images of anybody's classifier, in one call from Python."""

import dataclasses
import functools
import pathlib
import sys
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from bg_interp import pictures, programs
from bg_interp.arguments import check_counts, to_images, to_labels, whole
from bg_interp.commands.chosen_classes import Classes, class_units
from bg_interp.commands.chosen_classes import class_names as names_of
from bg_interp.commands.second_opinion import Opinion, opened_judge, opinion
from bg_interp.config.ascent import OF, AscentSettings
from bg_interp.errors import UserError, nearest
from bg_interp.masks.arrays import opacity_of
from bg_interp.models import opening, preprocessing, targets
from bg_interp.models.loading import as_network, classes_of
from bg_interp.pixels import Pixels, given
from bg_interp.visualization import features, presets, statistics
from bg_interp.visualization.ascent import Ascent
from bg_interp.visualization.results import Visualization

# So many images tell what the data are like, and fewer what their features are like.
_STATISTICS_IMAGES = 512
_FEATURES_IMAGES = 256
_FROZEN = (
    "the network's batch normalisation was frozen while its weights were trained, and no longer "
    "tells what natural features are: class images are made by the plain ascent. bg.class_images "
    "with data=, and the page of tools/evaluate.py, measure natural features on photographs"
)


@dataclasses.dataclass(frozen=True, eq=False)
class ClassImages:
    """Class images with their names; a notebook shows them as a sheet.

    Attributes:
      made: the images, the logits they reach, and how they were made.
      names: of the classes, in the order of the images.
      class_names: of all the network's outputs.
    """

    made: Visualization
    names: list[str]
    class_names: list[str]

    @property
    def images(self) -> np.ndarray:
        """Float32 [K, H, W, 3] in [0, 255]."""
        return self.made.images

    @property
    def failed(self) -> np.ndarray:
        """Bool [K]: images that are not to be taken for their class; see `Visualization.failed`."""
        return self.made.failed

    def sheet(self) -> np.ndarray:
        """Returns the images under their names, uint8 [height, width, 3]; failed ones say so."""
        return pictures.grid(self.made.framed[None], self.made.marked(self.names))

    def named_by(
        self,
        judge: Any,
        *,
        preprocess: str | Callable | None = "auto",
        input_range: tuple[float, float] | None = None,
    ) -> Opinion:
        """Returns what another network sees in the images.

        Args:
          judge: a classifier of the same classes in the same order, as `bg.evaluate` takes one;
            better one of another architecture than the network's.
          preprocess: see `class_images`.
          input_range: see `class_images`.

        Raises:
          UserError: it cannot be used, or has other classes.
        """
        ready, size = opened_judge(judge, given(preprocess, input_range))
        return opinion(ready, self.images, self.made.units, len(self.class_names), image_size=size)

    def save(self, path: str | pathlib.Path) -> None:
        """Writes the sheet as a PNG, whole or not at all."""
        pictures.save_png(pathlib.Path(path), self.sheet())

    def __str__(self) -> str:
        pairs = zip(self.made.marked(self.names), self.made.activations, strict=True)
        reached = ", ".join(f"{name} {logit:.1f}" for name, logit in pairs)
        how = "made with a prior" if self.made.settings.features else "made without a prior"
        return f"class images of {len(self.names)} classes, {how}; logits reached: {reached}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return pictures.html_image(self.sheet(), str(self))


class ClassVisualizer:
    """Makes class images of one model again and again as it trains; traced once.

    The arguments are those of `class_images`.

    Raises:
      UserError: a model, a range, classes or settings that cannot be used.
    """

    def __init__(
        self,
        model: keras.Model | str | pathlib.Path,
        classes: Classes = None,
        *,
        preprocess: str | Pixels | Callable | None = "auto",
        input_range: tuple[float, float] | None = None,
        data: np.ndarray | None = None,
        labels: np.ndarray | None = None,
        masks: np.ndarray | None = None,
        of: str = "both",
        class_names: Sequence[str] | None = None,
        image_size: int | None = None,
        preset: str | AscentSettings | None = None,
        samples: int | None = None,
        network: str | None = None,
    ):
        _check_choice(preset, of)
        found = as_network(model)
        model, class_names = found.network, class_names or found.class_names
        rows, images = _some(data)
        if images is None and labels is not None:
            raise UserError("labels are those of data: give data as well, or leave them out")
        size, self._labels = _image_size(model, image_size, images), None
        if labels is not None and data is not None:
            check_counts(data=data, labels=labels)
            self._labels = to_labels(labels, classes_of(model))[rows]
        pixels, notes = opening.assumed(found, given(preprocess, input_range), images, self._labels)
        for sentence in notes:
            print(f"{found.name}: {sentence}", file=sys.stderr)
        self._model = opening.of_bytes(found, pixels, size)
        if len(self._model.outputs[0].shape) != 2:
            raise UserError(
                "model must give one score for each class, [batch, classes]. "
                f"Received: {list(self._model.outputs[0].shape)}"
            )
        self._images = images
        self._weights = _weights(of, data, masks, rows)
        settings = suited_settings(
            self._model,
            preset if self._weights is None or preset is not None else "natural",
            named=model,
            network=network,
            data=images is not None,
        )
        if self._weights is not None and not settings.features:
            raise UserError(
                f"of={of!r} needs a preset with a prior, which alone knows of masks. "
                f"Received: preset={preset!r}; leave it out, or take natural"
            )
        chosen = None if samples is None else whole(samples, "samples", 1)
        self._ascent = Ascent(self._model, settings, samples=chosen)
        names = names_of(self._ascent.units, class_names, model)
        self._class_names = names
        self._units = class_units(classes, names)
        self.names = [names[unit] for unit in self._units]

    def check_range(self) -> None:
        """Looks whether `data` reach the model as what it was trained on did.

        Raises:
          UserError: another range fits far better.
        """
        if self._images is not None:
            preprocessing.check_range(self._model, self._images)

    def __call__(self, start: str | np.ndarray = "mean", seed: int = 0) -> ClassImages:
        """Makes the images with the model's present weights."""
        made = self._ascent.in_parts(
            self._units, statistics=self.statistics(), start=start, seed=whole(seed, "seed")
        )
        return ClassImages(made, self.names, self._class_names)

    def statistics(self) -> statistics.AscentStatistics | None:
        """Returns what `data` tell of the model with its present weights; None without data."""
        if self._images is None:
            return None
        found = statistics.measure(self._images, self._logits, self._labels)
        if self._weights is not None:
            # The mean image would show what the masks have taken away.
            plain = statistics.generic(*self._images.shape[1:])
            found = dataclasses.replace(found, mean=plain.mean)
        if not self._ascent.settings.features or not self._asks_data:
            return found
        rows = np.linspace(0, len(self._images) - 1, min(len(self._images), _FEATURES_IMAGES))
        some = rows.astype(int)
        weights = None if self._weights is None else self._weights[some]
        # Of the network that the ascent moves, whose layers have the names of a flat one.
        moments = features.measured(self._logits, self._images[some], weights)
        return dataclasses.replace(found, features=moments)

    @functools.cached_property
    def _logits(self) -> keras.Model:
        """The network without a softmax, laid flat once: it shares the weights."""
        return targets.logits(self._model)

    @functools.cached_property
    def _asks_data(self) -> bool:
        """Whether data, and not the network's own moving statistics, say what is natural."""
        return self._weights is not None or features.of_normalisation(self._model) is None


def _check_choice(preset: str | AscentSettings | None, of: str) -> None:
    """Checks names before anything is opened."""
    if isinstance(preset, str) and preset != presets.PLAIN:
        presets.preset(preset)
    if of not in OF:
        raise UserError(f"of must be one of {', '.join(OF)}. Received: {of!r}{nearest(of, OF)}")


def _some(data: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None]:
    """Returns the rows of data that are looked at, and their images."""
    if data is None:
        return np.zeros(0, int), None
    images = to_images(data, "data")
    # Data may be sorted by class, and the statistics are to be those of all classes.
    rows = np.linspace(0, len(images) - 1, min(len(images), _STATISTICS_IMAGES)).astype(int)
    return rows, images[rows]


def _weights(
    of: str, data: np.ndarray | None, masks: np.ndarray | None, rows: np.ndarray
) -> np.ndarray | None:
    """Returns how much each place of some images counts, float32 [n, H, W]; None for all alike."""
    if masks is None:
        if of != "both":
            raise UserError(f"of={of!r} needs masks, which say where the object is; give masks")
        return None
    if data is None:
        raise UserError("masks are those of data: give data as well, or leave them out")
    opacity = opacity_of(masks, to_images(data, "data"))[rows, ..., 0].astype(np.float32) / 255
    if of == "both":
        return None
    return opacity if of == "object" else 1 - opacity


def suited_settings(
    model: keras.Model,
    preset: str | AscentSettings | None,
    *,
    named: keras.Model | None = None,
    network: str | None = None,
    data: bool = False,
) -> AscentSettings:
    """Returns the settings for a network, by `presets.suited`: the way of all tools and calls.

    Args:
      model: takes images in [0, 255], or the network's own range.
      preset: see `class_images`.
      named: the network as it came, whose name and layers may tell its kind; None for `model`.
      network: what the run that trained it calls it; None for a network from elsewhere.
      data: whether there are images that say what is natural.
    """
    named = model if named is None else named
    side = model.inputs[0].shape[1]
    application = preprocessing.application_of(named)
    names = [network] if network else [named.name, *(layer.name for layer in named.layers)]
    several = len(model.outputs[0].shape) == 2 and model.outputs[0].shape[-1] > 1
    known = several and (data or features.of_normalisation(model) is not None)
    suited = functools.partial(
        presets.suited,
        preset,
        names,
        # An application is no small network, however small its images are.
        None if application is not None and network is None else side,
        run=network is not None,
    )
    chosen = suited(natural=known)
    if several and chosen != suited(natural=True) and features.moving_statistics(model):
        print(programs.as_called(_FROZEN), file=sys.stderr)
    return chosen


def class_images(
    model: keras.Model | str | pathlib.Path,
    classes: Classes = None,
    *,
    preprocess: str | Callable | None = "auto",
    input_range: tuple[float, float] | None = None,
    data: np.ndarray | None = None,
    labels: np.ndarray | None = None,
    masks: np.ndarray | None = None,
    of: str = "both",
    class_names: Sequence[str] | None = None,
    image_size: int | None = None,
    preset: str | AscentSettings | None = None,
    samples: int | None = None,
    start: str | np.ndarray = "mean",
    seed: int = 0,
) -> ClassImages:
    """Makes an image of what each class looks like to a classifier (activation maximization).

    Example:
      ```
      bg.class_images(keras.applications.MobileNetV2(), classes=["tabby", 207])
      ```

    Args:
      model: a Keras classifier of RGB images, or the path of one; a softmax or sigmoid at its end
        is left out.
      classes: names or numbers of the classes to show, or "all"; None for the first 16 at most.
      preprocess: "auto" puts its own preprocessing before a network of keras.applications, and none
        before any other; a function of images in [0, 255]; None for none.
      input_range: the pixel range that the model expects, instead of `preprocess`.
      data: images like those it was trained on, [N, H, W, 3] in 0 to 255 or 0 to 1: they give the
        start, the colours and the spectrum, and tell whether the range is right. A network without
        batch normalisation needs them for the preset `natural`.
      labels: of `data`, for the logits of each class's best and median natural image; an image
        that moves the network less than the latter is marked as failed.
      masks: of `data`, [N, H, W] or [N, H, W, 1], in any common format, for `of`.
      of: "object" or "background" hold the images to the features of that part of `data` alone:
        what does the network take from the object, and what from the place? "both" to all of them.
      class_names: of the model's outputs. Without them ImageNet's, where Keras has them in its
        cache, else numbers.
      image_size: the side of the images in pixels, for models that leave it open.
      preset: the name of settings, or settings. None is `natural`, whose images strangers can name,
        for all networks but small ones that say what natural features are; `plain` makes images
        without that prior, less readable and more faithful.
      samples: images made of each class, from which the model's own margin chooses; None for 2
        where they cost nothing more.
      start: "mean" (of `data`, else grey), "black", "grey", or an image in [0, 255].
      seed: keys every random draw.

    Returns:
      The images, float32 [K, H, W, 3] in [0, 255], with their names and the logits they reach.

    Raises:
      UserError: a model, a range, classes or settings that cannot be used.
    """
    maker = ClassVisualizer(
        model,
        classes,
        preprocess=preprocess,
        input_range=input_range,
        data=data,
        labels=labels,
        masks=masks,
        of=of,
        class_names=class_names,
        image_size=image_size,
        preset=preset,
        samples=samples,
    )
    maker.check_range()
    return maker(start, seed)


def _image_size(
    model: keras.Model, image_size: int | None, images: np.ndarray | None
) -> tuple[int, int] | None:
    """Returns rows and columns of the images to make, where the model leaves them open."""
    if images is not None:
        preprocessing.check_size(model, images, "data")
    if image_size is None:
        return None if images is None else images.shape[1:3]
    side = whole(image_size, "image_size", 1)
    preprocessing.check_size(model, np.empty((0, side, side, 3)), "image_size")
    return side, side
