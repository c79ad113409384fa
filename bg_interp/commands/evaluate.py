"""An audit of one classifier: its file and a data set opened, all measures taken and written.

`tools/evaluate.py` is its command line.
"""

import dataclasses
import pathlib
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from bg_interp import pictures
from bg_interp.config.training import HABITATS_LARGEST, HABITATS_SMALLEST, check_dataset
from bg_interp.data.opening import open_examples
from bg_interp.data.pipeline import InMemory, in_memory
from bg_interp.data.sources import Source, open_source
from bg_interp.errors import UserError
from bg_interp.evaluation import presentation
from bg_interp.evaluation.arrays import Arrays, predict, with_usable_masks
from bg_interp.evaluation.model_evaluation import evaluate_model
from bg_interp.evaluation.variants import VARIANTS, make_variant
from bg_interp.models.adapter import AdaptedModel, check_output_kind, check_outputs, match_classes
from bg_interp.models.loading import load_classifier
from bg_interp.storage import files
from bg_interp.storage.workdir import Workdir

_EXAMPLES = 6
_RIGHT, _WRONG = (40, 160, 60), (210, 40, 40)


@dataclasses.dataclass(frozen=True)
class DataChoice:
    """Which test images to use; None takes what the model was trained on, if its file says.

    Attributes:
      dataset: value of `--dataset`; in the end habitats.
      data_dir: folder of TFDS data.
      masks: value of `--masks`; in the end auto.
      mask_store: folder of stored masks.
      image_size: side in pixels; in the end the model's own, or 64 on habitats and 224 elsewhere.
    """

    dataset: str | None = None
    data_dir: str | None = None
    masks: str | None = None
    mask_store: str | None = None
    image_size: int | None = None


def is_run_folder(path: pathlib.Path) -> bool:
    """Tells whether `tools/train.py` made the folder."""
    return (path / "config.json").exists()


def load_model(
    path: pathlib.Path,
    input_range: tuple[float, float] = (0.0, 255.0),
    output_kind: str = "logits",
) -> tuple[AdaptedModel, int | None, Sequence[str] | None]:
    """Loads a classifier from a run folder, a Keras file or a SavedModel.

    Returns:
      The model, the side of its images, and the names of its outputs; None where it doesn't say.

    Raises:
      UserError: it cannot be loaded, or the run has not ended.
    """
    names = None
    if is_run_folder(path):
        names = Workdir(path).read_config().get("class_names")
        path = Workdir(path).model
        if not path.exists():
            raise UserError(f"{path.parent} holds no finished model yet; let its training end")
    found = load_classifier(path, output_kind)
    return (
        AdaptedModel(found.network, input_range, output_kind),
        found.image_size,
        names or found.class_names,
    )


def settled(choice: DataChoice, model: pathlib.Path, model_size: int | None) -> dict[str, Any]:
    """Settles every open point of a choice of data.

    Returns:
      The fields of `choice`, and for habitats possibly `correlation` and `data_seed`.

    Raises:
      UserError: there are no masks, or the size is not the model's.
    """
    trained = Workdir(model).read_config()["config"] if is_run_folder(model) else {}
    dataset = choice.dataset or trained.get("dataset", "habitats")
    check_dataset(dataset)
    # What the model was trained with says nothing about another data set.
    same = trained if dataset == trained.get("dataset") else {}
    masks = choice.masks or same.get("masks", "auto")
    if masks == "none":
        raise UserError("--masks=none leaves nothing to tell the background by; give another one")
    if choice.image_size and model_size and choice.image_size != model_size:
        raise UserError(
            f"--image_size must be {model_size}, the size that the model was built for, or left "
            f"out. Received: {choice.image_size}"
        )
    return {
        "dataset": dataset,
        "data_dir": choice.data_dir or same.get("data_dir"),
        "masks": masks,
        "mask_store": choice.mask_store or same.get("mask_store"),
        "image_size": choice.image_size or model_size or (64 if dataset == "habitats" else 224),
        **{name: same[name] for name in ("correlation", "data_seed") if name in same},
    }


def open_data(settings: dict[str, Any]) -> Source:
    """Opens the data set that `settled` names."""
    size = settings["image_size"]
    # Habitats is drawn at the model's size, and resized to sizes beyond those it is drawn at.
    drawn = min(max(size, HABITATS_SMALLEST), HABITATS_LARGEST)
    habitats = {name: settings[name] for name in ("correlation", "data_seed") if name in settings}
    return open_source(
        settings["dataset"], data_dir=settings["data_dir"], image_size=drawn, **habitats
    )


def decoded_test_images(source: Source, settings: dict[str, Any]) -> Arrays:
    """Decodes the test images and masks that `settled` describes."""
    examples, _ = open_examples(
        source,
        "test",
        image_size=settings["image_size"],
        masks=settings["masks"],
        mask_store=settings["mask_store"],
    )
    # Measures go through the images many times: even large test sets are decoded once.
    decoded = examples if isinstance(examples, InMemory) else in_memory(examples, "test images")
    return Arrays(*(decoded.arrays[name] for name in ("image", "mask", "label")))


def example_sheet(
    model: AdaptedModel, test: Arrays, class_names: Sequence[str], seed: int
) -> np.ndarray:
    """Draws a few images in every variant, framed green where the model is right, else red.

    Returns:
      uint8 [height, width, 3].
    """
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
    return pictures.grid(np.stack(columns, axis=1), VARIANTS, names)


def run(
    path: pathlib.Path,
    choice: DataChoice,
    folder: pathlib.Path,
    *,
    input_range: tuple[float, float] = (0.0, 255.0),
    output_kind: str = "logits",
    class_names: Sequence[str] | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Audits one classifier and writes results.json, variants.png and confusion.png.

    Args:
      path: a run folder, a Keras file or a SavedModel folder.
      choice: the test images.
      folder: gets the files.
      input_range: see `AdaptedModel`.
      output_kind: see `AdaptedModel`.
      class_names: names of the model's outputs; None for what its file says, or else those of the
        data set.
      seed: keys all that is random.

    Returns:
      What results.json holds: `evaluate_model`'s measures, and how they were taken.

    Raises:
      UserError: model, data or masks cannot be used, or do not fit each other.
    """
    model, model_size, model_classes = load_model(path, input_range, output_kind)
    settings = settled(choice, path, model_size)
    source = open_data(settings)
    names = list(source.class_names)
    model_classes = class_names or model_classes
    if model_classes is not None:
        model = dataclasses.replace(model, columns=match_classes(model_classes, names))
    test = decoded_test_images(source, settings)
    check_outputs(model, test.images[:1], model_classes)
    note = check_output_kind(model, test.images[:8])
    if note:
        print(note, file=sys.stderr)
    measured = evaluate_model(model, test, names, seed=seed)
    facts = {"model": str(path), "seed": seed, "fingerprint": source.fingerprint}
    results = {**facts, "data": settings, **measured}
    presentation.save_confusion(results, folder / "confusion.png")
    pictures.save_png(folder / "variants.png", example_sheet(model, test, names, seed))
    files.write_json(folder / "results.json", results)
    return results
