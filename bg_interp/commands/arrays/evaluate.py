"""Background reliance of anybody's classifier on anybody's arrays, in one call from Python."""

import dataclasses
import math
import pathlib
import sys
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from bg_interp import pictures
from bg_interp.config.evaluation import Condition
from bg_interp.config.mask_rules import MaskRules
from bg_interp.errors import UserError, nearest
from bg_interp.evaluation import gate
from bg_interp.evaluation.arrays import Arrays
from bg_interp.evaluation.estimate import Estimate
from bg_interp.evaluation.leak import Leak, measure_leak
from bg_interp.evaluation.measuring import measure
from bg_interp.evaluation.reliance.variants import Variants
from bg_interp.evaluation.result import Evaluation
from bg_interp.masks.arrays import opacity_of
from bg_interp.masks.doubting import Areas, doubts_about
from bg_interp.models import opening
from bg_interp.models.loading import load_classifier
from bg_interp.models.outputs import KINDS, check_listed, check_names
from bg_interp.outside import check_counts, count_classes, to_images, to_labels, whole
from bg_interp.pixels import given
from bg_interp.report import evaluation as page
from bg_interp.storage import files

# Of these measures more is worse; all others are accuracies.
_MORE_IS_WORSE = ("bg_gap",)


@dataclasses.dataclass(frozen=True, eq=False)
class Report:
    """What an evaluation found: it prints and draws itself, saves a page, and checks thresholds.

    Attributes:
      evaluation: all measures.
      facts: (name, value) of how they were taken.
    """

    evaluation: Evaluation
    facts: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return str(self.evaluation)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return self.evaluation._repr_html_()

    @property
    def measures(self) -> dict[str, Estimate]:
        """Each measure with its 95 % interval, by name: `original`, `swap`, `bg_gap`, ..."""
        return self.evaluation.measures

    def worst(self, count: int = 12) -> "WorstImages":
        """Returns the images that depend most on their background; a notebook shows them."""
        rows = self.evaluation.worst(whole(count, "count", 1))
        test = self.evaluation.test
        variants = Variants(test, self.evaluation.measured["seed"])
        swapped = variants.make("swap", np.array(rows, np.int64))
        keys = tuple(self.evaluation.keys[row] for row in rows)
        names = tuple(self.evaluation.classes[label] for label in test.labels[rows])
        return WorstImages(keys, names, test.images[rows], swapped)

    def check(self, **limits: float) -> gate.Verdicts:
        """Tells whether every measure keeps its limit, and prints a line for each.

        A limit is broken only when the whole interval is beyond it: `check(bg_gap=0.1,
        worst_group=0.6)` asks for a gap of at most 0.1 and a worst group of at least 0.6. Where
        something is in doubt, every limit is undecided.

        Returns:
          The verdicts, which are true only where all pass.

        Raises:
          UserError: no measure of that name, or a limit that is no number.
        """
        conditions = []
        for name, limit in limits.items():
            if name not in self.measures:
                raise UserError(
                    f"check takes the measures {', '.join(self.measures)}. "
                    f"Received: {name!r}{nearest(name, self.measures)}"
                )
            if not isinstance(limit, int | float) or math.isnan(limit):
                raise UserError(f"{name} must be a number. Received: {limit!r}")
            conditions.append(Condition(name, name in _MORE_IS_WORSE, float(limit)))
        verdicts = gate.check(conditions, self.measures, self.evaluation.doubts)
        print(verdicts)
        return verdicts

    def to_dict(self) -> dict[str, Any]:
        """Returns what JSON can hold."""
        return self.evaluation.to_dict()

    def save(self, path: str | pathlib.Path) -> None:
        """Writes one page (.html), all numbers (.json), or a row for each image (.csv).

        Raises:
          UserError: another ending, or a file that cannot be written.
        """
        path = pathlib.Path(path)
        if path.suffix == ".json":
            files.write_json(path, self.to_dict())
        elif path.suffix == ".csv":
            files.write_text(path, self.evaluation.to_csv())
        elif path.suffix == ".html":
            page.write(
                path,
                self.evaluation,
                command="bg_interp.evaluate(model, images, labels, masks)",
                facts=self.facts,
                masks=page.MaskFacts("given", {}),
            )
        else:
            raise UserError(f"path must end in .html, .json or .csv. Received: {path}")


@dataclasses.dataclass(frozen=True, eq=False)
class WorstImages:
    """Images that are right as they are and wrong before the background of another class.

    Attributes:
      keys: their names, or their places among the images given.
      classes: the names of their classes.
      images: uint8 [N, H, W, 3].
      swapped: the same objects before the background of another class.
    """

    keys: tuple[str, ...]
    classes: tuple[str, ...]
    images: np.ndarray
    swapped: np.ndarray

    def __len__(self) -> int:
        return len(self.keys)

    def __str__(self) -> str:
        pairs = zip(self.keys, self.classes, strict=True)
        return ", ".join(f"{key} ({name})" for key, name in pairs) or "none"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        if not self.keys:
            return "<p>No image depends on its background alone.</p>"
        sheet = pictures.grid(np.stack([self.images, self.swapped]), self.keys)
        return pictures.html_image(sheet, str(self))


def evaluate(
    model: keras.Model | Callable | str | pathlib.Path,
    images: np.ndarray | Sequence,
    labels: np.ndarray | Sequence,
    masks: np.ndarray | Sequence,
    *,
    class_names: Sequence[str] | None = None,
    preprocess: str | Callable | None = "auto",
    input_range: tuple[float, float] | None = None,
    output_kind: str | None = None,
    keys: Sequence[str] | None = None,
    backgrounds: int = 8,
    seed: int = 0,
    invert_masks: bool | None = None,
    mask_values: Any = None,
) -> Report:
    """Measures how much a classifier depends on backgrounds.

    Example:
      ```
      report = bg.evaluate(model, images, labels, masks, class_names=names)
      report.save("report.html")
      report.check(bg_gap=0.1)
      ```

    Args:
      model: a Keras model; the path of a .keras, .h5 or .onnx file, of a SavedModel or of a trained
        run; or a function from float32 or uint8 [B, H, W, 3] to scores [B, K], arrays both.
      images: test images, [N, H, W, 3] in 0 to 255 or 0 to 1.
      labels: class numbers [N], or one-hot [N, K].
      masks: [N, H, W] or [N, H, W, 1], in any common format, or what `bg.segment` returned.
      class_names: K names; None for numbers.
      preprocess: "auto" puts its own preprocessing before a network of keras.applications; a
        function of images in [0, 255]; None for none.
      input_range: what the model takes for black and white, instead of `preprocess`; None takes
        [0, 255], or the range in which it is clearly better, which is said.
      output_kind: "logits" or "probabilities"; None looks at a few outputs: rows that lie in 0 to 1
        and add up to 1 are probabilities.
      keys: names of the images; None for their numbers.
      backgrounds: how many other backgrounds each object is tried before; 0 for none.
      seed: keys all that is random.
      invert_masks: True where black is the object; False says that white is, however it looks.
      mask_values: which values of masks are object, where they are maps of labels or colours: a
        number, a list of numbers, "1:20" or "#800000".

    Returns:
      All measures with their 95 % intervals, which print and show themselves.

    Raises:
      UserError: arguments that cannot be used, or do not fit each other.
    """
    pixels = to_images(images)
    rules = MaskRules.of(invert_masks, mask_values)
    opacity = opacity_of(masks, pixels, rules)
    check_counts(images=pixels, labels=labels)
    seed, backgrounds = whole(seed, "seed"), whole(backgrounds, "backgrounds")
    if keys is not None and len(keys) != len(pixels):
        raise UserError(f"keys must name all {len(pixels)} images. Received: {len(keys)}")
    if output_kind is not None and output_kind not in KINDS:
        raise UserError(f"output_kind must be one of {', '.join(KINDS)}. Received: {output_kind!r}")
    found = load_classifier(model)
    names = class_names if class_names is not None else found.class_names
    if names is not None:
        check_listed(names)
    found = opening.opened(
        found,
        pixels,
        _numbers(labels),
        pixels=given(preprocess, input_range),
        output_kind=output_kind,
        class_names=names,
    )
    adapted = found.model
    for sentence in found.notes:
        print(f"{found.name}: {sentence}", file=sys.stderr)
    classes = found.classes
    test = Arrays(pixels, opacity, to_labels(labels, classes))
    facts = {
        "model": found.name,
        "preprocess": adapted.pixels.name,
        "input_range": adapted.pixels.range and list(adapted.pixels.range),
        "output_kind": adapted.output_kind,
        "found": list(found.notes),
    }
    evaluation = measure(
        adapted,
        test,
        names_of(names, classes),
        keys=keys,
        backgrounds=backgrounds,
        seed=seed,
        facts=facts,
        doubts=found.doubts,
    )
    shown = {"seed": seed, **facts, "found": "; ".join(found.notes)}
    return Report(evaluation, tuple((name, str(value)) for name, value in shown.items() if value))


def leak(
    images: np.ndarray | Sequence,
    labels: np.ndarray | Sequence,
    masks: np.ndarray | Sequence,
    *,
    seed: int = 0,
    invert_masks: bool | None = None,
    mask_values: Any = None,
) -> Leak:
    """Measures how well backgrounds alone tell the label, before any model is trained.

    Args:
      images: [N, H, W, 3] in 0 to 255 or 0 to 1.
      labels: class numbers [N], or one-hot.
      masks: [N, H, W] or [N, H, W, 1], in any common format.
      seed: keys which images are looked at, and how they are divided.
      invert_masks: True where black is the object; False says that white is, however it looks.
      mask_values: which values of masks are object, where they are maps of labels or colours: a
        number, a list of numbers, "1:20" or "#800000".

    Returns:
      The share of labels that a classifier of backgrounds finds, with its 95 % interval.

    Raises:
      UserError: arguments that cannot be used, or fewer than two classes of five images.
    """
    pixels = to_images(images)
    rules = MaskRules.of(invert_masks, mask_values)
    opacity = opacity_of(masks, pixels, rules)
    for doubt in doubts_about(Areas.of(opacity), rules):
        print(f"in doubt, {doubt.about}: {doubt}", file=sys.stderr)
    check_counts(images=pixels, labels=labels)
    numbers = to_labels(labels, count_classes(labels))
    return measure_leak(Arrays(pixels, opacity, numbers), whole(seed, "seed"))


def _numbers(labels: np.ndarray | Sequence) -> np.ndarray:
    """Returns class numbers before the number of classes is known; see `to_labels`."""
    return to_labels(labels, count_classes(labels))


def names_of(class_names: Sequence[str] | None, classes: int) -> list[str]:
    """Returns the names of a classifier's outputs: numbers where none are given.

    Raises:
      UserError: there is not one for each.
    """
    if class_names is None:
        return [str(number) for number in range(classes)]
    check_names(class_names, classes)
    return [str(name) for name in class_names]
