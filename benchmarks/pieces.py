"""Pictures of what each piece of an ascent does, for docs/visualization.md.

    python benchmarks/pieces.py --model=runs/habitats-small-black-0 --output=docs/pictures

takes the preset of small networks, changes one piece of it at a time, and writes pieces_*.png: the
same three classes and the same seed throughout. A minute on two idle cores.
"""

import dataclasses
import pathlib
from collections.abc import Callable
from typing import Any

from bg_interp import cli
from bg_interp.errors import UserError

_CLASSES = (0, 4, 6)


@dataclasses.dataclass(frozen=True)
class Config:
    """The flags."""

    model: str | None = cli.setting(None, "a folder that tools/train.py wrote")
    output: str = cli.setting("docs/pictures", "folder to write to")
    side: int = cli.setting(72, "pixels of an image in a sheet", rule=cli.POSITIVE)


cli.define_flags(Config)


def maker(folder: pathlib.Path) -> Callable[..., Any]:
    """Returns a function that makes images by the preset, with some of its arguments changed."""
    import keras
    import numpy as np

    from bg_interp.models import targets
    from bg_interp.visualization import ActivationMaximization, ascent, presets, statistics

    known = statistics.load(folder / "ascent.npz")
    model = keras.models.load_model(folder / "model.keras", compile=False)
    engine = ActivationMaximization(targets.logits(model))

    def make(preset: str = "projected", classes: Any = _CLASSES, **changed: Any) -> np.ndarray:
        settings = presets.for_parametrization(preset)
        usual = ascent.pieces(settings, known, known.mean, np.array(classes))
        return engine(**{**usual, **changed}).numpy()

    make.known, make.network = known, engine.model  # type: ignore[attr-defined]
    return make


def views(make: Callable) -> dict[str, Any]:
    """Returns an image as modifiers show it to the network, three draws of each."""
    import numpy as np
    import tensorflow as tf

    from bg_interp.visualization.modifiers import Jitter, Noise, Rotate, Scale, View

    images = tf.constant(np.repeat(make()[1:2], 3, axis=0))
    kinds = {
        "none": lambda images: images,
        "View, of make train": View(shift=1 / 16, rotation=6, scale=0.08),
        "View(crop=(.5, 1))": View(crop=(0.5, 1.0)),
        "Jitter(8)": Jitter(8),
        "Rotate(20)": Rotate(20),
        "Scale(.7, 1.3)": Scale(0.7, 1.3),
        "Noise(16)": Noise(16),
    }
    return {name: kind(images) for name, kind in kinds.items()}


def gradients_and_steps(make: Callable) -> dict[str, Any]:
    """Returns images of other scores, modifiers, gradient modifiers and optimizers."""
    import keras

    from bg_interp.visualization.modifiers import SpectrumWeights, View
    from bg_interp.visualization.optimizers import Linear, Projected
    from bg_interp.visualization.parametrizations import Pixels
    from bg_interp.visualization.scores import Activation

    start, magnitude = make.known.mean / 255, make.known.magnitude
    rate = Linear(1.0, 0.2, steps=80)
    return {
        "the preset": make(),
        "score: Activation": make(score=Activation(_CLASSES)),
        "no modifiers": make(input_modifiers=None),
        "View alone": make(input_modifiers=[View(1 / 16, 6, 0.08)]),
        "no gradient modifier": make(gradient_modifier=None),
        "SpectrumWeights, power .5": make(gradient_modifier=SpectrumWeights(magnitude, 0.5)),
        "Projected, budget 8": make(optimizer=Projected(rate, 8.0, around=start)),
        "Adam": make(
            optimizer=keras.optimizers.Adam(Linear(0.02, 0.005, steps=80), beta_2=0.99),
            parametrization=Pixels(0.01, clip=True),
        ),
    }


def parametrizations(make: Callable) -> dict[str, Any]:
    """Returns images of each parametrization by its own preset, and regularizers."""
    from bg_interp.visualization.maximization import _MODIFIERS, _REGULARIZERS
    from bg_interp.visualization.optimizers import Linear, Projected
    from bg_interp.visualization.parametrizations import Opacity, Pixels
    from bg_interp.visualization.regularizers import MeanOpacity

    start = make.known.mean / 255
    upstream = {
        "input_modifiers": _MODIFIERS,
        "regularizers": _REGULARIZERS,
        "gradient_modifier": None,
        "optimizer": None,
        "parametrization": None,
    }
    return {
        "tf-keras-vis's defaults": make(steps=200, **upstream),
        "Pixels, by Adam": make("pixel"),
        "Pixels, Projected": make(),
        "Fourier": make("fourier"),
        "Maco": make("maco"),
        "Opacity, MeanOpacity": make(
            parametrization=Opacity(Pixels(0.01)),
            regularizers=[MeanOpacity(2.0)],
            optimizer=Projected(Linear(1.0, 0.2, steps=80), (25.0, None), around=start),
        ),
    }


def diversity(make: Callable) -> dict[str, Any]:
    """Returns three samples of a class, left alone and kept apart."""
    from bg_interp.visualization.regularizers import DiversityPenalty

    same = (_CLASSES[0],) * 3
    apart = DiversityPenalty(20.0, samples=3, start=make.known.mean)
    return {
        "three samples": make(classes=same),
        "DiversityPenalty": make(classes=same, regularizers=apart),
    }


def frames(make: Callable) -> dict[str, Any]:
    """Returns what a callback keeps of the way."""
    from bg_interp.visualization.callbacks import Frames

    kept = Frames(4, images=3)
    make(callbacks=kept)
    return {f"Frames: step {20 * (place + 1)}": one for place, one in enumerate(kept.frames)}


def main() -> None:
    """Writes the sheets."""
    config = cli.config_from_flags(Config)
    if config.model is None or not pathlib.Path(config.model, "ascent.npz").is_file():
        raise UserError(
            f"--model must be a folder that tools/train.py wrote. Received: {config.model}"
        )
    cli.load_tensorflow()
    import numpy as np

    from bg_interp import pictures

    make = maker(pathlib.Path(config.model))
    sheets = (views, gradients_and_steps, parametrizations, diversity, frames)
    for sheet in sheets:
        rows = sheet(make)
        images = np.stack([np.asarray(images) for images in rows.values()])
        path = pathlib.Path(config.output, f"pieces_{sheet.__name__}.png")
        pictures.save_png(path, pictures.grid(images, ["", "", ""], list(rows), side=config.side))
        print(path, flush=True)


if __name__ == "__main__":
    cli.run(main, __doc__)
