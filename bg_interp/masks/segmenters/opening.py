"""From the settings of a segmenter to one that makes masks: its model file, then its network."""

import importlib
import pathlib

from bg_interp.masks.segmenters import conversion, model_files
from bg_interp.masks.segmenters.kinds import KINDS
from bg_interp.masks.segmenters.segmenter import Segmenter, Settings, cannot_load_mediapipe


def prepare(settings: Settings, fetch: bool = False) -> pathlib.Path:
    """Returns the file that `open_segmenter` takes, converted to the backend's format if needed.

    Args:
      settings: which segmenter.
      fetch: download the model when it is not in the cache.

    Raises:
      UserError: the settings do not fit together, the model is not there, or its sha256 is wrong.
    """
    settings.check()
    wanted = KINDS[settings.name].model
    if settings.model is not None or wanted is None:
        return pathlib.Path(str(settings.model))
    path = model_files.fetch(wanted) if fetch else model_files.locate(wanted)
    if path.suffix == ".onnx" and settings.backend == "mediapipe":
        return conversion.convert(path)
    return path


def open_segmenter(settings: Settings, path: pathlib.Path | None = None) -> Segmenter:
    """Loads the network; close the segmenter, or use it as a context manager.

    Args:
      settings: which segmenter.
      path: what `prepare` returned, when it was already called.

    Raises:
      UserError: the model is not there, or is none that this segmenter can use, or MediaPipe
        cannot be loaded.
    """
    path = path or prepare(settings)
    module, _, name = KINDS[settings.name].adapters[settings.backend].partition(".")
    try:
        adapters = importlib.import_module(f"{__package__}.{module}")
    except (ImportError, OSError) as error:
        if settings.backend != "mediapipe":
            raise
        raise cannot_load_mediapipe(error) from error
    return getattr(adapters, name)(settings, path)
