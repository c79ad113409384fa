"""From examples to batches: shuffle, move, treat, add noise.

Which image stands where is computed from (seed, position), not drawn one after the other: training
that resumes from step 1000 reads step 1000, not the thousand before.
"""

from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from bg_interp.config.treatment import AugmentationConfig
from bg_interp.data.augmentation import add_pixel_noise, move
from bg_interp.data.examples import Batch, Examples, InMemory
from bg_interp.data.treatments import Treatment


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


def evaluation_batches(
    examples: Examples, treatment: Treatment, *, batch_size: int
) -> tf.data.Dataset:
    """Returns all examples, treated but neither moved nor noisy; always the same way.

    They come in a mixed order, since `swap` needs other classes in the batch; the last batch may
    be smaller. To go through them again takes no new graph.
    """
    order = np.random.default_rng(0).permutation(len(examples)).astype(np.int64)
    numbers = tf.data.Dataset.from_tensor_slices(order).batch(batch_size)

    def treat(number: tf.Tensor, batch: Batch) -> dict[str, tf.Tensor]:
        key = tf.stack([tf.constant(0), tf.cast(number, tf.int32)])
        treated = treatment(batch["image"], batch["mask"], batch["label"], key)
        return {**batch, "image": tf.cast(treated, tf.float32)}

    batches = examples.batches(numbers, batch_size).enumerate().map(treat)
    return batches.prefetch(tf.data.AUTOTUNE)


def treated_for_evaluation(
    examples: Examples, treatment: Treatment, *, batch_size: int
) -> Iterator[dict[str, np.ndarray]]:
    """Yields what `evaluation_batches` holds, as arrays."""
    yield from evaluation_batches(examples, treatment, batch_size=batch_size).as_numpy_iterator()


def sample(examples: Examples, count: int, seed: int) -> InMemory:
    """Returns at most `count` examples drawn without repetition."""
    count = min(count, len(examples))
    numbers = shuffled_numbers(len(examples), count, seed=seed, start=0, stop=1)
    return InMemory(next(examples.batches(numbers, count).as_numpy_iterator()))
