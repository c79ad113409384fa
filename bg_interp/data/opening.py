"""From a source to examples: its masks chosen, its images decoded."""

import dataclasses

from bg_interp.data import mask_choice, pipeline
from bg_interp.data.sources import Source


def open_examples(
    source: Source,
    split: str,
    *,
    masks: str,
    image_size: int,
    mask_store: str | None = None,
    on_bad_mask: str = "keep",
    cache_gb: float = 1.0,
) -> tuple[pipeline.Examples, mask_choice.Masks]:
    """Opens a split with its masks.

    Args:
      source: the images.
      split: name of one of its splits.
      masks: value of `--masks`.
      image_size: side of images and masks in pixels.
      mask_store: value of `--mask_store`.
      on_bad_mask: value of `--on_bad_mask`.
      cache_gb: the most that decoded images and masks may take, in gigabytes; `math.inf` decodes
        into memory whatever they take.

    Raises:
      UserError: masks that are missing, or refused by `on_bad_mask`.
    """
    chosen = mask_choice.choose(
        source, split, masks, mask_store=mask_store, on_bad_mask=on_bad_mask
    )
    examples = pipeline.prepare(
        source.splits[split],
        chosen.read,
        image_size,
        cache_gb=cache_gb,
        name=f"{split} images",
        positions=chosen.positions,
    )
    if chosen.read is not None and not chosen.judged:
        empty = pipeline.empty_masks(examples, f"{split} masks")
        examples, counts = mask_choice.without_empty(examples, empty, on_bad_mask)
        chosen = dataclasses.replace(chosen, bad=counts)
    return examples, chosen
