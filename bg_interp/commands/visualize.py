"""Images of what a network's classes, or a layer's channels, look like to it, made and written.

`tools/visualize.py` is its command line.
"""

import dataclasses
import pathlib
from typing import Any

import keras
import numpy as np
import tqdm
from PIL import Image

from bg_interp.cli import INPUT_RANGES
from bg_interp.commands.class_images import suited_preset
from bg_interp.config import ascent as settings
from bg_interp.config.ascent import AscentSettings, VisualizeConfig
from bg_interp.errors import UserError
from bg_interp.models import loading, targets
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
    path = settings.model_path(config)
    folder = output_folder(config)
    # Found out now, not after minutes of work.
    files.write_text(folder / "command.txt", command + "\n")
    opened = loading.load_network(path)
    model, class_names = opened.network, loading.names_or_numbers(opened)
    how = ascent_settings(config, model)
    if not how.tried:
        print("note: the settings for this kind of network were never tried; look before you trust")
    target = target_of(config, model, class_names)
    ascent = Ascent(
        target.model,
        how,
        samples=config.samples,
        position=target.position,
        input_range=INPUT_RANGES[config.input_range],
    )
    with tqdm.tqdm(total=how.steps, unit="step", leave=False, disable=None) as bar:
        made = ascent(
            target.units,
            statistics=_statistics(path, of_classes=config.layer is None),
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
    return Workdir(loading.folder_of(settings.model_path(config))).visualizations


def ascent_settings(config: VisualizeConfig, model: keras.Model) -> AscentSettings:
    """Returns the preset, changed by the flags that were given.

    Raises:
      UserError: the preset and the parametrization do not go together.
    """
    presets.check_parametrization(config.preset, config.parametrization)
    path = settings.model_path(config)
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
    shape = None
    if config.image_size is not None:
        shape = (config.image_size, config.image_size, model.inputs[0].shape[-1] or 3)
    if config.layer is None:
        chosen = config.classes.split(",") if config.classes else class_names
        units = targets.units([name.strip() for name in chosen], class_names, "class")
        return Target(targets.logits(model, shape), units, [class_names[unit] for unit in units])
    channels = targets.layer(model, config.layer, shape)
    names = [str(number) for number in range(channels.outputs[0].shape[-1])]
    chosen = config.channels.split(",") if config.channels else names[: settings.CHANNELS]
    units = targets.units([name.strip() for name in chosen], names, "channel")
    shown = [f"{config.layer.rpartition('/')[2]} {unit}" for unit in units]
    place = settings.position(config)
    if isinstance(place, tuple):
        return Target(channels, units, shown, targets.neuron(channels, place))
    return Target(channels, units, shown, targets.neuron(channels) if place == "centre" else None)


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
