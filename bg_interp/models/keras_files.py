"""Keras files, and why one cannot be opened: the reason first, then a way that works."""

import json
import pathlib
import re
import zipfile
from collections.abc import Iterator

import keras

from bg_interp.errors import UserError, printable
from bg_interp.models import hdf5_trial

SUFFIXES = (".keras", ".h5", ".hdf5")
_OF_HDF5 = (".h5", ".hdf5")
_LONGEST = 200
# Archives of so many bytes harm nobody; larger ones shrink at most to such a share.
_SMALL, _SHRINKS = 2**29, 50


def opened(path: pathlib.Path, what: str = "") -> keras.Model:
    """Opens a .keras or .h5 file; no code of the file is run.

    Args:
      path: of the file.
      what: names it in messages, with its flag; the path by itself otherwise.

    Raises:
      UserError: it is damaged, holds weights alone, or needs code of its own.
    """
    if unpacked := _unpacked_to(path):
        raise UserError(
            f"{what or path} would take {unpacked / 2**30:.1f} GiB of memory for a file of "
            f"{path.stat().st_size / 2**20:.1f} MiB, as no network does; save it again"
        )
    if path.suffix.lower() in _OF_HDF5 and not hdf5_trial.ends(path):
        raise UserError(f"{what or path} is damaged: HDF5 cannot read it to its end; save it again")
    try:
        return keras.models.load_model(path, compile=False, safe_mode=True)
    # Keras raises many kinds of exceptions for damaged and unsafe files.
    except Exception as error:
        raise UserError(
            f"{what or path} cannot be opened by Keras {keras.__version__}: "
            f"{why_not_opened(path, error)}"
        ) from error


def _unpacked_to(path: pathlib.Path) -> int:
    """Returns how many bytes an archive becomes, where so many that it must be made up; else 0.

    Weights are numbers, which hardly shrink.
    """
    if not zipfile.is_zipfile(path):
        return 0
    try:
        with zipfile.ZipFile(path) as file:
            size = sum(one.file_size for one in file.infolist())
    except (OSError, ValueError, zipfile.BadZipFile):  # Keras says what is wrong with it.
        return 0
    return size if size > max(_SMALL, _SHRINKS * path.stat().st_size) else 0


def holds_weights_alone(path: pathlib.Path) -> bool:
    """Tells whether a file has the weights of a network without saying which network it is."""
    if path.name.endswith(".weights.h5"):
        return True
    if path.suffix not in _OF_HDF5:
        return False
    import h5py

    try:
        with h5py.File(path, "r") as file:
            return "model_config" not in file.attrs
    except (OSError, RuntimeError, KeyError, ValueError):  # As h5py takes damaged files.
        return False


def why_not_opened(path: pathlib.Path, error: Exception) -> str:
    """Returns in one line why Keras does not open a file, and the way out."""
    if path.suffix != path.suffix.lower():
        return f"it must end in small letters; rename it to {path.stem}{path.suffix.lower()}"
    if path.suffix == ".keras" and not zipfile.is_zipfile(path):
        return "it is damaged, or no .keras file; save it again"
    if holds_weights_alone(path):
        return (
            "it holds weights without the network that they are of; give it as MODULE:NAME of a "
            "function that builds the network and loads them, or save the whole network"
        )
    reason = _reason(error)
    if re.search(r"safe_mode|\bLambda\b|unsafe", reason):
        return (
            "it holds Python code, a Lambda layer or its like, and no code of a model file is run "
            "here; give it as MODULE:NAME of a function that opens it with your own code "
            "(keras.models.load_model(path, safe_mode=False)), or save the model without it"
        )
    version = _keras_version(path)
    if version.startswith(("1.", "2.")):
        return (
            f"{reason}; the file is of Keras {version}, some of whose layers Keras 3 does not "
            "know: with that Keras, export it as a SavedModel (model.export(folder)), and give the "
            "folder"
        )
    if own := re.search(
        r"(?:Could not locate (?:class|function)|Unknown (?:layer|object)):? '(\w+)'", reason
    ):
        return (
            f"it holds a layer or function of its own, {own[1]!r}; give it as MODULE:NAME of a "
            "model, or of a function that opens it with your own code, or export it as a "
            "SavedModel (model.export(folder))"
        )
    return f"{reason}; export it as a SavedModel (model.export(folder)) where it opens"


def _reason(error: Exception) -> str:
    """Returns the innermost reason, without the configurations that Keras prints before it."""
    texts = [str(one) for one in _chain(error)]
    known = r"safe_mode|unsafe|Could not locate|Unknown (?:layer|object)"
    text = next((text for text in texts[::-1] if re.search(known, text)), texts[0])
    text = text.rpartition("Exception encountered:")[2] or text
    match = re.search(known, text)
    if match is None:
        # Keras 2's configurations end where the reason begins: "config={...}. Exception ...".
        text = re.sub(r"[a-z_]*config[a-z_]*=?'?: ?\{.*\}", "", text, flags=re.DOTALL)
    line = printable(" ".join(text.split())) or type(error).__name__
    sentence = re.split(r"(?<=[^.])\. (?=[A-Z])", line)[0].strip(" .")
    return sentence if len(sentence) <= _LONGEST else f"{sentence[:_LONGEST]} ..."


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yields an exception, what it was raised from, and so on."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__


def _keras_version(path: pathlib.Path) -> str:
    """Returns which Keras wrote a file, "" where it does not say."""
    try:
        if path.suffix == ".keras":
            with zipfile.ZipFile(path) as file:
                return str(json.loads(file.read("metadata.json")).get("keras_version", ""))
        import h5py

        with h5py.File(path, "r") as file:
            version = file.attrs.get("keras_version", "")
            return version.decode() if isinstance(version, bytes) else str(version)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile):
        return ""
