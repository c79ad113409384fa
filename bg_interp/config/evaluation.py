"""What an evaluation measures: a classifier, and the test images it is measured on."""

import dataclasses
import pathlib

from bg_interp.cli import INPUT_RANGES, POSITIVE, SEED, setting
from bg_interp.config.data import MASKS, DataConfig, check_masks, check_source
from bg_interp.errors import UserError

# Taken from the training of the model, or without meaning for measures: they get no flags.
NO_FLAGS = ("correlation", "data_seed", "on_bad_mask", "max_bad_fraction", "cache_gb")


@dataclasses.dataclass(frozen=True)
class EvaluateConfig(DataConfig):
    """A classifier and its test images; an empty name is settled by what the model's file says."""

    model: str | None = setting(
        None, "a folder that tools/train.py wrote, a .keras or .h5 file, or a SavedModel folder"
    )
    dataset: str = setting(
        "",
        "habitats, composites, tfds:NAME or folder:PATH, whose test images are used; default: what "
        "the model was trained on, else habitats",
    )
    masks: str = setting(
        "",
        f"where masks come from, as for tools/train.py: {', '.join(MASKS)} or folder:PATH, but not "
        "none; default: what the model was trained with, else auto",
    )
    image_size: int | None = setting(
        None,
        "side of the images in pixels; default: the model's own, and for models of any size 64 on "
        "habitats, else 224",
        rule=POSITIVE,
    )
    input_range: str = setting(
        "0:255",
        "the range in which the model takes pixels; a model that rescales by itself takes 0:255",
        choices=tuple(INPUT_RANGES),
    )
    class_names: str | None = setting(
        None,
        "names of the model's outputs in their order, separated by commas, or a file with one a "
        "line; default: the data set's classes",
    )
    output_kind: str = setting(
        "logits",
        "what the model returns: logits, or probabilities (after softmax or sigmoid)",
        choices=("logits", "probabilities"),
    )
    seed: int = setting(0, "of the choice of backgrounds, noise and resampling", rule=SEED)
    output: str | None = setting(
        None, "folder to write to; default: evaluation/ in the model's run folder, else here"
    )


def model_path(config: EvaluateConfig) -> pathlib.Path:
    """Returns the file or folder of the classifier.

    Raises:
      UserError: none is given, or it does not exist.
    """
    if config.model is None:
        raise UserError(
            "--model must be given: a folder that tools/train.py wrote, a .keras file, or a "
            "SavedModel folder"
        )
    path = pathlib.Path(config.model).expanduser()
    if not path.exists():
        raise UserError(f"--model names a file or folder that does not exist: {config.model}")
    return path


def class_names(config: EvaluateConfig) -> list[str] | None:
    """Returns the names that `--class_names` gives, in a list or in a file with one a line.

    Raises:
      UserError: it looks like a file, and there is none.
    """
    if config.class_names is None:
        return None
    path = pathlib.Path(config.class_names).expanduser()
    if path.is_file():
        return [name for name in path.read_text(encoding="utf-8").splitlines() if name.strip()]
    if path.suffix == ".txt":
        raise UserError(f"--class_names names a file that does not exist: {config.class_names}")
    return config.class_names.split(",")


def check_names(config: EvaluateConfig) -> None:
    """Checks everything that needs neither TensorFlow nor a file's contents.

    Raises:
      UserError: a name that cannot be used.
    """
    model_path(config)
    class_names(config)
    if config.dataset:
        # Measures resize: any size will do.
        check_source(dataclasses.replace(config, image_size=None))
    if config.masks:
        check_masks(config.masks)
    if config.masks == "none":
        raise UserError("--masks=none leaves nothing to tell the background by; give another one")
