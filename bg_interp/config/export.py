"""What is exported of a trained network, and where to."""

import dataclasses

from bg_interp import pixels
from bg_interp.cli import FOLDER, INPUT_RANGES, setting
from bg_interp.errors import UserError, nearest

FORMATS = ("saved_model", "litert")


@dataclasses.dataclass(frozen=True)
class ExportConfig:
    """What is exported, and where to."""

    model: str | None = setting(
        None,
        "folder that tools/train.py wrote, a .keras or .h5 file, or MODULE:NAME of a Keras model "
        "or of a function that returns one",
    )
    format: str = setting(
        "saved_model", f"what to write, separated by commas: {', '.join(FORMATS)}"
    )
    preprocess: str = setting(
        "auto",
        "the preprocessing that the model expects; what is exported takes RGB in 0 to 255. auto "
        "is the model's own if it is a network of keras.applications, else 0:255, with a message. "
        f"{pixels.HELP}",
    )
    input_range: str = setting(
        "auto",
        "the range in which the model takes pixels: a shorter --preprocess for ranges alone",
        choices=("auto", *INPUT_RANGES),
    )
    resize: str = setting(
        "auto",
        "how images are resized to the model's input: smooth, sharp or crop, as for "
        "tools/train.py; auto uses what the model was trained with if its run says so, else smooth",
        choices=("auto", "smooth", "sharp", "crop"),
    )
    output: str | None = setting(
        None, "folder to write to; default: the model's own folder", rule=FOLDER
    )
    class_names: str | None = setting(
        None, "names of the classes, separated by commas; default: those of the run, or numbers"
    )


def formats(config: ExportConfig) -> list[str]:
    """Returns the formats that `--format` names.

    Raises:
      UserError: none, or an unknown one.
    """
    chosen = [name.strip() for name in config.format.split(",") if name.strip()]
    unknown = [name for name in chosen if name not in FORMATS]
    if unknown or not chosen:
        close = nearest(unknown[0], FORMATS) if unknown else ""
        raise UserError(
            f"--format must be one or more of {', '.join(FORMATS)}, separated by commas. "
            f"Received: {config.format!r}{close}"
        )
    return chosen


def preprocessing(config: ExportConfig) -> pixels.Pixels | None:
    """Returns what `--preprocess` or `--input_range` says; None where it is to be found.

    Raises:
      UserError: a name that is none, or both are given.
    """
    return pixels.of_flags(config.preprocess, config.input_range)


def check_names(config: ExportConfig) -> None:
    """Checks everything that needs neither TensorFlow nor a file's contents.

    Raises:
      UserError: a format or a model that cannot be exported.
    """
    formats(config)
    preprocessing(config)
    if not config.model:
        raise UserError(
            "--model must name a folder of tools/train.py, a .keras file, or MODULE:NAME"
        )
