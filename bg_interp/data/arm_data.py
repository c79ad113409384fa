"""The data of one arm, and its treatments, as its configuration asks for them."""

import dataclasses
import sys

from bg_interp.config.training import ArmConfig
from bg_interp.data import mask_choice, pipeline, treatments
from bg_interp.data.examples import Examples
from bg_interp.data.opening import open_examples
from bg_interp.data.sources import Source
from bg_interp.doubts import Doubt
from bg_interp.errors import UserError

# Enough for a mean image and a mean colour.
STATISTICS_IMAGES = 512


@dataclasses.dataclass(frozen=True, eq=False)
class ArmData:
    """The data of one arm, ready to be read.

    Attributes:
      source: where they come from.
      train: examples to train on; test: to test on.
      masks: origin and bad masks of the training images.
      masks_fingerprint: see `mask_choice.Masks`, of all images.
      doubts: what the masks leave open.
    """

    source: Source
    train: Examples
    test: Examples
    masks: mask_choice.Masks
    masks_fingerprint: str
    doubts: tuple[Doubt, ...] = ()


def open_data(config: ArmConfig, source: Source) -> ArmData:
    """Reads the images and masks of an arm.

    Raises:
      UserError: masks that are missing, or more bad images and masks than are allowed.
    """
    found = {split: open_examples(source, split, config) for split in ("train", "test")}
    (train, masks), (test, test_masks) = found["train"], found["test"]
    doubts = tuple(dict.fromkeys((*masks.doubts, *test_masks.doubts)))
    prints = masks.fingerprint + test_masks.fingerprint
    data = ArmData(source, train, test, masks, prints, doubts)
    for doubt in doubts:
        print(f"in doubt, {doubt.about}: {doubt}", file=sys.stderr)
    images = sum(len(split) for split in source.splits.values()) + len(source.damaged)
    _check_share(config, "damaged images", len(source.damaged), images)
    counts, total = masks.counts, len(source.splits["train"])
    bad = sum(counts.values())
    _check_share(config, "bad masks", bad, total)
    if bad:
        print(
            f"masks by {masks.origin}: {bad} of {total} are bad ({mask_choice.listed(counts)}); "
            f"--on_bad_mask={config.on_bad_mask}",
            file=sys.stderr,
        )
    return data


def _check_share(config: ArmConfig, what: str, count: int, total: int) -> None:
    if count > config.max_bad_fraction * total:
        raise UserError(
            f"{count} of {total} are {what}, more than --max_bad_fraction="
            f"{config.max_bad_fraction} allows; fix the data or raise it"
        )


def treatment_of(config: ArmConfig, name: str, train: Examples) -> treatments.Treatment:
    """Makes the treatment called `name` with the settings of an arm."""
    colour = (127.0, 127.0, 127.0)
    if "mean" in (name, config.background_in_mix):
        images = pipeline.sample(train, STATISTICS_IMAGES, seed=0).arrays["image"]
        red, green, blue = images.mean(axis=(0, 1, 2)).tolist()
        colour = (red, green, blue)
    made = treatments.make(name, config, mean_colour=colour)
    return treatments.with_hard_masks(made) if config.hard_masks else made
