"""Write a trained network in a form that others can serve.

    python tools/export.py --model=runs/habitats-small-black-0 --format=saved_model,litert

writes saved_model/ and model.tflite into --output. The SavedModel takes images of any size
(serving_default: uint8 [B, H, W, 3]; serve_bytes: encoded JPEG or PNG [B]) and answers with logits,
probabilities, class_index and class_name; it needs neither this package nor Keras.
"""

import dataclasses
import pathlib

from bg_interp import cli
from bg_interp.cli import setting
from bg_interp.errors import UserError

FORMATS = ("saved_model", "litert")


@dataclasses.dataclass(frozen=True)
class ExportConfig:
    """What is exported, and where to."""

    model: str | None = setting(None, "folder that tools/train.py wrote, or a .keras file")
    format: str = setting(
        "saved_model", f"what to write, separated by commas: {', '.join(FORMATS)}"
    )
    output: str | None = setting(None, "folder to write to; default: where the model stands")
    class_names: str | None = setting(
        None, "names of the classes, separated by commas; default: those of the run, or numbers"
    )


cli.define_flags(ExportConfig)


def _formats(config: ExportConfig) -> list[str]:
    chosen = [name.strip() for name in config.format.split(",") if name.strip()]
    unknown = [name for name in chosen if name not in FORMATS]
    if unknown or not chosen:
        raise UserError(
            f"--format must be some of {', '.join(FORMATS)}, separated by commas. "
            f"Received: {config.format!r}"
        )
    return chosen


def main() -> None:
    """Exports one model."""
    config = cli.config_from_flags(ExportConfig)
    formats = _formats(config)
    if not config.model:
        raise UserError("--model must name a folder of tools/train.py or a .keras file")
    cli.load_tensorflow()
    from bg_interp.models import export, loading

    path = pathlib.Path(config.model).expanduser()
    found = loading.load_network(path)
    model, class_names = found.network, loading.names_or_numbers(found)
    if config.class_names:
        class_names = loading.checked_names(config.class_names.split(","), model)
    output = pathlib.Path(config.output or loading.folder_of(path)).expanduser()
    if "saved_model" in formats:
        export.saved_model(model, class_names, output / "saved_model")
        print(f"wrote {output / 'saved_model'}")
    if "litert" in formats:
        export.litert(model, output / "model.tflite")
        print(f"wrote {output / 'model.tflite'}")


def run() -> None:
    """Entry point of the console script."""
    cli.run(main, __doc__)


if __name__ == "__main__":
    run()
