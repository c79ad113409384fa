"""How class images are made: the settings of an ascent, and those of `tools/visualize.py`."""

import dataclasses
import pathlib

from bg_interp import pixels
from bg_interp.cli import FOLDER, INPUT_RANGES, NOT_NEGATIVE, POSITIVE, SEED, names_module, setting
from bg_interp.errors import UserError, nearest, nearest_path

# `plain` for what suits without a prior, and the names of `visualization.presets.PRESETS`, which a
# test compares.
PRESETS = ("plain", "natural", "small", "mobilenet_v2", "pretrained", "paper")
# Whose features images are held to, where masks tell objects from backgrounds.
OF = ("both", "object", "background")
APART = ("object", "background")
STARTS = ("mean", "black", "grey")
# Up to this many channels of a layer are shown when none are chosen.
CHANNELS = 16
PARAMETRIZATIONS = ("pixel", "pyramid", "projected", "fourier", "maco")
OBJECTIVES = ("logit", "margin", "even")


@dataclasses.dataclass(frozen=True)
class Views:
    """How much the random views of an image vary; uniformly from minus to plus each value.

    Attributes:
      shift: share of the image's side.
      rotation: degrees.
      scale: relative change of size, 0.1 = from 0.9 to 1.1.
      crop: (smallest, largest) side of a random square that is enlarged to the whole image, as a
        share of the side; None for no crops.
    """

    shift: float = 0.0
    rotation: float = 0.0
    scale: float = 0.0
    crop: tuple[float, float] | None = None


_SMALL_VIEWS = Views(shift=1 / 16, rotation=6.0, scale=0.08)


@dataclasses.dataclass(frozen=True)
class AscentSettings:
    """How an image is made; lengths and budgets are for 64 px and grow with the image's side.

    Attributes:
      parametrization: `pixel` (Adam on the pixels), `pyramid` (Adam on images of several sizes,
        whose sum it is), `projected` (pixels within a distance of the start image), `fourier`
        (Adam on spectrum and decorrelated colours), `maco` (Adam on the phase alone, the magnitude
        fixed).
      objective: `logit`, `margin` = the logit minus the mean of all others, or `even` = the margin
        with more weight on images of the batch that are behind.
      features: weight of the prior that holds the statistics of inner features to those of natural
        images; 0 for a plain ascent.
      half: share of the steps that are taken at half the side, where the network can be used so.
      together: with a prior, how many images are made at once at least: classes that nobody has
        asked for complete them, since one class alone has no natural statistics.
      steps: gradient steps.
      step_length: `projected`: distance per step, L2 of the image in [0, 1]; else Adam's rate.
      final_step_length: what `step_length` falls to, linearly.
      budget: `projected`: largest L2 distance from the start image, in [0, 1].
      smoothing: `projected`: power of the data's magnitude spectrum that weighs the gradient;
        0 leaves it as it is.
      noise: deviation of the pixel noise in views at first, in [0, 255]; final_noise: at last.
      views: the random views; mirror: exchange left and right in every other one.
      initial: deviation of the random change that each sample starts with, in [0, 1] for pixels,
        in units of the spectrum for `fourier`.
      diversity: weight of the likeness between samples of one class, which is held against them; 0
        lets each find its own way from its own start.
      opacity: 0 for opaque images; else the weight of the mean opacity, which is held against an
        image that is put on random backgrounds, so that the object stands free.
    """

    parametrization: str = "projected"
    objective: str = "margin"
    features: float = 0.0
    half: float = 0.0
    together: int = 0
    steps: int = 80
    step_length: float = 1.0
    final_step_length: float = 0.2
    budget: float = 25.0
    smoothing: float = 0.25
    noise: float = 8.0
    final_noise: float = 2.0
    views: Views = _SMALL_VIEWS
    mirror: bool = False
    initial: float = 0.01
    diversity: float = 0.0
    opacity: float = 0.0

    def __post_init__(self) -> None:
        """Checks the two choices and the steps.

        Raises:
          UserError: a value breaks its rule.
        """
        for name, choices in (
            ("parametrization", PARAMETRIZATIONS),
            ("objective", OBJECTIVES),
        ):
            value = getattr(self, name)
            if value not in choices:
                raise UserError(
                    f"{name} must be one of {', '.join(choices)}. "
                    f"Received: {value!r}{nearest(value, choices)}"
                )
        if self.opacity and self.parametrization not in ("pixel", "pyramid", "projected"):
            raise UserError(
                "opacity needs the parametrization pixel, pyramid or projected. "
                f"Received: {self.parametrization}"
            )
        if self.steps < 1:
            raise UserError(f"steps must be 1 or more. Received: {self.steps}")


@dataclasses.dataclass(frozen=True)
class VisualizeConfig:
    """Which images are made of which model, and where they go."""

    model: str | None = setting(None, "a folder that tools/train.py wrote, or a .keras or .h5 file")
    classes: str | None = setting(
        None,
        "names or numbers of the classes to show, separated by commas, or all; default: the first "
        "16 at most",
    )
    class_names: str | None = setting(
        None,
        "names of the model's outputs in their order, separated by commas, or a file with one per "
        "line; default: those of the run, else numbers",
    )
    layer: str | None = setting(
        None, "show channels of this layer instead; outer/inner for a layer of a nested model"
    )
    channels: str | None = setting(
        None,
        f"numbers of the channels of --layer, separated by commas; default: the first {CHANNELS}",
    )
    position: str = setting(
        "all",
        "which neurons of a channel: all (their mean), centre, or ROW,COLUMN of one neuron",
    )
    preset: str | None = setting(
        None,
        "how images are made: natural with a prior that makes them readable, plain without one, "
        "which is more faithful; default: natural for networks with statistics of natural "
        "features, plain for small ones",
        choices=PRESETS,
    )
    parametrization: str | None = setting(
        None,
        "what is optimised: pixels, images of several sizes (pyramid), pixels within a distance "
        "of the start image, a Fourier spectrum, or phases alone (maco); default: the preset's",
        choices=PARAMETRIZATIONS,
    )
    start: str = setting(
        "mean",
        "image to start from: mean (of the treated training images if the run has it, else grey), "
        "black, grey, or an image file",
    )
    samples: int | None = setting(
        None,
        "images made per class, of which the one with the largest margin is kept; default: 2, if "
        "the second takes no extra time",
        rule=POSITIVE,
    )
    diversity: float = setting(
        0.0, "weight of a term that makes the samples of a class differ", rule=NOT_NEGATIVE
    )
    opacity: float = setting(
        0.0,
        "above 0, images also have an opacity, which is penalised with this weight before random "
        "backgrounds, so that objects are cut out on white; 2 is a good start",
        rule=NOT_NEGATIVE,
    )
    steps: int | None = setting(None, "gradient steps; default: the preset's", rule=POSITIVE)
    seed: int = setting(0, "the same seed gives the same images", rule=SEED)
    image_size: int | None = setting(
        None, "side in pixels, for models that leave their image size open", rule=POSITIVE
    )
    preprocess: str = setting(
        "auto",
        "the preprocessing that the model expects; auto is the model's own if it is a network of "
        "keras.applications, else 0:255, as for a model that rescales by itself, with a message. "
        f"{pixels.HELP}",
    )
    input_range: str = setting(
        "auto",
        "the range in which the model takes pixels: a shorter --preprocess for ranges alone",
        choices=("auto", *INPUT_RANGES),
    )
    judge: str | None = setting(
        None,
        "another classifier of the same classes in the same order, a file, folder or "
        "MODULE:NAME: counts the images whose class it names",
    )
    judge_preprocess: str = setting(
        "auto", "the preprocessing that --judge expects, in the words of --preprocess"
    )
    judge_input_range: str = setting(
        "auto",
        "the range in which --judge takes pixels: a shorter --judge_preprocess",
        choices=("auto", *INPUT_RANGES),
    )
    gif: bool = setting(False, "write animation.gif, which shows how the images are formed")
    output: str | None = setting(
        None,
        "folder to write to; default: visualizations/ in the model's own folder",
        rule=FOLDER,
    )


def check_model(config: VisualizeConfig) -> None:
    """Checks that there is a model.

    Raises:
      UserError: none is given, or it does not exist.
    """
    if config.model is None:
        raise UserError(
            "--model must be given: a folder that tools/train.py wrote, a .keras or .h5 file, or "
            "MODULE:NAME of a Keras model or of a function that returns one"
        )
    if not pathlib.Path(config.model).expanduser().exists() and not names_module(config.model):
        raise UserError(
            f"--model names a file or folder that does not exist: {config.model}"
            f"{nearest_path(config.model)}"
        )


def preprocessing(config: VisualizeConfig) -> pixels.Pixels | None:
    """Returns what `--preprocess` or `--input_range` says; None where it is to be found.

    Raises:
      UserError: a name that is none, or both are given.
    """
    return pixels.of_flags(config.preprocess, config.input_range)


def judge_preprocessing(config: VisualizeConfig) -> pixels.Pixels | None:
    """Returns what `--judge_preprocess` or `--judge_input_range` says; None where to be found.

    Raises:
      UserError: a name that is none, or both are given.
    """
    return pixels.of_flags(config.judge_preprocess, config.judge_input_range, "judge_")


def position(config: VisualizeConfig) -> str | tuple[int, int]:
    """Returns `all`, `centre`, or the (row, column) that `--position` gives.

    Raises:
      UserError: it gives something else.
    """
    if config.position in ("all", "centre"):
        return config.position
    numbers = config.position.split(",")
    if len(numbers) != 2 or not all(number.strip().isdecimal() for number in numbers):
        raise UserError(
            f"--position must be all, centre or ROW,COLUMN. Received: {config.position!r}"
        )
    return int(numbers[0]), int(numbers[1])


def check_names(config: VisualizeConfig) -> None:
    """Checks everything that needs neither TensorFlow nor a file's contents.

    Raises:
      UserError: flags that cannot be used, or not together.
    """
    check_model(config)
    preprocessing(config)
    judge_preprocessing(config)
    position(config)
    if config.layer is None and (config.channels is not None or config.position != "all"):
        raise UserError("--channels and --position need --layer, whose neurons they choose")
    if config.layer is not None and config.judge is not None:
        raise UserError("--judge names classes, and --layer shows channels; leave one of the two")
    if config.layer is not None and config.classes is not None:
        raise UserError("--classes and --layer exclude each other; give one of the two")
    if config.start not in STARTS and not pathlib.Path(config.start).expanduser().is_file():
        raise UserError(
            f"--start must be {', '.join(STARTS)}, or an image file. Received: {config.start!r}"
        )
