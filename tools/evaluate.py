"""Measure how much an image classifier hangs on backgrounds; any Keras model or SavedModel.

    python tools/evaluate.py --model=runs/habitats-small-none-0

prints the accuracy on eight variants of the test images (object on black, background alone, object
on another background, ...) with 95 % intervals, BG-Gap (Xiao et al. 2020), and where the model
looks; and writes evaluation/ into the run's folder: results.json with all numbers, variants.png
with examples, confusion.png.

    python tools/evaluate.py --model=classifier.keras --dataset=folder:photos --masks=object \\
        --input_range=0,1 --class_names=cat,dog --output_kind=probabilities

audits a classifier that was trained elsewhere, after
`python tools/segment.py --dataset=folder:photos` has made masks of its test images.
"""

import dataclasses
import pathlib
from typing import TYPE_CHECKING, Any

from bg_interp import cli
from bg_interp.errors import UserError

if TYPE_CHECKING:
    import numpy as np

    from bg_interp.evaluation.adapter import AdaptedModel
    from bg_interp.evaluation.arrays import Arrays

_INPUT_RANGES = {"0,255": (0.0, 255.0), "0,1": (0.0, 1.0), "-1,1": (-1.0, 1.0)}
_EXAMPLES = 6
_RIGHT, _WRONG = (40, 160, 60), (210, 40, 40)


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
        "0,255",
        "the range in which the model takes pixels; a model that rescales by itself takes 0,255",
        choices=tuple(_INPUT_RANGES),
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
    seed: int = cli.setting(
        0, "of the choice of backgrounds, noise and resampling", rule=cli.NOT_NEGATIVE
    )
    output: str | None = cli.setting(
        None, "folder to write to; default: evaluation/ in the model's run folder, else here"
    )


cli.define_flags(Config)


def _trained(model: pathlib.Path) -> dict[str, Any]:
    """Returns what the run folder says that the model was trained on; {} for other models."""
    if not (model / "config.json").exists():
        return {}
    from bg_interp.workdir import Workdir

    return Workdir(model).read_config()["config"]


def _load(config: Config) -> tuple["AdaptedModel", int | None, list[str] | None]:
    """Returns the model, the side of its images, and the names of its outputs where known."""
    from bg_interp.evaluation import adapter, loading

    path = pathlib.Path(config.model or "").expanduser()
    if (path / "config.json").exists():
        path = path / "model.keras"
        if not path.exists():
            raise UserError(f"{path.parent} holds no finished model yet; let its training end")
    found = loading.load_classifier(path, config.output_kind)
    model = adapter.AdaptedModel(
        found.network, _INPUT_RANGES[config.input_range], config.output_kind
    )
    names = list(found.class_names) if found.class_names else None
    return model, found.image_size, _named(config.class_names) or names


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


def _test_data(config: Config, size: int | None) -> tuple["Arrays", list[str], str]:
    """Returns the test images, the class names, and what `--dataset` was resolved to."""
    from bg_interp.config import HABITATS_SIZES
    from bg_interp.data.opening import open_examples
    from bg_interp.data.pipeline import InMemory, in_memory
    from bg_interp.data.sources import open_source
    from bg_interp.evaluation.arrays import Arrays

    trained = _trained(pathlib.Path(config.model or "").expanduser())
    dataset = config.dataset or trained.get("dataset", "habitats")
    size = config.image_size or size or (64 if dataset == "habitats" else 224)
    # Habitats is drawn at a few sizes and resized to others.
    drawn = next((side for side in HABITATS_SIZES if side >= size), HABITATS_SIZES[-1])
    same = {name: trained[name] for name in ("correlation", "data_seed") if name in trained}
    source = open_source(
        dataset, data_dir=config.data_dir or trained.get("data_dir"), image_size=drawn, **same
    )
    masks = config.masks or (trained.get("masks", "auto") if config.dataset is None else "auto")
    if masks == "none":
        raise UserError("--masks=none leaves nothing to tell the background by; give another one")
    store = config.mask_store or trained.get("mask_store")
    examples, _ = open_examples(source, "test", masks=masks, image_size=size, mask_store=store)
    # Measures go through the images many times: even large test sets are decoded once.
    decoded = examples if isinstance(examples, InMemory) else in_memory(examples, "test images")
    found = decoded.arrays
    arrays = Arrays(found["image"], found["mask"], found["label"])
    return arrays, list(source.class_names), dataset


def _examples(
    model: "AdaptedModel", test: "Arrays", class_names: list[str], seed: int
) -> "np.ndarray":
    """Returns a sheet of a few images in every variant, framed green when the model is right."""
    import numpy as np

    from bg_interp.evaluation.arrays import predict, with_usable_masks
    from bg_interp.evaluation.variants import VARIANTS, make_variant
    from bg_interp.visualization import grids

    test = with_usable_masks(test)
    _, first = np.unique(test.labels, return_index=True)
    first = first[:_EXAMPLES]
    columns = []
    for variant in VARIANTS:
        images = make_variant(variant, test, seed, first)
        right = predict(model, images).argmax(axis=1) == test.labels[first]
        frame = max(1, images.shape[1] // 24)
        padded = np.pad(images, [(0, 0), (frame, frame), (frame, frame), (0, 0)])
        colours = np.where(right[:, None], _RIGHT, _WRONG)[:, None, None]
        framed = np.broadcast_to(colours, padded.shape).astype(np.uint8).copy()
        framed[:, frame:-frame, frame:-frame] = images
        columns.append(framed)
    names = [class_names[label] for label in test.labels[first]]
    return grids.grid(np.stack(columns, axis=1), VARIANTS, names)


def main() -> None:
    """Evaluates one model, prints the tables and writes the output folder."""
    config = cli.config_from_flags(Config)
    if config.model is None:
        raise UserError(
            "--model must be given: a folder that tools/train.py wrote, a .keras file, or a "
            "SavedModel folder"
        )
    path = pathlib.Path(config.model).expanduser()
    if not path.exists():
        raise UserError(f"--model names a file or folder that does not exist: {config.model}")

    from bg_interp import files
    from bg_interp.evaluation import presentation
    from bg_interp.evaluation.adapter import match_classes
    from bg_interp.evaluation.model_evaluation import evaluate_model
    from bg_interp.visualization import grids

    model, size, model_classes = _load(config)
    test, class_names, dataset = _test_data(config, size)
    if model_classes is not None:
        columns = match_classes(model_classes, class_names)
        model = dataclasses.replace(model, columns=columns)
    results = evaluate_model(model, test, class_names, seed=config.seed)
    results = {"model": str(path), "dataset": dataset, "seed": config.seed, **results}

    folder = path / "evaluation" if (path / "config.json").exists() else pathlib.Path("evaluation")
    folder = pathlib.Path(config.output).expanduser() if config.output else folder
    presentation.save_confusion(results, folder / "confusion.png")
    grids.save_png(folder / "variants.png", _examples(model, test, class_names, config.seed))
    files.write_json(folder / "results.json", results)
    print(presentation.describe(results))
    print(f"written: {folder}/results.json, variants.png (framed green: right), confusion.png")


def run() -> None:
    """Entry point of the console script."""
    cli.run(main, __doc__)


if __name__ == "__main__":
    run()
