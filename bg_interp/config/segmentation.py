"""How masks are made: a segmenter, the images it is given, and what is shown of its masks."""

import dataclasses

from bg_interp.cli import FOLDER, POSITIVE, setting
from bg_interp.config.annotations import READERS
from bg_interp.config.cluster import ClusterConfig
from bg_interp.config.data import DATASETS, SEGMENTERS, SourceConfig, check_masks, check_source
from bg_interp.config.mask_rules import MaskRules
from bg_interp.errors import UserError

BACKENDS = ("mediapipe", "keras")


@dataclasses.dataclass(frozen=True)
class SegmentConfig(ClusterConfig, SourceConfig):
    """Which images get masks, and how these are made."""

    dataset: str = setting(
        "",
        "folder:PATH (PATH/{train,test}/CLASS/*.jpg or PATH/CLASS/*.jpg), tfds:NAME, habitats, or "
        f"annotations: {', '.join(DATASETS[-len(READERS) :])}",
    )
    segmenter: str = setting(
        "object",
        "any salient object (U²-Net-p), people (MediaPipe selfie), 21 categories (DeepLab), or "
        "whatever is at the centre (magic_touch). object suits most photographs",
        choices=SEGMENTERS,
    )
    segmenter_model: str | None = setting(
        None, "your own .tflite file with MediaPipe's metadata; deeplab and interactive need one"
    )
    segmenter_category: str | None = setting(
        None, "with deeplab: the one category that is foreground, such as dog; default: all"
    )
    segmenter_backend: str = setting(
        "mediapipe",
        "keras runs object in batches, on a GPU if there is one; it is no faster on a CPU",
        choices=BACKENDS,
    )
    fetch_models: bool = setting(
        False, "download the models that are missing; without --dataset: all of them, then end"
    )
    mask_store: str | None = setting(
        None, "folder that keeps the masks; default: in the cache folder", rule=FOLDER
    )
    export_png: str | None = setting(
        None, "folder to write the masks to as PNGs, with the images' relative names", rule=FOLDER
    )
    gallery: bool = setting(
        False, "write a picture of the least certain masks, also for TensorBoard"
    )
    score: bool = setting(
        False, "compare with the dataset's own masks: IoU, share below 0.5, boundary error"
    )
    check: bool = setting(
        False,
        "make no masks: print how --dataset and --masks are understood (classes, counts, splits, "
        "places, masks and every doubt), and draw some images with their masks",
    )
    masks: str = setting(
        "auto", "with --check: auto (the dataset's own, else object), none, folder:PATH, ..."
    )
    invert_masks: bool | None = setting(None, "with --check: whether black is the object in masks")
    mask_values: str | None = setting(
        None, "with --check: which values of masks are object: 1:20, 15,38 or #800000"
    )
    sheet: str = setting("check.png", "with --check: the file of the picture")
    workers: int | None = setting(
        None,
        "processes on this machine that make masks; default: one for each core. Machines of a "
        "cluster have their own",
        rule=POSITIVE,
    )


def check_names(config: SegmentConfig) -> None:
    """Checks what images are given masks.

    Raises:
      UserError: there are none, and no models are to be fetched either.
    """
    if config.dataset:
        check_source(config)
        check_masks(config.masks)
        MaskRules.of(config.invert_masks, config.mask_values)
    elif not config.fetch_models:
        raise UserError("--dataset=folder:PATH or tfds:NAME must be given, or --fetch_models")
