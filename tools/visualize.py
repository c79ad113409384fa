"""Make images of what a network's classes, or the channels of a layer, look like to it.

    python tools/visualize.py --model=runs/habitats-small-black-0

writes visualizations/ into the run's folder: one PNG per class, grid.png with all of them,
images.npz with the float images, and results.json with the settings, the logit that each image
reaches beside that of the best natural image, and the seconds it took.

    python tools/visualize.py --model=network.keras --layer=block_5_expand --channels=0,1,2 --gif

shows channels of a layer of any Keras network of images, and how the images came to be.
"""

import dataclasses
import pathlib
import sys
from typing import TYPE_CHECKING

from bg_interp import cli
from bg_interp.errors import UserError
from bg_interp.visualization import settings

if TYPE_CHECKING:
    import keras
    import numpy as np

    from bg_interp.visualization.statistics import AscentStatistics

_STARTS = ("mean", "black", "grey")
_FRAMES = 24
# Up to this many channels of a layer are shown when --channels does not choose.
_CHANNELS = 16


@dataclasses.dataclass(frozen=True)
class Config:
    """The flags."""

    model: str | None = cli.setting(
        None, "a folder that tools/train.py wrote, or a .keras or .h5 file"
    )
    classes: str | None = cli.setting(
        None, "names or numbers of the classes to show, separated by commas; default: all"
    )
    layer: str | None = cli.setting(
        None, "show channels of this layer instead; outer/inner for a layer of a nested model"
    )
    channels: str | None = cli.setting(
        None,
        f"numbers of the channels of --layer, separated by commas; default: the first {_CHANNELS}",
    )
    position: str = cli.setting(
        "all",
        "which neurons of a channel: all (their mean), centre, or ROW,COLUMN of one neuron",
    )
    preset: str | None = cli.setting(
        None,
        "settings that suit a family of networks; default: by the run's network, else by the "
        "model's name",
        choices=tuple(settings.PRESETS),
    )
    parametrization: str | None = cli.setting(
        None,
        "what is moved: pixels, pixels within a distance of the start image, a Fourier spectrum, "
        "or phases alone (maco); default: the preset's",
        choices=settings.PARAMETRIZATIONS,
    )
    start: str = cli.setting(
        "mean",
        "image to start from: mean (of the treated training images, where training left it, else "
        "grey), black, grey, or an image file",
    )
    engine: str = cli.setting(
        "compiled",
        "compiled, or tf_keras_vis for that library's own loop with its defaults, to compare",
        choices=("compiled", "tf_keras_vis"),
    )
    samples: int = cli.setting(
        2,
        "images made of each class, from which the network's own margin chooses",
        rule=cli.POSITIVE,
    )
    diversity: float = cli.setting(
        0.0, "weight of a term that keeps the samples of a class apart", rule=cli.NOT_NEGATIVE
    )
    opacity: float = cli.setting(
        0.0,
        "above 0, images have an opacity that this weight holds against them before random "
        "backgrounds, so that objects stand free on white; 2 is a beginning",
        rule=cli.NOT_NEGATIVE,
    )
    steps: int | None = cli.setting(
        None, "gradient steps; default: the preset's", rule=cli.POSITIVE
    )
    seed: int = cli.setting(0, "the same seed gives the same images", rule=cli.SEED)
    image_size: int | None = cli.setting(
        None, "side in pixels, for models that leave their image size open", rule=cli.POSITIVE
    )
    input_range: str = cli.setting(
        "0:255",
        "the range in which the model takes pixels; a model that rescales by itself takes 0:255",
        choices=tuple(cli.INPUT_RANGES),
    )
    gif: bool = cli.setting(False, "write animation.gif, which shows how the images came to be")
    output: str | None = cli.setting(
        None, "folder to write to; default: visualizations/ in the model's own folder"
    )


cli.define_flags(Config)


def _check(config: Config) -> pathlib.Path:
    """Checks what needs no model; returns the path of the model."""
    if config.model is None:
        raise UserError(
            "--model must be given: a folder that tools/train.py wrote, or a .keras or .h5 file"
        )
    if config.layer is None and (config.channels is not None or config.position != "all"):
        raise UserError("--channels and --position need --layer, whose neurons they choose")
    if config.layer is not None and config.classes is not None:
        raise UserError("--classes and --layer exclude each other; give one of the two")
    if config.engine == "tf_keras_vis" and config.gif:
        raise UserError("--gif needs --engine=compiled")
    if config.preset is not None and config.parametrization is not None:
        made_for = settings.preset(config.preset).parametrization
        if config.parametrization != made_for:
            raise UserError(
                f"--preset={config.preset} is made for --parametrization={made_for}; leave one of "
                f"the two out. Received: --parametrization={config.parametrization}"
            )
    if config.start not in _STARTS and not pathlib.Path(config.start).expanduser().is_file():
        raise UserError(
            f"--start must be {', '.join(_STARTS)}, or an image file. Received: {config.start!r}"
        )
    path = pathlib.Path(config.model).expanduser()
    if not path.exists():
        raise UserError(f"--model names a file or folder that does not exist: {config.model}")
    return path


def _settings(config: Config, path: pathlib.Path, model: "keras.Model") -> settings.AscentSettings:
    """Returns the preset, changed by the flags that were given."""
    if config.preset is not None:
        chosen = settings.preset(config.preset)
    elif path.is_dir():
        from bg_interp.storage.workdir import Workdir

        network = Workdir(path).read_config()["config"].get("network", model.name)
        chosen = settings.preset_for(network)
    else:
        names = [model.name, *(layer.name for layer in model.layers)]
        chosen = settings.preset_for_layers(names, model.inputs[0].shape[1])
    given = {
        name: getattr(config, name)
        for name in ("parametrization", "steps")
        if getattr(config, name) is not None
    }
    if given.get("parametrization", chosen.parametrization) != chosen.parametrization:
        chosen = settings.for_parametrization(given["parametrization"])
    if config.layer is not None:
        # A channel has no rivals that it should stand out from.
        given["objective"] = "logit"
    return dataclasses.replace(chosen, diversity=config.diversity, opacity=config.opacity, **given)


def _target(
    config: Config, model: "keras.Model", class_names: list[str]
) -> tuple["keras.Model", list[int], list[str]]:
    """Returns the model to maximise, the units, and their names."""
    from bg_interp.visualization import targets

    shape = None
    if config.image_size is not None:
        shape = (config.image_size, config.image_size, model.inputs[0].shape[-1] or 3)
    if config.layer is None:
        target = targets.logits(model, shape)
        chosen = config.classes.split(",") if config.classes else class_names
        units = targets.units([name.strip() for name in chosen], class_names, "class")
        return target, units, [class_names[unit] for unit in units]
    position = None
    if config.position == "centre":
        position = targets.centre(model, config.layer, shape)
    elif config.position != "all":
        position = _position(config.position)
    target = targets.layer(model, config.layer, position, shape)
    names = [str(number) for number in range(target.outputs[0].shape[-1])]
    chosen = config.channels.split(",") if config.channels else names[:_CHANNELS]
    units = targets.units([name.strip() for name in chosen], names, "channel")
    return target, units, [f"{config.layer.rpartition('/')[2]} {unit}" for unit in units]


def _position(text: str) -> tuple[int, int]:
    numbers = text.split(",")
    if len(numbers) != 2 or not all(number.strip().isdecimal() for number in numbers):
        raise UserError(f"--position must be all, centre or ROW,COLUMN. Received: {text!r}")
    return int(numbers[0]), int(numbers[1])


def _start(config: Config, shape: tuple[int, int, int]) -> "str | np.ndarray":
    """Returns the name of a start image, or the image that a file holds, in the model's size."""
    if config.start in _STARTS:
        return config.start
    import numpy as np
    from PIL import Image

    try:
        with Image.open(pathlib.Path(config.start).expanduser()) as file:
            picture = file.convert("L" if shape[2] == 1 else "RGB").resize((shape[1], shape[0]))
    except OSError as error:
        raise UserError(f"--start={config.start} cannot be read as an image: {error}") from error
    return np.asarray(picture, np.float32).reshape(shape)


def _statistics(path: pathlib.Path, of_classes: bool) -> "AscentStatistics | None":
    """Reads what training left for the ascent; None for a model from elsewhere.

    The logits of natural images are those of classes, and say nothing of a layer's channels.
    """
    from bg_interp.visualization import statistics

    left_by_training = path / "ascent.npz"
    if not left_by_training.is_file():
        return None
    found = statistics.load(left_by_training)
    return found if of_classes else dataclasses.replace(found, natural_logits=None)


def main() -> None:
    """Makes the images, prints what they reach and writes the output folder."""
    config = cli.config_from_flags(Config)
    path = _check(config)
    cli.load_tensorflow()

    import tqdm

    from bg_interp.models import loading
    from bg_interp.storage import files
    from bg_interp.visualization import comparison, outcome
    from bg_interp.visualization.ascent import Ascent

    folder = loading.folder_of(path) / "visualizations"
    folder = pathlib.Path(config.output).expanduser() if config.output else folder
    # Found out now, not after minutes of work.
    files.write_text(folder / "command.txt", " ".join(sys.argv) + "\n")
    found = loading.load_network(path)
    model, class_names = found.network, loading.names_or_numbers(found)
    how = _settings(config, path, model)
    if not how.tried:
        print("note: the settings for this kind of network were never tried; look before you trust")
    target, units, names = _target(config, model, class_names)
    made_by = {"compiled": Ascent, "tf_keras_vis": comparison.UpstreamAscent}[config.engine]
    ascent = made_by(
        target, how, samples=config.samples, input_range=cli.INPUT_RANGES[config.input_range]
    )
    with tqdm.tqdm(total=how.steps, unit="step", leave=False, disable=None) as bar:
        made = ascent(
            units,
            statistics=_statistics(path, of_classes=config.layer is None),
            start=_start(config, ascent.image_shape),
            seed=config.seed,
            frames=_FRAMES if config.gif else 0,
            progress=lambda done, _: bar.update(done - bar.n),
        )
    facts = {name: getattr(config, name) for name in ("model", "engine", "layer", "start")}
    outcome.write(folder, made, names, facts)
    print(outcome.table(made, names))
    print(
        f"written in {made.seconds:.1f} s: {folder}/grid.png, a PNG each, images.npz, results.json"
    )


def run() -> None:
    """Entry point of the console script."""
    cli.run(main, __doc__)


if __name__ == "__main__":
    run()
