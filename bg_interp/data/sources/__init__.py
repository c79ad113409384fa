"""Where images come from: a module for each kind of `--dataset`, each with an `open_source`."""

import dataclasses
import importlib
import pathlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from bg_interp.config.annotations import READERS, dataset_of
from bg_interp.config.data import SourceConfig, check_source
from bg_interp.errors import UserError, printable

if TYPE_CHECKING:
    import numpy as np
    import tensorflow as tf

# So many classes are named.
_NAMED = 12
# Imported when they are asked for: processes that draw or decode have no use for TensorFlow.
_MODULES = {
    "habitats": "habitats.builder",
    "composites": "composites.builder",
    "tfds": "tfds_source",
    "folder": "folder",
    **{name: f"tables.{name}" for name in READERS},
}


class Split(Protocol):
    """Some images of a source, in an order that never changes."""

    @property
    def keys(self) -> list[str]:
        """A name of each image that stays the same as long as the image does."""

    @property
    def labels(self) -> "np.ndarray":
        """The class of each image, int32 [N]."""

    @property
    def places(self) -> "np.ndarray | None":
        """The kind of background of each image, int32 [N]; None where nothing tells it."""

    def __len__(self) -> int: ...

    # A split may have `units` as well: {"object" or "scene": int32 [N], equal for images of the
    # same one}, so that what belongs together is counted together.

    def images(self, positions: Sequence[int] | None = None) -> "Iterator[np.ndarray]":
        """Yields the images at `positions` (default: all) as uint8 [height, width, 3]."""

    def load(self, position: "tf.Tensor") -> "dict[str, tf.Tensor]":
        """Returns one example, in a graph or eagerly.

        `image` is uint8 [height, width, 3] and `label` int32; a source with masks of its own adds
        `mask`, uint8 [height, width, 1] with 255 = foreground.
        """


class Source(Protocol):
    """Images with labels, and perhaps masks of their own."""

    @property
    def name(self) -> str:
        """What `--dataset` calls it."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes in the order of their labels."""

    @property
    def place_names(self) -> tuple[str, ...]:
        """The kinds of background, by the numbers of `Split.places`; empty where there are none."""

    @property
    def splits(self) -> "Mapping[str, Split]":
        """`train` and `test`, and perhaps more."""

    @property
    def fingerprint(self) -> str:
        """Changes whenever the images do."""

    @property
    def has_masks(self) -> bool:
        """Whether each example brings a mask."""

    @property
    def damaged(self) -> tuple[tuple[str, str], ...]:
        """The files that were left out, each with the reason."""


def open_source(config: SourceConfig, whole: bool = False) -> Source:
    """Opens a source of images, and says what it holds.

    Args:
      config: names it.
      whole: take all images for both splits where nobody has divided them: for a classifier that
        has learned from others.

    Raises:
      UserError: the source does not exist or cannot be used; the message says why.
    """
    check_source(config)
    kind, _, rest = config.dataset.partition(":")
    module = importlib.import_module(f"{__name__}.{_MODULES[kind]}")
    open_it = getattr(module, "open_whole", module.open_source) if whole else module.open_source
    try:
        source = open_it(rest, config)
    except UserError as error:
        other = dataset_of(pathlib.Path(rest).expanduser()) if kind == "folder" else ""
        if not other:
            raise
        raise UserError(f"{error}; or is it --dataset={other}?") from error
    print(described(source), file=sys.stderr)
    return source


def open_each_once(config: SourceConfig) -> Source:
    """Opens a source whose images are gone through one by one, whatever split they belong to.

    No class needs images to train on and others to test on; images that nobody has divided stand
    in one split.

    Raises:
      UserError: see `open_source`.
    """
    source = open_source(config, whole=True)
    splits = source.splits
    if list(splits["train"].keys) != list(splits["test"].keys):
        return source
    return dataclasses.replace(source, splits={"test": splits["test"]})  # type: ignore[type-var]


def described(source: Source) -> str:
    """Says in one line what classes and how many images a source holds."""
    names = source.class_names
    shown = ", ".join(names[:_NAMED]) + (", ..." if len(names) > _NAMED else "")
    said = printable(f"{source.name}: {len(names)} classes ({shown})")
    splits = source.splits
    if not getattr(source, "divided", False):
        return f"{said}, images: {_counted(splits)}"
    if splits["train"].keys == splits["test"].keys:
        return f"{said}, {len(splits['test'])} images, all used: nobody has divided them"
    return f"{said}, images, divided here by a hash of their names: {_counted(splits)}"


def _counted(splits: "Mapping[str, Split]") -> str:
    return ", ".join(f"{name} {len(split)}" for name, split in splits.items())
