"""Turns the U²-Net-p ONNX file into a model that MediaPipe's ImageSegmenter takes.

The conversion runs once on the user's machine and its result is cached. It is not reproducible
byte by byte, so that the ONNX file's sha256, not the result's, names the segmenter.
"""

import contextlib
import gc
import io
import pathlib
import sys
import types

from bg_interp.masks.segmenters import model_files
from bg_interp.masks.segmenters.kinds import U2NETP
from bg_interp.processes import quiet_native_logs
from bg_interp.storage import files

# Raised when the conversion changes, so that a cached result of an older one is not taken.
_VERSION = 1


def converted_path(onnx: pathlib.Path) -> pathlib.Path:
    """Returns where the conversion of an ONNX file is cached."""
    known = f"{files.sha256(onnx)[:16]}-{U2NETP.input_size}-float16-v{_VERSION}"
    return model_files.folder() / f"u2netp-{known}.tflite"


def convert(onnx: pathlib.Path) -> pathlib.Path:
    """Returns a float16 LiteRT file with MediaPipe's metadata, made from an ONNX file if needed.

    float16 changes no mask; 8-bit weights would cost 0.19 IoU.

    Args:
      onnx: the file u2netp.onnx.

    Raises:
      UserError: the file is another network, or the cache folder cannot be written.
    """
    target = converted_path(onnx)
    if not target.is_file():
        # The converter prints its signature to stdout and its progress to both streams.
        with quiet_native_logs(), contextlib.redirect_stdout(io.StringIO()):
            converted = add_metadata(_to_litert(onnx))
        with files.replacing(target) as temporary:
            temporary.write_bytes(converted)
    return target


def _to_litert(onnx: pathlib.Path) -> bytes:
    import tensorflow as tf

    from bg_interp.masks.segmenters import u2net

    model = u2net.build(U2NETP.input_size, batch_size=1)
    u2net.load_weights(model, onnx)
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tf.float16]
    return converter.convert()


def add_metadata(model: bytes, labels: tuple[str, ...] = ("foreground",)) -> bytes:
    """Adds the metadata that MediaPipe's ImageSegmenter requires.

    Args:
      model: a LiteRT model from float32 RGB in [0, 1] to one opacity in [0, 1] for each label.
      labels: the output's channels.
    """
    _stand_in_for_metadata_version()
    from mediapipe.tasks.python.metadata.metadata_writers import image_segmenter, metadata_writer

    writer = image_segmenter.MetadataWriter.create(
        bytearray(model),
        # MediaPipe computes (pixel - mean) / stddev.
        [0.0],
        [255.0],
        labels=metadata_writer.Labels().add(list(labels)),
        activation=image_segmenter.Activation.NONE,
    )
    converted = bytes(writer.populate()[0])
    # The writer holds itself in a cycle, and prints an exception if Python's end finds it alive.
    del writer
    gc.collect()
    return converted


def _stand_in_for_metadata_version() -> None:
    """Makes MediaPipe's metadata writers importable.

    The wheel of MediaPipe 1.2 lacks a compiled module that they import; the one function of it
    that they call names the oldest parser able to read the metadata.
    """
    package = "mediapipe.tasks.cc.metadata.python"
    for depth in range(3, 6):
        name = ".".join(package.split(".")[:depth])
        sys.modules.setdefault(name, types.ModuleType(name))
    version = types.ModuleType(f"{package}._pywrap_metadata_version")
    version.GetMinimumMetadataParserVersion = lambda _: "1.0.0"  # type: ignore[attr-defined]
    sys.modules.setdefault(version.__name__, version)
    sys.modules[package]._pywrap_metadata_version = version  # type: ignore[attr-defined]
