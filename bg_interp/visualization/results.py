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

_RED = (200.0, 30.0, 30.0)
# Images on one sheet; more are written on several.
SHEET = 48


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
      median: float32 [K], that of its median natural image; None if unknown.
      guesses: int [K], the class that the network itself finds in each of `images`; None for
        channels of a layer.
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
    median: np.ndarray | None
    guesses: np.ndarray | None
    frames: np.ndarray
    stopped_at: int | None
    seconds: float
    settings: AscentSettings
    seed: int

    @property
    def failed(self) -> np.ndarray:
        """Bool [K]: images that must not be shown as their class.

        The network's first guess for them is another class, or they move it less than the class's
        median natural image does, where that is known.
        """
        failed = np.zeros(len(self.units), bool)
        if self.guesses is not None:
            failed |= self.guesses != np.asarray(self.units)
        if self.median is not None:
            # Unknown medians are NaN, which nothing is below.
            failed |= self.activations < self.median
        return failed

    @property
    def framed(self) -> np.ndarray:
        """Float32 [K,H,W,C]: `images`, with a red frame around those that failed."""
        images, width = self.images.copy(), max(1, self.images.shape[1] // 32)
        inner = np.zeros(images.shape[1:3], bool)
        inner[width:-width, width:-width] = True
        frame = _RED if images.shape[-1] == 3 else (0.0,) * images.shape[-1]
        images[self.failed[:, None, None] & ~inner] = frame
        return images

    def marked(self, names: Sequence[str]) -> list[str]:
        """Returns the names of the units, with those of failed images marked."""
        return [
            f"{name} (failed)" if failed else name
            for name, failed in zip(names, self.failed, strict=True)
        ]


# Along which axis the arrays of a Visualization have its units.
_AXES = {"images": 0, "activations": 0, "natural": 0, "median": 0, "guesses": 0}
_AXES |= {"samples": 1, "sample_activations": 1, "margins": 1, "frames": 1}


def slim(made: Visualization) -> Visualization:
    """Returns the same with a single sample in the memory of its image: a gallery holds many."""
    return dataclasses.replace(made, samples=made.images[None]) if len(made.samples) == 1 else made


def joined(parts: Sequence[Visualization]) -> Visualization:
    """Returns what several ascents with the same settings made, as one."""
    first = parts[0]
    fields: dict[str, Any] = {"units": tuple(unit for part in parts for unit in part.units)}
    single = all(len(part.samples) == 1 for part in parts)
    for name, axis in _AXES.items():
        if getattr(first, name) is not None and not (single and name == "samples"):
            fields[name] = np.concatenate([getattr(part, name) for part in parts], axis)
    if single:
        fields["samples"] = fields["images"][None]
    stops = [part.stopped_at for part in parts if part.stopped_at is not None]
    return dataclasses.replace(
        first,
        **fields,
        stopped_at=min(stops, default=None),
        seconds=sum(part.seconds for part in parts),
    )


def mended(made: Visualization, again: Visualization) -> Visualization:
    """Returns what was made, with what a second attempt has made better.

    Args:
      made: the first attempt.
      again: of some of its units, with as many samples.
    """
    places = [made.units.index(unit) for unit in again.units]
    better = ~again.failed
    fields: dict[str, Any] = {}
    for name, axis in _AXES.items():
        old, new = getattr(made, name), getattr(again, name)
        if old is not None and name != "frames":
            old = np.moveaxis(old.copy(), axis, 0)
            old[np.asarray(places)[better]] = np.moveaxis(new, axis, 0)[better]
            fields[name] = np.moveaxis(old, 0, axis)
    return dataclasses.replace(made, **fields, seconds=again.seconds)


def chosen_by_margin(
    units: np.ndarray,
    samples: np.ndarray,
    outputs: np.ndarray,
    *,
    classes: bool = True,
    **facts: Any,
) -> Visualization:
    """Chooses, for each unit, the sample whose own output exceeds the others' mean most.

    Args:
      units: int [K].
      samples: float32 [S,K,H,W,C].
      outputs: float32 [S * K, all units], what the network gives for them.
      classes: whether the units are classes, of which the largest is the network's guess.
      **facts: the other fields.
    """
    count = len(units)
    own = outputs[np.arange(len(outputs)), np.tile(units, len(samples))]
    others = (outputs.sum(1) - own) / max(outputs.shape[1] - 1, 1)
    own, margins = own.reshape(-1, count), (own - others).reshape(-1, count)
    best, each = margins.argmax(0), np.arange(count)
    guesses = outputs.argmax(1).reshape(-1, count)[best, each] if classes else None
    return Visualization(
        units=tuple(int(unit) for unit in units),
        images=samples[best, each],
        samples=samples,
        activations=own[best, each],
        sample_activations=own,
        margins=margins,
        guesses=guesses,
        **facts,
    )


def write(
    folder: pathlib.Path, made: Visualization, names: Sequence[str], facts: Mapping[str, Any]
) -> None:
    """Writes a PNG for each unit, sheets, images.npz, results.json and, with frames, animation.gif.

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
    marked = made.marked(names)
    rows = [f"sample {number}" for number in range(len(made.samples))]
    for number, first in enumerate(range(0, len(names), SHEET)):
        page = slice(first, first + SHEET)
        sheet = "grid.png" if not number else f"grid-{number + 1}.png"
        pictures.save_png(folder / sheet, pictures.grid(made.framed[page][None], marked[page]))
    if len(made.samples) > 1:
        shown = made.samples[:, :SHEET]
        pictures.save_png(folder / "samples.png", pictures.grid(shown, marked[:SHEET], rows))
    if len(made.frames):
        frames = [pictures.grid(frame[None, :SHEET], names[:SHEET]) for frame in made.frames]
        pictures.save_gif(folder / "animation.gif", frames)
    with files.replacing(folder / "images.npz") as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, images=made.images, samples=made.samples, names=np.array(names))
    files.write_json(folder / "results.json", {**facts, **_results(made, names)})


def _results(made: Visualization, names: Sequence[str]) -> dict[str, Any]:
    return {
        "seed": made.seed,
        "seconds": round(made.seconds, 3),
        "stopped_at": made.stopped_at,
        "settings": dataclasses.asdict(made.settings),
        "prior": made.settings.features > 0,
        "units": [
            {
                "number": number,
                "name": name,
                "reached": float(made.activations[place]),
                "best_natural_image": _at(made.natural, place),
                "median_natural_image": _at(made.median, place),
                "first_guess": None if made.guesses is None else int(made.guesses[place]),
                "failed": bool(made.failed[place]),
            }
            for place, (number, name) in enumerate(zip(made.units, names, strict=True))
        ],
    }


def _at(values: np.ndarray | None, place: int) -> float | None:
    """Returns a value for JSON, which knows no NaN."""
    return None if values is None or np.isnan(values[place]) else float(values[place])


def table(made: Visualization, names: Sequence[str]) -> str:
    """Returns the logits reached beside those of natural images, as plain text."""
    columns = {"best natural image": made.natural, "median": made.median}
    shown = {name: values for name, values in columns.items() if values is not None}
    rows = [
        [name, reached, *(values[place] for values in shown.values())]
        for place, (name, reached) in enumerate(
            zip(made.marked(names), made.activations, strict=True)
        )
    ]
    return tabulate(rows, ["", "reached", *shown], floatfmt=".2f")
