"""What a dataset and its masks are taken for, shown before anything is trained or measured.

`tools/segment.py --check` is its command line.
"""

import dataclasses
import pathlib

import numpy as np
import tensorflow as tf

from bg_interp import pictures
from bg_interp.config.data import DataConfig
from bg_interp.config.segmentation import SegmentConfig
from bg_interp.data import mask_choice
from bg_interp.data.opening import decoded_with_masks
from bg_interp.data.sources import Source, Split, open_source
from bg_interp.doubts import Doubt
from bg_interp.errors import UserError
from bg_interp.masks.review import overlay

_SHOWN = 24
_COLUMNS = 3
# Masks are counted at this side, which is enough to see whether they are empty.
_SMALL = 64


@dataclasses.dataclass(frozen=True, eq=False)
class Checked:
    """What was understood of a dataset.

    Attributes:
      source: the images.
      masks: of each split, as they are; {} where there are none.
      problem: why there are no masks; "" where there are some.
      sheet: a picture of some images with their masks laid over.
    """

    source: Source
    masks: dict[str, mask_choice.Masks]
    problem: str
    sheet: pathlib.Path

    def __str__(self) -> str:
        return "\n".join(
            [
                f"{self.source.name}: {len(self.source.class_names)} classes",
                _table(self.source),
                *_places(self.source),
                *self._masks(),
                f"some of the images, with their masks laid over: {self.sheet}",
            ]
        )

    __repr__ = __str__

    def _masks(self) -> list[str]:
        if self.problem:
            return [f"masks: {self.problem}"]
        lines = []
        for split, found in self.masks.items():
            total = len(self.source.splits[split])
            told = mask_choice.listed(found.counts) or "none empty"
            lines.append(f"masks of {split}: {found.origin}, {total} images, {told}")
        return [*lines, *(f"in doubt: {doubt}" for doubt in self.doubts)]

    @property
    def doubts(self) -> tuple[Doubt, ...]:
        """What the masks of all splits leave open."""
        return tuple(
            dict.fromkeys(doubt for found in self.masks.values() for doubt in found.doubts)
        )


def run(config: SegmentConfig) -> Checked:
    """Opens a dataset and its masks, and draws some of them.

    Raises:
      UserError: the dataset cannot be opened; masks that are missing are told.
    """
    data = data_config(config)
    source, masks, problem = open_source(data), {}, ""
    try:
        for split in source.splits:
            masks[split] = _masks_of(source, split, data)
    except UserError as error:
        masks, problem = {}, str(error)
    sheet = pathlib.Path(config.sheet).expanduser()
    _draw(sheet, source, masks)
    return Checked(source, masks, problem, sheet)


def data_config(config: SegmentConfig) -> DataConfig:
    """Returns the settings of images and masks alone."""
    names = {field.name for field in dataclasses.fields(DataConfig)}
    given = {name: value for name, value in dataclasses.asdict(config).items() if name in names}
    return DataConfig(**given)


def _masks_of(source: Source, split: str, config: DataConfig) -> mask_choice.Masks:
    """Returns a split's masks once all of them were looked at."""
    small = dataclasses.replace(config, image_size=_SMALL, on_bad_mask="keep")
    own = source.has_masks and config.masks in ("auto", "dataset")
    if own and "mask" not in _example(source.splits[split], 0):
        return mask_choice.Masks(None, "none", {})
    return decoded_with_masks(source, split, small)[1]


def _example(split: Split, position: int) -> dict[str, tf.Tensor]:
    return split.load(tf.constant(position, tf.int64))


def _table(source: Source) -> str:
    """Returns how many images of each class each split has."""
    from tabulate import tabulate

    counts = {
        name: np.bincount(split.labels, minlength=len(source.class_names))
        for name, split in source.splits.items()
    }
    rows = [
        [name, *(int(column[label]) for column in counts.values())]
        for label, name in enumerate(source.class_names)
    ]
    totals = ["all", *(int(column.sum()) for column in counts.values())]
    return tabulate([*rows, totals], ["class", *counts], disable_numparse=True)


def _places(source: Source) -> list[str]:
    """Returns how many images of each class stand at each place, a table for each split."""
    from tabulate import tabulate

    lines = []
    for name, split in source.splits.items():
        if split.places is None:
            continue
        counts = np.zeros((len(source.class_names), len(source.place_names)), int)
        np.add.at(counts, (split.labels, split.places), 1)
        rows = [[label, *row] for label, row in zip(source.class_names, counts, strict=True)]
        heads = [f"{name}, by place", *source.place_names]
        lines.append("\n" + tabulate(rows, heads, disable_numparse=True))
    return lines


def _draw(sheet: pathlib.Path, source: Source, masks: dict[str, mask_choice.Masks]) -> None:
    """Writes a picture of some images of each class, with their masks laid over."""
    everything = [(name, row) for name, split in source.splits.items() for row in range(len(split))]
    labels = np.concatenate([split.labels for split in source.splits.values()])
    panels = []
    for name, position in (everything[row] for row in _chosen(labels)):
        images, found = source.splits[name], masks.get(name)
        example, mask = _example(images, position), None
        if found is not None and found.read is not None:
            mask = found.read(tf.constant(position, tf.int64), example).numpy()[..., 0]
        told = [source.class_names[int(images.labels[position])]]
        if images.places is not None:
            told.append(source.place_names[int(images.places[position])])
        caption = f"{', '.join(told)}   {images.keys[position][-36:]}"
        panels.append(overlay.panel(example["image"].numpy(), mask, caption))
    pictures.save_png(sheet, pictures.sheet(panels, columns=_COLUMNS, gap=6))


def _chosen(labels: np.ndarray) -> list[int]:
    """Returns the positions of images to show, spread over all classes and over each of them."""
    classes = np.unique(labels)
    each = max(1, _SHOWN // len(classes))
    found: list[int] = []
    for label in classes[:_SHOWN].tolist():
        rows = np.flatnonzero(labels == label)
        found += rows[np.linspace(0, len(rows) - 1, min(each, len(rows))).astype(int)].tolist()
    return found
