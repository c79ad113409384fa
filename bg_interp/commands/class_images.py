"""Class images of anybody's classifier, in one call from Python."""

import dataclasses
import json
import pathlib
import sys
from collections.abc import Callable, Iterable, Sequence

import keras
import numpy as np

from bg_interp import pictures
from bg_interp.config.ascent import AscentSettings
from bg_interp.errors import UserError, nearest
from bg_interp.models import opening, preprocessing, targets
from bg_interp.models.loading import as_network, classes_of
from bg_interp.models.outputs import check_names
from bg_interp.outside import check_counts, to_images, to_labels, whole
from bg_interp.pixels import Pixels, given
from bg_interp.storage import files
from bg_interp.visualization import presets, statistics
from bg_interp.visualization.ascent import Ascent
from bg_interp.visualization.results import Visualization

# On pages of other measures: images of more classes are no picture any more, and take minutes.
MOST_CLASS_IMAGES = 16
# So many images tell what the data are like.
_STATISTICS_IMAGES = 512


@dataclasses.dataclass(frozen=True, eq=False)
class ClassImages:
    """Class images with their names; a notebook shows them as a sheet.

    Attributes:
      made: the images, the logits they reach, and how they were made.
      names: of the classes, in the order of the images.
    """

    made: Visualization
    names: list[str]

    @property
    def images(self) -> np.ndarray:
        """Float32 [K, H, W, 3] in [0, 255]."""
        return self.made.images

    def sheet(self) -> np.ndarray:
        """Returns the images under their names, uint8 [height, width, 3]."""
        return pictures.grid(self.images[None], self.names)

    def save(self, path: str | pathlib.Path) -> None:
        """Writes the sheet as a PNG, whole or not at all."""
        pictures.save_png(pathlib.Path(path), self.sheet())

    def __str__(self) -> str:
        pairs = zip(self.names, self.made.activations, strict=True)
        reached = ", ".join(f"{name} {logit:.1f}" for name, logit in pairs)
        return f"class images of {len(self.names)} classes; logits reached: {reached}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return pictures.html_image(self.sheet(), str(self))


class Maker:
    """Makes class images of one model again and again as it trains; traced once.

    The arguments are those of `class_images`.

    Raises:
      UserError: a model, a range, classes or settings that cannot be used.
    """

    def __init__(
        self,
        model: keras.Model | str | pathlib.Path,
        classes: Sequence[str | int] | str | int | None = None,
        *,
        preprocess: str | Pixels | Callable | None = "auto",
        input_range: tuple[float, float] | None = None,
        data: np.ndarray | None = None,
        labels: np.ndarray | None = None,
        class_names: Sequence[str] | None = None,
        image_size: int | None = None,
        preset: str | AscentSettings | None = None,
        samples: int = 2,
    ):
        found = as_network(model)
        model, class_names = found.network, class_names or found.class_names
        images, rows = None, None
        if data is not None:
            images = to_images(data, "data")
            # Data may be sorted by class, and the statistics are to be those of all classes.
            rows = np.linspace(0, len(images) - 1, min(len(images), _STATISTICS_IMAGES)).astype(int)
            images = images[rows]
        known = None
        if labels is not None:
            if images is None or rows is None:
                raise UserError("labels are those of data: give data as well, or leave them out")
            check_counts(data=data, labels=labels)
            known = to_labels(labels, classes_of(model))[rows]
        size = _image_size(model, image_size, images)
        pixels, notes = opening.assumed(found, given(preprocess, input_range), images, known)
        for sentence in notes:
            print(f"{found.name}: {sentence}", file=sys.stderr)
        self._model = opening.of_bytes(found, pixels, size)
        self._images = images
        settings = _settings(model, self._model, preset)
        if len(self._model.outputs[0].shape) != 2:
            raise UserError(
                "model must give one score for each class, [batch, classes]. "
                f"Received: {list(self._model.outputs[0].shape)}"
            )
        self._ascent = Ascent(self._model, settings, samples=whole(samples, "samples", 1))
        names = _names(self._ascent.units, class_names, model)
        self._units = _units(classes, names)
        self.names = [names[unit] for unit in self._units]
        self._statistics = None
        if images is not None:
            self._statistics = statistics.measure(images, targets.logits(self._model), known)

    def check_range(self) -> None:
        """Looks whether `data` reach the model as what it was trained on did.

        Raises:
          UserError: another range fits far better.
        """
        if self._images is not None:
            preprocessing.check_range(self._model, self._images)

    def __call__(self, start: str | np.ndarray = "mean", seed: int = 0) -> ClassImages:
        """Makes the images with the model's present weights."""
        made = self._ascent(
            self._units, statistics=self._statistics, start=start, seed=whole(seed, "seed")
        )
        return ClassImages(made, self.names)


def class_images(
    model: keras.Model | str | pathlib.Path,
    classes: Sequence[str | int] | str | int | None = None,
    *,
    preprocess: str | Callable | None = "auto",
    input_range: tuple[float, float] | None = None,
    data: np.ndarray | None = None,
    labels: np.ndarray | None = None,
    class_names: Sequence[str] | None = None,
    image_size: int | None = None,
    preset: str | AscentSettings | None = None,
    samples: int = 2,
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
      classes: names or numbers of the classes to show; None for all.
      preprocess: "auto" puts its own preprocessing before a network of keras.applications, and none
        before any other; a function of images in [0, 255]; None for none.
      input_range: what the model takes for black and white, instead of `preprocess`.
      data: images like those it was trained on, [N, H, W, 3] in 0 to 255 or 0 to 1: they give the
        start, the colours and the spectrum, and tell whether the range is right.
      labels: of `data`, for the logit of each class's best natural image.
      class_names: of the model's outputs. Without them ImageNet's, where Keras has them in its
        cache, else numbers.
      image_size: the side of the images in pixels, for models that leave it open.
      preset: the name of settings, or settings; None chooses by the model.
      samples: images made of each class, from which the model's own margin chooses.
      start: "mean" (of `data`, else grey), "black", "grey", or an image in [0, 255].
      seed: keys every random draw.

    Returns:
      The images, float32 [K, H, W, 3] in [0, 255], with their names and the logits they reach.

    Raises:
      UserError: a model, a range, classes or settings that cannot be used.
    """
    maker = Maker(
        model,
        classes,
        preprocess=preprocess,
        input_range=input_range,
        data=data,
        labels=labels,
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


def _settings(
    model: keras.Model, bytes_model: keras.Model, preset: str | AscentSettings | None
) -> AscentSettings:
    if isinstance(preset, AscentSettings):
        return preset
    if preset is not None:
        return presets.preset(str(preset))
    return suited_preset(model, bytes_model.inputs[0].shape[1])


def suited_preset(model: keras.Model, side: int | None) -> AscentSettings:
    """Returns the preset for a network from elsewhere, by its name and those of its layers.

    Args:
      model: the network.
      side: of its images, in pixels; None when it is open.
    """
    if preprocessing.application_of(model) is not None:
        return presets.preset("pretrained")
    names = [model.name, *(layer.name for layer in model.layers)]
    return presets.preset_for_layers(names, side)


def _names(units: int, class_names: Sequence[str] | None, model: keras.Model) -> list[str]:
    if class_names is not None:
        check_names(class_names, units)
        return [str(name) for name in class_names]
    if units == 1000 and preprocessing.application_of(model) is not None:
        cached = files.keras_models() / "imagenet_class_index.json"
        if cached.is_file():
            index = json.loads(cached.read_text(encoding="utf-8"))
            return [index[str(number)][1] for number in range(units)]
    return [str(number) for number in range(units)]


def _known(names: Sequence[str]) -> str:
    numbered = list(names) == [str(number) for number in range(len(names))]
    if not numbered or len(names) != 1000:
        return "class_names"
    return (
        "class_names (ImageNet's, once Keras has fetched them: "
        "keras.applications.imagenet_utils.decode_predictions(numpy.zeros((1, 1000))))"
    )


def _units(classes: Sequence[str | int] | str | int | None, names: Sequence[str]) -> list[int]:
    if classes is None:
        return list(range(len(names)))
    if not isinstance(classes, Iterable) or isinstance(classes, str):
        classes = [classes]
    units = []
    for one in classes:
        if isinstance(one, str):
            if one not in names:
                raise UserError(
                    f"classes must name some of {_known(names)}, or number them. "
                    f"Received: {one!r}{nearest(one, names)}"
                )
            units.append(list(names).index(one))
        elif isinstance(one, int | np.integer) and 0 <= one < len(names):
            units.append(int(one))
        else:
            raise UserError(
                f"classes must be names, or numbers from 0 to {len(names) - 1}. Received: {one!r}"
            )
    if not units:
        raise UserError("classes must name one class or more, or be None for all. Received: none")
    return units
