"""A classifier, and the images that it is asked about."""

import dataclasses
import os
import pathlib

from bg_interp import pixels
from bg_interp.cli import INPUT_RANGES, POSITIVE, SEED, names_module, setting
from bg_interp.config.ascent import VisualizeConfig
from bg_interp.config.data import (
    MASKS,
    RESIZE_HELP,
    RESIZES,
    DataConfig,
    check_masks,
    check_source,
)
from bg_interp.errors import UserError, nearest_path, one_line
from bg_interp.pixels import Pixels

# Taken from the training of the model, or without meaning for measures: they get no flags.
NO_FLAGS = (
    "correlation",
    "data_seed",
    "object_scale",
    "colour_matching",
    "on_bad_mask",
    "max_bad_fraction",
    "cache_gb",
)


@dataclasses.dataclass(frozen=True)
class ClassifierConfig(DataConfig):
    """A classifier and its images; an empty name is settled by what the model's file says."""

    model: str | None = setting(
        None,
        "a folder that tools/train.py wrote, a .keras, .h5, .onnx or .tflite file, a SavedModel "
        "folder, or MODULE:NAME of a Keras model, of a function that returns one, or of a "
        "function from float32 or uint8 [B, H, W, 3] to scores [B, K]",
    )
    dataset: str = setting(
        "",
        "where images come from: habitats, composites, tfds:NAME, folder:PATH, or annotations "
        "such as table:FILE.csv, coco:FILE.json, voc:PATH, waterbirds:PATH (as for "
        "tools/train.py); default: what the model was trained on, else habitats",
    )
    masks: str = setting(
        "",
        "where masks come from, as for tools/train.py: "
        f"{', '.join(name for name in MASKS if name != 'none')} or folder:PATH; default: what the "
        "model was trained with, else auto",
    )
    image_size: int | None = setting(
        None,
        "side of the images in pixels; default: the model's own, and for models of any size 64 on "
        "habitats, else 224",
        rule=POSITIVE,
    )
    resize: str = setting(
        "auto",
        f"how images are resized: {RESIZE_HELP}; auto uses what the model was trained with if its "
        f"run says so; otherwise it tries each on some images, uses smooth unless another has "
        f"clearly higher accuracy, and reports it",
        choices=("auto", *RESIZES),
    )
    preprocess: str = setting(
        "auto",
        "the preprocessing that the model expects; auto tries the usual ones on some images, uses "
        f"the one with the highest accuracy, and reports it. {pixels.HELP}",
    )
    input_range: str = setting(
        "auto",
        "the range in which the model takes pixels: a shorter --preprocess for ranges alone",
        choices=("auto", *INPUT_RANGES),
    )
    class_names: str | None = setting(
        None,
        "names of the model's outputs in their order, separated by commas, or a file with one per "
        "line; default: the dataset's classes",
    )
    output_kind: str = setting(
        "auto",
        "what the model returns: logits, or probabilities (after softmax or sigmoid); auto looks "
        "at some outputs, and reports what it found",
        choices=("auto", "logits", "probabilities"),
    )
    class_images: bool = setting(
        False,
        "draw what the classes look like to a Keras network, by activation maximization, if its "
        "run has no such picture yet: seconds for small networks, minutes for large ones",
    )
    seed: int = setting(0, "seed of the choice of backgrounds, noise and resampling", rule=SEED)

    @property
    def needs_model(self) -> bool:
        """Whether there is nothing to do without a classifier."""
        return True


def check_model(config: ClassifierConfig) -> None:
    """Checks that there is a classifier.

    Raises:
      UserError: none is given, or it does not exist.
    """
    if config.model is None:
        if not config.needs_model:
            return
        raise UserError(
            "--model must be given: a folder that tools/train.py wrote, a .keras or .onnx file, a "
            "SavedModel folder, or MODULE:NAME"
        )
    exists = pathlib.Path(config.model).expanduser().exists()
    if not exists and not names_module(config.model):
        raise UserError(
            f"--model names a file or folder that does not exist: {config.model}"
            f"{nearest_path(config.model)}"
        )


def preprocessing(config: ClassifierConfig) -> Pixels | None:
    """Returns what `--preprocess` or `--input_range` says; None where it is to be found.

    Raises:
      UserError: a name that is none, or both are given.
    """
    return pixels.of_flags(config.preprocess, config.input_range)


def class_names(config: "ClassifierConfig | VisualizeConfig") -> list[str] | None:
    """Returns the names that `--class_names` gives, in a list or in a file with one a line.

    Raises:
      UserError: it looks like a file, and there is none; or a file that is not UTF-8.
    """
    if config.class_names is None:
        return None
    path = pathlib.Path(config.class_names).expanduser()
    # A list may be longer than any name of a file, which the system calls an error.
    if os.path.isfile(path):
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(
                f"--class_names must be a text file in UTF-8, a name a line. Received: {path} "
                f"({one_line(error)})"
            ) from error
        return [name for name in lines if name.strip()]
    if path.suffix == ".txt":
        raise UserError(f"--class_names names a file that does not exist: {config.class_names}")
    return config.class_names.split(",")


def check_names(config: ClassifierConfig) -> None:
    """Checks everything that needs neither TensorFlow nor a file's contents.

    Raises:
      UserError: a name that cannot be used.
    """
    check_model(config)
    class_names(config)
    preprocessing(config)
    if config.dataset:
        # Measures resize: any size will do.
        check_source(dataclasses.replace(config, image_size=None))
    if config.masks:
        check_masks(config.masks)
    if config.masks == "none":
        raise UserError(
            "--masks=none leaves no way to tell the background from the object; give another one"
        )
