"""What an ascent leaves for people and programs: pictures, arrays, a JSON file and a table."""

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from tabulate import tabulate

from bg_interp import pictures
from bg_interp.config.ascent import AscentSettings
from bg_interp.storage import files


@dataclasses.dataclass(frozen=True)
class Visualization:
    """The images of an ascent, and what became of the score.

    Attributes:
      units: the K classes or channels that were maximised.
      images: float32 [K,H,W,C] in [0, 255], the best sample of each unit by the network itself.
      samples: float32 [S,K,H,W,C], all samples.
      activations: float32 [K], the logit (or mean activation) that `images` reach without views.
      sample_activations: float32 [S,K], those of `samples`.
      margins: float32 [S,K], own activation minus the mean of all other units'.
      natural: float32 [K], the logit of each class's best natural image; None if unknown.
      frames: float32 [F,K,H,W,C], the first samples on the way, when they were asked for.
      stopped_at: the step at which a gradient was not finite; None when all went well.
      seconds: wall time, tracing included.
      settings: what was asked for.
      seed: what the random draws were keyed with.
    """

    units: tuple[int, ...]
    images: np.ndarray
    samples: np.ndarray
    activations: np.ndarray
    sample_activations: np.ndarray
    margins: np.ndarray
    natural: np.ndarray | None
    frames: np.ndarray
    stopped_at: int | None
    seconds: float
    settings: AscentSettings
    seed: int


def chosen_by_margin(
    units: np.ndarray, samples: np.ndarray, outputs: np.ndarray, **facts: Any
) -> Visualization:
    """Chooses, for each unit, the sample whose own output exceeds the others' mean most.

    Args:
      units: int [K].
      samples: float32 [S,K,H,W,C].
      outputs: float32 [S * K, all units], what the network gives for them.
      **facts: the other fields.
    """
    count = len(units)
    own = outputs[np.arange(len(outputs)), np.tile(units, len(samples))]
    others = (outputs.sum(1) - own) / max(outputs.shape[1] - 1, 1)
    own, margins = own.reshape(-1, count), (own - others).reshape(-1, count)
    best, each = margins.argmax(0), np.arange(count)
    return Visualization(
        units=tuple(int(unit) for unit in units),
        images=samples[best, each],
        samples=samples,
        activations=own[best, each],
        sample_activations=own,
        margins=margins,
        **facts,
    )


def write(
    folder: pathlib.Path, made: Visualization, names: Sequence[str], facts: Mapping[str, Any]
) -> None:
    """Writes a PNG for each unit, grids, images.npz, results.json and, with frames, animation.gif.

    Args:
      folder: where to.
      made: what the ascent made.
      names: of its units.
      facts: what else results.json holds.

    Raises:
      UserError: the folder cannot be written, or the disk is full.
    """
    for number, name, image in zip(made.units, names, made.images, strict=True):
        pictures.save_png(folder / f"{number:03d}-{pictures.file_name(name)}.png", image)
    rows = [f"sample {number}" for number in range(len(made.samples))]
    pictures.save_png(folder / "grid.png", pictures.grid(made.images[None], names))
    if len(made.samples) > 1:
        pictures.save_png(folder / "samples.png", pictures.grid(made.samples, names, rows))
    if len(made.frames):
        frames = [pictures.grid(frame[None], names) for frame in made.frames]
        pictures.save_gif(folder / "animation.gif", frames)
    with files.replacing(folder / "images.npz") as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, images=made.images, samples=made.samples, names=np.array(names))
    files.write_json(folder / "results.json", {**facts, **_results(made, names)})


def _results(made: Visualization, names: Sequence[str]) -> dict[str, Any]:
    natural = [None] * len(names) if made.natural is None else made.natural.tolist()
    return {
        "seed": made.seed,
        "seconds": round(made.seconds, 3),
        "stopped_at": made.stopped_at,
        "settings": dataclasses.asdict(made.settings),
        "units": [
            {"number": number, "name": name, "reached": float(reached), "best_natural_image": best}
            for number, name, reached, best in zip(
                made.units, names, made.activations, natural, strict=True
            )
        ],
    }


def table(made: Visualization, names: Sequence[str]) -> str:
    """Returns the logits reached beside those of the best natural images, as plain text."""
    natural = made.natural
    rows = [
        [name, reached, *([] if natural is None else [natural[place]])]
        for place, (name, reached) in enumerate(zip(names, made.activations, strict=True))
    ]
    header = ["", "reached", *([] if natural is None else ["best natural image"])]
    return tabulate(rows, header, floatfmt=".2f")
