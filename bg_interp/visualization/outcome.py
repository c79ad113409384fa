"""What an ascent leaves for people and programs: pictures, arrays, a JSON file and a table."""

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from tabulate import tabulate

from bg_interp import pictures
from bg_interp.storage import files
from bg_interp.visualization.ascent import Visualization


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
