"""Makes the tables and pictures of docs/results.md from the studies that it tells of.

    python benchmarks/results.py --runs=runs --pictures=docs/pictures

reads `results.json` of the studies that stand in the folder --runs (docs/results.md has their
commands) and the class images of their first seed; prints Markdown; with --pictures writes the
pictures. Studies that are not there are left out. Takes seconds.
"""

import json
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from absl import flags
from tabulate import tabulate

from bg_interp import cli, pictures
from bg_interp.errors import UserError

_RUNS = flags.DEFINE_string("runs", "runs", "folder of the studies' folders")
_PICTURES = flags.DEFINE_string("pictures", None, "folder that gets the pictures")

_MEASURES = {
    "accuracy_original": "accuracy as they are",
    "accuracy_swap": "accuracy on another class's background",
    "accuracy_background_only": "accuracy on backgrounds alone",
    "accuracy_worst_group": "accuracy on each class's worst kind of background",
    "bg_gap": "BG-Gap",
    "leakage_own": "leakage, own start",
    "leakage_black": "leakage, black start",
    "leakage_grey": "leakage, grey start",
    "foreground_own": "named by the foreground judge, own start",
    "foreground_black": "named by the foreground judge, black start",
    "foreground_grey": "named by the foreground judge, grey start",
    "shape_own": "named by the shape judge, own start",
    "shape_black": "named by the shape judge, black start",
    "shape_grey": "named by the shape judge, grey start",
}
# The studies by their folders, each with the heading of its tables.
_STUDIES = {
    "drawings": "Drawings",
    "epsilon0": "Drawings without the adversarial step",
    "random": "Drawings, the mask of another image",
    "photographs": "Photographs",
    "dial": "Photographs, by how surely the place gives the class away",
    "segmenter": "Photographs with the masks of a segmenter",
    "photographs_epsilon0": "Photographs without the adversarial step",
}
_TREATMENTS = ("none", "black", "noise", "mix")
_OTHER_SEEDS = 4
# Pixels of an image in the sheets of many rows.
_SMALL_SIDE = 80


def _cell(cell: dict[str, Any] | None) -> str:
    return "" if cell is None else f"{cell['mean']:.2f} [{cell['low']:.2f}, {cell['high']:.2f}]"


def _means(group: dict[str, Any], treatments: Sequence[str]) -> str:
    rows = [
        [words, *(_cell(group["cells"][short].get(name)) for name in treatments)]
        for short, words in _MEASURES.items()
        if short in group["cells"]
    ]
    return tabulate(rows, ["mean [95 %]", *treatments], "github", disable_numparse=True)


def _answers(asked: Sequence[dict[str, Any]]) -> str:
    """Returns the questions with their answers, for these classes and for classes like these."""
    rows = []
    for one in asked:
        # Studies of before the two were told apart have intervals over both alone.
        these = one.get("these")
        rows.append(
            [
                f"{one['treatment']} minus {one['reference']}, {one['measure']}",
                one["expected"],
                f"{one['difference']:+.2f} [{one['low']:.2f}, {one['high']:.2f}]",
                _p_value(one["p_corrected"]),
                f"[{these['low']:.2f}, {these['high']:.2f}]" if these else "",
                _p_value(these["p_corrected"]) if these else "",
            ]
        )
    heads = ["question", "expected", "classes like these [95 %]", "p, corrected"]
    heads += ["these classes [95 %]", "p, corrected"]
    return tabulate(rows, heads, "github", disable_numparse=True)


def _p_value(value: float) -> str:
    return "< .001" if value < 0.001 else f"{value:.3f}".replace("0.", ".", 1)


def _judges(arms: dict[str, Any]) -> str:
    """Returns what the judges know of natural images; it is the same for all arms of a study."""
    judges = next(iter(arms.values()))["judges"]
    kinds = list(dict.fromkeys(kind for found in judges.values() for kind in found))
    rows = [
        [name, *(f"{found[kind]:.2f}" if kind in found else "" for kind in kinds)]
        for name, found in judges.items()
    ]
    return tabulate(rows, ["judge", *kinds], "github", disable_numparse=True)


def _told(name: str, results: dict[str, Any]) -> Iterator[str]:
    seeds = sorted({arm.rpartition("seed")[2] for arm in results["arms"]})
    yield f"## {_STUDIES[name]}"
    yield f"{len(results['arms'])} arms, seeds {', '.join(seeds)}; missing: " + (
        "; ".join(f"{arm}: {why}" for arm, why in results["missing"].items()) or "none"
    )
    for group in results["groups"]:
        if len(results["groups"]) > 1:
            yield f"### Correlation {group['correlation']:g}"
        yield _means(group, list(group["cells"]["bg_gap"]))
        if results["questions"]:
            yield _answers(group["asked"])
    yield _judges(results["arms"])


def _class_images(study: pathlib.Path, arm: str) -> dict[str, np.ndarray]:
    with np.load(study / "arms" / arm / "class_images.npz") as found:
        return {start: found[start] for start in found.files}


def _sheets(name: str, seeds: Sequence[str]) -> dict[str, list[tuple[str, str, str, str]]]:
    """Returns the rows of each picture of a study: name, treatment, seed, start."""
    own = [(name, name, seeds[0], "own") for name in _TREATMENTS]
    if name == "photographs":
        return {"composites_study": own}
    if name != "drawings":
        return {}
    return {
        "class_images": own,
        "starts": [
            (f"{name}, {start}", name, seeds[0], start)
            for start in ("black", "grey")
            for name in _TREATMENTS
        ],
        "seeds": [
            (f"{name}, {seed}", name, seed, "own")
            for seed in seeds[1 : 1 + _OTHER_SEEDS]
            for name in ("none", "black", "mix")
        ],
    }


def _draw(name: str, folder: pathlib.Path, study: pathlib.Path, results: dict[str, Any]) -> None:
    """Writes the class images of the first seed, those from common starts, and other seeds'."""
    classes = next(iter(results["arms"].values()))["classes"]
    correlation = f"{results['groups'][0]['correlation']:g}"
    seeds = results["study"]["seeds"].split(",")

    def images(treatment: str, seed: str, start: str) -> np.ndarray:
        arm = f"{treatment}-correlation{correlation}-seed{seed}"
        return _class_images(study, arm)[start]

    for sheet, tiles in _sheets(name, seeds).items():
        shown = np.stack([images(*where) for _, *where in tiles])
        names = [words for words, *_ in tiles]
        side = None if len(tiles) == len(_TREATMENTS) else _SMALL_SIDE
        pictures.save_png(folder / f"{sheet}.png", pictures.grid(shown, classes, names, side=side))


def main() -> None:
    """Prints the tables, and writes the pictures when a folder for them is given."""
    runs = pathlib.Path(_RUNS.value).expanduser()
    found = {
        name: json.loads((runs / name / "results.json").read_text(encoding="utf-8"))
        for name in _STUDIES
        if (runs / name / "results.json").is_file()
    }
    if not found:
        raise UserError(
            f"--runs must name a folder with some of the studies {', '.join(_STUDIES)}, whose "
            f"commands docs/results.md has. Received: {runs}"
        )
    print("\n\n".join(text for name, results in found.items() for text in _told(name, results)))
    if _PICTURES.value is not None:
        for name, results in found.items():
            _draw(name, pathlib.Path(_PICTURES.value), runs / name, results)


if __name__ == "__main__":
    cli.run(main, __doc__)
