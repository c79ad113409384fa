"""From the value of `--dataset` to a source: images, labels, keys and, where there are, masks.

A source has `name`, `class_names`, `place_names`, `fingerprint`, `has_masks`, `damaged` and
`splits`; a split has `keys`, `labels`, `places` (None where nothing tells them),
`images(positions)` and `load(position)`, and with masks `masks(positions)`.
"""

import pathlib
from typing import TYPE_CHECKING, Union

from bg_interp.config.training import check_dataset

if TYPE_CHECKING:
    from bg_interp.data.sources.folder import FolderSource
    from bg_interp.data.sources.tfds_source import TfdsSource

Source = Union["FolderSource", "TfdsSource"]


def open_source(
    spec: str,
    *,
    data_dir: str | None = None,
    image_size: int = 64,
    correlation: float = 0.95,
    data_seed: int = 0,
) -> Source:
    """Opens a source of images.

    Args:
      spec: "habitats", "tfds:NAME" or "folder:PATH".
      data_dir: where TFDS keeps prepared data; None for the default. Not used by folders.
      image_size: for habitats: the size that is drawn, in pixels (64, 96 or 128).
      correlation: for habitats: the probability that an image stands on its own class's
        background.
      data_seed: for habitats: the seed of the drawing.

    Raises:
      UserError: the source does not exist or cannot be used; the message says why.
    """
    check_dataset(spec)
    kind, _, rest = spec.partition(":")
    if kind == "folder":
        from bg_interp.data.sources.folder import open_folder

        return open_folder(pathlib.Path(rest).expanduser())
    from bg_interp.data.sources import tfds_source

    if kind == "tfds":
        return tfds_source.open_tfds(rest, data_dir)
    from bg_interp.data.sources import habitats

    builder = habitats.load_or_prepare(image_size, correlation, data_seed, data_dir)
    return tfds_source.from_builder(builder, "habitats")
