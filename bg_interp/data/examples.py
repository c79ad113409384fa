"""The examples of a split, decoded each time or kept in memory.

What an image, a mask, a label and an index are here: `image` uint8 [S, S, 3] RGB, `mask` uint8
[S, S, 1] with 255 = foreground, `label` int32, `index` int64, the image's place in its split.
Batches carry the same keys with a leading B.
"""

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf
import tqdm

from bg_interp.data.sources import Split
from bg_interp.masks.doubting import Areas
from bg_interp.masks.fit import Pairs, some_of
from bg_interp.models.resizing import resized

Batch = Mapping[str, tf.Tensor]
# From a position in the split, and what the split loaded there, to its mask, uint8 [h, w, 1].
MaskReader = Callable[[tf.Tensor, Batch], tf.Tensor]


def own_mask(position: tf.Tensor, example: Batch) -> tf.Tensor:
    """Returns the mask that the dataset brings itself."""
    del position
    return example["mask"]


@dataclasses.dataclass(frozen=True, eq=False)
class OnDisk:
    """Examples that are decoded whenever they are asked for.

    Attributes:
      split: where they come from.
      read_mask: gives the mask of a position; None where there are none, and all is foreground.
      image_size: S, the side of images and masks in pixels.
      positions: int64 [N], the examples' places in `split`; others are left out.
      resize: how images and masks come to that size; see `resizing.resized`.
    """

    split: Split
    read_mask: MaskReader | None
    image_size: int
    positions: np.ndarray
    resize: str = "smooth"

    def __len__(self) -> int:
        return len(self.positions)

    def only(self, chosen: np.ndarray) -> "OnDisk":
        """Returns the examples of which bool [N] says so."""
        return dataclasses.replace(self, positions=self.positions[chosen])

    def with_full_masks(self, chosen: np.ndarray) -> "OnDisk":
        """Makes the masks of which bool [N] says so all foreground."""
        full = np.zeros(len(self.split), bool)
        full[self.positions[chosen]] = True
        read = self.read_mask or own_mask

        def filled(position: tf.Tensor, example: Batch) -> tf.Tensor:
            mask = read(position, example)
            return tf.where(tf.gather(full, position), tf.constant(255, tf.uint8), mask)

        return dataclasses.replace(self, read_mask=filled)

    def _element(self, number: tf.Tensor) -> dict[str, tf.Tensor]:
        index = tf.gather(tf.constant(self.positions, tf.int64), number)
        example = self.split.load(index)
        image = example["image"]
        if self.read_mask is None:
            mask = tf.fill([self.image_size, self.image_size, 1], tf.constant(255, tf.uint8))
            image = self._resized(image)
        else:
            image, mask = self._resized_pair(image, self.read_mask(index, example))
        return {
            "image": image,
            "mask": mask,
            "label": tf.cast(example["label"], tf.int32),
            "index": index,
        }

    def _resized_pair(self, image: tf.Tensor, mask: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Resizes an image and its mask, of one shape in one go: that takes half as long."""

        def together() -> tuple[tf.Tensor, tf.Tensor]:
            both = self._resized(tf.concat([image, mask], -1))
            return both[..., :3], both[..., 3:]

        def apart() -> tuple[tf.Tensor, tf.Tensor]:
            return self._resized(image), self._resized(mask)

        same = tf.reduce_all(tf.equal(tf.shape(image)[:2], tf.shape(mask)[:2]))
        return tf.cond(same, together, apart)

    def _resized(self, values: tf.Tensor) -> tf.Tensor:
        return tf.cast(resized(values, [self.image_size] * 2, self.resize), tf.uint8)

    def batches(self, numbers: tf.data.Dataset, batch_size: int) -> tf.data.Dataset:
        """Returns a batch for each int64 [B] of `numbers`, places among these examples."""
        single = numbers.unbatch().map(self._element, tf.data.AUTOTUNE, deterministic=True)
        return single.batch(batch_size)


@dataclasses.dataclass(frozen=True, eq=False)
class InMemory:
    """Decoded examples, as arrays with the keys of a batch."""

    arrays: Mapping[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.arrays["label"])

    @property
    def positions(self) -> np.ndarray:
        """The examples' places in their split, int64 [N]."""
        return self.arrays["index"]

    def only(self, chosen: np.ndarray) -> "InMemory":
        """Returns the examples of which bool [N] says so."""
        return InMemory({name: values[chosen] for name, values in self.arrays.items()})

    def with_full_masks(self, chosen: np.ndarray) -> "InMemory":
        """Makes the masks of which bool [N] says so all foreground."""
        masks = self.arrays["mask"].copy()
        masks[chosen] = 255
        return InMemory({**self.arrays, "mask": masks})

    def batches(self, numbers: tf.data.Dataset, batch_size: int) -> tf.data.Dataset:
        """Returns a batch for each int64 [B] of `numbers`, places among these examples."""
        del batch_size
        tensors = {name: tf.constant(values) for name, values in self.arrays.items()}
        return numbers.map(lambda some: {k: tf.gather(v, some) for k, v in tensors.items()})


Examples = OnDisk | InMemory


def in_order(examples: Examples, batch_size: int) -> tf.data.Dataset:
    """Returns batches of all examples in their order; the last one may be smaller."""
    numbers = tf.data.Dataset.range(len(examples)).batch(batch_size)
    return examples.batches(numbers, batch_size).prefetch(tf.data.AUTOTUNE)


def in_memory(examples: OnDisk, name: str, batch_size: int = 256) -> InMemory:
    """Decodes all examples, with a progress bar where it takes a while.

    Args:
      examples: what to decode.
      name: what the progress bar calls them.
      batch_size: how many are decoded at a time.
    """
    total, size = len(examples), examples.image_size
    arrays: dict[str, np.ndarray] = {
        "image": np.empty((total, size, size, 3), np.uint8),
        "mask": np.empty((total, size, size, 1), np.uint8),
        "label": np.empty(total, np.int32),
        "index": np.empty(total, np.int64),
    }
    at = 0
    with tqdm.tqdm(total=total, desc=f"decoding {name}", unit="image", delay=1) as bar:
        for batch in in_order(examples, batch_size).as_numpy_iterator():
            count = len(batch["label"])
            for key, values in arrays.items():
                values[at : at + count] = batch[key]
            at += count
            bar.update(count)
    return InMemory(arrays)


def in_memory_within(examples: Examples, cache_gb: float, name: str) -> Examples:
    """Decodes examples into memory, or leaves them on disk when they are too large.

    Args:
      examples: what may be decoded.
      cache_gb: the most that decoded images and masks may take, in gigabytes.
      name: what the progress bar calls them.
    """
    # Three channels of the image and one of the mask, a byte each.
    if (
        isinstance(examples, InMemory)
        or len(examples) * examples.image_size**2 * 4 > cache_gb * 1e9
    ):
        return examples
    return in_memory(examples, name)


def areas_and_pairs(examples: Examples, name: str, batch_size: int = 256) -> tuple[Areas, Pairs]:
    """Measures how much of each image is object, and takes some images with their masks.

    Examples on disk are decoded once for it.

    Args:
      examples: what to look at.
      name: what the progress bar calls it.
      batch_size: how many are decoded at a time.
    """
    chosen = some_of(len(examples))
    if isinstance(examples, InMemory):
        return Areas.of(examples.arrays["mask"]), _pairs(examples.arrays, chosen)
    batches = in_order(examples, batch_size).as_numpy_iterator()
    total = -(-len(examples) // batch_size)
    bar = tqdm.tqdm(batches, f"checking {name}", total, unit="batch", delay=1)
    areas, pairs = [], []
    for number, batch in enumerate(bar):
        areas.append(Areas.of(batch["mask"]))
        rows = chosen - number * batch_size
        pairs.append(_pairs(batch, rows[(rows >= 0) & (rows < batch_size)]))
    return Areas.joined(areas), Pairs.joined(pairs)


def _pairs(arrays: Mapping[str, np.ndarray], rows: np.ndarray) -> Pairs:
    return Pairs.of(*(arrays[name][rows] for name in ("image", "mask", "label")))


def labels_of(examples: Examples) -> np.ndarray | None:
    """Returns each example's class, int [N]; None where it would have to be decoded for that."""
    if isinstance(examples, InMemory):
        return examples.arrays["label"]
    labels = getattr(examples.split, "labels", None)
    return None if labels is None else labels[examples.positions]
