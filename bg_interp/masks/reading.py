"""Masks inside a tf.data graph: from a position to a mask that lies on its image.

Masks that are made here are decoded by TensorFlow, without Python on the way. Those from outside
are checked when they are read: each must be in the format of the others and of its image's shape.
One that is not becomes empty, and its place and reason are noted.
"""

import hashlib
import json
import pathlib
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from bg_interp import decoding
from bg_interp.masks import formats, raw, shapes
from bg_interp.masks.shards import Entry
from bg_interp.storage import records

Reader = Callable[[tf.Tensor], tf.Tensor]


def range_reader(folder: pathlib.Path, entries: Sequence[Entry]) -> Reader:
    """Returns a reader of PNGs that stand at known places in larger files.

    Args:
      folder: of the shards.
      entries: where each mask stands.

    Returns:
      A function from a position in `entries`, int64 scalar, to uint8 [height, width, 1].
    """
    names = sorted({entry.shard for entry in entries})
    numbers = {name: number for number, name in enumerate(names)}
    index = records.RecordIndex(
        paths=tuple(str(folder / name) for name in names),
        file_of=np.array([numbers[entry.shard] for entry in entries], np.int32),
        offsets=np.array([entry.offset for entry in entries], np.int64),
        lengths=np.array([entry.length for entry in entries], np.int64),
    )
    return lambda position: tf.io.decode_png(index.read(position), channels=1)


def read_mask(path: pathlib.Path) -> raw.Raw:
    """Reads a mask's file as it is.

    Raises:
      OddMask: it cannot be read; the message says why, as a clause.
    """
    try:
        return raw.read(path)
    except (OSError, decoding.DamagedImage) as error:
        reason = getattr(error, "strerror", None) or error
        raise formats.OddMask(f"cannot be read ({reason})") from error


def _handed_over(position: int) -> raw.Raw:
    raise ValueError(f"the mask must be handed over. Received: position {position} alone")


class CheckedMasks:
    """Masks from outside, each checked when it is read.

    Args:
      names: what to call the mask of a position, such as its file.
      chosen: the format that all shall have.
      read: from a position to a mask as it stands there, raises OddMask; by default, masks are
        handed over.
      turns: int [N], EXIF's orientation of each image; None where nothing is turned.
      stored: whether masks are drawn on stored pixels, where their shape does not tell.

    Attributes:
      odd: {position: why the mask cannot be used}, of those that were read so far.
    """

    def __init__(
        self,
        names: Callable[[int], str],
        chosen: formats.Format,
        read: Callable[[int], raw.Raw] = _handed_over,
        turns: np.ndarray | None = None,
        stored: bool = False,
    ):
        self._read, self._names, self._format = read, names, chosen
        self._turns, self._stored = turns, stored
        self.odd: dict[int, str] = {}

    def mask(self, position: int, image: Sequence[int], found: raw.Raw | None = None) -> np.ndarray:
        """Reads one mask.

        Args:
          position: its place.
          image: height and width of its image, as it is shown.
          found: the mask, where it is read already.

        Returns:
          uint8 [h, w, 1] of the image's shape, perhaps at another scale, 255 = foreground; all 0 in
          the image's size where the mask cannot be used.
        """
        try:
            found = self._read(position) if found is None else found
            laid = shapes.laid_on(
                self._format.opacity(found),
                image,
                own_turn=found.orientation,
                image_turn=1 if self._turns is None else int(self._turns[position]),
                stored=self._stored,
            )
            return np.ascontiguousarray(laid)[..., None]
        except (formats.OddMask, shapes.OtherShape) as error:
            self.odd[position] = f"{self._names(position)} {error}"
            return np.zeros((*image[:2], 1), np.uint8)

    def in_graph(
        self, position: tf.Tensor, image: tf.Tensor, values: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Returns the mask of an image, uint8 [h, w, 1], in a graph or eagerly.

        Args:
          position: int64 scalar.
          image: uint8 [H, W, 3], as it is shown.
          values: the mask, [h, w, C], where it is read already.
        """

        def read(where: np.ndarray, shape: np.ndarray, *given: np.ndarray) -> np.ndarray:
            found = raw.of_array(given[0]) if given else None
            return self.mask(int(where), shape.tolist(), found)

        inputs = [position, tf.shape(image)[:2], *([] if values is None else [values])]
        found = tf.numpy_function(read, inputs, tf.uint8, stateful=False)
        return tf.ensure_shape(found, [None, None, 1])


def fingerprint(keys: Sequence[str], paths: Sequence[pathlib.Path]) -> str:
    """Returns a sha256 of the sizes of masks, which changes when they do.

    Args:
      keys: of their images.
      paths: of their files; those that are missing count as empty.
    """
    sizes = [
        (key, path.stat().st_size if path.is_file() else 0)
        for key, path in zip(keys, paths, strict=True)
    ]
    return hashlib.sha256(json.dumps(sizes).encode()).hexdigest()
