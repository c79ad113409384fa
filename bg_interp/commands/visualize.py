"""Images of what a network's classes, or a layer's channels, look like to it, made and written.

`tools/visualize.py` is its command line.
"""

import dataclasses
import pathlib
import sys
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tqdm
from PIL import Image

from bg_interp.commands.chosen_classes import ALL, class_units
from bg_interp.commands.class_images import suited_settings
from bg_interp.commands.second_opinion import Opinion, opened_judge, opinion
from bg_interp.config import ascent as settings
from bg_interp.config import classifier
from bg_interp.config.ascent import AscentSettings, VisualizeConfig
from bg_interp.errors import UserError
from bg_interp.models import loading, opening, preprocessing, targets
from bg_interp.models.outputs import check_names
from bg_interp.repairing.cache import digest
from bg_interp.storage import files, locks
from bg_interp.storage.workdir import Workdir
from bg_interp.visualization import presets, results, statistics
from bg_interp.visualization.ascent import Ascent
from bg_interp.visualization.gallery import Parts
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
    """What a run made, the names of its units, its folder, and what a judge says of it."""

    made: Visualization
    names: list[str]
    folder: pathlib.Path
    judged: Opinion | None = None


def run(config: VisualizeConfig, command: str = "") -> Visualized:
    """Makes the images and writes them.

    Args:
      config: settings.
      command: what command.txt says.

    Raises:
      UserError: settings, a model or files that cannot be used.
    """
    settings.check_names(config)
    # Found out now, not after minutes of work.
    with locks.alone_in_output(output_folder(config)):
        return _run(config, command)


def _run(config: VisualizeConfig, command: str) -> Visualized:
    path = pathlib.Path(str(config.model)).expanduser()
    folder = output_folder(config)
    files.write_text(folder / "command.txt", command + "\n")
    judge, side = _judge(config)
    opened = loading.load_network(str(config.model))
    taken, notes = opening.assumed(opened, settings.preprocessing(config))
    for sentence in notes:
        print(f"{config.model}: {sentence}", file=sys.stderr)
    model = opening.of_bytes(opened, taken, _size(config, opened.network))
    names = classifier.class_names(config)
    class_names = names or loading.names_or_numbers(opened)
    check_names(class_names, len(loading.names_or_numbers(opened)))
    target = target_of(config, model, class_names)
    known = _statistics(path, of_classes=config.layer is None)
    how = ascent_settings(config, target.model, opened.network, known)
    ascent = Ascent(
        target.model,
        how,
        samples=config.samples,
        position=target.position,
    )
    start = _start(config, ascent.image_shape)
    made_from = [*target.model.get_weights(), how, start, target.position, ascent.samples]
    made_from += [config.seed, taken, *_arrays(known)]
    kept = Parts(folder / "progress", digest(*made_from), how)
    parts = -(-len(target.units) // ascent.at_once)
    with tqdm.tqdm(total=how.steps * parts, unit="step", leave=False, disable=None) as bar:
        made = ascent.in_parts(
            target.units,
            keep=kept if parts > 1 else None,
            statistics=known,
            start=start,
            seed=config.seed,
            frames=_FRAMES if config.gif else 0,
            progress=lambda done, _: bar.update(done - bar.n),
        )
    facts: dict[str, Any] = {name: getattr(config, name) for name in ("model", "layer", "start")}
    judged = None
    if judge is not None:
        judged = opinion(judge, made.images, made.units, ascent.units, image_size=side)
        facts["judge"] = {"model": config.judge, **judged.to_dict(class_names)}
    results.write(folder, made, target.names, facts)
    kept.clear()
    return Visualized(made, target.names, folder, judged)


def _arrays(known: AscentStatistics | None) -> list[Any]:
    """Returns what statistics hold, for a digest."""
    if known is None:
        return []
    held = vars(known) if known.features is None else vars(known) | vars(known.features)
    return [value for name, value in sorted(held.items()) if name != "features"]


def _judge(config: VisualizeConfig) -> tuple[Callable[[Any], Any] | None, tuple[int, int] | None]:
    if config.judge is None:
        return None, None
    return opened_judge(config.judge, settings.judge_preprocessing(config))


def output_folder(config: VisualizeConfig) -> pathlib.Path:
    """Returns the folder that the images go to."""
    if config.output:
        return pathlib.Path(config.output).expanduser()
    return Workdir(loading.folder_of(str(config.model)).expanduser()).visualizations


def ascent_settings(
    config: VisualizeConfig,
    target: keras.Model,
    network: keras.Model,
    known: AscentStatistics | None = None,
) -> AscentSettings:
    """Returns the preset, changed by the flags that were given.

    Args:
      config: the flags.
      target: the model that is maximised.
      network: the whole network, whose name and layers may tell its kind.
      known: what training left for the ascent.

    Raises:
      UserError: flags that do not go together.
    """
    presets.check_parametrization(config.preset, config.parametrization)
    plain = config.parametrization is not None or config.opacity or config.diversity
    # Channels have no rivals, and no photographs that would be theirs.
    plain = plain or config.layer is not None
    chosen = suited_settings(
        target,
        config.preset or (presets.PLAIN if plain else None),
        named=network,
        network=network_of_run(str(config.model)),
        data=known is not None and known.features is not None,
    )
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


def network_of_run(model: str) -> str | None:
    """Returns what the run that trained a model calls its network; None for one from elsewhere."""
    path = pathlib.Path(model).expanduser()
    if not path.is_dir() or not Workdir(path).is_run:
        return None
    return Workdir(path).read_config()["config"].get("network")


def target_of(config: VisualizeConfig, model: keras.Model, class_names: list[str]) -> Target:
    """Returns the classes that are chosen, or the channels of a layer.

    Raises:
      UserError: there is no such class, layer, channel or position.
    """
    if config.layer is None:
        if config.classes in (None, ALL):
            units = class_units(config.classes, class_names)
        else:
            chosen = str(config.classes).split(",")
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
