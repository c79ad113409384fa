"""Opening a trained network: a run's folder, or a .keras or .h5 file from anywhere."""

import os
import pathlib
import zipfile
from collections.abc import Sequence

import keras

from bg_interp.errors import UserError
from bg_interp.storage.workdir import Workdir


def folder_of(model: str | os.PathLike) -> pathlib.Path:
    """Returns the folder that a model's results go to by default: its own."""
    path = pathlib.Path(model)
    return path if path.is_dir() else path.parent


def load_file(path: pathlib.Path) -> keras.Model:
    """Opens a .keras or .h5 file; code that a file brings is never run.

    Raises:
      UserError: the file is missing, damaged, or needs code of its own.
    """
    if path.suffix not in (".keras", ".h5"):
        raise UserError(
            f"--model must be a folder that tools/train.py wrote, or a .keras or .h5 file. "
            f"Received: {path}"
        )
    if not path.is_file():
        raise UserError(f"--model names a file that does not exist: {path}")
    try:
        return keras.models.load_model(path, compile=False, safe_mode=True)
    # Keras raises many kinds of exceptions for damaged and unsafe files.
    except Exception as error:
        raise UserError(
            f"{path} could not be opened as a Keras model: {why_not_opened(path, error)}"
        ) from error


def why_not_opened(path: pathlib.Path, error: Exception) -> str:
    """Returns in one line why Keras does not open a file, and the way out."""
    if path.suffix == ".keras" and not zipfile.is_zipfile(path):
        return "it is damaged, or no .keras file; save it anew"
    reason = " ".join(str(error).split())
    if "safe_mode" in reason:
        return (
            "it holds Python code, such as a Lambda layer, and no code of a model file is run "
            "here; save the model without it"
        )
    return reason[:300] or type(error).__name__


def checked_names(names: Sequence[str], model: keras.Model) -> list[str]:
    """Checks that there is one name for each output.

    Raises:
      UserError: there is not.
    """
    classes = model.outputs[0].shape[-1]
    if len(names) != classes:
        raise UserError(f"there must be {classes} class names. Received: {len(names)}")
    return [name.strip() for name in names]


def load(path: pathlib.Path) -> tuple[keras.Model, list[str]]:
    """Opens a trained network.

    Args:
      path: a folder that tools/train.py wrote, or a .keras or .h5 file.

    Returns:
      The model, and the names of its classes: numbers where they are not known.

    Raises:
      UserError: it cannot be opened; the message says why.
    """
    if path.is_dir():
        workdir = Workdir(path)
        names = [str(name) for name in workdir.read_config().get("class_names") or []]
        if not workdir.model.is_file():
            raise UserError(
                f"{path} holds a run that is not finished; the command that began it goes on"
            )
        model = load_file(workdir.model)
        return model, checked_names(names, model)
    model = load_file(path)
    return model, [str(number) for number in range(model.outputs[0].shape[-1])]
