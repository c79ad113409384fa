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
from bg_interp.cli import INPUT_RANGES
from bg_interp.config.data import HABITATS_LARGEST, HABITATS_SMALLEST
from bg_interp.config.evaluation import EvaluateConfig, check_names, class_names, model_path
from bg_interp.data.opening import open_in_memory
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
# Settings that results.json holds.
_DATA = "dataset data_dir masks mask_store image_size correlation data_seed".split()
_RIGHT, _WRONG = (40, 160, 60), (210, 40, 40)


def settled(config: EvaluateConfig, model: pathlib.Path, model_size: int | None) -> EvaluateConfig:
    """Settles which test images are used, where that is left open.

    Raises:
      UserError: there are no masks, or the size is not the model's.
    """
    trained = Workdir(model).read_config()["config"] if Workdir(model).is_run else {}
    dataset = config.dataset or trained.get("dataset", "habitats")
    # What the model was trained with says nothing about another data set.
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
        masks=config.masks or same.get("masks", "auto"),
        mask_store=config.mask_store or same.get("mask_store"),
        image_size=config.image_size or model_size or (64 if dataset == "habitats" else 224),
        correlation=same.get("correlation", config.correlation),
        data_seed=same.get("data_seed", config.data_seed),
    )
    check_names(chosen)
    return chosen


def open_images(config: EvaluateConfig) -> Source:
    """Opens the data set that `settled` names."""
    size = config.image_size
    if config.dataset == "habitats" and size:
        # It is drawn at the model's size, and resized to sizes beyond those it is drawn at.
        size = min(max(size, HABITATS_SMALLEST), HABITATS_LARGEST)
    return open_source(dataclasses.replace(config, image_size=size))


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


def run(config: EvaluateConfig) -> dict[str, Any]:
    """Audits one classifier and writes results.json, variants.png and confusion.png.

    Returns:
      What results.json holds: `evaluate_model`'s measures, and how they were taken.

    Raises:
      UserError: model, data or masks cannot be used, or do not fit each other.
    """
    check_names(config)
    path, folder = model_path(config), output_folder(config)
    found = load_classifier(path, config.output_kind)
    model = AdaptedModel(found.network, INPUT_RANGES[config.input_range], config.output_kind)
    config = settled(config, path, found.image_size)
    source = open_images(config)
    names = list(source.class_names)
    model_classes = class_names(config) or found.class_names
    if model_classes is not None:
        model = dataclasses.replace(model, columns=match_classes(model_classes, names))
    test = Arrays.of(open_in_memory(source, "test", config).arrays)
    check_outputs(model, test.images[:1], model_classes)
    note = check_output_kind(model, test.images[:8])
    if note:
        print(note, file=sys.stderr)
    measured = evaluate_model(model, test, names, seed=config.seed)
    facts = {"model": str(path), "seed": config.seed, "fingerprint": source.fingerprint}
    data = {name: getattr(config, name) for name in _DATA}
    results = {**facts, "data": data, **measured}
    presentation.save_confusion(results, folder / "confusion.png")
    sheet = example_sheet(model, test, names, config.seed)
    pictures.save_png(folder / "variants.png", sheet)
    files.write_json(folder / "results.json", results)
    return results


def output_folder(config: EvaluateConfig) -> pathlib.Path:
    """Returns the folder that an evaluation writes to."""
    if config.output:
        return pathlib.Path(config.output).expanduser()
    path = Workdir(model_path(config))
    return path.evaluation if path.is_run else pathlib.Path("evaluation")
