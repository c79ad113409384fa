"""A trained network in forms that others can serve; `tools/export.py` is its command line."""

import dataclasses
import pathlib
import sys

import keras

from bg_interp.config.export import ExportConfig, check_names, formats, preprocessing
from bg_interp.models import export, loading, opening, targets
from bg_interp.storage import locks
from bg_interp.storage.workdir import Workdir


def run(config: ExportConfig) -> list[pathlib.Path]:
    """Exports one model; returns what was written.

    Raises:
      UserError: a model or names that cannot be used, or a folder that cannot be written.
    """
    check_names(config)
    output = pathlib.Path(config.output or loading.folder_of(str(config.model))).expanduser()
    with locks.alone_in_output(output):
        return _run(config, output)


def _run(config: ExportConfig, output: pathlib.Path) -> list[pathlib.Path]:
    found = loading.load_network(str(config.model))
    export.check_input(found.network)
    pixels, notes = opening.assumed(found, preprocessing(config))
    for sentence in notes:
        print(f"{config.model}: {sentence}", file=sys.stderr)
    single = targets.last_link(found.network)
    scores = dataclasses.replace(found, network=_with_logits(found.network))
    network = opening.of_bytes(scores, pixels)
    names = loading.names_or_numbers(dataclasses.replace(found, network=network))
    if config.class_names:
        names = loading.checked_names(config.class_names.split(","), network)
    # Several outputs of a sigmoid are answers to questions of their own.
    independent = single == "sigmoid" and found.network.outputs[0].shape[-1] > 1
    written = []
    if "saved_model" in formats(config):
        written.append(output / "saved_model")
        resize = _resize_of(config)
        export.saved_model(network, names, written[-1], resize, independent=independent)
    if "litert" in formats(config):
        written.append(output / "model.tflite")
        export.litert(network, written[-1])
    return written


def _with_logits(network: keras.Model) -> keras.Model:
    """Returns a network that gives a logit for each class; two for a single output."""
    single = network.outputs[0].shape[-1] == 1
    if (
        not single
        and targets.last_link(network) is None
        and not targets.gives_probabilities(network)
    ):
        return network
    # What is exported has logits and probabilities; a softmax at the end would be applied twice.
    scores = targets.scores(network)
    if not single:
        return scores
    # That of the second class, against 0 for the first.
    return keras.Model(scores.inputs, keras.ops.pad(scores.outputs[0], [[0, 0], [1, 0]]))


def _resize_of(config: ExportConfig) -> str:
    """Returns how images are resized: as was said, or as in the training where its run tells."""
    if config.resize != "auto":
        return config.resize
    run = Workdir(pathlib.Path(str(config.model)).expanduser())
    return run.read_config()["config"].get("resize", "smooth") if run.is_run else "smooth"
