"""Fills a mask store: every image once, in worker processes, resumable after a kill."""

import contextlib
import pathlib
import time
from collections.abc import Generator, Iterable, Iterator

import numpy as np

from bg_interp.errors import UserError
from bg_interp.masks import encoding, workers
from bg_interp.masks.segmenters.opening import open_segmenter
from bg_interp.masks.segmenters.segmenter import Segmenter, Settings
from bg_interp.masks.shards import Mask
from bg_interp.masks.store import MaskStore
from bg_interp.storage import locks

# A shard is closed when it holds this much or is this old: what a kill can cost.
_SHARD_MASKS = 256
_SHARD_BYTES = 2**24
_SHARD_SECONDS = 30.0
# Images that the Keras backend takes at once.
_BATCH = 8


def fill(
    store: MaskStore,
    images: Iterable[tuple[str, np.ndarray]],
    path: pathlib.Path,
    worker_count: int = 1,
) -> Iterator[Mask]:
    """Makes the masks of `images` and stores them; yields each one, for a progress bar.

    Every mask that was yielded is stored when this ends, also by an exception or when the caller
    stops iterating.

    Args:
      store: takes the masks; its settings say how they are made.
      images: keys, and uint8 RGB [H, W, 3].
      path: what `segmenters.opening.prepare` returned for them.
      worker_count: processes to use; the Keras backend runs in this one instead.

    Raises:
      UserError: the segmenter cannot be opened, the store cannot be written, or another process
        fills it.
    """
    if store.settings.backend == "keras":
        masks = _in_one_process(images, store.settings, path)
    else:
        masks = workers.make_masks(images, store.settings, path, worker_count)
    yield from keep(store, masks)


def keep(store: MaskStore, masks: Generator[Mask, None, None]) -> Iterator[Mask]:
    """Stores masks that are made elsewhere, as `fill` does; starts `masks` with the store locked.

    Raises:
      UserError: the store cannot be written, or another process fills it.
    """
    with _alone(store):
        store.remove_orphans()
        yield from _stored(store, masks)


@contextlib.contextmanager
def _alone(store: MaskStore) -> Iterator[None]:
    """Keeps a second process from writing the same shards; the system frees it after a kill.

    Raises:
      UserError: another process fills the store, or its folder cannot be written.
    """
    # Before hours of work, not after: a folder that cannot be written is found here.
    store.describe()
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(locks.alone_in(store.folder))
        except locks.FolderBusy as error:
            raise UserError(
                f"{store.folder} is being filled by {error}; wait for it, or choose another "
                "--mask_store"
            ) from error
        yield


def _stored(store: MaskStore, masks: Generator[Mask, None, None]) -> Iterator[Mask]:
    """Writes masks in shards, and yields each one; whatever ends this, none is left unwritten."""
    waiting: list[Mask] = []
    opened = 0.0
    try:
        for mask in masks:
            if not waiting:
                opened = time.monotonic()
            waiting.append(mask)
            if _full(waiting) or time.monotonic() - opened > _SHARD_SECONDS:
                # Emptied first: after a full disk the block below must not try the same again.
                shard, waiting = waiting, []
                store.write(shard)
            yield mask
    finally:
        masks.close()
        store.write(waiting)


def _full(masks: list[Mask]) -> bool:
    return len(masks) >= _SHARD_MASKS or sum(len(mask.png) for mask in masks) >= _SHARD_BYTES


def _in_one_process(
    images: Iterable[tuple[str, np.ndarray]], settings: Settings, path: pathlib.Path
) -> Generator[Mask, None, None]:
    with open_segmenter(settings, path) as segmenter:
        yield from in_batches(images, segmenter)


def in_batches(
    images: Iterable[tuple[str, np.ndarray]], segmenter: Segmenter
) -> Generator[Mask, None, None]:
    """Yields a mask for every image, in their order, several at a time."""
    batch: list[tuple[str, np.ndarray]] = []
    for keyed in images:
        batch.append(keyed)
        if len(batch) == _BATCH:
            yield from _batch_masks(segmenter, batch)
            batch = []
    yield from _batch_masks(segmenter, batch)


def _batch_masks(segmenter: Segmenter, batch: list[tuple[str, np.ndarray]]) -> Iterator[Mask]:
    if batch:
        opacities = segmenter.opacities([image for _, image in batch])
        for (key, image), opacity in zip(batch, opacities, strict=True):
            yield encoding.encoded(segmenter.settings, key, image, opacity)
