"""An audit of one classifier: its file and a data set opened, all measures taken and written.

`tools/evaluate.py` is its command line.
"""

import dataclasses
import pathlib
import sys
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from bg_interp import pictures
from bg_interp.cli import INPUT_RANGES
from bg_interp.config.data import HABITATS_LARGEST, HABITATS_SMALLEST
from bg_interp.config.evaluation import NO_FLAGS, EvaluateConfig, check_names, class_names
from bg_interp.data.opening import decoded_with_masks, open_in_memory
from bg_interp.data.sources import Source, open_source
from bg_interp.errors import UserError
from bg_interp.evaluation import gate
from bg_interp.evaluation.arrays import (
    Arrays,
    compiled,
    predict,
    usable_rows,
    with_usable_masks,
)
from bg_interp.evaluation.estimate import Estimate
from bg_interp.evaluation.leak import Leak, measure_leak
from bg_interp.evaluation.model_evaluation import check_classes, evaluate_model
from bg_interp.evaluation.reliance.adversarial import right_on_every_background
from bg_interp.evaluation.reliance.groups import by_object, mean_group, measure_groups
from bg_interp.evaluation.reliance.variants import VARIANTS, make_variant, variant_logits
from bg_interp.evaluation.result import Evaluation
from bg_interp.models import probing
from bg_interp.models.adapter import AdaptedModel, check_outputs, match_classes
from bg_interp.models.loading import load_classifier
from bg_interp.report import evaluation as report
from bg_interp.report import page
from bg_interp.report.confusion import save_confusion
from bg_interp.storage import files
from bg_interp.storage.workdir import Workdir

_EXAMPLES = 6
_Config = TypeVar("_Config", bound=EvaluateConfig)
# Settings that results.json holds.
_DATA = "dataset data_dir masks mask_store image_size correlation data_seed".split()
# Settings that the page shows.
_SHOWN = ("model", *_DATA, "input_range", "output_kind", "adversarial_backgrounds", "seed")
_RIGHT, _WRONG = (40, 160, 60), (210, 40, 40)

# How images are made that are made here: those of the model's own training, where it tells.
_OF_IMAGES_MADE_HERE = ("correlation", "data_seed", "object_scale", "colour_matching")


def settled(config: _Config, model_size: int | None) -> _Config:
    """Settles which test images are used, where that is left open.

    Raises:
      UserError: there are no masks, or the size is not the model's.
    """
    run_folder = Workdir(_path(config))
    trained = run_folder.read_config()["config"] if config.model and run_folder.is_run else {}
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
        objects=config.objects or same.get("objects"),
        places=config.places or same.get("places"),
        **{name: same.get(name, getattr(config, name)) for name in _OF_IMAGES_MADE_HERE},
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


def run(config: EvaluateConfig) -> Evaluation:
    """Audits one classifier and writes what was found into the output folder.

    The folder gets report.html, results.json, images.csv, variants.png and confusion.png.

    Raises:
      UserError: model, data or masks cannot be used, or do not fit each other.
    """
    check_names(config)
    found = load_classifier(config.model or "", config.output_kind)
    model = AdaptedModel(found.network)
    given, config = config, settled(config, found.image_size)
    source = open_images(config)
    names = list(source.class_names)
    model_classes = class_names(config) or found.class_names
    if model_classes is not None:
        model = dataclasses.replace(model, columns=match_classes(model_classes, names))
    examples, masks = decoded_with_masks(source, "test", config)
    arrays = examples.arrays
    check_outputs(model, arrays["image"][:8], model_classes)
    model, config = conventions(model, config, arrays["image"], arrays["label"])
    facts = {
        "model": str(config.model),
        "seed": config.seed,
        "fingerprint": source.fingerprint,
        "input_range": config.input_range,
        "output_kind": config.output_kind,
        "data": {name: getattr(config, name) for name in _DATA},
    }
    evaluation = measure(
        model,
        Arrays.of(arrays),
        names,
        keys=[source.splits["test"].keys[row] for row in arrays["index"]],
        places=places_of(source, "test", arrays["index"]),
        place_names=source.place_names,
        backgrounds=config.adversarial_backgrounds,
        seed=config.seed,
        facts=facts,
    )
    if config.leak:
        evaluation = dataclasses.replace(
            evaluation, leak=measure_leak(_leak_images(source, config))
        )
    folder = output_folder(given)
    evaluation.save(folder)
    save_confusion(evaluation.measured, folder / "confusion.png")
    sheet = example_sheet(model, evaluation.test, names, config.seed)
    pictures.save_png(folder / "variants.png", sheet)
    report.write(
        folder / "report.html",
        evaluation,
        command=page.command("evaluate", _flags(given)),
        facts=[(name, page.without_places(name, getattr(config, name))) for name in _SHOWN],
        masks=report.MaskFacts(masks.origin.partition(":")[0], masks.counts),
        class_images=_class_images(given),
    )
    return evaluation


def conventions(
    model: AdaptedModel, config: _Config, images: np.ndarray, labels: np.ndarray
) -> tuple[AdaptedModel, _Config]:
    """Settles what a classifier takes and gives, and says what was found.

    Args:
      model: the classifier.
      config: its range and kind of output may be "auto".
      images: natural ones, uint8 [N, H, W, 3].
      labels: int [N].

    Returns:
      The classifier, and settings that name what was found.
    """
    span = INPUT_RANGES.get(config.input_range)
    kind = None if config.output_kind == "auto" else config.output_kind
    if Workdir(_path(config)).is_run:
        # What tools/train.py wrote needs no looking at.
        span, kind = span or INPUT_RANGES["0:255"], kind or "logits"
    probed = probing.probe(model, images, labels, input_range=span, output_kind=kind)
    for sentence in probed.said:
        print(f"{config.model}: {sentence}", file=sys.stderr)
    found = dataclasses.replace(
        config,
        input_range=probing.named(probed.model.input_range),
        output_kind=probed.model.output_kind,
    )
    return probed.model, found


def measure(
    model: AdaptedModel,
    test: Arrays,
    names: Sequence[str],
    *,
    keys: Sequence[str] | None = None,
    places: np.ndarray | None = None,
    place_names: Sequence[str] = (),
    backgrounds: int = 8,
    seed: int = 0,
    facts: Mapping[str, Any] | None = None,
    logits: Mapping[str, np.ndarray] | None = None,
) -> Evaluation:
    """Takes all measures of one classifier that need no class images.

    Args:
      model: the classifier.
      test: the test images; those whose mask has no foreground or no background are left out.
      names: the K classes in the order of labels and logits.
      keys: names of the images; None for their numbers.
      places: int [N], each image's kind of background; None where nothing tells.
      place_names: of the kinds.
      backgrounds: how many backgrounds of other classes each object is tried before; 0 for none.
      seed: keys all that is random.
      facts: what else the results shall hold.
      logits: what the model says of the variants of the usable images, where that is known; see
        `variants.variant_logits`.

    Raises:
      UserError: no mask is usable, or the model gives other classes.
    """
    usable = usable_rows(test)
    some = test.take(usable)
    if keys is None:
        keys = [str(row) for row in range(len(test.labels))]
    graph = compiled(model)
    logits = dict(logits or variant_logits(graph, some, seed))
    check_classes(logits["original"], len(names))
    measured = evaluate_model(model, test, names, logits=logits, seed=seed)
    where = None if places is None else places[usable]
    groups = measure_groups(logits, some.labels, names, seed, where, place_names)
    adversarial = None
    if backgrounds and len(np.unique(some.labels)) > 1:
        right = right_on_every_background(graph, some, backgrounds, seed)
        adversarial = Estimate.of_share(right)
    return Evaluation(
        measured={"seed": seed, **(facts or {}), **measured},
        test=some,
        keys=tuple(keys[row] for row in np.flatnonzero(usable).tolist()),
        logits=logits,
        groups=groups,
        mean_group=mean_group(groups),
        thirds=by_object(logits, some),
        adversarial=adversarial,
        backgrounds=backgrounds,
    )


def passes(found: Evaluation, config: EvaluateConfig) -> bool:
    """Tells whether `--fail_if` lets a classifier pass; prints a line for each condition.

    Raises:
      UserError: a measure was not taken, or `--junit` cannot be written.
    """
    if config.fail_if is None:
        return True
    verdicts = found.check(config.fail_if)
    for one in verdicts:
        print(one, file=sys.stderr if one.failed else sys.stdout)
    if config.junit is not None:
        path = pathlib.Path(config.junit).expanduser()
        files.write_text(path, gate.junit(verdicts, str(config.model)))
    return not any(one.failed for one in verdicts)


def leak(config: EvaluateConfig) -> Leak:
    """Measures how well backgrounds alone tell the label, without any model.

    Raises:
      UserError: data or masks cannot be used.
    """
    config = settled(config, None)
    found = measure_leak(_leak_images(open_images(config), config), config.seed)
    files.write_json(output_folder(config) / "leak.json", found.to_dict())
    return found


def _leak_images(source: Source, config: EvaluateConfig) -> Arrays:
    """Decodes what there is to learn from; images of both splits look alike."""
    return Arrays.of(open_in_memory(source, "train", config).arrays)


def places_of(source: Source, split: str, rows: np.ndarray) -> np.ndarray | None:
    """Returns the kinds of background of a split's images at `rows`; None where nothing tells."""
    places = source.splits[split].places
    return None if places is None else np.asarray(places)[rows]


def _flags(config: EvaluateConfig) -> dict[str, Any]:
    """Returns the flags that were given, with folders by their own names alone."""
    defaults = EvaluateConfig()
    return {
        field.name: page.without_places(field.name, getattr(config, field.name))
        for field in dataclasses.fields(config)
        if getattr(config, field.name) != getattr(defaults, field.name)
        and field.name not in (*NO_FLAGS, "output", "junit")
    }


def _class_images(config: EvaluateConfig) -> pathlib.Path | None:
    """Finds the newest picture of a run's class images."""
    folder = Workdir(_path(config)).visualizations
    made = sorted(folder.glob("class_images-*.png"))
    return made[-1] if made else next(iter(folder.glob("grid.png")), None)


def _path(config: EvaluateConfig) -> pathlib.Path:
    return pathlib.Path(config.model or "").expanduser()


def output_folder(config: EvaluateConfig) -> pathlib.Path:
    """Returns the folder that an evaluation writes to."""
    if config.output:
        return pathlib.Path(config.output).expanduser()
    run_folder = Workdir(_path(config))
    there_is = bool(config.model) and run_folder.is_run
    return run_folder.evaluation if there_is else pathlib.Path("evaluation")
