"""The repair beside other last layers on the same frozen features.

    python benchmarks/repair.py --arms=runs/study/arms --features=features

takes each arm `none-*` of a study on drawings or composites, computes its features once, and fits
to them: nothing (the classifier as it is), a layer for images as they are, one for them and their
objects on black, one for composites from nothing (the last layer of Decompose-and-Compose, Noohdani
et al. 2024), AFR (Qiu et al. 2023), DFR (Kirichenko et al. 2023, which is told the groups of
held-out images), and the package's own repair. Objects and places of the test images are in no
training image. With

    --photographs=FOLDER --network=FILE.keras --groups=FILE.json

it does so for an ImageNet classifier and photographs in folders of groups of classes, by
cross-validation over images, after `bg-interp-segment` has made their masks; its "as it is" is the
group of the largest score. Needs OpenCV (`pip install opencv-python-headless`) for inpainted
backgrounds. Prints Markdown, means over seeds, and differences from the repair with paired 95 %
intervals over test objects; `--methods='as it is,composites'` fits some of them alone. What was
computed before is not computed again.
"""

import json
import pathlib
import re
import sys
import time
from collections.abc import Callable, Iterator

import last_layers
import numpy as np
from absl import flags

from bg_interp import cli

_ARMS = flags.DEFINE_string("arms", None, "folder of arms none-*, of one dataset")
_PHOTOGRAPHS = flags.DEFINE_string("photographs", None, "folder of folders of photographs")
_NETWORK = flags.DEFINE_string("network", None, "the ImageNet classifier of --photographs")
_GROUPS = flags.DEFINE_string("groups", None, "JSON of the class numbers of each folder")
_FEATURES = flags.DEFINE_string("features", "features", "gets a folder for each classifier")
_METHODS = flags.DEFINE_list(
    "methods", None, "beside the repair: 'as it is', refitted, 'objects on black', composites, AFR"
)
_SEEDS = flags.DEFINE_integer("seeds", 3, "of the cross-validation of --photographs")

_MAX_LOSS = 0.02
_FOLDS = 3
_OURS = "composites (the repair)"
_RESAMPLES = 1000
_ENOUGH = 10
# Of a test set: the arrays of features, what they are called, and the partner of each image.
_MEASURES = {
    "original": "unmodified",
    "swap": "swapped",
    "inpainted": "swapped, inpainted",
    "worst": "worst group, composites",
    "natural": "natural, places by chance",
    "natural_worst": "worst group, natural",
}


class Answers:
    """Right answers of all methods on test images: right, image and group of each."""

    def __init__(self) -> None:
        """Starts with none."""
        self.rows: dict[str, dict[str, list[tuple]]] = {}

    def add(self, method: str, measure: str, right: np.ndarray, objects, groups) -> None:
        """Adds answers, with the object that each is about and the group that it is in."""
        self.rows.setdefault(measure, {}).setdefault(method, []).append((right, objects, groups))

    def joined(self, measure: str) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
        """Returns {method: right [N]}, objects [N] and groups [N], as numbers."""
        by_method = self.rows[measure]
        right = {name: np.concatenate([one[0] for one in rows]) for name, rows in by_method.items()}
        first = next(iter(by_method.values()))
        objects, groups = (np.concatenate([one[at] for one in first]) for at in (1, 2))
        return right, *(np.unique(x, return_inverse=True)[1] for x in (objects, groups))


def _mean(right: np.ndarray, counts: np.ndarray, groups: np.ndarray) -> float:
    del groups
    return float((right * counts).sum() / counts.sum())


def _worst(right: np.ndarray, counts: np.ndarray, groups: np.ndarray) -> float:
    many = np.bincount(groups, counts)
    enough = many >= _ENOUGH
    return float((np.bincount(groups, right * counts)[enough] / many[enough]).min())


def _table(answers: Answers) -> Iterator[list[str]]:
    """Yields, for each method, each measure and its difference from the repair."""
    cells: dict[str, list[str]] = {}
    for measure in (name for name in _MEASURES if name in answers.rows):
        right, objects, groups = answers.joined(measure)
        of = _worst if "worst" in measure else _mean
        generator, count = np.random.default_rng(0), int(objects.max()) + 1
        drawn = [
            np.bincount(generator.integers(0, count, count), minlength=count)[objects].astype(float)
            for _ in range(_RESAMPLES)
        ]
        whole = np.ones(len(objects))
        ours = [of(right[_OURS], counts, groups) for counts in drawn]
        for name, one in right.items():
            value = of(one, whole, groups)
            text = f"{value:.2f}"
            if name != _OURS:
                theirs = [of(one, counts, groups) for counts in drawn]
                low, high = np.quantile(np.subtract(theirs, ours), [0.025, 0.975])
                change = value - of(right[_OURS], whole, groups)
                text += f" ({change:+.2f} [{low:+.2f}, {high:+.2f}])"
            cells.setdefault(name, []).append(text)
    for name, texts in cells.items():
        yield [name, *texts]


def _loaded(folder: pathlib.Path) -> tuple[dict, dict, tuple]:
    with np.load(folder / "meta.npz") as meta, np.load(folder / "head.npz") as head:
        facts = {name: meta[name] for name in meta.files}
        old = head["kernel"], head["bias"]
    return facts, {path.stem: np.load(path) for path in folder.glob("*.npy")}, old


def _layers(sample, black: np.ndarray, held, scores: np.ndarray, seed: int) -> dict[str, tuple]:
    """Fits every method.

    Args:
      sample: images and copies to learn from.
      black: features of objects on black.
      held: (features, labels, groups or None, old scores) of images that the classifier has not
        seen.
      scores: the old ones of the sample.
      seed: keys subsets.

    Returns:
      {method: (kernel, bias, whether they are added to the old scores)}.
    """
    from bg_interp.repairing.cache import ResumeCache
    from bg_interp.repairing.fitting import STRENGTHS, fit

    started = time.process_time()
    ours = fit(sample, scores, _MAX_LOSS, ResumeCache())
    print(f"fitted in {time.process_time() - started:.0f} s of CPU: {ours}", file=sys.stderr)
    price, (features, labels, groups, old) = ours.reference, held
    nothing = np.zeros_like(ours.kernel), np.zeros_like(ours.bias)
    # Each replaces the old layer, or is added to it.
    ways: dict[str, tuple[Callable[[], tuple], bool]] = {
        "as it is": (lambda: nothing, True),
        "refitted, unmodified images": (
            lambda: last_layers.of_originals(sample, STRENGTHS[2]),
            False,
        ),
        "objects on black": (
            lambda: last_layers.of_black(sample, black, _MAX_LOSS, price),
            False,
        ),
        "composites, from nothing": (
            lambda: last_layers.from_nothing(sample, sample, _MAX_LOSS, price),
            False,
        ),
        "AFR": (
            lambda: last_layers.afr(features, labels, old, sample, scores, _MAX_LOSS, price),
            True,
        ),
        _OURS: (lambda: (ours.kernel, ours.bias), True),
        "DFR (told the groups)": (
            lambda: last_layers.dfr(features, labels, groups, seed),
            False,
        ),
    }
    if groups is None:
        del ways["DFR (told the groups)"]
    asked = _METHODS.value and [_OURS, *_METHODS.value]
    return {
        name: (*fitted(), is_added)
        for name, (fitted, is_added) in ways.items()
        if not asked or name.split(",")[0] in asked or name in asked
    }


def _sample(features: np.ndarray, copies: np.ndarray, labels: np.ndarray, behind, halves):
    """Returns the copies whose objects and backgrounds are of one half; `behind` is [C, N]."""
    from bg_interp.repairing.sample import Sample

    count = len(labels)
    objects = np.tile(np.arange(count), len(behind) + 1)
    backgrounds = np.concatenate([np.arange(count), *behind])
    # -1: not among these images.
    keep = (backgrounds >= 0) & (halves[objects] == halves[backgrounds])
    every = Sample(
        np.concatenate([features, *copies]),
        labels[objects],
        objects,
        halves[objects],
        np.repeat(np.arange(len(behind) + 1), count),
        labels[backgrounds] != labels[objects],
    )
    return every.take(keep)


def _of_arm(folder: pathlib.Path, seed: int, answers: Answers) -> None:
    from bg_interp.evaluation.units import Units
    from bg_interp.repairing.sample import divided

    facts, arrays, old = _loaded(folder)
    labels = facts["train_labels"]
    copies = [arrays[f"copy{one + 1}"] for one in range(len(facts["behind"]))]
    units = Units(facts.get("train_objects"), facts.get("train_photos"))
    halves = divided(labels, seed, units)
    sample = _sample(arrays["train"], copies, labels, facts["behind"], halves)
    held_labels, held_places = facts["held_labels"], facts["held_places"]
    # A class's own place, where nearly all of it is seen, and all others.
    own = [np.bincount(held_places[held_labels == one]).argmax() for one in range(len(old[1]))]
    groups = 2 * held_labels + (held_places == np.array(own)[held_labels])
    scores = {name: features @ old[0] + old[1] for name, features in arrays.items()}
    held = arrays["held"], held_labels, groups, scores["held"]
    said = sample.features @ old[0] + old[1]
    layers = _layers(sample, arrays["train_black"], held, said, seed)
    test, places, apart = facts["test_labels"], facts["test_places"], 100_000
    objects = facts.get("test_objects", seed * apart + np.arange(len(test)))
    natural, at = facts["unc_labels"], facts["unc_places"]
    for name, layer in layers.items():

        def right(of: str, true: np.ndarray, layer: tuple = layer) -> np.ndarray:
            said = arrays[of] @ layer[0] + layer[1] + layer[2] * scores[of]
            return said.argmax(axis=1) == true

        for measure, of in (("original", "test_original"), ("swap", "test_swap")):
            answers.add(name, measure, right(of, test), objects, test)
        answers.add(name, "inpainted", right("test_inpainted_swap", test), objects, test)
        for variant in ("swap", "mixed_same", "mixed_random", "mixed_next"):
            group = 100 * test + places[facts[f"behind_{variant}"]]
            answers.add(name, "worst", right(f"test_{variant}", test), objects, group)
        outside = right("unc", natural)
        numbers = facts.get("unc_objects", seed * apart + np.arange(len(natural)))
        answers.add(name, "natural", outside, numbers, natural)
        answers.add(name, "natural_worst", outside, numbers, 100 * natural + at)


def _of_photographs(folder: pathlib.Path, seed: int, answers: Answers) -> None:
    from bg_interp.repairing.sample import divided

    facts, arrays, (kernel, bias) = _loaded(folder)
    labels, columns = facts["labels"], facts["columns"]
    order = np.random.default_rng(seed).permutation(len(labels))
    parts = np.zeros(len(labels), int)
    # A third of each class in each part.
    by_class = order[np.argsort(labels[order], kind="stable")]
    parts[by_class] = np.arange(len(labels)) % _FOLDS
    pairs = {"mix": facts_of(folder, "pairs"), "inp": facts_of(folder, "ipairs")}

    def grouped(features: np.ndarray) -> np.ndarray:
        scores = features @ kernel + bias
        of = [scores[:, columns == one].max(axis=1) for one in range(int(labels.max()) + 1)]
        return np.stack(of, axis=1)

    for part in range(_FOLDS):
        seen = np.flatnonzero(parts != part)
        number = np.full(len(labels), -1)
        number[seen] = np.arange(len(seen))
        draws = sorted(name for name in arrays if re.fullmatch(r"mix\d+", name))
        behind = np.stack([number[pairs["mix"][int(name[3:])][seen]] for name in draws])
        copies = [arrays[name][seen] for name in draws]
        halves = divided(labels[seen], seed)
        sample = _sample(arrays["original"][seen], copies, labels[seen], behind, halves)
        originals = sample.take(sample.copy == 0)
        held = originals.features, originals.labels, None, grouped(originals.features)
        said = grouped(sample.features)
        layers = _layers(sample, arrays["black"][seen], held, said, seed)
        tests: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {
            "original": [(arrays["original"], np.arange(len(labels)))]
        }
        for measure, kind in (("swap", "mix"), ("inpainted", "inp")):
            names = sorted(name for name in arrays if re.fullmatch(kind + r"\d+", name))
            tests[measure] = [(arrays[name], pairs[kind][int(name[3:])]) for name in names]
        for measure, sets in tests.items():
            for features, at in sets:
                other = measure == "original" or labels[at] != labels
                rows = np.flatnonzero((parts == part) & (parts[at] == part) & other)
                true = labels[rows]
                groups = 100 * true + labels[at[rows]]
                old = grouped(features[rows])
                for name, (change, offset, is_added) in layers.items():
                    scores = features[rows] @ change + offset + is_added * old
                    right = scores.argmax(axis=1) == true
                    answers.add(name, measure, right, rows, groups)
                    if measure == "swap":
                        answers.add(name, "worst", right, rows, true)


def facts_of(folder: pathlib.Path, name: str) -> np.ndarray:
    """Returns which image gives the background of each, [draws, N]."""
    return np.load(folder / f"{name}.npy")


def main() -> None:
    """Computes features, fits, and prints."""
    from tabulate import tabulate

    root, answers, seeds = pathlib.Path(_FEATURES.value), Answers(), []
    if _ARMS.value:
        import repair_features

        for arm in sorted(pathlib.Path(_ARMS.value).glob("none-*/result.json")):
            settings = json.loads((arm.parent / "config.json").read_text())["config"]
            seed = int(settings["seed"])
            folder = root / f"{settings['dataset']}{seed}"
            repair_features.of_arm(arm.parent, seed, folder)
            _of_arm(folder, seed, answers)
            seeds.append(seed)
    else:
        import repair_features

        folder = root / "groups"
        paths = (pathlib.Path(f.value) for f in (_PHOTOGRAPHS, _NETWORK, _GROUPS))
        repair_features.of_photographs(*paths, folder)
        for seed in range(_SEEDS.value):
            _of_photographs(folder, seed, answers)
            seeds.append(seed)
    heads = [words for name, words in _MEASURES.items() if name in answers.rows]
    print(f"seeds {', '.join(map(str, seeds))}\n")
    rows = list(_table(answers))
    print(tabulate(rows, ["last layer", *heads], tablefmt="github", disable_numparse=True))


if __name__ == "__main__":
    cli.run(main, __doc__)
