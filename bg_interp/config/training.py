"""Everything that decides how one arm is trained: one dataclass, its flags, and its defaults.

`ArmConfig` is what the command line gives. `resolved` fills in what depends on dataset and
network, and `counted` what depends on the number of images, so that `config.json` holds no open
question.
"""

import dataclasses
import pathlib
import re
from collections.abc import Mapping
from typing import Any, TypeVar

from bg_interp.cli import FOLDER, NOT_NEGATIVE, POSITIVE, SEED, SHARE, setting
from bg_interp.config import recipes
from bg_interp.config.annotations import READERS
from bg_interp.config.data import DataConfig, check_data
from bg_interp.config.recipes import SMALL
from bg_interp.config.treatment import AugmentationConfig, TreatmentConfig
from bg_interp.errors import UserError, nearest
from bg_interp.storage import files

_SMALLEST = 32
# The judges of habitats learn from data drawn by this seed, which no arm may share.
JUDGES_DATA_SEED = 900_000
# Every network of keras.applications; a test compares this with the installed Keras.
APPLICATIONS = (
    "ConvNeXtBase ConvNeXtLarge ConvNeXtSmall ConvNeXtTiny ConvNeXtXLarge "
    "DenseNet121 DenseNet169 DenseNet201 "
    "EfficientNetB0 EfficientNetB1 EfficientNetB2 EfficientNetB3 EfficientNetB4 EfficientNetB5 "
    "EfficientNetB6 EfficientNetB7 "
    "EfficientNetV2B0 EfficientNetV2B1 EfficientNetV2B2 EfficientNetV2B3 "
    "EfficientNetV2L EfficientNetV2M EfficientNetV2S InceptionResNetV2 InceptionV3 "
    "MobileNet MobileNetV2 MobileNetV3Large MobileNetV3Small NASNetLarge NASNetMobile "
    "ResNet101 ResNet101V2 ResNet152 ResNet152V2 ResNet50 ResNet50V2 VGG16 VGG19 Xception"
).split()


_Value = TypeVar("_Value")


@dataclasses.dataclass(frozen=True)
class ArmConfig(AugmentationConfig, DataConfig, TreatmentConfig):
    """The settings of one arm: one network, trained on one treatment, from one seed."""

    recipe: str = setting(
        "auto",
        "defaults that belong together. drawings: the small network from scratch at 64 px. "
        "photographs: MobileNetV2 from weights at 96 px. auto: drawings on habitats, else "
        "photographs. paper: that of the data without the adversarial step, with hard masks, and "
        "class images by 200 plain steps in Fourier space",
        choices=recipes.RECIPES,
    )
    image_size: int | None = setting(
        None,
        "side of the images in pixels; default: the recipe's, for another network 64 (small) or "
        "160",
        rule=POSITIVE,
    )
    network: str | None = setting(
        None,
        "small (107,000 parameters, for small images), or a name of keras.applications; default: "
        "the recipe's",
    )
    weights: str | None = setting(
        None,
        "start of the network's weights: none, imagenet, or a .keras or .h5 file of the same "
        "network; default: the recipe's, none or imagenet",
    )
    fetch_weights: bool = setting(False, "let Keras download ImageNet weights if they are missing")
    steps: int | None = setting(
        None,
        "training steps, each a minibatch with all its replays; default: the recipe's 120 or, on "
        "photographs, 4 epochs and at least 100",
        rule=POSITIVE,
    )
    epochs: int | None = setting(
        None,
        "passes through the data instead of --steps; default on photographs: 4, or 30 from scratch",
        rule=POSITIVE,
    )
    batch_size: int | None = setting(
        None, "images in a minibatch; default: the recipe's, 64 or 32", rule=POSITIVE
    )
    learning_rate: float | None = setting(
        None,
        "peak learning rate of AdamW, after a warm-up over a tenth of the steps and before cosine "
        "decay; default: 0.002, or 0.0005 if weights are given",
        rule=POSITIVE,
    )
    weight_decay: float = setting(1e-4, "weight decay of AdamW", rule=NOT_NEGATIVE)
    label_smoothing: float = setting(0.0, "share of the label spread over all classes", rule=SHARE)
    freeze_batch_norm: bool | None = setting(
        None, "freeze the batch normalisation of given weights; default: if weights are given"
    )
    hard_masks: bool | None = setting(
        None,
        "threshold masks at one half before a treatment, so that no edge is soft; default: the "
        "recipe's, off except for paper",
    )
    adversarial_epsilon: float | None = setting(
        None,
        "length of the adversarial step on the input, L2, in units of [0, 1] per channel value; "
        "0 trains without. Not in the paper: without it class images hardly show objects. "
        "Default: the recipe's, 6 or 4",
        rule=NOT_NEGATIVE,
    )
    adversarial_ramp: float | None = setting(
        None,
        "share of the steps over which the length of the adversarial step grows from 0; default: "
        "the recipe's, 0.5 or "
        "0.75",
        rule=(lambda value: 0 < value <= 1, "must be above 0 and at most 1"),
    )
    adversarial_ramp_power: float | None = setting(
        None,
        "1 lets that length grow linearly, 2 slowly at first; default: the recipe's, 1 or 2",
        rule=POSITIVE,
    )
    adversarial_guard: bool | None = setting(
        None,
        "shrink the adversarial step while the network is mostly wrong; without it, pretrained "
        "networks with frozen batch normalisation may end at chance. Default: the recipe's, on "
        "for photographs",
    )
    adversarial_replays: int | None = setting(
        None,
        "updates on each minibatch, each moving the input against the network ('free' adversarial "
        "training); default: 4 with an --adversarial_epsilon, else 1",
        rule=POSITIVE,
    )
    seed: int = setting(
        0,
        "seed of the initial weights, the order of the data and every random operation",
        rule=SEED,
    )
    deterministic: bool = setting(
        False,
        "use TensorFlow's deterministic operations on GPU as well (slower; CPU runs repeat "
        "byte for byte without it)",
    )
    jit_compile: str = setting(
        "auto",
        "compile the training step with XLA; auto: on GPU only, since XLA's convolutions "
        "are slow on CPU",
        choices=("auto", "true", "false"),
    )
    mixed_precision: str = setting(
        "none", "compute type of the layers", choices=("none", "float16", "bfloat16")
    )
    strategy: str = setting(
        "none",
        "mirrored trains on all GPUs of this machine, multi_worker on the machines of TF_CONFIG; "
        "--batch_size is that of all of them together",
        choices=("none", "mirrored", "multi_worker"),
    )
    checkpoint_every: int | None = setting(
        None,
        "steps between checkpoints, each with an evaluation; default: a sixth of the run, "
        "at most 500",
        rule=POSITIVE,
    )
    visualize_every: int | None = setting(
        None,
        "steps between class images in TensorBoard; 0: only at the end. Default: with every "
        "evaluation of the small network, for which they take seconds, else 0",
        rule=NOT_NEGATIVE,
    )
    workdir: str | None = setting(
        None,
        "folder of the run; default: runs/<dataset>-<network>-<background>-<seed>",
        rule=FOLDER,
    )
    overwrite: bool = setting(
        False, "delete what another configuration left in the workdir, and start over"
    )


# What may differ between a run and its continuation: nothing of it changes the result.
NOT_COMPARED = (
    "workdir",
    "overwrite",
    "cache_gb",
    "data_dir",
    "mask_store",
    "visualize_every",
    "fetch_weights",
)


def check_names(config: ArmConfig) -> None:
    """Checks names and combinations that need neither TensorFlow nor a file's contents.

    Raises:
      UserError: a name or a combination of flags that cannot be trained.
    """
    config = resolved(config)
    known = (SMALL, *APPLICATIONS)
    if config.network not in known:
        raise UserError(
            f"--network must be {SMALL} or a name of keras.applications such as MobileNetV2. "
            f"Received: {config.network!r}{nearest(config.network, known)}"
        )
    check_data(config)
    _check_size(config)
    _check_weights(config)
    if config.steps is not None and config.epochs is not None:
        raise UserError("--steps and --epochs exclude each other: give one of them")
    if config.masks == "none" and config.background != "none":
        raise UserError(
            "--masks=none leaves no way to tell the background from the object, so --background "
            f"must be none. Received: {config.background!r}"
        )
    if config.jit_compile == "true" and (config.deterministic or config.strategy != "none"):
        other = "--deterministic" if config.deterministic else f"--strategy={config.strategy}"
        raise UserError(
            f"--jit_compile=true cannot be combined with {other}: leave one of them out"
        )
    if config.strategy == "multi_worker" and config.mixed_precision == "float16":
        # Each worker would look for overflow in its own part of the gradients alone.
        raise UserError(
            "--mixed_precision=float16 cannot be combined with --strategy=multi_worker; "
            "bfloat16 can"
        )
    if config.adversarial_epsilon == 0 and (config.adversarial_replays or 1) > 1:
        raise UserError(
            "--adversarial_replays above 1 needs an --adversarial_epsilon above 0. "
            f"Received: --adversarial_replays={config.adversarial_replays}"
        )


def _check_size(config: ArmConfig) -> None:
    if config.network == SMALL and (config.image_size or _SMALLEST) < _SMALLEST:
        raise UserError(
            f"--image_size must be at least {_SMALLEST} for the small network, which halves its "
            f"input five times. Received: {config.image_size}"
        )


def _check_weights(config: "ResolvedConfig") -> None:
    check_weights("weights", config.weights)
    if config.weights != "imagenet":
        return
    if config.network == SMALL:
        raise UserError(
            "--weights=imagenet needs a --network of keras.applications. Received: small"
        )
    if not config.fetch_weights and not in_keras_cache(config.network, config.image_size):
        raise UserError(
            f"Keras has no imagenet weights of {config.network} in its cache: --fetch_weights "
            "lets it download them, --weights=FILE takes a .keras or .h5 file of "
            f"{config.network}, --weights=none trains from scratch"
        )


def check_weights(flag: str, weights: str) -> None:
    """Checks the form of a flag that names weights.

    Raises:
      UserError: it is neither none, imagenet, nor a file of Keras.
    """
    if weights in ("none", "imagenet"):
        return
    path = pathlib.Path(weights).expanduser()
    if path.suffix not in (".keras", ".h5"):
        raise UserError(
            f"--{flag} must be none, imagenet, or a .keras or .h5 file. Received: {weights!r}"
        )
    if not path.is_file():
        raise UserError(f"--{flag} names a file that does not exist: {weights}")


# These have weights for each of the sizes, and those of 224 for all others.
_SIZED = ("mobilenet", "mobilenetv2")
_SIZES = (96, 128, 160, 192, 224)
_WITHOUT_HEAD = re.compile(r"notop(v2)?(\.weights)?\.h5$")


def in_keras_cache(network: str, image_size: int) -> bool:
    """Tells whether Keras need not download a network's imagenet weights without their head."""
    wanted = network.lower()
    size = str(image_size if image_size in _SIZES else 224)
    # ResNet50V2 is another network than ResNet50, whose name it begins with.
    fitting = re.compile(rf"(weights)?{wanted}(?!v\d)")
    names = [re.sub("[_-]", "", p.name.lower()) for p in files.keras_models().glob("*")]
    return any(
        fitting.match(name)
        and _WITHOUT_HEAD.search(name)
        and (size in name or wanted not in _SIZED)
        for name in names
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class ResolvedConfig(ArmConfig):
    """The settings of one arm, of which only the number of steps may still be open."""

    recipe: str
    image_size: int
    network: str
    weights: str
    batch_size: int
    learning_rate: float
    freeze_batch_norm: bool
    hard_masks: bool
    adversarial_epsilon: float
    adversarial_ramp: float
    adversarial_ramp_power: float
    adversarial_guard: bool
    adversarial_replays: int
    workdir: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class CountedConfig(ResolvedConfig):
    """The settings of one arm, with nothing left open."""

    steps: int
    checkpoint_every: int
    visualize_every: int


def _given(value: _Value | None, default: _Value) -> _Value:
    return default if value is None else value


def resolved(config: ArmConfig) -> ResolvedConfig:
    """Fills in every default that depends on recipe, dataset or network; opens nothing."""
    recipe = recipes.choose(config.recipe, config.dataset)
    values = recipes.defaults(recipe, config.dataset, config.network, config.weights)
    # How many steps these are depends on the number of images.
    del values["steps"], values["epochs"]
    settled = {name: _given(getattr(config, name), value) for name, value in values.items()}
    epsilon = settled["adversarial_epsilon"]
    settled |= {
        "recipe": recipe,
        "adversarial_replays": _given(config.adversarial_replays, 4 if epsilon else 1),
        "workdir": str(_workdir(config, settled["network"])),
    }
    return ResolvedConfig(**{**vars(config), **settled})


def counted(config: ResolvedConfig, train_examples: int) -> CountedConfig:
    """Fills in every default that depends on the number of images to train on."""
    values = recipes.defaults(config.recipe, config.dataset, config.network, config.weights)
    epochs = _given(config.epochs, values["epochs"])
    steps = round(epochs * train_examples / config.batch_size)
    if config.epochs is None:
        steps = max(values["steps"], steps)
    steps = max(1, _given(config.steps, steps))
    checkpoint_every = _given(config.checkpoint_every, max(1, min(500, steps // 6)))
    shown_every = checkpoint_every if config.network == SMALL else 0
    settled = {
        "steps": steps,
        "checkpoint_every": checkpoint_every,
        "visualize_every": _given(config.visualize_every, shown_every),
    }
    return CountedConfig(**{**vars(config), **settled})


def completed(before: Mapping[str, Any]) -> dict[str, Any]:
    """Adds to the settings of an earlier run those that its version did not know, as defaults.

    Args:
      before: every resolved setting of that run, by its name.
    """
    known = {field.name for field in dataclasses.fields(ArmConfig)}
    config = ArmConfig(**{name: value for name, value in before.items() if name in known})
    return {**dataclasses.asdict(counted(resolved(config), train_examples=1)), **before}


def workdir(config: ArmConfig) -> pathlib.Path:
    """Returns the folder of the run, with its default."""
    return pathlib.Path(resolved(config).workdir)


def _workdir(config: ArmConfig, network: str) -> pathlib.Path:
    if config.workdir:
        return pathlib.Path(config.workdir).expanduser()
    kind, _, rest = config.dataset.partition(":")
    if kind == "folder" or kind in READERS:
        # "folder:." has a name as well.
        path = pathlib.Path(rest).expanduser().resolve()
        dataset = path.stem if path.is_file() else path.name
    else:
        dataset = config.dataset.replace(":", "-").replace("/", "-")
    return pathlib.Path("runs") / f"{dataset}-{network}-{config.background}-{config.seed}"
