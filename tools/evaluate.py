"""Measure how much an image classifier hangs on backgrounds; any Keras model or SavedModel.

    python tools/evaluate.py --model=runs/habitats-small-none-0

prints the accuracy on eight variants of the test images (object on black, background alone, object
on another background, ...) with 95 % intervals, BG-Gap (Xiao et al. 2020), and where the model
looks; and writes evaluation/ into the run's folder: results.json with all numbers, variants.png
with examples, confusion.png.

    python tools/evaluate.py --model=classifier.keras --dataset=folder:photos --masks=object \\
        --input_range=0:1 --class_names=cat,dog --output_kind=probabilities

audits a classifier that was trained elsewhere, after
`python tools/segment.py --dataset=folder:photos` has made masks of its test images.
"""

import dataclasses
import pathlib

from bg_interp import cli
from bg_interp.errors import UserError


@dataclasses.dataclass(frozen=True)
class Config:
    """The flags."""

    model: str | None = cli.setting(
        None, "a folder that tools/train.py wrote, a .keras or .h5 file, or a SavedModel folder"
    )
    dataset: str | None = cli.setting(
        None,
        "habitats, tfds:NAME or folder:PATH, whose test images are used; default: what the model "
        "was trained on, else habitats",
    )
    data_dir: str | None = cli.setting(
        None, "folder of prepared TFDS data; TFDS's own default when not given"
    )
    masks: str | None = cli.setting(
        None,
        "where masks come from: auto (the data set's own, else object), dataset, folder:PATH, or "
        "what tools/segment.py made: object, selfie, deeplab, interactive; default: what the "
        "model was trained with, else auto",
    )
    mask_store: str | None = cli.setting(
        None, "folder that tools/segment.py writes masks to; default: below the cache folder"
    )
    image_size: int | None = cli.setting(
        None,
        "side of the images in pixels; default: the model's own, and for models of any size 64 on "
        "habitats, else 224",
        rule=cli.POSITIVE,
    )
    input_range: str = cli.setting(
        "0:255",
        "the range in which the model takes pixels; a model that rescales by itself takes 0:255",
        choices=tuple(cli.INPUT_RANGES),
    )
    class_names: str | None = cli.setting(
        None,
        "names of the model's outputs in their order, separated by commas, or a file with one a "
        "line; default: the data set's classes",
    )
    output_kind: str = cli.setting(
        "logits",
        "what the model returns: logits, or probabilities (after softmax or sigmoid)",
        choices=("logits", "probabilities"),
    )
    seed: int = cli.setting(0, "of the choice of backgrounds, noise and resampling", rule=cli.SEED)
    output: str | None = cli.setting(
        None, "folder to write to; default: evaluation/ in the model's run folder, else here"
    )


cli.define_flags(Config)


def _named(class_names: str | None) -> list[str] | None:
    """Reads `--class_names`: a file with one a line, or names separated by commas."""
    if class_names is None:
        return None
    path = pathlib.Path(class_names).expanduser()
    if path.is_file():
        return [name for name in path.read_text(encoding="utf-8").splitlines() if name.strip()]
    if path.suffix == ".txt":
        raise UserError(f"--class_names names a file that does not exist: {class_names}")
    return class_names.split(",")


def main() -> None:
    """Audits one model, prints the tables and writes the output folder."""
    config = cli.config_from_flags(Config)
    if config.model is None:
        raise UserError(
            "--model must be given: a folder that tools/train.py wrote, a .keras file, or a "
            "SavedModel folder"
        )
    path = pathlib.Path(config.model).expanduser()
    if not path.exists():
        raise UserError(f"--model names a file or folder that does not exist: {config.model}")
    class_names = _named(config.class_names)

    # TensorFlow takes seconds to import, a mistyped flag shall not.
    cli.load_tensorflow()
    from bg_interp.commands import evaluate
    from bg_interp.evaluation import presentation

    fields = [field.name for field in dataclasses.fields(evaluate.DataChoice)]
    beside = path / "evaluation" if evaluate.is_run_folder(path) else pathlib.Path("evaluation")
    folder = pathlib.Path(config.output).expanduser() if config.output else beside
    results = evaluate.run(
        path,
        evaluate.DataChoice(**{name: getattr(config, name) for name in fields}),
        folder,
        input_range=cli.INPUT_RANGES[config.input_range],
        output_kind=config.output_kind,
        class_names=class_names,
        seed=config.seed,
    )
    print(presentation.describe(results))
    print(f"written: {folder}/results.json, variants.png (framed green: right), confusion.png")


def run() -> None:
    """Entry point of the console script."""
    cli.run(main, __doc__)


if __name__ == "__main__":
    run()
