"""The images of one split of annotations, each with what draws its mask."""

import dataclasses
import pathlib
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import tensorflow as tf

from bg_interp import decoding
from bg_interp.config.mask_rules import MaskRules
from bg_interp.data.sources.examining import Examined
from bg_interp.data.sources.tables.drawn import BadMask, Drawing, fitted, is_box
from bg_interp.data.sources.tables.masks_of_files import FileMasks
from bg_interp.data.sources.tables.rows import Row
from bg_interp.doubts import Doubt
from bg_interp.masks.opening import Photographs


@dataclasses.dataclass(frozen=True, eq=False)
class TableSplit:
    """The images of one split (attributes as `FolderSplit`).

    Attributes:
      paths: of the images.
      turns: int8 [N], EXIF's orientation of each file's pixels.
      drawings: of their objects, None for an image without; empty where no image has one.
      files: the masks that stand in files which somebody names; None where there are none.
      odd_masks: {position: why a mask cannot be used}, of those that were read so far.
      places: int32 [N], the kind of each image's background; None where nothing tells.
      units: {"object" or "scene": int32 [N], equal for images that show the same one}; those that
        nothing tells of are left out.
    """

    keys: list[str]
    paths: list[pathlib.Path]
    labels: np.ndarray
    turns: np.ndarray
    drawings: list[Drawing | pathlib.Path | None]
    files: FileMasks | None = None
    places: np.ndarray | None = None
    units: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)
    odd_masks: dict[int, str] = dataclasses.field(default_factory=dict)

    @property
    def mask_doubts(self) -> tuple[Doubt, ...]:
        """What the masks leave open."""
        doubts = () if self.files is None else self.files.doubts
        drawn = [one for one in self.drawings if one and not isinstance(one, pathlib.Path)]
        boxes = sum(map(is_box, drawn))
        return (*doubts, _of_boxes(boxes, len(drawn))) if 2 * boxes > len(drawn) else doubts

    def __len__(self) -> int:
        return len(self.keys)

    def images(self, positions: Sequence[int] | None = None) -> Iterator[np.ndarray]:
        """Yields the images at `positions` (default: all) as uint8 [height, width, 3]."""
        for position in range(len(self)) if positions is None else positions:
            yield decoding.read(self.paths[position])

    def masks(self, positions: Sequence[int] | None = None) -> Iterator[np.ndarray]:
        """Yields the masks at `positions` as uint8 [height, width, 1], 255 = foreground."""
        for position in range(len(self)) if positions is None else positions:
            height, width = decoding.read(self.paths[position]).shape[:2]
            yield self._mask(position, height, width)

    def _read(self, position: np.int64) -> np.ndarray:
        return decoding.read_again(self.paths[int(position)])

    def photographs(self) -> Photographs:
        """Returns the files, for masks that are laid on them."""
        return Photographs(lambda position: self.paths[position], self.turns)

    def _mask(self, position: int | np.int64, height: int, width: int) -> np.ndarray:
        """Returns one mask; one that cannot be used is empty, and its reason is noted."""
        at, height, width = int(position), int(height), int(width)
        drawing = self.drawings[at]
        try:
            if isinstance(drawing, pathlib.Path) and self.files is not None:
                return self.files.mask(at, height, width)
            if drawing is not None and not isinstance(drawing, pathlib.Path):
                return fitted(drawing.drawn(height, width), height, width, int(self.turns[at]))
        except BadMask as error:
            self.odd_masks[at] = f"{self.paths[at]}: {error}"
        return np.zeros((height, width, 1), np.uint8)

    def load(self, position: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns `image`, uint8 [h, w, 3], `label`, int32, and `mask`, uint8 [h, w, 1], if any."""
        image = tf.numpy_function(self._read, [position], tf.uint8, stateful=False)
        image = tf.ensure_shape(image, [None, None, 3])
        found = {"image": image, "label": tf.gather(self.labels, position)}
        if self.drawings:
            size = tf.shape(image)
            mask = tf.numpy_function(
                self._mask, [position, size[0], size[1]], tf.uint8, stateful=False
            )
            found["mask"] = tf.ensure_shape(mask, [None, None, 1])
        return found


def _of_boxes(boxes: int, count: int) -> Doubt:
    return Doubt(
        "masks",
        f"{boxes} of {count} outlines are boxes, which hold background as well",
        "make masks with tools/segment.py and give --masks=object, or draw outlines",
    )


def _numbers(values: Sequence[str]) -> np.ndarray | None:
    """Returns equal numbers for equal names, int32 [N], each unnamed one by itself; None for none.

    Names that are all different say nothing.
    """
    if len(set(values) - {""}) in (0, len(values)):
        return None
    named = [value or f"\0{number}" for number, value in enumerate(values)]
    return np.unique(named, return_inverse=True)[1].astype(np.int32)


def split_of_rows(
    rows: Sequence[Row],
    names: Sequence[str],
    places: Sequence[str],
    examined: Mapping[str, Examined],
    what: str,
    rules: MaskRules | None,
) -> TableSplit:
    """Makes a split.

    Args:
      rows: one an image.
      names: of classes, in the order of labels.
      places: of kinds of background, in the order of their numbers; empty where nothing tells.
      examined: {key: what was found when it was decoded}.
      what: names the dataset in messages.
      rules: what somebody says of masks in files.

    Raises:
      UserError: masks in files that no rule makes opacities of.
    """
    number, place = ({name: n for n, name in enumerate(some)} for some in (names, places))
    drawings = [row.mask for row in rows]
    paths = [row.image for row in rows]
    turns = np.array([examined[row.key].turn for row in rows], np.int8)
    written = [mask if isinstance(mask, pathlib.Path) else None for mask in drawings]
    named = {"object": [row.object for row in rows], "scene": [row.scene for row in rows]}
    units = {unit: _numbers(values) for unit, values in named.items()}
    return TableSplit(
        keys=[row.key for row in rows],
        paths=paths,
        labels=np.array([number[row.label] for row in rows], np.int32),
        turns=turns,
        drawings=drawings if any(drawings) else [],
        files=FileMasks(written, paths, turns, f"the masks of {what}", rules)
        if any(written)
        else None,
        places=np.array([place[row.place] for row in rows], np.int32) if places else None,
        units={unit: numbers for unit, numbers in units.items() if numbers is not None},
    )
