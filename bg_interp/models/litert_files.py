"""LiteRT (.tflite) files as classifiers, of floats or of whole numbers that stand for them."""

import os
import pathlib
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from bg_interp.errors import UserError, one_line
from bg_interp.models.functions import ArrayFunction, in_blocks
from bg_interp.pixels import Pixels, of_range


def opened(
    path: pathlib.Path,
) -> tuple[ArrayFunction, tuple[int | None, ...], tuple[Pixels, ...] | None]:
    """Opens a LiteRT file.

    Returns:
      The classifier, which takes and gives floats; the shape of its images; and what it may want
      of pixels, where its whole numbers tell.

    Raises:
      UserError: it cannot be read, or does not have one input.
    """
    try:
        content = path.read_bytes()
        with warnings.catch_warnings():
            # TensorFlow announces that the interpreter will move to a package of its own.
            warnings.simplefilter("ignore")
            # Its bytes, since only those are verified: a damaged file would end the process.
            runner = tf.lite.Interpreter(model_content=content, num_threads=os.cpu_count())
            runner.allocate_tensors()
        inputs, outputs = runner.get_input_details(), runner.get_output_details()
    except (OSError, ValueError, RuntimeError) as error:
        raise UserError(f"{path} cannot be opened as a LiteRT file: {one_line(error)}") from error
    if len(inputs) != 1:
        raise UserError(
            "--model must have one input, of images. "
            f"Received: {path} with {', '.join(one['name'] for one in inputs)}; a function of "
            "images that fills in the others can be given as MODULE:NAME"
        )
    (image,) = inputs

    def answers(images: np.ndarray) -> list[np.ndarray]:
        runner.set_tensor(image["index"], _stored(images, image))
        runner.invoke()
        return [_real(runner.get_tensor(one["index"]), one) for one in outputs]

    # A file is laid out for the batch that it was made for, mostly of one image.
    asked = in_blocks(answers, int(image["shape"][0]))

    def scores(images: np.ndarray) -> Any:
        outputs = asked(images)
        return outputs[0] if len(outputs) == 1 else outputs

    sizes = image["shape_signature"] if "shape_signature" in image else image["shape"]
    shape = tuple(None if size < 0 else int(size) for size in sizes)
    return ArrayFunction(scores, str(path)), shape, _pixels(image)


def _is_whole(detail: Mapping[str, Any]) -> bool:
    return np.issubdtype(detail["dtype"], np.integer)


def _stored(values: np.ndarray, detail: Mapping[str, Any]) -> np.ndarray:
    """Turns floats into the whole numbers that stand for them, where a file takes such."""
    if not _is_whole(detail):
        return values.astype(detail["dtype"])
    scale, zero = detail["quantization"]
    limits = np.iinfo(detail["dtype"])
    whole = np.rint(values / scale + zero) if scale else np.rint(values)
    return np.clip(whole, limits.min, limits.max).astype(detail["dtype"])


def _real(values: np.ndarray, detail: Mapping[str, Any]) -> np.ndarray:
    """Turns what a file gives into the floats that it stands for."""
    scale, zero = detail["quantization"]
    if not _is_whole(detail) or not scale:
        return values.astype(np.float32)
    return ((values.astype(np.float32) - zero) * scale).astype(np.float32)


def _pixels(detail: Mapping[str, Any]) -> tuple[Pixels, ...] | None:
    """Returns the ranges that stand for black and white in a file of whole numbers.

    Those of all its whole numbers, as converters choose them; None where it takes floats.
    """
    if not _is_whole(detail):
        return None
    limits, (scale, zero) = np.iinfo(detail["dtype"]), detail["quantization"]
    if not scale:
        return (of_range(limits.min, limits.max),)
    low, high = ((end - zero) * scale for end in (limits.min, limits.max))
    # -1 to 0.992 stands for -1 to 1.
    usual = [(0.0, 255.0), (0.0, 1.0), (-1.0, 1.0)]
    near = [span for span in usual if np.allclose(span, (low, high), atol=2.5 * scale)]
    return (of_range(*near[0]),) if near else None
