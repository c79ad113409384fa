"""An audit of one classifier: its file and a dataset opened, all measures taken and written.

`tools/evaluate.py` is its command line.
"""

import dataclasses
import pathlib
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from bg_interp import pictures
from bg_interp.commands import subject
from bg_interp.commands.audit_pictures import check_drawable, class_image_sheet, example_sheet
from bg_interp.commands.next_steps import ways
from bg_interp.commands.published import Published, measure_published
from bg_interp.config.classifier import NO_FLAGS, check_names, class_names
from bg_interp.config.evaluation import EvaluateConfig
from bg_interp.data.examples import OnDisk, in_memory, labels_of
from bg_interp.data.mask_choice import Masks
from bg_interp.data.opening import open_examples
from bg_interp.data.sources import Source
from bg_interp.errors import UserError, one_line
from bg_interp.evaluation import gate
from bg_interp.evaluation.arrays import Arrays
from bg_interp.evaluation.baseline import Baseline
from bg_interp.evaluation.leak import MOST_IMAGES, Leak, drawn, measure_leak
from bg_interp.evaluation.measuring import measure
from bg_interp.evaluation.result import Evaluation
from bg_interp.models.adapter import match_classes
from bg_interp.models.loading import load_classifier
from bg_interp.report import evaluation as report
from bg_interp.report import page
from bg_interp.report.confusion import save_confusion
from bg_interp.storage import files, locks
from bg_interp.storage.workdir import Workdir

# What is written beside the page.
_BESIDE = ("results.json", "images.csv", "model_card.md", "variants.png", "confusion.png")
_NOT_DRAWN = "class_images_left_out"
# Settings that results.json holds.
_DATA = (
    "dataset data_dir only_classes masks invert_masks mask_values mask_store image_size resize "
    "correlation data_seed"
).split()
# Settings that the page shows.
_SHOWN = ("model", *_DATA, "preprocess", "output_kind", "adversarial_backgrounds", "seed")


@dataclasses.dataclass(frozen=True, eq=False)
class _Audit:
    """What was measured, and on what.

    Attributes:
      found: all measures.
      source: of the images.
      tested: the classifier and its images, and settings that name what was found of them.
      published: measures on variants that a benchmark publishes.
    """

    found: Evaluation
    source: Source
    tested: subject.Tested[EvaluateConfig]
    published: tuple[Published, ...]


def _audit(config: EvaluateConfig, *, draws: bool, explains: bool = True) -> _Audit:
    """Opens a classifier and its test images, and measures.

    Args:
      config: as it was given.
      draws: whether class images will be drawn, which not every classifier can.
      explains: whether attribution is measured.
    """
    classifier = load_classifier(config.model or "")
    config = subject.settled(config, classifier.image_size)
    source = subject.open_images(config, whole=True)
    names = list(source.class_names)
    model_classes = class_names(config) or classifier.class_names
    columns = None if model_classes is None else match_classes(model_classes, names)
    if model_classes is None:
        subject.say_order(names)
    tested = subject.open_test(classifier, source, config, model_classes, columns)
    model, config, arrays = tested.found.model, tested.config, tested.examples.arrays
    if draws:
        check_drawable(model)
    published = measure_published(model, source, config)
    found = measure(
        model,
        Arrays.of(arrays),
        names,
        keys=[source.splits["test"].keys[row] for row in arrays["index"]],
        places=subject.places_of(source, "test", arrays["index"]),
        place_names=source.place_names,
        units=subject.units_of(source, "test", arrays["index"]),
        backgrounds=config.adversarial_backgrounds,
        explains=explains,
        seed=config.seed,
        facts=_facts(tested, source, published),
        doubts=(*tested.found.doubts, *tested.masks.doubts),
    )
    return _Audit(found, source, tested, published)


def _facts(
    tested: subject.Tested[EvaluateConfig], source: Source, published: Sequence[Published]
) -> dict[str, Any]:
    """Returns what results.json tells of how the measures were taken."""
    config, model = tested.config, tested.found.model
    same = getattr(source, "duplicates", None)
    return {
        "model": str(config.model),
        "weights_sha256": subject.weights_sha256(config),
        "fingerprint": source.fingerprint,
        "preprocess": config.preprocess,
        "input_range": model.pixels.range and list(model.pixels.range),
        "output_kind": config.output_kind,
        "found": list(tested.found.notes),
        "data": {name: getattr(config, name) for name in _DATA},
        **({"duplicates": same.to_dict()} if same else {}),
        **({"published": {one.name: one.to_dict() for one in published}} if published else {}),
    }


def run(config: EvaluateConfig) -> Evaluation:
    """Audits one classifier and writes what was found into the output folder.

    The folder gets report.html, model_card.md, results.json, images.csv, variants.png and
    confusion.png.

    Raises:
      UserError: model, data or masks cannot be used, or do not fit each other.
    """
    check_names(config)
    # Found out now, not after minutes of work.
    with locks.alone_in_output(output_folder(config)):
        return _run(config)


def _run(config: EvaluateConfig) -> Evaluation:
    given = _given_baseline(config)
    picture = _class_images(config) if config.class_images_of == "both" else None
    draws = picture is None and (config.class_images or config.class_images_of != "both")
    audit = _audit(config, draws=draws)
    found, folder = audit.found, output_folder(config)
    found = dataclasses.replace(found, baseline=given or _measured_baseline(config))
    if config.leak:
        found = _with_leak(found, audit.source, audit.tested.config)
    for line in _published(audit):
        print(line, file=sys.stderr)
    for name in ("results.json", "images.csv"):
        found.save(folder / name)
    save_confusion(found.to_dict(), folder / "confusion.png")
    if draws:
        picture, found = _with_class_images(found, audit.tested, folder)
    pictures.save_png(folder / "variants.png", example_sheet(found))
    found = dataclasses.replace(found, write_page=_page_writer(config, audit, found, picture))
    for name in ("report.html", "model_card.md"):
        found.save(folder / name)
    return found


def _published(audit: _Audit) -> list[str]:
    """Returns a line for each published variant of the images, beside what was measured here."""
    return [one.beside(audit.found.measures) for one in audit.published]


def _with_class_images(
    found: Evaluation, tested: subject.Tested[EvaluateConfig], folder: pathlib.Path
) -> tuple[pathlib.Path | None, Evaluation]:
    """Draws class images; returns their file, or None where they failed, which the result says."""
    path = folder / "class_images.png"
    try:
        sheet = class_image_sheet(tested.found.model, found.test, found.classes, tested.config)
        pictures.save_png(path, sheet)
    # Somebody's network may raise anything, and everything else is measured already.
    except Exception as error:
        reason = one_line(error)
        print(f"the class images are left out: {reason}", file=sys.stderr)
        found = dataclasses.replace(found, facts={**found.facts, _NOT_DRAWN: reason})
        found.save(folder / "results.json")
        return None, found
    return path, found


def _page_writer(
    config: EvaluateConfig, audit: _Audit, found: Evaluation, picture: pathlib.Path | None
) -> Callable[[pathlib.Path, Evaluation], None]:
    """Returns what writes the page of an evaluation.

    Args:
      config: as it was given.
      audit: what was measured.
      found: the same, with all that was added.
      picture: of the class images; None for none.
    """
    tested, origin = audit.tested, audit.tested.masks.origin.partition(":")[0]
    return report.writer(
        page.command("evaluate", page.given_flags(config, (*NO_FLAGS, "output", "junit"))),
        [
            *((one, page.without_places(one, getattr(tested.config, one))) for one in _SHOWN),
            ("masks come from", origin),
            ("data fingerprint", audit.source.fingerprint),
            ("sha256 of the weights", found.facts["weights_sha256"] or "unknown"),
            *((name, str(note)) for name, note in _notes(found, audit.source)),
            *(("published variants", line) for line in _published(audit)),
        ],
        report.MaskFacts(origin, tested.masks.counts, _verdicts(tested.masks, audit.source)),
        picture,
        ways(config),
        _BESIDE,
    )


def _given_baseline(config: EvaluateConfig) -> Baseline | None:
    """Reads the results.json that `--baseline` names, before anything is measured."""
    if config.baseline is None or not config.baseline.endswith(".json"):
        return None
    return Baseline.read(config.baseline)


def _measured_baseline(config: EvaluateConfig) -> Baseline | None:
    """Measures the model that `--baseline` names; None where it names none."""
    if config.baseline is None:
        return None
    other = dataclasses.replace(
        subject.settled(config, None),
        model=config.baseline,
        image_size=config.image_size,
        resize=config.resize,
        preprocess=config.preprocess,
        input_range=config.input_range,
    )
    print(f"measuring the baseline {config.baseline}", file=sys.stderr)
    return Baseline.of(_audit(other, draws=False, explains=False).found)


def exit_code(found: Evaluation | Leak, config: EvaluateConfig) -> int:
    """Judges measures by `--fail_if` and `--must`, and prints a line for each condition.

    Returns:
      0 where all pass, 3 where one fails, 4 where it can't be decided.

    Raises:
      UserError: a measure was not taken, or `--junit` cannot be written.
    """
    conditions = gate.asked(config)
    if not conditions:
        return 0
    if isinstance(found, Leak):
        verdicts = gate.check([(one, found.accuracy) for one in conditions])
    else:
        verdicts = found.judged(conditions)
    for one in verdicts.each:
        told = f"--{one.condition.kind}={one.condition} {one}"
        print(told, file=sys.stdout if one.state is gate.State.PASSED else sys.stderr)
    if config.junit is not None:
        path = pathlib.Path(config.junit).expanduser()
        files.write_text(path, gate.junit(verdicts, str(config.model or config.dataset)))
    return verdicts.exit_code


def leak(config: EvaluateConfig) -> Leak:
    """Measures how well backgrounds alone predict the label, without any model.

    Raises:
      UserError: data or masks cannot be used.
    """
    config = subject.settled(config, None)
    with locks.alone_in_output(output_folder(config)):
        found = _leak_of(subject.open_images(config, whole=True), config)
        files.write_json(output_folder(config) / "leak.json", found.to_dict())
    return found


def _verdicts(masks: Masks, source: Source) -> dict[str, str]:
    """Returns {name of an image: what is bad about its mask}."""
    keys = source.splits["test"].keys
    return {
        keys[position]: verdict
        for verdict, positions in (masks.bad or {}).items()
        for position in positions.tolist()
    }


def _notes(found: Evaluation, source: Source) -> Iterator[tuple[str, object]]:
    """Yields what could not be measured, and what is odd about the data."""
    if "leak_left_out" in found.facts:
        yield "leak", f"left out: {found.facts['leak_left_out']}"
    if _NOT_DRAWN in found.facts:
        yield "class images", f"left out: {found.facts[_NOT_DRAWN]}"
    if same := getattr(source, "duplicates", None):
        yield "duplicates", same


def _with_leak(found: Evaluation, source: Source, config: EvaluateConfig) -> Evaluation:
    """Adds the leak, or says why there is none: everything else is measured already."""
    try:
        return found.with_leak(_leak_of(source, config))
    except UserError as error:
        print(f"the leak is left out: {error}", file=sys.stderr)
        return dataclasses.replace(found, facts={**found.facts, "leak_left_out": str(error)})


def _leak_of(source: Source, config: EvaluateConfig) -> Leak:
    """Measures on what there is to learn from; images of both splits look alike."""
    examples, _ = open_examples(source, "train", config)
    labels = labels_of(examples)
    if isinstance(examples, OnDisk) and labels is not None:
        # A large folder: as many again as are looked at, since some masks will be of no use.
        chosen = np.zeros(len(examples), bool)
        chosen[drawn(labels, config.seed, 2 * MOST_IMAGES)] = True
        examples = examples.only(chosen)
    if isinstance(examples, OnDisk):
        examples = in_memory(examples, "train images")
    scenes = subject.units_of(source, "train", examples.positions).scenes
    return measure_leak(Arrays.of(examples.arrays), config.seed, scenes)


def _class_images(config: EvaluateConfig) -> pathlib.Path | None:
    """Finds the newest picture of a run's class images."""
    folder = Workdir(subject.path_of(config)).visualizations
    made = sorted(folder.glob("class_images-*.png"))
    return made[-1] if made else next(iter(folder.glob("grid.png")), None)


def output_folder(config: EvaluateConfig) -> pathlib.Path:
    """Returns the folder that an evaluation writes to."""
    if config.output:
        return pathlib.Path(config.output).expanduser()
    run_folder = Workdir(subject.path_of(config))
    there_is = bool(config.model) and run_folder.is_run
    return run_folder.evaluation if there_is else pathlib.Path("evaluation")
