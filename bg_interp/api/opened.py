"""Anybody's dataset opened as arrays, for use from Python."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from bg_interp import pictures
from bg_interp.arguments import whole
from bg_interp.cli import check
from bg_interp.config.data import DataConfig, check_data
from bg_interp.data.opening import decoded_with_masks
from bg_interp.data.sources import Source, open_source
from bg_interp.errors import UserError, nearest

_SHOWN = 24
_SIZE = 224  # Of images, in pixels, where nothing else is said.


class Opened(Mapping[str, Any]):
    """Images of one split, and what is known about them, for `bg.evaluate(model, **opened)`.

    Attributes:
      images: uint8 [N, S, S, 3].
      labels: int32 [N].
      masks: uint8 [N, S, S, 1], 255 = foreground; None where there are none.
      class_names: K names.
      places: the kind of background of each image, N names; None if unknown.
      units: int32 [N], equal for images that belong together; None if unknown.
      names: N keys of the images; as an argument they are called `keys`.
      notes: what was odd or left out, a line each.
    """

    def __init__(self, source: Source, split: str, arrays: Mapping[str, np.ndarray], origin: str):
        chosen, rows = source.splits[split], arrays["index"]
        kinds = None if chosen.places is None else np.asarray(chosen.places)[rows]
        units = getattr(chosen, "units", None) or {}
        together = units.get("object", units.get("scene"))
        self._dataset, self._split, self._origin = source.name, split, origin
        self.images, self.labels = arrays["image"], arrays["label"]
        self.masks = None if origin == "none" else arrays["mask"]
        self.class_names = tuple(source.class_names)
        self.places = None if kinds is None else [source.place_names[kind] for kind in kinds]
        self.units = None if together is None else together[rows]
        self.names = [chosen.keys[row] for row in rows]
        self.notes: tuple[str, ...] = getattr(source, "notes", ())

    def _arguments(self) -> dict[str, Any]:
        known = {
            "images": self.images,
            "labels": self.labels,
            "masks": self.masks,
            "class_names": self.class_names,
            "keys": self.names,
            "places": self.places,
            "units": self.units,
        }
        return {name: value for name, value in known.items() if value is not None}

    def __getitem__(self, name: str) -> Any:
        return self._arguments()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._arguments())

    def __len__(self) -> int:
        return len(self._arguments())

    def __str__(self) -> str:
        counts = np.bincount(self.labels, minlength=len(self.class_names)).tolist()
        classes = [f"{name} {n}" for name, n in zip(self.class_names, counts, strict=True)]
        lines = [
            f"{self._dataset}, {self._split}: {len(self.labels)} images of {len(counts)} classes "
            f"({_listed(classes)}), {self.images.shape[2]} x {self.images.shape[1]} pixels",
            f"masks: {self._origin}",
        ]
        if self.places is not None:
            lines.append(f"places: {_listed(sorted(set(self.places)))}")
        return "\n".join([*lines, *self.notes])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Shows some images, their background darkened."""
        rows = np.linspace(0, len(self.labels) - 1, min(_SHOWN, len(self.labels))).astype(int)
        images = self.images[rows]
        if self.masks is not None:
            images = images * (0.3 + 0.7 * (self.masks[rows] / 255.0))
        names = [self.class_names[label] for label in self.labels[rows]]
        return pictures.html_image(pictures.grid(images[None], names), str(self))


def _listed(names: list[str], most: int = 12) -> str:
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")


def open(
    dataset: str,
    *,
    split: str | None = None,
    image_size: int = _SIZE,
    masks: str = "auto",
    **settings: Any,
) -> Opened:
    """Opens a dataset as the programs do: `bg.open("waterbirds:PATH")`.

    Example:
      ```
      data = bg.open("coco:annotations/instances_val2017.json", data_dir="val2017")
      bg.evaluate(model, **data)
      ```

    Args:
      dataset: folder:PATH, table:FILE.csv, coco:FILE.json, yolo:FILE.yaml, labelme:PATH, voc:PATH,
        waterbirds:PATH, ..., or tfds:NAME.
      split: train or test, or another that the dataset has; None takes test, or all images if they
        are not split.
      image_size: side of the images in pixels, that of your classifier.
      masks: auto (the dataset's own, else those of a segmenter), none, or folder:PATH.
      **settings: other data flags of the programs, such as data_dir, only_classes, resize.

    Returns:
      Decoded images, labels, masks and whatever else is known.

    Raises:
      UserError: no such dataset, split or setting, or masks that are missing.
    """
    known = {field.name for field in dataclasses.fields(DataConfig)}
    for name in settings:
        if name not in known:
            raise UserError(
                f"there is no setting {name!r} of data{nearest(name, known)}; docs/data.md names "
                "them"
            )
    size = whole(image_size, "image_size", 1)
    config = DataConfig(dataset=dataset, masks=masks, image_size=size, **settings)
    check(config)
    check_data(config)
    source, split = open_source(config, whole=split is None), split or "test"
    if split not in source.splits:
        raise UserError(
            f"split must be one of {', '.join(source.splits)}. Received: {split!r}"
            f"{nearest(split, source.splits)}"
        )
    examples, chosen = decoded_with_masks(source, split, config)
    return Opened(source, split, examples.arrays, chosen.origin)
