"""Masks in blocks, for machines that share the work: what one process makes of one block.

Nothing here knows what carries the blocks to other machines.
"""

import dataclasses
import functools
import pathlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np

from bg_interp.errors import UserError
from bg_interp.masks import precompute, workers
from bg_interp.masks.segmenters.opening import open_segmenter
from bg_interp.masks.segmenters.segmenter import Settings
from bg_interp.masks.shards import Mask

# What a lost machine costs for each of its processes.
IMAGES = 64


class Split(Protocol):
    """What is needed of a split of a source."""

    @property
    def keys(self) -> Sequence[str]:
        """Names the images, in their order."""

    def images(self, positions: Sequence[int]) -> Iterator[np.ndarray]:
        """Yields the images at these positions, uint8 RGB [H, W, 3]."""


@dataclasses.dataclass(frozen=True)
class Block:
    """Some images of one split."""

    split: str
    positions: Sequence[int]


@dataclasses.dataclass(frozen=True)
class Made:
    """The masks of a block in the order of its images, and a line for each unreadable image."""

    masks: list[Mask]
    problems: list[str]


def readable(
    split: Split, positions: Sequence[int], problems: list[str]
) -> Iterator[tuple[str, np.ndarray]]:
    """Yields keys and images; what can no longer be read is noted in `problems`."""
    while len(positions):
        done = 0
        try:
            for image in split.images(positions):
                done += 1
                yield split.keys[positions[done - 1]], image
        except (OSError, UserError) as error:
            problems.append(f"{split.keys[positions[done]]}: {error}")
            done += 1
        positions = positions[done:]


def divided(splits: Mapping[str, Split], missing: set[str]) -> Iterator[Block]:
    """Yields blocks of the images whose keys are missing, in the order of the source."""
    for name, split in splits.items():
        positions = [place for place, key in enumerate(split.keys) if key in missing]
        for at in range(0, len(positions), IMAGES):
            yield Block(name, positions[at : at + IMAGES])


class BlockMaker:
    """Makes the masks of blocks; a process that has one keeps its segmenter from block to block.

    Args:
      splits: of an opened source; sent along, not opened again.
      settings: of the segmenter.
      path: what `opening.prepare` returned; the file is sent along as well.
    """

    def __init__(self, splits: Mapping[str, Split], settings: Settings, path: pathlib.Path):
        self._splits, self._settings = dict(splits), settings
        self._model, self._suffix = path.read_bytes(), path.suffix

    def __call__(self, block: Block) -> Made:
        """Makes the masks of one block.

        Raises:
          UserError: the segmenter cannot be opened, or dies on one image after the other.
        """
        problems: list[str] = []
        images = readable(self._splits[block.split], block.positions, problems)
        if self._settings.backend == "keras":
            masks = list(precompute.in_batches(images, self._segmenter))
        else:
            masks = list(workers.share_out(images, [self._worker]))
        return Made(masks, problems)

    @functools.cached_property
    def _path(self) -> pathlib.Path:
        with tempfile.NamedTemporaryFile(suffix=self._suffix, delete=False) as file:
            file.write(self._model)
        return pathlib.Path(file.name)

    @functools.cached_property
    def _worker(self) -> workers.Worker:
        # A process of its own: an image that aborts MediaPipe costs that image, not the block.
        return workers.Worker(self._settings, self._path)

    @functools.cached_property
    def _segmenter(self):
        return open_segmenter(self._settings, self._path)
