"""Which images and masks are used: settings that every tool which opens data inherits.

A tool that needs another default or help declares the field again.
"""

import dataclasses
import difflib
import pathlib

from bg_interp.cli import FOLDER, NOT_NEGATIVE, POSITIVE, SEED, SHARE, setting
from bg_interp.config.annotations import READERS, dataset_of, layout_of
from bg_interp.config.mask_rules import MaskRules
from bg_interp.errors import UserError, nearest, nearest_path

# The forms of `--dataset`; `bg_interp.data.sources` has a module for each.
DATASETS = (
    "habitats",
    "composites",
    "tfds:NAME",
    "folder:PATH",
    *(f"{name}:{what}" for name, what in READERS.items()),
)
# Those that are made here, at a correlation and from a seed.
MADE_HERE = ("habitats", "composites")
OBJECTS = ("folder:PATH", "tfds:NAME")
# Annotations of several objects an image, of which some classes may be chosen.
OF_OBJECTS = ("coco", "yolo", "labelme", "voc")
# Settings that mean something for composites alone; the help of tools lists them last.
COMPOSITES_ALONE = ("objects", "object_masks", "places", "object_scale", "colour_matching")
# `bg_interp.masks.segmenters.kinds` has an entry for each.
SEGMENTERS = ("object", "selfie", "deeplab", "interactive")
MASKS = ("auto", "none", "dataset", *SEGMENTERS)
# Habitats can be drawn at any of these sizes.
HABITATS_SMALLEST, HABITATS_LARGEST = 16, 512
# Classes that are drawn unless more or fewer are asked for, and all that there are.
HABITATS_CLASSES, HABITATS_MOST_CLASSES = 8, 24


@dataclasses.dataclass(frozen=True)
class SourceConfig:
    """Which images are used, and where their masks are kept."""

    dataset: str = setting(
        "habitats",
        "where images come from: habitats (drawn here, no download), composites (of --objects on "
        "--places), tfds:NAME, folder:PATH with PATH/{train,test}/CLASS/*.jpg or "
        f"PATH/CLASS/*.jpg, or annotations: {', '.join(DATASETS[-len(READERS) :])}",
    )
    objects: str | None = setting(
        None,
        "composites only: the objects to paste; folder:PATH with PATH/CLASS/*.png, transparent "
        "around "
        "the object, or tfds:NAME with masks of its own",
    )
    object_masks: str | None = setting(
        None,
        "composites of --objects=folder: without transparency: folder:PATH with "
        "PATH/CLASS/NAME.png for each image, white where the object is",
    )
    places: str | None = setting(
        None,
        "composites only: where to paste them; folder:PATH with PATH/KIND/*.jpg, photographs of "
        "each kind of place. A kind called CLASS or CLASS-more is that class's own; otherwise the "
        "kinds are assigned to the classes in order",
    )
    object_scale: float = setting(
        0.9,
        "composites only: longer side of the largest object as a share of the image's; the "
        "smallest is three quarters of it",
        rule=(
            lambda value: 0 < value <= 1,
            "must be above 0 and at most 1, since a larger object does not fit into the image",
        ),
    )
    colour_matching: float = setting(
        0.25,
        "composites only: how far an object's brightness is moved towards that of its place, by "
        "a factor of 1.25 at most",
        rule=SHARE,
    )
    correlation: float = setting(
        0.95,
        "habitats and composites: probability that an image stands on its own class's background; "
        "chance is 1 / number of classes, 0.125 for habitats of eight",
        rule=SHARE,
    )
    classes: int = setting(
        HABITATS_CLASSES,
        f"habitats only: number of classes, each with its own kind of background, 2 to "
        f"{HABITATS_MOST_CLASSES}",
        rule=(
            lambda value: 2 <= value <= HABITATS_MOST_CLASSES,
            f"must be from 2 to {HABITATS_MOST_CLASSES}",
        ),
    )
    data_seed: int = setting(0, "habitats and composites: seed of the images", rule=SEED)
    data_dir: str | None = setting(
        None,
        "where TFDS keeps prepared data; default: TFDS's own folder, for habitats and composites "
        "the cache folder. For table: and coco: the folder of the images; default: beside the file",
    )
    only_classes: str | None = setting(
        None,
        f"{', '.join(OF_OBJECTS)}: classes to use, separated by commas; objects of other classes "
        f"count as background. Default: all",
    )
    image_size: int | None = setting(
        None, "side of the images in pixels; default: 64 on habitats", rule=POSITIVE
    )
    mask_store: str | None = setting(
        None,
        "folder that tools/segment.py writes masks to; default: in the cache folder",
        rule=FOLDER,
    )

    def flags(self) -> dict[str, object]:
        """Returns the flags by which another tool opens the same images: those off the default."""
        left_out = {"mask_store"} if self.dataset in MADE_HERE else {"mask_store", "image_size"}
        given = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(SourceConfig)
            if field.name not in left_out and getattr(self, field.name) != field.default
        }
        return {"dataset": self.dataset, **given}


# How images come to their size; see `bg_interp.models.resizing`.
RESIZES = ("smooth", "sharp", "crop")
RESIZE_HELP = (
    "smooth (stretched, each pixel the mean of what it covers), sharp (stretched by bilinear "
    "interpolation alone, as Keras's image_dataset_from_directory does) or crop (the middle "
    "square, then smooth)"
)


@dataclasses.dataclass(frozen=True)
class DataConfig(SourceConfig):
    """Which images are used and with which masks, decoded at one size."""

    resize: str = setting(
        "smooth", f"how images are resized to --image_size: {RESIZE_HELP}", choices=RESIZES
    )
    masks: str = setting(
        "auto",
        "where masks come from: auto (the dataset's own, else object), none, dataset, folder:PATH "
        f"(PNGs named like the images), or what tools/segment.py made: {', '.join(SEGMENTERS)}",
    )
    invert_masks: bool | None = setting(
        None,
        "true: black is the object in the given masks, as in masks of backgrounds; false: white "
        "is, even if that looks inverted; default: white, with a doubt if masks look inverted",
    )
    mask_values: str | None = setting(
        None,
        "which values are the object, if the given masks are label maps or coloured: 1:20, "
        "15,38 or #800000; all others are background",
    )
    on_bad_mask: str = setting(
        "keep",
        "images whose mask is empty, full, uncertain or implausible: keep leaves them unmodified, "
        "drop leaves them out, error stops",
        choices=("keep", "drop", "error"),
    )
    max_bad_fraction: float = setting(
        0.2, "stop when a larger share of the images is damaged or has a bad mask", rule=SHARE
    )
    cache_gb: float = setting(
        1.0,
        "memory limit for decoded images, in gigabytes; larger datasets are decoded again in "
        "each epoch",
        rule=NOT_NEGATIVE,
    )

    def mask_rules(self) -> MaskRules:
        """Returns what is said of masks from outside.

        Raises:
          UserError: `mask_values` are none.
        """
        return MaskRules.of(self.invert_masks, self.mask_values)


def check_source(config: SourceConfig) -> None:
    """Checks `--dataset`, and whether its images can be had at the size asked for.

    Raises:
      UserError: the dataset has none of the known forms, its folder does not exist, or habitats
        cannot be drawn at this size.
    """
    kind, colon, rest = config.dataset.partition(":")
    takes_a_name = {name.partition(":")[0]: ":" in name for name in DATASETS}
    if kind not in takes_a_name or bool(colon and rest) != takes_a_name[kind]:
        raise UserError(
            f"--dataset must be {', '.join(DATASETS[:-1])} or {DATASETS[-1]}. "
            f"Received: {config.dataset!r}{_meant(config.dataset) or _nearest(kind, rest)}"
        )
    _check_path(kind, rest)
    if config.only_classes is not None and kind not in OF_OBJECTS:
        raise UserError(
            f"--only_classes chooses among the objects of {', '.join(OF_OBJECTS)}. Received: "
            f"--only_classes={config.only_classes} for {config.dataset}; leave the others out of "
            "the folder or table"
        )
    if kind == "composites":
        _check_composites(config)
    size = config.image_size
    if kind == "habitats" and size and not HABITATS_SMALLEST <= size <= HABITATS_LARGEST:
        raise UserError(
            f"--image_size must be from {HABITATS_SMALLEST} to {HABITATS_LARGEST} for habitats. "
            f"Received: {size}"
        )


def _meant(dataset: str) -> str:
    """Asks whether a path without a kind was meant; "" for what is no path."""
    path = pathlib.Path(dataset).expanduser()
    if not dataset or not path.exists():
        return ""
    found = dataset_of(path) or (f"folder:{dataset}" if path.is_dir() else "")
    return f"; did you mean {found}?" if found else ""


def _nearest(kind: str, rest: str) -> str:
    """Asks for the dataset whose kind is nearly `kind`, with what was given behind it."""
    named = {name.partition(":")[0]: rest if ":" in name else "" for name in DATASETS}
    for meant in difflib.get_close_matches(kind, named, n=1):
        return f"; did you mean {':'.join(filter(None, (meant, named[meant])))!r}?"
    return ""


def _check_path(kind: str, rest: str) -> None:
    """Checks that what stands on the disk is there, and is no folder of another kind."""
    if kind != "folder" and kind not in READERS:
        return
    path = pathlib.Path(rest).expanduser()
    if not path.exists() or (kind == "folder" and not path.is_dir()):
        what = "folder" if READERS.get(kind, "PATH") == "PATH" else "file"
        raise UserError(
            f"--dataset={kind}:{READERS.get(kind, 'PATH')} must name a {what} that is there. "
            f"Received: {rest}{nearest_path(rest)}"
        )
    other = layout_of(path) if kind == "folder" else ""
    if other:
        raise UserError(
            f"--dataset=folder:PATH must hold class folders. Received: {rest}, which is laid out "
            f"for another reader; give --dataset={other}:{rest}"
        )


def _check_composites(config: SourceConfig) -> None:
    for flag, value, forms in (
        ("objects", config.objects, OBJECTS),
        ("places", config.places, OBJECTS[:1]),
    ):
        kind, _, rest = (value or "").partition(":")
        if not rest or kind not in [form.partition(":")[0] for form in forms]:
            raise UserError(
                f"--dataset=composites needs --{flag}={' or '.join(forms)}. Received: {value!r}"
            )
        if kind == "folder" and not pathlib.Path(rest).expanduser().is_dir():
            raise UserError(f"--{flag}=folder:PATH must name a folder. Received: {rest}")
    masks = config.object_masks
    if masks and not (masks.startswith("folder:") and str(config.objects).startswith("folder:")):
        raise UserError(
            "--object_masks=folder:PATH needs --objects=folder:PATH, since other datasets have "
            f"masks of their own. Received: --object_masks={masks} --objects={config.objects}"
        )


def check_masks(masks: str) -> None:
    """Checks the value of `--masks`.

    Raises:
      UserError: it is no choice.
    """
    kind, _, path = masks.partition(":")
    if masks not in MASKS and not (kind == "folder" and path):
        raise UserError(
            f"--masks must be one of {', '.join(MASKS)}, or folder:PATH. "
            f"Received: {masks!r}{nearest(masks, MASKS)}"
        )


def check_data(config: DataConfig) -> None:
    """Checks the names of images and masks without opening anything.

    Raises:
      UserError: see `check_source` and `check_masks`.
    """
    check_source(config)
    check_masks(config.masks)
    config.mask_rules()
