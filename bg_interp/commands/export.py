"""A trained network in forms that others can serve; `tools/export.py` is its command line."""

import dataclasses
import pathlib

import keras

from bg_interp.cli import INPUT_RANGES
from bg_interp.config.export import ExportConfig, check_names, formats
from bg_interp.models import export, loading, preprocessing, targets
from bg_interp.storage.workdir import Workdir


def run(config: ExportConfig) -> list[pathlib.Path]:
    """Exports one model; returns what was written.

    Raises:
      UserError: a model or names that cannot be used, or a folder that cannot be written.
    """
    check_names(config)
    path = pathlib.Path(str(config.model)).expanduser()
    found = loading.load_network(path)
    network = found.network
    export.check_input(network)
    span = INPUT_RANGES[config.input_range]
    network = preprocessing.with_preprocessing(_with_logits(network), None, span)
    names = loading.names_or_numbers(dataclasses.replace(found, network=network))
    if config.class_names:
        names = loading.checked_names(config.class_names.split(","), network)
    output = pathlib.Path(config.output or loading.folder_of(path)).expanduser()
    written = []
    if "saved_model" in formats(config):
        written.append(output / "saved_model")
        export.saved_model(network, names, written[-1], _resize_of(path))
    if "litert" in formats(config):
        written.append(output / "model.tflite")
        export.litert(network, written[-1])
    return written


def _with_logits(network: keras.Model) -> keras.Model:
    """Returns a network that gives a logit for each class; two for a single output."""
    if network.outputs[0].shape[-1] == 1:
        # That of the second class, against 0 for the first.
        single = targets.logits(network)
        return keras.Model(single.inputs, keras.ops.pad(single.outputs[0], [[0, 0], [1, 0]]))
    # What is exported has logits and probabilities; a softmax at the end would be applied twice.
    return targets.logits(network) if targets.gives_probabilities(network) else network


def _resize_of(path: pathlib.Path) -> str:
    """Returns how images were resized in the training of a model, where its run tells."""
    run = Workdir(path)
    return run.read_config()["config"].get("resize", "smooth") if run.is_run else "smooth"
