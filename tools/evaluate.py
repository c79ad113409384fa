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
from typing import TYPE_CHECKING, Any

from bg_interp import cli
from bg_interp.errors import UserError

if TYPE_CHECKING:
    import numpy as np

    from bg_interp.data.sources import Source
    from bg_interp.evaluation.adapter import AdaptedModel
    from bg_interp.evaluation.arrays import Arrays

_INPUT_RANGES = {"0:255": (0.0, 255.0), "0:1": (0.0, 1.0), "-1:1": (-1.0, 1.0)}
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
        "0:255",
        "the range in which the model takes pixels; a model that rescales by itself takes 0:255",
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


def _size(config: Config, model_size: int | None, dataset: str) -> int:
    """Returns the side of the images in pixels.

    Raises:
      UserError: `--image_size` is not the model's own.
    """
    if config.image_size and model_size and config.image_size != model_size:
        raise UserError(
            f"--image_size must be {model_size}, the size that the model was built for, or left "
            f"out. Received: {config.image_size}"
        )
    return config.image_size or model_size or (64 if dataset == "habitats" else 224)


def _open(config: Config, model_size: int | None) -> tuple["Source", int, dict[str, Any]]:
    """Opens the data set, and returns also the side of the images and where masks come from."""
    from bg_interp.config import HABITATS_SIZES
    from bg_interp.data.sources import check_spec, open_source

    trained = _trained(pathlib.Path(config.model or "").expanduser())
    dataset = config.dataset or trained.get("dataset", "habitats")
    check_spec(dataset)
    # What the model was trained with says nothing about another data set.
    same = trained if dataset == trained.get("dataset") else {}
    size = _size(config, model_size, dataset)
    # Habitats is drawn at a few sizes and resized to others.
    drawn = next((side for side in HABITATS_SIZES if side >= size), HABITATS_SIZES[-1])
    source = open_source(
        dataset,
        data_dir=config.data_dir or same.get("data_dir"),
        image_size=drawn,
        **{name: same[name] for name in ("correlation", "data_seed") if name in same},
    )
    masks = config.masks or same.get("masks", "auto")
    if masks == "none":
        raise UserError("--masks=none leaves nothing to tell the background by; give another one")
    store = config.mask_store or same.get("mask_store")
    return source, size, {"masks": masks, "mask_store": store}


def _test_arrays(source: "Source", size: int, masks: dict[str, Any]) -> "Arrays":
    """Decodes the test images and their masks."""
    from bg_interp.data.opening import open_examples
    from bg_interp.data.pipeline import InMemory, in_memory
    from bg_interp.evaluation.arrays import Arrays

    examples, _ = open_examples(source, "test", image_size=size, **masks)
    # Measures go through the images many times: even large test sets are decoded once.
    decoded = examples if isinstance(examples, InMemory) else in_memory(examples, "test images")
    return Arrays(*(decoded.arrays[name] for name in ("image", "mask", "label")))


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

    model, model_size, model_classes = _load(config)
    source, size, masks = _open(config, model_size)
    class_names = list(source.class_names)
    if model_classes is not None:
        columns = match_classes(model_classes, class_names)
        model = dataclasses.replace(model, columns=columns)
    test = _test_arrays(source, size, masks)
    results = evaluate_model(model, test, class_names, seed=config.seed)
    facts = {"model": str(path), "dataset": source.name, "fingerprint": source.fingerprint}
    results = {**facts, **masks, "image_size": size, "seed": config.seed, **results}

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
