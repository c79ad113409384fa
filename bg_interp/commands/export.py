"""A trained network in forms that others can serve; `tools/export.py` is its command line."""

import pathlib

from bg_interp.config.export import ExportConfig, check_names, formats
from bg_interp.models import export, loading, targets
from bg_interp.storage.workdir import Workdir


def run(config: ExportConfig) -> list[pathlib.Path]:
    """Exports one model; returns what was written.

    Raises:
      UserError: a model or names that cannot be used, or a folder that cannot be written.
    """
    check_names(config)
    path = pathlib.Path(str(config.model)).expanduser()
    found = loading.load_network(path)
    names = loading.names_or_numbers(found)
    if config.class_names:
        names = loading.checked_names(config.class_names.split(","), found.network)
    # What is exported has logits and probabilities; a softmax at the end would be applied twice.
    network = found.network
    export.check_input(network)
    if targets.gives_probabilities(network):
        network = targets.logits(network)
    output = pathlib.Path(config.output or loading.folder_of(path)).expanduser()
    written = []
    if "saved_model" in formats(config):
        written.append(output / "saved_model")
        export.saved_model(network, names, written[-1], _resize_of(path))
    if "litert" in formats(config):
        written.append(output / "model.tflite")
        export.litert(network, written[-1])
    return written


def _resize_of(path: pathlib.Path) -> str:
    """Returns how images were resized in the training of a model, where its run tells."""
    run = Workdir(path)
    return run.read_config()["config"].get("resize", "smooth") if run.is_run else "smooth"
