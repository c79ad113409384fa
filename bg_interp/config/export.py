"""What is exported of a trained network, and where to."""

import dataclasses

from bg_interp.cli import INPUT_RANGES, setting
from bg_interp.errors import UserError, nearest

FORMATS = ("saved_model", "litert")


@dataclasses.dataclass(frozen=True)
class ExportConfig:
    """What is exported, and where to."""

    model: str | None = setting(None, "folder that tools/train.py wrote, or a .keras file")
    format: str = setting(
        "saved_model", f"what to write, separated by commas: {', '.join(FORMATS)}"
    )
    input_range: str = setting(
        "0:255",
        "the range in which the model takes pixels; what is exported takes 0 to 255",
        choices=tuple(INPUT_RANGES),
    )
    output: str | None = setting(None, "folder to write to; default: where the model stands")
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
            f"--format must be some of {', '.join(FORMATS)}, separated by commas. "
            f"Received: {config.format!r}{close}"
        )
    return chosen


def check_names(config: ExportConfig) -> None:
    """Checks everything that needs neither TensorFlow nor a file's contents.

    Raises:
      UserError: a format or a model that cannot be exported.
    """
    formats(config)
    if not config.model:
        raise UserError("--model must name a folder of tools/train.py or a .keras file")
