"""From a source to examples: its masks chosen, its images decoded."""

import dataclasses
import math

from bg_interp.config.data import DataConfig
from bg_interp.data import mask_choice, pipeline
from bg_interp.data.sources import Source


def open_examples(
    source: Source, split: str, config: DataConfig
) -> tuple[pipeline.Examples, mask_choice.Masks]:
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
    chosen = mask_choice.choose(source, split, config)
    examples = pipeline.prepare(
        source.splits[split],
        chosen.read,
        config.image_size,
        cache_gb=config.cache_gb,
        name=f"{split} images",
        positions=chosen.positions,
    )
    if chosen.read is not None and not chosen.judged:
        empty = pipeline.empty_masks(examples, f"{split} masks")
        examples, counts = mask_choice.without_empty(examples, empty, config.on_bad_mask)
        chosen = dataclasses.replace(chosen, bad=counts)
    return examples, chosen


def open_in_memory(source: Source, split: str, config: DataConfig) -> pipeline.InMemory:
    """Opens a split with its masks and decodes all of it, whatever memory that takes.

    Measures go through the images many times. Arguments and errors are those of `open_examples`.
    """
    examples, _ = open_examples(source, split, dataclasses.replace(config, cache_gb=math.inf))
    if isinstance(examples, pipeline.InMemory):
        return examples
    return pipeline.in_memory(examples, f"{split} images")
