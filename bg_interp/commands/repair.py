"""A repair of one classifier: its last layer retrained, measured before and after.

`tools/repair.py` is its command line; `api.repair` repairs from Python.
"""

import dataclasses
import pathlib
import sys

from bg_interp.commands import subject, visualize
from bg_interp.commands.chosen_classes import MOST_CLASS_IMAGES
from bg_interp.commands.class_images import ClassVisualizer
from bg_interp.commands.next_steps import repaired_ways
from bg_interp.config.classifier import NO_FLAGS, check_names, class_names
from bg_interp.config.repair import RepairConfig
from bg_interp.data.opening import decoded_with_masks
from bg_interp.errors import one_line
from bg_interp.evaluation.arrays import Arrays
from bg_interp.models.adapter import match_classes
from bg_interp.models.loading import load_network
from bg_interp.models.preprocessing import with_pixels
from bg_interp.repairing.cache import ResumeCache
from bg_interp.repairing.head import find_head
from bg_interp.repairing.repair import Classifier, Images, Settings, repair
from bg_interp.repairing.result import Repair
from bg_interp.report import page
from bg_interp.report import repair as report
from bg_interp.storage import files, locks


def run(config: RepairConfig) -> Repair:
    """Repairs one classifier and writes model.keras, saved_model/, results.json and report.html.

    What a killed run has worked out stands in the output folder, and is used again.

    Raises:
      UserError: model, data or masks cannot be used, or the last layer is no dense layer.
    """
    check_names(config)
    opened = load_network(config.model or "")
    head = find_head(opened.network)
    given, settled = config, subject.settled(config, opened.image_size)
    source = subject.open_images(settled)
    names = list(source.class_names)
    known = class_names(config) or opened.class_names
    columns = None if known is None else match_classes(known, names)
    if known is None:
        subject.say_order(names)
    tested = subject.open_test(opened, source, settled, known or names, columns)
    model, settled = tested.found.model, tested.config
    images, doubts = {}, [*tested.found.doubts]
    for split, (examples, masks) in (
        ("train", decoded_with_masks(source, "train", settled)),
        ("test", (tested.examples, tested.masks)),
    ):
        places = subject.places_of(source, split, examples.positions)
        units = subject.units_of(source, split, examples.positions)
        images[split] = Images(Arrays.of(examples.arrays), places, source.place_names, units)
        doubts += masks.doubts
    folder, size = output_folder(config), images["train"].arrays.images.shape[1:3]
    with locks.alone_in_output(folder):
        files.remove_strays(folder / "progress")
        classifier = Classifier(
            head=head,
            features=with_pixels(head.features(), model.pixels, model.layout, size),
            adapted=lambda network: dataclasses.replace(model, network=network),
            names=names,
            columns=columns,
            doubts=tuple(dict.fromkeys(doubts)),
            facts={
                "model": str(config.model),
                "weights_sha256": subject.weights_sha256(settled),
                "preprocess": settled.preprocess,
                "output_kind": settled.output_kind,
                "found": list(tested.found.notes),
            },
        )
        how = Settings(config.copies, config.max_loss, config.seed)
        cache = ResumeCache(folder / "progress")
        done = repair(classifier, images["train"], images["test"], how, cache)
        if config.class_images:
            network = visualize.network_of_run(str(config.model))
            try:
                done = _with_class_images(done, classifier, images["train"].arrays, network)
            # Somebody's network may raise anything, and the repair is done.
            except Exception as error:
                print(f"the class images are left out: {one_line(error)}", file=sys.stderr)
        _write(done, given, list(known or names), settled.resize)
        cache.clear()
    return done


def _with_class_images(
    done: Repair, classifier: Classifier, train: Arrays, network: str | None
) -> Repair:
    """Adds what the classes look like to the network with its old last layer and with the new."""
    count = min(len(classifier.names), MOST_CLASS_IMAGES)
    print(f"class images of {count} classes, before and after", file=sys.stderr)
    columns = (
        list(range(classifier.head.classes))
        if classifier.columns is None
        else list(classifier.columns)
    )
    maker = ClassVisualizer(
        done.logits, columns[:count], preprocess=None, data=train.images, network=network
    )
    dense, made = done.logits.layers[-1], {}
    after = dense.get_weights()
    try:
        for name, weights in (("before", classifier.head.weights()), ("after", after)):
            dense.set_weights(weights)
            made[name] = maker(seed=done.before.seed).made.framed
    finally:
        dense.set_weights(after)
    return dataclasses.replace(done, class_images=made, shown=tuple(classifier.names[:count]))


def _write(done: Repair, config: RepairConfig, model_classes: list[str], resize: str) -> None:
    folder = output_folder(config)
    done.save(folder, model_classes, resize)
    report.write(
        folder / "report.html",
        rows=list(done.rows()),
        changes=done.changes,
        evaluations=(done.before, done.after),
        class_images=done.class_images,
        shown=done.shown,
        fit=str(done.fit),
        command=page.command("repair", page.given_flags(config, (*NO_FLAGS, "output"))),
        ways=repaired_ways(config, page.without_places("model", folder / "model.keras")),
    )


def output_folder(config: RepairConfig) -> pathlib.Path:
    """Returns the folder that a repair writes to."""
    if config.output:
        return pathlib.Path(config.output).expanduser()
    path = pathlib.Path(config.model or "").expanduser().absolute()
    return path.with_name(f"{path.stem if path.is_file() else path.name}-repaired")
