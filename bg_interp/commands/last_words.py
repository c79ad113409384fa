"""What `tools/train.py` prints at its end: what the numbers mean, and what to look at."""

import pathlib
from collections.abc import Mapping

from bg_interp import programs
from bg_interp.config.training import ResolvedConfig
from bg_interp.storage.workdir import Workdir

# Smaller differences of accuracies are not worth a sentence.
_WORTH_SAYING = 0.1
_TREATED = {
    "none": "left as it is",
    "black": "black",
    "noise": "noise",
    "blur": "blurred",
    "mean": "one colour",
    "swap": "of another class",
    "random_mask": "hidden by another image's mask",
}


def text(config: ResolvedConfig, accuracies: Mapping[str, float], folder: pathlib.Path) -> str:
    """Returns the last words of a run.

    Args:
      config: its settings.
      accuracies: {"accuracy/original": ...}, on the test images, 0 to 1.
      folder: the run's.
    """
    values = {name.removeprefix("accuracy/"): value for name, value in accuracies.items()}
    rows = [(values[name], words) for name, words in _named(config).items() if name in values]
    lines = ["accuracy on the test images:", *(f"  {value:.2f}  {what}" for value, what in rows)]
    return "\n".join([*lines, *_meaning(config, values), *_to_look_at(folder)])


def _named(config: ResolvedConfig) -> dict[str, str]:
    name = config.background
    treated = (
        f"mixed: a share of {config.mix_fraction:g} {_TREATED[config.background_in_mix]}"
        if name == "mix"
        else _TREATED[name]
    )
    named = {"own_condition": f"with backgrounds as in training ({treated})"}
    if name == "none":
        named = {}
    return named | {
        "original": "on unmodified images",
        "swapped": "on the same objects with the background of another class",
    }


def _meaning(config: ResolvedConfig, values: Mapping[str, float]) -> list[str]:
    original, swapped = values.get("original"), values.get("swapped")
    own = values.get("own_condition", original)
    if original is None or swapped is None or own is None:
        return []
    lines = []
    if original - swapped >= _WORTH_SAYING:
        lines += [
            "With other backgrounds it is right less often: it relies on the background,",
            "a shortcut that fails where objects stand elsewhere.",
        ]
    if own - original >= _WORTH_SAYING:
        lines += [
            "It has hardly seen real backgrounds, and they mislead it: that is the price of",
            "class images without them. --background=mix keeps most of the accuracy.",
        ]
    return lines


def _to_look_at(folder: pathlib.Path) -> list[str]:
    sheets = sorted(Workdir(folder).visualizations.glob("class_images-*.png"))
    shown = [f"what each class looks like to the network: {sheets[-1]}"] if sheets else []
    return [
        *shown,
        f"curves and images: {programs.found('tensorboard')} --logdir {folder}",
        "audit it, with a page: "
        + programs.as_called(f"python tools/evaluate.py --model={folder}"),
    ]
