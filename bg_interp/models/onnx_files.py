"""ONNX files as classifiers, run by onnxruntime."""

import pathlib
from typing import Any

import numpy as np

from bg_interp.errors import UserError, one_line
from bg_interp.models.functions import ArrayFunction, in_blocks


def opened(path: pathlib.Path) -> tuple[ArrayFunction, tuple[int | None, ...] | None, Any]:
    """Opens an ONNX file.

    Returns:
      The classifier, whose outputs have their names; the shape of its images as it takes them,
      None where the file does not say; their dtype.

    Raises:
      UserError: it cannot be read, or does not have one input.
    """
    import onnxruntime

    quiet = onnxruntime.SessionOptions()
    quiet.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(str(path), quiet, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has exceptions of its own.
        raise UserError(f"{path} cannot be opened as an ONNX network: {one_line(error)}") from error
    inputs = session.get_inputs()
    if len(inputs) != 1:
        listed = ", ".join(one.name for one in inputs)
        raise UserError(
            f"--model must have one input, of images. Received: {path} with {listed}; a function "
            "of images that fills in the others can be given as MODULE:NAME"
        )
    (image,) = inputs
    kind = _dtype(image.type)
    shape = tuple(size if isinstance(size, int) else None for size in image.shape) or None
    names = [output.name for output in session.get_outputs()]

    def answers(images: np.ndarray) -> list[np.ndarray]:
        return session.run(None, {image.name: np.ascontiguousarray(images).astype(kind)})

    # Exporters write a batch of one where nothing else is asked of them.
    asked = in_blocks(answers, shape[0] if shape else None)

    def outputs(images: np.ndarray) -> Any:
        outputs = asked(images)
        return outputs[0] if len(names) == 1 else dict(zip(names, outputs, strict=True))

    return ArrayFunction(outputs, str(path)), shape, kind


def _dtype(name: str) -> Any:
    """Returns NumPy's dtype of "tensor(float)"."""
    plain = name.removeprefix("tensor(").removesuffix(")")
    return np.dtype({"float": "float32", "double": "float64"}.get(plain, plain))
