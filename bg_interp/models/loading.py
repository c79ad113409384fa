"""Every way to get at a classifier: an object, a run, a file, a folder, MODULE:NAME.

What it wants done to images is found by `models.opening`, where there are images to find it by.
"""

import dataclasses
import pathlib
from collections.abc import Sequence
from typing import Any

import keras

from bg_interp.errors import UserError
from bg_interp.models import functions, graph, keras_files, outputs, saved_models
from bg_interp.models.functions import ArrayFunction
from bg_interp.models.layout import ANY, Layout
from bg_interp.pixels import BYTES, Pixels
from bg_interp.storage.workdir import Workdir

_KINDS = (
    "the folder of a run, a .keras, .h5, .onnx or .tflite file, a SavedModel folder, or "
    "MODULE:NAME of a model, of a function that makes one, or of a function of images"
)
_OF_TORCH = (".pt", ".pth", ".ckpt", ".safetensors")


@dataclasses.dataclass(frozen=True, eq=False)
class Classifier:
    """A classifier as it was found.

    Attributes:
      network: a function of images in the classifier's own layout and pixels; a Keras model where
        it came as one.
      layout: the shape that it takes.
      class_names: those of its outputs, where it says.
      pixels: what it may want of pixels, where it says; None where any may be.
      is_own: whether `tools/train.py` wrote it, so that all conventions are known.
      name: what to call it.
      output: which of several outputs of a Keras network was taken.
    """

    network: Any
    layout: Layout = ANY
    class_names: tuple[str, ...] | None = None
    pixels: tuple[Pixels, ...] | None = None
    is_own: bool = False
    name: str = "the model"
    output: str | None = None

    @property
    def image_size(self) -> int | None:
        """The side of its images in pixels; None when it takes any.

        Raises:
          UserError: its images are no squares, which the tools do not make.
        """
        rows, columns = self.layout.size
        if rows != columns:
            raise UserError(
                "--model must take square RGB images [batch, side, side, 3]; from Python, "
                "bg_interp.evaluate takes images of any shape. "
                f"Received: {self.name} with {list(self.layout.shape(self.layout.size))}"
            )
        return rows


def load_classifier(model: Any) -> Classifier:
    """Gets at a classifier of images, whatever it is.

    Args:
      model: a Keras model or layer, a loaded SavedModel, a function of images, or a path or
        MODULE:NAME; see `_KINDS`.

    Raises:
      UserError: it cannot be opened, is not finished, or does not take images.
    """
    if isinstance(model, str | pathlib.Path):
        if functions.names_function(str(model)):
            return _of_object(functions.from_name(str(model)), str(model))
        return _of_path(pathlib.Path(model).expanduser())
    return _of_object(model, str(getattr(model, "name", None) or "the model"))


def load_network(path: pathlib.Path | str) -> Classifier:
    """Opens a Keras network from a path or MODULE:NAME; see `as_network`."""
    return _one_output(load_classifier(path))


def as_network(model: Any) -> Classifier:
    """Gets at a Keras network, whose layers are needed.

    Raises:
      UserError: it is none, or has other than one output of scores.
    """
    return _one_output(load_classifier(model))


def folder_of(model: str | pathlib.Path) -> pathlib.Path:
    """Returns the folder that a model's results go to by default: its own."""
    if functions.names_function(str(model)):
        return pathlib.Path()
    path = pathlib.Path(model)
    return path if path.is_dir() else path.parent


def classes_of(network: keras.Model) -> int:
    """Returns how many classes a Keras network tells apart; a single output tells two."""
    return max(2, int(network.outputs[0].shape[-1]))


def checked_names(names: Sequence[str], model: keras.Model) -> list[str]:
    """Checks that there is one name for each class.

    Raises:
      UserError: there is not.
    """
    if len(names) != classes_of(model):
        raise UserError(f"there must be {classes_of(model)} class names. Received: {len(names)}")
    return [name.strip() for name in names]


def names_or_numbers(classifier: Classifier) -> list[str]:
    """Returns the names of a Keras network's classes: numbers where they are not known."""
    if classifier.class_names is not None:
        return list(classifier.class_names)
    return [str(number) for number in range(classes_of(classifier.network))]


def _of_path(path: pathlib.Path) -> Classifier:
    if not path.exists():
        raise UserError(f"--model names a file or folder that does not exist: {path}")
    path = path.parent if path.name == "saved_model.pb" else path
    what = str(path)
    if path.is_dir() and (path / "saved_model.pb").exists():
        network, shape, dtype = saved_models.opened(path)
        return Classifier(network, Layout.of(shape, dtype, what), _class_names(path), name=what)
    if Workdir(path).is_run:
        return _of_run(path)
    opened = _FILES.get(path.suffix.lower())
    if path.is_file() and opened is not None:
        return opened(path, what)
    raise UserError(f"--model must be {_KINDS}. Received: {path}{_instead(path)}")


def _of_onnx(path: pathlib.Path, what: str) -> Classifier:
    from bg_interp.models import onnx_files

    network, shape, dtype = onnx_files.opened(path)
    return Classifier(network, Layout.of(shape, dtype, what), name=what)


def _of_litert(path: pathlib.Path, what: str) -> Classifier:
    from bg_interp.models import litert_files

    network, shape, known = litert_files.opened(path)
    return Classifier(network, Layout.of(shape, "float32", what), pixels=known, name=what)


def _of_keras_file(path: pathlib.Path, what: str) -> Classifier:
    return _of_object(keras_files.opened(path), what)


# What opens a file, by the ending of its name.
_FILES = {
    ".onnx": _of_onnx,
    ".tflite": _of_litert,
    **dict.fromkeys(keras_files.SUFFIXES, _of_keras_file),
}


def _instead(path: pathlib.Path) -> str:
    """Returns what is to be done about a path that is no classifier."""
    if path.suffix in _OF_TORCH:
        return "; export it as ONNX (torch.onnx.export), or give a function that calls it"
    return ""


def _of_run(path: pathlib.Path) -> Classifier:
    """Opens what `tools/train.py` left in a folder."""
    workdir = Workdir(path)
    names = [str(name) for name in workdir.read_config().get("class_names") or []]
    if not workdir.model.is_file():
        raise UserError(
            f"{path} holds a run that is not finished; the command that began it resumes it"
        )
    classifier = _of_object(keras_files.opened(workdir.model), str(path))
    known = tuple(checked_names(names, classifier.network))
    return dataclasses.replace(classifier, class_names=known, pixels=(BYTES,), is_own=True)


def _of_object(model: Any, what: str) -> Classifier:
    """Returns what a caller holds, or a name stands for, as a classifier."""
    if isinstance(model, Classifier):
        return model
    if isinstance(model, keras.Model):
        return _of_keras(model, what)
    if hasattr(model, "signatures"):
        network, shape, dtype = saved_models.of_loaded(model, what)
        return Classifier(network, Layout.of(shape, dtype, what), name=what)
    if isinstance(model, type) or not callable(model):
        raise UserError(
            "model must be a Keras model, a path, or a function of images. "
            f"Received: {model.__name__ if isinstance(model, type) else type(model).__name__}"
            f"{_function_of(model)}"
        )
    if isinstance(model, ArrayFunction | keras.Layer):
        return Classifier(model, name=what)
    if hasattr(model, "get_concrete_function") or hasattr(model, "structured_input_signature"):
        return _of_tensors(model, what)
    named = what if ":" in what else getattr(model, "__name__", "function")
    return Classifier(ArrayFunction(model, named), name=named)


def _function_of(model: Any) -> str:
    """Names the function of an object that is meant, where it has one."""
    name = next((one for one in ("predict_proba", "predict") if hasattr(model, one)), None)
    return "" if name is None or isinstance(model, type) else f"; give its function {name}"


def _of_tensors(model: Any, what: str) -> Classifier:
    """Returns a function of tensors, with the shape that its signature asks for."""
    signature = getattr(model, "input_signature", None)
    if signature is None and hasattr(model, "structured_input_signature"):
        positional, named = model.structured_input_signature
        signature = [*positional, *named.values()]
    if not signature:
        return Classifier(model, name=what)
    shape = None if signature[0].shape.rank is None else tuple(signature[0].shape)
    layout = Layout.of(shape, signature[0].dtype, what)
    network = model if not shape or shape[0] is None else saved_models.in_blocks(model, shape[0])
    return Classifier(network, layout, name=what)


def _of_keras(model: keras.Model, what: str) -> Classifier:
    """Returns a Keras model; one with a graph whose only fitting output is plain, with that."""
    inputs = getattr(model, "inputs", None) or []
    if len(inputs) > 1:
        shapes = ", ".join(f"{one.name} {list(one.shape)}" for one in inputs)
        raise UserError(
            f"--model must have one input, of images. Received: {what} with {shapes}; a function "
            "of images that fills in the others can be given as MODULE:NAME, or in Python as it is"
        )
    if not inputs:
        # A subclassed model does not say what it takes.
        return Classifier(model, name=what)
    layout = Layout.of(inputs[0].shape, inputs[0].dtype, what)
    return Classifier(model, layout, name=what)


def with_output(classifier: Classifier, classes: int | None) -> Classifier:
    """Returns a classifier whose network gives the scores alone, where it is a Keras graph.

    Args:
      classifier: any.
      classes: how many there are at least, where that is known.

    Raises:
      UserError: several of its outputs may be the scores, or none.
    """
    network = classifier.network
    plain = not graph.has_graph(network) or isinstance(network, keras.Sequential)
    if plain or not isinstance(network.output, dict | list | tuple):
        return classifier
    several = len(network.outputs) > 1
    key = outputs.key_of(network.output, classes, classifier.name)
    single = keras.Model(network.inputs, network.output[key], name=network.name)
    return dataclasses.replace(classifier, network=single, output=str(key) if several else None)


def _one_output(classifier: Classifier) -> Classifier:
    """Returns a Keras network that gives its scores alone."""
    if not isinstance(classifier.network, keras.Model):
        raise UserError(
            "model must be a Keras model, or the path of one, since its layers are looked at. "
            f"Received: {classifier.name}"
        )
    return with_output(classifier, None)


def _class_names(path: pathlib.Path) -> tuple[str, ...] | None:
    """Reads the names that `tools/export.py` puts beside a SavedModel."""
    names = path / "assets" / "class_names.txt"
    return tuple(names.read_text(encoding="utf-8").splitlines()) if names.is_file() else None
