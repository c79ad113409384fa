"""From a source to examples: its masks chosen, its images decoded."""

import dataclasses
import math

import numpy as np

from bg_interp.config.data import DataConfig
from bg_interp.data import mask_choice
from bg_interp.data.examples import Examples, InMemory, OnDisk, in_memory, in_memory_within
from bg_interp.data.sources import Source
from bg_interp.doubts import Doubt


def open_examples(
    source: Source, split: str, config: DataConfig
) -> tuple[Examples, mask_choice.Masks]:
    """Opens a split with its masks.

    Args:
      source: the images.
      split: name of one of its splits.
      config: which masks, the size of images and masks in pixels, and how much memory they may
        take.

    Raises:
      UserError: masks that are missing, or refused by `on_bad_mask`.
      ValueError: the size is left open.
    """
    if config.image_size is None:
        raise ValueError("image_size must be settled before images are decoded. Received: None")
    images = source.splits[split]
    every = np.arange(len(images), dtype=np.int64)
    masks = mask_choice.choose(source, split, config)
    of_names: tuple[Doubt, ...] = getattr(source, "doubts", ())
    masks = dataclasses.replace(masks, doubts=(*of_names, *masks.doubts))
    on_disk = OnDisk(images, masks.read, config.image_size, every, config.resize)
    if masks.bad is None:
        # Masks are looked at once they are decoded, which would take as long again.
        examples = in_memory_within(on_disk, config.cache_gb, f"{split} images")
        masks = mask_choice.look_at(masks, examples, f"{split} masks", config.mask_rules())
        settled = mask_choice.settle_bad(examples, masks, images.keys, config.on_bad_mask)
        return settled, masks
    chosen = mask_choice.settle_bad(on_disk, masks, images.keys, config.on_bad_mask)
    return in_memory_within(chosen, config.cache_gb, f"{split} images"), masks


def open_in_memory(source: Source, split: str, config: DataConfig) -> InMemory:
    """Opens a split with its masks and decodes all of it, whatever memory that takes.

    Measures go through the images many times. Arguments and errors are those of `open_examples`.
    """
    return decoded_with_masks(source, split, config)[0]


def decoded_with_masks(
    source: Source, split: str, config: DataConfig
) -> tuple[InMemory, mask_choice.Masks]:
    """Returns what `open_in_memory` does, and what is known of the masks."""
    everything = dataclasses.replace(config, cache_gb=math.inf)
    examples, masks = open_examples(source, split, everything)
    if not isinstance(examples, InMemory):
        examples = in_memory(examples, f"{split} images")
    return examples, masks
