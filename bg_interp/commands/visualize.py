"""Images of what a network's classes, or a layer's channels, look like to it, made and written.

`tools/visualize.py` is its command line.
"""

import dataclasses
import pathlib
import sys
from typing import Any

import keras
import numpy as np
import tqdm
from PIL import Image

from bg_interp.commands.class_images import suited_preset
from bg_interp.config import ascent as settings
from bg_interp.config.ascent import AscentSettings, VisualizeConfig
from bg_interp.errors import UserError
from bg_interp.models import loading, opening, preprocessing, targets
from bg_interp.storage import files
from bg_interp.storage.workdir import Workdir
from bg_interp.visualization import presets, results, statistics
from bg_interp.visualization.ascent import Ascent
from bg_interp.visualization.results import Visualization
from bg_interp.visualization.statistics import AscentStatistics

_FRAMES = 24


@dataclasses.dataclass(frozen=True)
class Target:
    """What is maximised: a model, units of its output with their names, one neuron of each."""

    model: keras.Model
    units: list[int]
    names: list[str]
    position: tuple[int, int] | None = None


@dataclasses.dataclass(frozen=True)
class Visualized:
    """What a run made, the names of its units, and the folder that holds it."""

    made: Visualization
    names: list[str]
    folder: pathlib.Path


def run(config: VisualizeConfig, command: str = "") -> Visualized:
    """Makes the images and writes them.

    Args:
      config: settings.
      command: what command.txt says.

    Raises:
      UserError: settings, a model or files that cannot be used.
    """
    settings.check_names(config)
    folder = output_folder(config)
    # Found out now, not after minutes of work.
    files.write_text(folder / "command.txt", command + "\n")
    opened = loading.load_network(str(config.model))
    class_names = loading.names_or_numbers(opened)
    how = ascent_settings(config, opened.network)
    pixels, notes = opening.assumed(opened, settings.preprocessing(config))
    for sentence in notes:
        print(f"{config.model}: {sentence}", file=sys.stderr)
    model = opening.of_bytes(opened, pixels, _size(config, opened.network))
    if not how.tried:
        print("note: the settings for this kind of network were never tried; look before you trust")
    target = target_of(config, model, class_names)
    ascent = Ascent(
        target.model,
        how,
        samples=config.samples,
        position=target.position,
    )
    with tqdm.tqdm(total=how.steps, unit="step", leave=False, disable=None) as bar:
        made = ascent(
            target.units,
            statistics=_statistics(
                pathlib.Path(str(config.model)).expanduser(), of_classes=config.layer is None
            ),
            start=_start(config, ascent.image_shape),
            seed=config.seed,
            frames=_FRAMES if config.gif else 0,
            progress=lambda done, _: bar.update(done - bar.n),
        )
    facts: dict[str, Any] = {name: getattr(config, name) for name in ("model", "layer", "start")}
    results.write(folder, made, target.names, facts)
    return Visualized(made, target.names, folder)


def output_folder(config: VisualizeConfig) -> pathlib.Path:
    """Returns the folder that the images go to."""
    if config.output:
        return pathlib.Path(config.output).expanduser()
    return Workdir(loading.folder_of(str(config.model)).expanduser()).visualizations


def ascent_settings(config: VisualizeConfig, model: keras.Model) -> AscentSettings:
    """Returns the preset, changed by the flags that were given.

    Raises:
      UserError: the preset and the parametrization do not go together.
    """
    presets.check_parametrization(config.preset, config.parametrization)
    path = pathlib.Path(str(config.model)).expanduser()
    if config.preset is not None:
        chosen = presets.preset(config.preset)
    elif path.is_dir():
        network = Workdir(path).read_config()["config"].get("network", model.name)
        chosen = presets.preset_for(network)
    else:
        chosen = suited_preset(model, model.inputs[0].shape[1])
    if config.parametrization not in (None, chosen.parametrization):
        chosen = presets.for_parametrization(str(config.parametrization))
    return dataclasses.replace(
        chosen,
        diversity=config.diversity,
        opacity=config.opacity,
        steps=config.steps or chosen.steps,
        # A channel has no rivals that it should stand out from.
        objective="logit" if config.layer is not None else chosen.objective,
    )


def suited_settings(model: str, network: keras.Model) -> AscentSettings | None:
    """Returns the preset for a file or run; None leaves the choice to the network's own names."""
    if not pathlib.Path(model).expanduser().exists():
        return None
    return ascent_settings(VisualizeConfig(model=model), network)


def target_of(config: VisualizeConfig, model: keras.Model, class_names: list[str]) -> Target:
    """Returns the classes that are chosen, or the channels of a layer.

    Raises:
      UserError: there is no such class, layer, channel or position.
    """
    if config.layer is None:
        chosen = config.classes.split(",") if config.classes else class_names
        units = targets.units([name.strip() for name in chosen], class_names, "class")
        return Target(targets.logits(model), units, [class_names[unit] for unit in units])
    channels = targets.layer(model, config.layer)
    names = [str(number) for number in range(channels.outputs[0].shape[-1])]
    chosen = config.channels.split(",") if config.channels else names[: settings.CHANNELS]
    units = targets.units([name.strip() for name in chosen], names, "channel")
    shown = [f"{config.layer.rpartition('/')[2]} {unit}" for unit in units]
    place = settings.position(config)
    if isinstance(place, tuple):
        return Target(channels, units, shown, targets.neuron(channels, place))
    return Target(channels, units, shown, targets.neuron(channels) if place == "centre" else None)


def _size(config: VisualizeConfig, network: keras.Model) -> tuple[int, int] | None:
    """Returns rows and columns of the images to make, where the network leaves them open.

    Raises:
      UserError: the network is of another size, or of none where none is given.
    """
    side = config.image_size
    if side is not None:
        preprocessing.check_size(network, np.empty((0, side, side, 3)), "--image_size")
        return side, side
    if preprocessing.size_of(network) is None:
        raise UserError(
            f"--model leaves the size of its images open. Received: {config.model}; give "
            "--image_size, the side of the images to make"
        )
    return None


def _start(config: VisualizeConfig, shape: tuple[int, int, int]) -> str | np.ndarray:
    """Returns the name of a start image, or the image that a file holds, in the model's size."""
    if config.start in settings.STARTS:
        return config.start
    try:
        with Image.open(pathlib.Path(config.start).expanduser()) as file:
            picture = file.convert("L" if shape[2] == 1 else "RGB").resize((shape[1], shape[0]))
    except OSError as error:
        raise UserError(f"--start={config.start} cannot be read as an image: {error}") from error
    return np.asarray(picture, np.float32).reshape(shape)


def _statistics(path: pathlib.Path, of_classes: bool) -> AscentStatistics | None:
    """Reads what training left for the ascent; None for a model from elsewhere.

    The logits of natural images are those of classes, and say nothing of a layer's channels.
    """
    left_by_training = Workdir(path).ascent
    if not left_by_training.is_file():
        return None
    found = statistics.load(left_by_training)
    return found if of_classes else dataclasses.replace(found, natural_logits=None)
