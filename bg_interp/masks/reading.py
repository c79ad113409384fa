"""Masks inside a tf.data graph: from a position to a decoded mask, with no Python on the way."""

import hashlib
import json
import pathlib
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from bg_interp.errors import UserError
from bg_interp.masks import spelling
from bg_interp.masks.shards import Entry, png_name
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
    return lambda position: _decoded(index.read(position))


def png_folder_reader(
    path: pathlib.Path | str, keys: Sequence[str], flag: str = "--masks"
) -> Reader:
    """Returns a reader of masks that other tools made: `--masks=folder:PATH`.

    Args:
      path: a folder of PNGs with the images' relative names, white = foreground, however they are
        spelled (see `spelling`); 16 bits are read as 8.
      keys: the images' keys, such as "train/cat/a.jpg" for the mask "train/cat/a.png".
      flag: of the command line that named the folder, for the errors.

    Returns:
      A function from a position in `keys`, int64 scalar, to uint8 [height, width, 1].

    Raises:
      UserError: the folder or a mask is missing; the message names the first one. Or they are no
        opacities.
    """
    folder = pathlib.Path(path).expanduser()
    if not folder.is_dir():
        raise UserError(f"{flag}=folder:PATH must name a folder of PNGs. Received: {path}")
    masks = [folder / png_name(key) for key in keys]
    missing = [mask for mask in masks if not mask.is_file()]
    if missing:
        raise UserError(
            f"{len(missing)} of {len(keys)} masks are missing in {folder}; the first: "
            f"{missing[0]}; add them, or choose another {flag}"
        )
    paths = tf.constant([str(mask) for mask in masks] or [""])
    spelled = spelling.spelling_of_pngs(masks, f"{flag}=folder:{path}")

    def read(position: tf.Tensor) -> tf.Tensor:
        values = _values(tf.io.read_file(paths[position]), spelled.alpha)
        if spelled.scale == 1:
            return values
        # Not all masks were looked at.
        message = tf.strings.join(
            [
                "UserError: the mask ",
                paths[position],
                " must hold 0 and 1 as the others do; make foreground 255 and the rest 0 in all",
            ]
        )
        with tf.control_dependencies([tf.debugging.Assert(tf.reduce_max(values) <= 1, [message])]):
            return values * spelled.scale

    return read


def _values(png: tf.Tensor, alpha: bool) -> tf.Tensor:
    """Returns what a PNG says of each pixel, uint8 [height, width, 1]; see `spelling`."""
    if alpha:
        return tf.io.decode_png(png, channels=4)[..., 3:]
    # The header tells at this place how colours are stored; 3 is a palette.
    palette = tf.equal(tf.strings.substr(png, 25, 1), b"\x03")
    values = tf.cond(
        palette,
        lambda: tf.numpy_function(spelling.palette_numbers, [png], tf.uint8, stateful=False),
        lambda: _decoded(png),
    )
    return tf.ensure_shape(values, [None, None, 1])


def folder_fingerprint(path: pathlib.Path | str, keys: Sequence[str]) -> str:
    """Returns a sha256 of the sizes of a folder's masks, which changes when they do.

    Args:
      path: see `png_folder_reader`.
      keys: of the images whose masks count.

    Raises:
      UserError: a mask cannot be read.
    """
    folder = pathlib.Path(path).expanduser()
    try:
        sizes = [(key, (folder / png_name(key)).stat().st_size) for key in keys]
    except OSError as error:
        raise UserError(f"the masks in {folder} cannot be read: {error}") from error
    return hashlib.sha256(json.dumps(sizes).encode()).hexdigest()


def _decoded(png: tf.Tensor) -> tf.Tensor:
    return tf.io.decode_png(png, channels=1)
