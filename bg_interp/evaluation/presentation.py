"""The audit's numbers as text and as a picture of the confusion matrices."""

import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bg_interp import pictures
from bg_interp.evaluation.variants import VARIANTS
from bg_interp.storage.files import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_CONFUSED = ("original", "mixed_random")
_MEANINGS = {
    "original": "the image as it is",
    "foreground_only": "object on black",
    "no_foreground": "object's pixels black",
    "background_only": "object's box tiled with background",
    "mixed_same": "object on another background of its class",
    "mixed_random": "object on a random background",
    "mixed_next": "object on a background of the next class",
    "swap": "object on a background of another class",
}


def describe(results: dict[str, Any]) -> str:
    """Writes the measures of one model (see `model_evaluation.evaluate_model`) as tables."""
    from tabulate import tabulate

    background = results["background"]
    rows = []
    for variant in VARIANTS:
        low, high = background["interval"][variant]
        accuracy = background["accuracy"][variant]
        rows.append((variant, f"{accuracy:.3f}", f"[{low:.3f}, {high:.3f}]", _MEANINGS[variant]))
    gap = background["bg_gap"]
    low, high = gap["interval"]
    rows.append(("BG-Gap", f"{gap['value']:.3f}", f"[{low:.3f}, {high:.3f}]", "same - random"))
    table = tabulate(
        rows, ("variant", "accuracy", "95 % interval", "what is shown"), disable_numparse=True
    )
    lines = [
        table,
        f"{results['images']} images, {len(results['classes'])} classes, "
        f"chance {results['chance']:.3f}",
        *_attribution_lines(results["attribution"]),
    ]
    if results["images_left_out"]:
        lines.append(f"images left out for an empty or full mask: {results['images_left_out']}")
    if results["classes_without_images"]:
        lines.append(f"no images of: {', '.join(results['classes_without_images'])}")
    return "\n".join(lines)


def _attribution_lines(attribution: dict[str, Any]) -> list[str]:
    def mean(values: Sequence[float | None]) -> str:
        known = [value for value in values if value is not None]
        return f"{np.mean(known):.2f}" if known else "unknown"

    lines = [f"object's share of the image: {mean(attribution['mask_area'])}; of attribution:"]
    for name, title in (("smoothgrad", "SmoothGrad"), ("gradcam_plus_plus", "Grad-CAM++")):
        found = attribution[name]
        if "left_out" in found:
            lines.append(f"  {title} left out: {found['left_out']}")
        else:
            share, pointing = mean(found["share"]), mean(found["pointing"])
            lines.append(f"  {title} {share}, strongest pixel on the object {pointing}")
    return lines


def save_confusion(results: dict[str, Any], path: pathlib.Path) -> None:
    """Draws the confusion matrices of original and mixed images, rows normalised, as a PNG.

    Raises:
      UserError: the file cannot be written.
    """
    from matplotlib import rc_context

    names = [pictures.writable(name) for name in results["classes"]]
    with rc_context(pictures.plot_style(names)), replacing(path) as temporary:
        figure = _confusion_figure(results["background"]["confusion"], names)
        figure.savefig(temporary, dpi=120, bbox_inches="tight")


def _confusion_figure(confusion: dict[str, list[list[int]]], names: Sequence[str]) -> "Figure":
    from matplotlib.figure import Figure

    side = min(12.0, max(3.5, 0.45 * len(names) + 1.5))
    figure = Figure(figsize=(side * len(_CONFUSED), side), layout="constrained")
    for axes, variant in zip(figure.subplots(1, len(_CONFUSED)), _CONFUSED, strict=True):
        counts = np.array(confusion[variant], np.float64)
        shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        axes.imshow(shares, vmin=0, vmax=1, cmap="Blues")
        axes.set(title=variant, xlabel="model says", ylabel="image shows")
        if len(names) <= 40:  # More names would lie on top of each other.
            axes.set_xticks(range(len(names)), names, rotation=90)
            axes.set_yticks(range(len(names)), names)
        if len(names) <= 12:
            for row, column in np.argwhere(shares >= 0.005):
                colour = "white" if shares[row, column] > 0.5 else "black"
                text = f"{shares[row, column]:.2f}"
                axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=7)
    return figure
