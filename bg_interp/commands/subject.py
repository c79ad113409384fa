"""What evaluate and repair work on: a classifier's images, and what it takes and gives."""

import dataclasses
import pathlib
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

import numpy as np

from bg_interp.commands.detect_resize import detect_resize
from bg_interp.config.classifier import ClassifierConfig, check_names, preprocessing
from bg_interp.config.data import HABITATS_LARGEST, HABITATS_SMALLEST
from bg_interp.data.examples import InMemory
from bg_interp.data.mask_choice import Masks
from bg_interp.data.opening import decoded_with_masks
from bg_interp.data.sources import Source, open_source
from bg_interp.errors import UserError
from bg_interp.evaluation.units import Units
from bg_interp.models import opening
from bg_interp.models.loading import Classifier
from bg_interp.models.opening import Opened
from bg_interp.storage import files
from bg_interp.storage.workdir import Workdir

# So many classes are named.
_NAMED = 12
_Config = TypeVar("_Config", bound=ClassifierConfig)
# How images are made that are made here: those of the model's own training, where it tells.
_OF_IMAGES_MADE_HERE = ("correlation", "classes", "data_seed", "object_scale", "colour_matching")


def settled(config: _Config, model_size: int | None) -> _Config:
    """Settles which test images are used, where that is left open.

    Raises:
      UserError: there are no masks, or the size is not the model's.
    """
    run_folder = Workdir(path_of(config))
    trained = run_folder.read_config()["config"] if config.model and run_folder.is_run else {}
    dataset = config.dataset or trained.get("dataset", "habitats")
    # What the model was trained with says nothing about another dataset.
    same = trained if dataset == trained.get("dataset") else {}
    if config.image_size and model_size and config.image_size != model_size:
        raise UserError(
            f"--image_size must be {model_size}, the size that the model was built for, or left "
            f"out. Received: {config.image_size}"
        )
    chosen = dataclasses.replace(
        config,
        dataset=dataset,
        data_dir=config.data_dir or same.get("data_dir"),
        only_classes=config.only_classes or same.get("only_classes"),
        masks=config.masks or same.get("masks", "auto"),
        invert_masks=(
            same.get("invert_masks") if config.invert_masks is None else config.invert_masks
        ),
        mask_values=config.mask_values or same.get("mask_values"),
        mask_store=config.mask_store or same.get("mask_store"),
        image_size=config.image_size or model_size or (64 if dataset == "habitats" else 224),
        resize=_resize(config, trained),
        objects=config.objects or same.get("objects"),
        places=config.places or same.get("places"),
        object_masks=config.object_masks or same.get("object_masks"),
        **{name: same.get(name, getattr(config, name)) for name in _OF_IMAGES_MADE_HERE},
    )
    check_names(chosen)
    return chosen


def _resize(config: ClassifierConfig, trained: Mapping[str, Any]) -> str:
    """Returns how images are resized; "auto" where only the model itself can tell."""
    if config.resize != "auto":
        return config.resize
    return str(trained.get("resize", "smooth")) if trained or config.model is None else "auto"


def open_images(config: ClassifierConfig, whole: bool = False) -> Source:
    """Opens the dataset that `settled` names.

    Args:
      config: see there.
      whole: take all images to test on where nobody has divided them, if the classifier was not
        trained on some of them here.
    """
    size = config.image_size
    if config.dataset == "habitats" and size:
        # It is drawn at the model's size, and resized to sizes beyond those it is drawn at.
        size = min(max(size, HABITATS_SMALLEST), HABITATS_LARGEST)
    return open_source(
        dataclasses.replace(config, image_size=size), whole and not _trained_on(config)
    )


def _trained_on(config: ClassifierConfig) -> bool:
    """Tells whether a run of tools/train.py has learned from the dataset, and so divided it.

    The model may be the run, or what it has exported into its folder.
    """
    path = path_of(config)
    run_folder = next((one for one in map(Workdir, (path, path.parent)) if one.is_run), None)
    if not config.model or run_folder is None:
        return False
    kind, _, learned = str(run_folder.read_config()["config"].get("dataset")).partition(":")
    other, _, given = config.dataset.partition(":")
    if kind != "folder" or other != "folder":
        return kind == other and learned == given
    folders = [pathlib.Path(one).expanduser().resolve() for one in (learned, given)]
    return folders[0] == folders[1] or folders[0] in folders[1].parents


def say_order(names: Sequence[str]) -> None:
    """Says which output is taken for which class, where nothing names the outputs."""
    shown = ", ".join(f"{number} {name}" for number, name in enumerate(names[:_NAMED]))
    print(
        f"the classifier's outputs are taken to be, in this order: {shown}"
        f"{', ...' if len(names) > _NAMED else ''}; set --class_names if that is wrong",
        file=sys.stderr,
    )


def places_of(source: Source, split: str, rows: np.ndarray) -> np.ndarray | None:
    """Returns the kinds of background of a split's images at `rows`; None where nothing tells."""
    places = source.splits[split].places
    return None if places is None else np.asarray(places)[rows]


def units_of(source: Source, split: str, rows: np.ndarray) -> Units:
    """Returns which of a split's images at `rows` show one object or one scene, if that is told."""
    told = getattr(source.splits[split], "units", None) or {}
    chosen = {name: np.asarray(numbers)[rows] for name, numbers in told.items()}
    return Units(chosen.get("object"), chosen.get("scene"))


@dataclasses.dataclass(frozen=True, eq=False)
class Tested(Generic[_Config]):
    """A classifier, and its test images as it takes them.

    Attributes:
      found: the classifier, what was found of it, and what is in doubt.
      config: settings that name what was found.
      examples: the images.
      masks: their masks.
    """

    found: Opened
    config: _Config
    examples: InMemory
    masks: Masks


def open_test(
    classifier: Classifier,
    source: Source,
    config: _Config,
    names: Sequence[str] | None,
    columns: tuple[int, ...] | None,
) -> Tested[_Config]:
    """Decodes the test images as a classifier takes them, and says what was found of it.

    Args:
      classifier: as it was opened.
      source: of the images.
      config: preprocessing, kind of output, and way of resizing may be "auto".
      names: of the model's classes, where they are known.
      columns: the outputs that are the dataset's classes; None for all.
    """
    guess = dataclasses.replace(config, resize="smooth") if config.resize == "auto" else config
    examples, masks = decoded_with_masks(source, "test", guess)
    found = opening.opened(
        classifier,
        examples.arrays["image"],
        examples.arrays["label"],
        pixels=preprocessing(config),
        output_kind=None if config.output_kind == "auto" else config.output_kind,
        columns=columns,
        class_names=names,
    )
    for sentence in found.notes:
        print(f"{config.model}: {sentence}", file=sys.stderr)
    settled = dataclasses.replace(
        guess, preprocess=found.model.pixels.name, output_kind=found.model.output_kind
    )
    if config.resize == "auto":
        how = detect_resize(found.model, source.splits["test"], examples, str(config.model))
        if how != settled.resize:
            settled = dataclasses.replace(settled, resize=how)
            examples, masks = decoded_with_masks(source, "test", settled)
    return Tested(found, settled, examples, masks)


def path_of(config: ClassifierConfig) -> pathlib.Path:
    """Returns where the model stands, or would stand if its name were a path."""
    return pathlib.Path(config.model or "").expanduser()


def weights_sha256(config: ClassifierConfig) -> str | None:
    """Returns the sha256 of the file with the model's weights; None for code that makes it."""
    path = path_of(config)
    inside = ("model.keras", "variables/variables.data-00000-of-00001", "saved_model.pb")
    for file in (path, *(path / name for name in inside)):
        if file.is_file():
            return files.sha256(file)
    return None
