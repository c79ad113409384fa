"""The pictures that an audit writes: objects on other backgrounds, and what classes look like."""

import sys
from collections.abc import Sequence

import numpy as np

from bg_interp import pictures
from bg_interp.commands import visualize
from bg_interp.commands.chosen_classes import MOST_CLASS_IMAGES
from bg_interp.commands.class_images import ClassVisualizer
from bg_interp.config.ascent import APART
from bg_interp.config.evaluation import EvaluateConfig
from bg_interp.errors import UserError
from bg_interp.evaluation.arrays import Arrays
from bg_interp.evaluation.measures import VARIANTS
from bg_interp.evaluation.reliance.variants import Variants
from bg_interp.evaluation.result import Evaluation
from bg_interp.models.adapter import AdaptedModel, keras_network

_EXAMPLES = 6
_RIGHT, _WRONG = (40, 160, 60), (210, 40, 40)


def example_sheet(found: Evaluation) -> np.ndarray:
    """Draws a few images in every variant, framed green where the model is right, else red.

    Returns:
      uint8 [height, width, 3].
    """
    test = found.test
    _, first = np.unique(test.labels, return_index=True)
    first = first[:_EXAMPLES]
    columns, variants = [], Variants(test, found.seed)
    for variant in VARIANTS:
        images = variants.make(variant, first)
        right = found.logits[variant][first].argmax(axis=1) == test.labels[first]
        frame = max(1, images.shape[1] // 24)
        padded = np.pad(images, [(0, 0), (frame, frame), (frame, frame), (0, 0)])
        colours = np.where(right[:, None], _RIGHT, _WRONG)[:, None, None]
        framed = np.broadcast_to(colours, padded.shape).astype(np.uint8).copy()
        framed[:, frame:-frame, frame:-frame] = images
        columns.append(framed)
    names = [found.classes[label] for label in test.labels[first]]
    return pictures.grid(np.stack(columns, axis=1), VARIANTS, names)


def check_drawable(model: AdaptedModel) -> None:
    """Raises a `UserError` for what is no Keras network, before anything is measured."""
    network = keras_network(model)
    if network is None or not network.outputs:
        raise UserError(
            "--class_images needs a sequential or functional Keras network; leave the flag out"
        )


def class_image_sheet(
    model: AdaptedModel, test: Arrays, names: Sequence[str], config: EvaluateConfig
) -> np.ndarray:
    """Draws what the first classes look like to a Keras network.

    Returns:
      uint8 [height, width, 3].
    """
    shown = list(names[:MOST_CLASS_IMAGES])
    parts = APART if config.class_images_of == "apart" else (config.class_images_of,)
    print(
        f"class images of {len(shown)} classes{', twice' if len(parts) > 1 else ''}",
        file=sys.stderr,
    )
    columns = np.arange(len(names)) if model.columns is None else np.asarray(model.columns)
    made = [
        ClassVisualizer(
            model.network,
            columns[: len(shown)].tolist(),
            preprocess=model.pixels,
            data=test.images,
            labels=columns[test.labels],
            masks=test.masks,
            of=part,
            network=visualize.network_of_run(str(config.model)),
        )(seed=config.seed)
        for part in parts
    ]
    if len(made) == 1:
        return pictures.grid(made[0].made.framed[None], made[0].made.marked(shown))
    rows = [
        f"of the {part}{' (framed: failed)' if one.failed.any() else ''}"
        for part, one in zip(parts, made, strict=True)
    ]
    return pictures.grid(np.stack([one.made.framed for one in made]), shown, rows)
