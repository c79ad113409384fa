"""Every way to open a classifier: a run's folder, a Keras file, a SavedModel, ONNX, a function."""

import dataclasses
import pathlib
import zipfile
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from bg_interp.errors import UserError, one_line
from bg_interp.models import functions
from bg_interp.storage.workdir import Workdir

_KERAS = (".keras", ".h5")
_SIGNATURE = "serving_default"
_KINDS = (
    "the folder of a run, a .keras, .h5 or .onnx file, a SavedModel folder, or MODULE:NAME of a "
    "function or a Keras model"
)


@dataclasses.dataclass(frozen=True, eq=False)
class Classifier:
    """A classifier as it was found.

    Attributes:
      network: a function of images [B, H, W, 3] in the classifier's own range; a Keras model where
        it came as one.
      image_size: the side of its images in pixels; None when it takes any.
      class_names: those of its outputs, where it says.
    """

    network: Any
    image_size: int | None
    class_names: tuple[str, ...] | None = None


def load_classifier(model: str | pathlib.Path, output_kind: str = "auto") -> Classifier:
    """Opens a classifier of square RGB images, whatever it is kept in.

    Args:
      model: a folder that tools/train.py wrote, a .keras, .h5 or .onnx file, a SavedModel folder,
        or "module:name" of a Keras model or of a function from float32 or uint8 [B, H, W, 3] to
        [B, K].
      output_kind: "logits" or "probabilities": which of several named outputs of a SavedModel to
        take; "auto" takes the first of these that there is.

    Raises:
      UserError: it cannot be opened, is not finished, or does not take RGB images.
    """
    path = pathlib.Path(model).expanduser()
    if functions.names_function(str(model)):
        network = functions.from_name(str(model))
        # A subclassed model does not say what it takes.
        shape = tuple(network.inputs[0].shape) if getattr(network, "inputs", None) else None
        return Classifier(network, None if shape is None else _side(shape, path))
    if path.is_dir() and (path / "saved_model.pb").exists():
        return _saved_model(path, output_kind)
    if path.is_file() and path.suffix == ".onnx":
        network, shape = functions.from_onnx(path)
        return Classifier(network, _side(shape, path))
    if Workdir(path).is_run or (path.is_file() and path.suffix in _KERAS):
        found = load_network(path)
        return dataclasses.replace(found, image_size=_side(_input_shape(found.network), path))
    raise UserError(
        f"--model must be {_KINDS}. Received: {path}"
        f"{'' if path.exists() else ', which does not exist'}"
    )


def as_network(model: keras.Model | str | pathlib.Path) -> Classifier:
    """Returns a Keras network that a Python caller gave, or gave the path of.

    Raises:
      UserError: it is none, or its file cannot be opened.
    """
    if isinstance(model, str | pathlib.Path):
        return load_network(pathlib.Path(model).expanduser())
    if not isinstance(model, keras.Model):
        received = model if isinstance(model, type) else type(model)
        raise UserError(
            f"model must be a Keras model, or the path of one. Received: {received.__name__}"
        )
    return Classifier(model, None)


def load_network(path: pathlib.Path) -> Classifier:
    """Opens a Keras network of images of any kind.

    Args:
      path: a folder that tools/train.py wrote, or a .keras or .h5 file.

    Raises:
      UserError: it cannot be opened, or is not finished; the message says why.
    """
    if not path.is_dir():
        model = load_file(path)
        return Classifier(model, _input_shape(model)[1])
    workdir = Workdir(path)
    names = [str(name) for name in workdir.read_config().get("class_names") or []]
    if not workdir.model.is_file():
        raise UserError(
            f"{path} holds a run that is not finished; the command that began it resumes it"
        )
    model = load_file(workdir.model)
    return Classifier(model, _input_shape(model)[1], tuple(checked_names(names, model)))


def load_file(path: pathlib.Path) -> keras.Model:
    """Opens a .keras or .h5 file with one input and one output; no code of the file is run.

    Raises:
      UserError: the file is missing, damaged, or needs code of its own.
    """
    if path.suffix not in _KERAS:
        raise UserError(
            f"--model must be the folder of a run, or a .keras or .h5 file. Received: {path}"
        )
    if not path.is_file():
        raise UserError(f"--model names a file that does not exist: {path}")
    try:
        model = keras.models.load_model(path, compile=False, safe_mode=True)
    # Keras raises many kinds of exceptions for damaged and unsafe files.
    except Exception as error:
        raise UserError(
            f"{path} cannot be opened by Keras {keras.__version__}: {why_not_opened(path, error)}"
        ) from error
    if len(model.inputs or []) != 1 or len(model.outputs or []) != 1:
        raise UserError(
            f"--model must have one input and one output. Received: {path} with "
            f"{len(model.inputs or [])} and {len(model.outputs or [])}; give a subclassed model "
            "as MODULE:NAME, or export it as a SavedModel"
        )
    return model


def why_not_opened(path: pathlib.Path, error: Exception) -> str:
    """Returns in one line why Keras does not open a file, and the way out."""
    if path.suffix == ".keras" and not zipfile.is_zipfile(path):
        return "it is damaged, or no .keras file; save it anew"
    reason = one_line(error)
    if "safe_mode" in reason:
        return (
            "it holds Python code, such as a Lambda layer, and no code of a model file is run "
            "here; save the model without it"
        )
    if "register_keras_serializable" in reason or "Could not locate class" in reason:
        return (
            "it holds layers of its own; give it as MODULE:NAME of a model that your code has "
            "opened, or export it as a SavedModel"
        )
    return reason


def folder_of(model: str | pathlib.Path) -> pathlib.Path:
    """Returns the folder that a model's results go to by default: its own."""
    path = pathlib.Path(model)
    return path if path.is_dir() else path.parent


def checked_names(names: Sequence[str], model: keras.Model) -> list[str]:
    """Checks that there is one name for each output.

    Raises:
      UserError: there is not.
    """
    classes = model.outputs[0].shape[-1]
    if len(names) != classes:
        raise UserError(f"there must be {classes} class names. Received: {len(names)}")
    return [name.strip() for name in names]


def names_or_numbers(classifier: Classifier) -> list[str]:
    """Returns the names of a Keras network's classes: numbers where they are not known."""
    if classifier.class_names is not None:
        return list(classifier.class_names)
    return [str(number) for number in range(classifier.network.outputs[0].shape[-1])]


def _saved_model(path: pathlib.Path, output_kind: str) -> Classifier:
    try:
        loaded = tf.saved_model.load(str(path))
    except (OSError, ValueError, tf.errors.OpError) as error:
        raise UserError(f"{path} cannot be loaded: {one_line(error)}") from error
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
    for name in ("logits", "probabilities") if output_kind == "auto" else (output_kind,):
        if name in outputs:
            return name
    fitting = [
        name for name, spec in outputs.items() if spec.dtype.is_floating and spec.shape.rank == 2
    ]
    if len(fitting) != 1:
        raise UserError(
            "--model must have one output of shape [batch, classes], or one named "
            f"{'logits' if output_kind == 'auto' else output_kind}. "
            f"Received: {path} with {sorted(outputs)}"
        )
    return fitting[0]


def _class_names(path: pathlib.Path) -> tuple[str, ...] | None:
    """Reads the names that `tools/export.py` puts beside a SavedModel."""
    names = path / "assets" / "class_names.txt"
    return tuple(names.read_text(encoding="utf-8").splitlines()) if names.is_file() else None


def _input_shape(network: Any) -> tuple[int | None, ...]:
    return tuple(network.inputs[0].shape)


def _side(shape: tuple[int | None, ...], path: pathlib.Path) -> int | None:
    if len(shape) != 4 or shape[3] not in (3, None) or shape[1] != shape[2]:
        raise UserError(
            "--model must take square RGB images [batch, side, side, 3]. "
            f"Received: {path} with {list(shape)}"
        )
    return shape[1]
