"""Somebody's classifier from its file: Keras (.keras, .h5), or a SavedModel folder."""

import dataclasses
import pathlib
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from bg_interp.errors import UserError
from bg_interp.models import trained

_KERAS = (".keras", ".h5")
_SIGNATURE = "serving_default"


@dataclasses.dataclass(frozen=True, eq=False)
class Classifier:
    """A classifier as it was found in a file.

    Attributes:
      network: a function of images [B, H, W, 3] in the classifier's own range.
      image_size: the side of its images in pixels; None when it takes any.
      class_names: those of its outputs, where the file says.
    """

    network: Callable[[Any], Any]
    image_size: int | None
    class_names: tuple[str, ...] | None = None


def load_classifier(path: pathlib.Path, output_kind: str = "logits") -> Classifier:
    """Loads a classifier of images.

    Args:
      path: a .keras or .h5 file, or a SavedModel folder.
      output_kind: "logits" or "probabilities": which of several named outputs to take.

    Raises:
      UserError: it cannot be loaded, or does not take RGB images.
    """
    if path.is_dir() and (path / "saved_model.pb").exists():
        return _saved_model(path, output_kind)
    if path.is_file() and path.suffix in _KERAS:
        return _keras(path)
    raise UserError(
        "--model must be a folder that tools/train.py wrote, a .keras or .h5 file, or a "
        f"SavedModel folder. Received: {path}{'' if path.exists() else ', which does not exist'}"
    )


def _keras(path: pathlib.Path) -> Classifier:
    try:
        model = keras.models.load_model(path, compile=False)
    except Exception as error:  # Keras raises a dozen kinds for files that it cannot read.
        raise UserError(
            f"{path} cannot be loaded by Keras {keras.__version__}: "
            f"{trained.why_not_opened(path, error)}; if it holds layers of its own, export it as a "
            "SavedModel"
        ) from error
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise UserError(
            f"--model must have one input and one output. Received: {path} with "
            f"{len(model.inputs)} and {len(model.outputs)}"
        )
    return Classifier(model, _side(tuple(model.inputs[0].shape), path))


def _saved_model(path: pathlib.Path, output_kind: str) -> Classifier:
    try:
        loaded = tf.saved_model.load(str(path))
    except (OSError, ValueError, tf.errors.OpError) as error:
        raise UserError(f"{path} cannot be loaded: {str(error).strip()[:200]}") from error
    function = loaded.signatures.get(_SIGNATURE)
    if function is None:
        raise UserError(
            f"the SavedModel must have the signature {_SIGNATURE}. "
            f"Received: {path} with {sorted(loaded.signatures)}"
        )
    inputs = function.structured_input_signature[1]
    if len(inputs) != 1:
        raise UserError(f"--model must have one input. Received: {path} with {sorted(inputs)}")
    ((name, spec),) = inputs.items()
    side = _side(tuple(spec.shape), path)
    output = _output(function.structured_outputs, output_kind, path)

    def network(images: tf.Tensor) -> tf.Tensor:
        if spec.dtype.is_integer:
            images = tf.round(images)
        # `loaded` is named so that it lives as long as this function.
        return loaded.signatures[_SIGNATURE](**{name: tf.cast(images, spec.dtype)})[output]

    return Classifier(network, side, _class_names(path))


def _output(outputs: dict[str, Any], output_kind: str, path: pathlib.Path) -> str:
    """Returns the name of the output with one number for each class."""
    if output_kind in outputs:
        return output_kind
    fitting = [
        name for name, spec in outputs.items() if spec.dtype.is_floating and spec.shape.rank == 2
    ]
    if len(fitting) != 1:
        raise UserError(
            f"--model must have one output of shape [batch, classes], or one named {output_kind}. "
            f"Received: {path} with {sorted(outputs)}"
        )
    return fitting[0]


def _class_names(path: pathlib.Path) -> tuple[str, ...] | None:
    """Reads the names that `tools/export.py` puts beside a SavedModel."""
    names = path / "assets" / "class_names.txt"
    return tuple(names.read_text(encoding="utf-8").splitlines()) if names.is_file() else None


def _side(shape: tuple[int | None, ...], path: pathlib.Path) -> int | None:
    if len(shape) != 4 or shape[3] not in (3, None) or shape[1] != shape[2]:
        raise UserError(
            "--model must take square RGB images [batch, side, side, 3]. "
            f"Received: {path} with {list(shape)}"
        )
    return shape[1]
