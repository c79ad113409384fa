"""From a source to batches: decode, resize, keep in memory, shuffle, move, treat, add noise.

What an image, a mask, a label and an index are here: `image` uint8 [S, S, 3] RGB, `mask` uint8
[S, S, 1] with 255 = foreground, `label` int32, `index` int64, the image's place in its split.
Batches carry the same keys with a leading B.

Which image stands where is computed from (seed, position), not drawn one after the other: training
that goes on from step 1000 reads step 1000, not the thousand before.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import tensorflow as tf
import tqdm

from bg_interp.config.treatment import AugmentationConfig
from bg_interp.data.augmentation import add_pixel_noise, move
from bg_interp.data.sources import Split
from bg_interp.data.treatments import Treatment

Batch = Mapping[str, tf.Tensor]
# From a position in the split, and what the split loaded there, to its mask, uint8 [h, w, 1].
MaskReader = Callable[[tf.Tensor, Batch], tf.Tensor]


def own_mask(position: tf.Tensor, example: Batch) -> tf.Tensor:
    """Returns the mask that the data set brings itself."""
    del position
    return example["mask"]


def _resized(values: tf.Tensor, size: int) -> tf.Tensor:
    """Resizes uint8 [h, w, C] to [size, size, C]; the right size already is left bit-identical."""
    resized = tf.image.resize(values, [size, size], antialias=True)
    return tf.cast(tf.round(resized), tf.uint8)


@dataclasses.dataclass(frozen=True, eq=False)
class OnDisk:
    """Examples that are decoded whenever they are asked for.

    Attributes:
      split: where they come from.
      read_mask: gives the mask of a position; None where there are none, and all is foreground.
      image_size: S, the side of images and masks in pixels.
      positions: int64 [N], the examples' places in `split`; others are left out.
    """

    split: Split
    read_mask: MaskReader | None
    image_size: int
    positions: np.ndarray

    def __len__(self) -> int:
        return len(self.positions)

    def _element(self, number: tf.Tensor) -> dict[str, tf.Tensor]:
        index = tf.gather(tf.constant(self.positions, tf.int64), number)
        example = self.split.load(index)
        image = example["image"]
        if self.read_mask is None:
            mask = tf.fill(tf.concat([tf.shape(image)[:2], [1]], 0), tf.constant(255, tf.uint8))
        else:
            mask = self.read_mask(index, example)
        return {
            "image": _resized(image, self.image_size),
            "mask": _resized(mask, self.image_size),
            "label": tf.cast(example["label"], tf.int32),
            "index": index,
        }

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


def empty_masks(examples: Examples, name: str, batch_size: int = 256) -> np.ndarray:
    """Tells which masks have no foreground at all; examples on disk are decoded once for it.

    Args:
      examples: what to look at.
      name: what the progress bar calls it.
      batch_size: how many are decoded at a time.

    Returns:
      bool [N].
    """
    if isinstance(examples, InMemory):
        return np.logical_not(examples.arrays["mask"].any(axis=(1, 2, 3)))
    batches = in_order(examples, batch_size).as_numpy_iterator()
    total = -(-len(examples) // batch_size)
    bar = tqdm.tqdm(batches, f"checking {name}", total, unit="batch", delay=1)
    return np.concatenate([~batch["mask"].any(axis=(1, 2, 3)) for batch in bar])


def prepare(
    split: Split,
    read_mask: MaskReader | None,
    image_size: int,
    *,
    cache_gb: float,
    name: str,
    positions: np.ndarray | None = None,
) -> Examples:
    """Decodes a split into memory, or leaves it to be decoded each epoch when it is too large.

    Args:
      split: where images come from.
      read_mask: gives the mask of a position; None where there are none, and all is foreground.
      image_size: the side of images and masks in pixels.
      cache_gb: the most that decoded images and masks may take, in gigabytes.
      name: what the progress bar calls the split.
      positions: int64, the examples to use; None for all.
    """
    if positions is None:
        positions = np.arange(len(split))
    examples = OnDisk(split, read_mask, image_size, np.asarray(positions, np.int64))
    # Three channels of the image and one of the mask, a byte each.
    if len(positions) * image_size**2 * 4 > cache_gb * 1e9:
        return examples
    return in_memory(examples, name)


def shuffled_numbers(
    count: int, batch_size: int, *, seed: int, start: int, stop: int
) -> tf.data.Dataset:
    """Returns int64 [batch_size] for each step: every epoch shows each of `count` examples once.

    Batches run on from one epoch into the next, so that all are of one size.

    Args:
      count: how many examples there are.
      batch_size: how many a step takes.
      seed: of the order; each epoch has its own.
      start: the first step.
      stop: the step after the last.
    """

    # A key that is almost all zeros hardly shuffles: batches of sorted classes would be lopsided.
    third = tf.fill([batch_size], tf.constant(int(seed == 0), tf.int64))

    def numbers(step: tf.Tensor) -> tf.Tensor:
        position = step * batch_size + tf.range(batch_size, dtype=tf.int64)
        epoch = position // count
        seeds = tf.stack([tf.fill([batch_size], tf.cast(seed, tf.int64)), epoch, third], axis=1)
        # The public tf.random.experimental.index_shuffle pads one seed for each index wrongly.
        return tf.raw_ops.RandomIndexShuffle(
            index=position % count, seed=seeds, max_index=tf.cast(count - 1, tf.int64), rounds=4
        )

    return tf.data.Dataset.range(start, stop).map(numbers)


def treat_for_training(
    batch: Batch, step: tf.Tensor, treatment: Treatment, augmentation: AugmentationConfig, seed: int
) -> dict[str, tf.Tensor]:
    """Moves, treats and adds noise to one training batch.

    Args:
      batch: images, masks and labels as they were decoded.
      step: int64, the step that the batch is for; with `seed`, the key of all that is random.
      treatment: what happens to the background.
      augmentation: how far images are moved, and how noisy they get.
      seed: see `step`.

    Returns:
      `batch` with `image` treated, float32 [B, S, S, 3].
    """
    key = tf.stack([tf.cast(seed, tf.int32), tf.cast(step, tf.int32)])
    move_key, treatment_key, noise_key = tf.unstack(tf.random.split(key, 3))
    # Moved first, so that the borders that come into view are treated like all background;
    # noise last, so that black is as noisy as the rest.
    images, masks = move(batch["image"], batch["mask"], augmentation, move_key)
    images = tf.cast(treatment(images, masks, batch["label"], treatment_key), tf.float32)
    return {
        **batch,
        "image": add_pixel_noise(images, augmentation.pixel_noise, noise_key),
        "mask": masks,
    }


def training_batches(
    examples: Examples,
    treatment: Treatment,
    augmentation: AugmentationConfig,
    *,
    batch_size: int,
    seed: int,
    start: int,
    stop: int,
) -> tf.data.Dataset:
    """Returns the treated batch of each step from `start` to `stop`, of static shape.

    The same seed gives the same batches, wherever `start` lies.
    """
    numbers = shuffled_numbers(len(examples), batch_size, seed=seed, start=start, stop=stop)
    steps = tf.data.Dataset.range(start, stop)
    treated = tf.data.Dataset.zip(steps, examples.batches(numbers, batch_size)).map(
        lambda step, batch: treat_for_training(
            _with_static_size(batch, batch_size), step, treatment, augmentation, seed
        ),
        tf.data.AUTOTUNE,
        deterministic=True,
    )
    return treated.prefetch(tf.data.AUTOTUNE)


def _with_static_size(batch: Batch, batch_size: int) -> dict[str, tf.Tensor]:
    return {k: tf.ensure_shape(v, [batch_size, *v.shape[1:]]) for k, v in batch.items()}


def treated_for_evaluation(
    examples: Examples, treatment: Treatment, *, batch_size: int
) -> Iterator[dict[str, np.ndarray]]:
    """Yields all examples, treated but neither moved nor noisy; always the same way.

    They come in a mixed order, since `swap` needs other classes in the batch; the last batch may
    be smaller.
    """
    order = np.random.default_rng(0).permutation(len(examples)).astype(np.int64)
    numbers = tf.data.Dataset.from_tensor_slices(order).batch(batch_size)

    def treat(number: tf.Tensor, batch: Batch) -> dict[str, tf.Tensor]:
        key = tf.stack([tf.constant(0), tf.cast(number, tf.int32)])
        treated = treatment(batch["image"], batch["mask"], batch["label"], key)
        return {**batch, "image": tf.cast(treated, tf.float32)}

    batches = examples.batches(numbers, batch_size).enumerate().map(treat)
    yield from batches.prefetch(tf.data.AUTOTUNE).as_numpy_iterator()


def sample(examples: Examples, count: int, seed: int) -> InMemory:
    """Returns at most `count` examples drawn without repetition."""
    count = min(count, len(examples))
    numbers = shuffled_numbers(len(examples), count, seed=seed, start=0, stop=1)
    return InMemory(next(examples.batches(numbers, count).as_numpy_iterator()))


def labels_of(examples: Examples) -> np.ndarray | None:
    """Returns each example's class, int [N]; None where it would have to be decoded for that."""
    if isinstance(examples, InMemory):
        return examples.arrays["label"]
    labels = getattr(examples.split, "labels", None)
    return None if labels is None else labels[examples.positions]
