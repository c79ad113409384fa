"""How often intervals and verdicts hold what they say, in studies whose truth is known.

    python benchmarks/statistics.py [--simulations=500]

simulates shares, differences, worst groups, studies and gates, and prints the tables of
docs/measures.md as Markdown: how often the 95 % interval holds the truth (wanted: .93 to .98; more
where answers are few and nearly all right, since a count of ten can't come nearer), how often a
study without an effect finds one, and how often a gate passes what it shall stop. Some minutes on
one idle core; --only=NAME makes one table.
"""

import functools
from collections.abc import Callable, Iterator

import known_truths
import numpy as np
import scipy.stats
from absl import flags
from scipy.special import expit
from tabulate import tabulate

from bg_interp import cli
from bg_interp.data.near_duplicates import near_duplicates
from bg_interp.evaluation import crossed, effective, intervals, leak, selection
from bg_interp.evaluation.places import same_places
from bg_interp.evaluation.units import joined

_SIMULATIONS = flags.DEFINE_integer("simulations", 500, "of each scenario", lower_bound=20)
_ONLY = flags.DEFINE_string("only", None, "name of the one table to make")

Row = list[str]


def _two(value: float) -> str:
    return f"{value:.3f}".replace("0.", ".", 1)


def _held(make: Callable[[], tuple[float, float]], truth: float) -> str:
    """Returns how often an interval holds the truth."""
    found = np.array([make() for _ in range(_SIMULATIONS.value)])
    return _two(float(((found[:, 0] <= truth + 1e-9) & (truth - 1e-9 <= found[:, 1])).mean()))


def shares(generator: np.random.Generator) -> Iterator[Row]:
    """Shares of independent answers; exact; * where no interval can be between .93 and .98."""
    truths = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
    yield ["answers", *(f"share {truth:g}" for truth in truths)]
    for count in (10, 20, 50, 200):
        low, high = intervals.share(np.arange(count + 1), count)
        row = []
        for truth in truths:
            chances = scipy.stats.binom.pmf(np.arange(count + 1), count, truth)
            held = _two(float(chances[(low <= truth) & (truth <= high)].sum()))
            row.append(held if _can_be_held(chances) else f"{held} *")
        yield [str(count), *row]


def _can_be_held(chances: np.ndarray) -> bool:
    """Tells whether any run of neighbouring counts has a chance of .93 to .98.

    Where none has, no interval can be right so often.
    """
    below = np.concatenate([[0.0], chances.cumsum()])
    held = below[None] - below[:, None]
    return bool(((held >= 0.93) & (held <= 0.98)).any())


def _answers(
    generator: np.random.Generator, first: np.ndarray, second: np.ndarray, objects: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Draws two answers to each image, which the object makes alike."""
    ease = generator.normal(size=int(objects.max()) + 1)[objects]
    noise = generator.normal(size=(2, len(objects)))
    latent = np.sqrt(0.5) * ease + np.sqrt(0.5) * noise
    right = scipy.stats.norm.cdf(latent) < np.stack([first, second])
    return right[0], right[1]


def differences(generator: np.random.Generator) -> Iterator[Row]:
    """Paired differences of independent images, and of classes that count alike."""
    pairs = ((0.95, 0.95), (1.0, 0.95), (0.95, 0.85), (0.95, 0.65), (0.9, 0.3))
    yield ["images", *(f"{first:g} and {second:g}" for first, second in pairs)]
    layouts = {
        **{f"{count}": (count,) for count in (10, 20, 50, 200)},
        "2 classes of 5": (5,) * 2,
        "7 classes of 3": (3,) * 7,
        "10 classes of 1": (1,) * 10,
        "50 classes of 2": (2,) * 50,
        "97 and 3": (97, 3),
        "291 and 9": (291, 9),
    }
    for name, sizes in layouts.items():
        classes = np.repeat(np.arange(len(sizes)), sizes)
        row = []
        for first, second in pairs:
            make = functools.partial(_difference, generator, classes, first, second)
            row.append(_held(make, first - second))
        yield [name, *row]


def _difference(
    generator: np.random.Generator, classes: np.ndarray, first: float, second: float
) -> tuple[float, float]:
    """Draws answers and returns the interval of their difference, classes counting alike."""
    every = np.ones(len(classes))
    right = _answers(generator, first * every, second * every, np.arange(len(every)))
    return effective.paired_difference(*right, classes=classes).interval


def together(generator: np.random.Generator) -> Iterator[Row]:
    """Shares of images that have objects and places in common, for new ones of both."""
    deviations = ((0.0, 0.0), (1.0, 0.0), (2.0, 0.0), (1.0, 1.0), (0.0, 1.0))
    yield [
        "objects, places, images",
        *(f"sd {by_object:g} and {place:g}" for by_object, place in deviations),
    ]
    for sizes in ((21, 21, 273), (33, 21, 280), (70, 70, 280), (10, 10, 100)):
        row = []
        for spreads in deviations:
            truth = expit(1.5 + np.hypot(*spreads) * generator.normal(size=400_000)).mean()
            row.append(_held(functools.partial(_shared, generator, sizes, spreads), float(truth)))
        yield [", ".join(map(str, sizes)), *row]


def _shared(
    generator: np.random.Generator, sizes: tuple[int, int, int], spreads: tuple[float, float]
) -> tuple[float, float]:
    """Draws answers to images of shared objects and places; returns the interval of their share."""
    images, logits, units = sizes[2], np.full(sizes[2], 1.5), []
    for size, spread in zip(sizes[:2], spreads, strict=True):
        units.append(generator.integers(0, size, images))
        logits += spread * generator.normal(size=size)[units[-1]]
    return effective.share_of(generator.random(images) < expit(logits), units=units).interval


def worst(generator: np.random.Generator) -> Iterator[Row]:
    """The worst group, where all are alike, and where one is worse than the others, at .95."""
    heads = ["groups", "truth", "mean of what is reported", "interval holds it"]
    yield [*heads, "--must='worst_group>truth' passes"]
    alike = [(80, 10, truth, truth) for truth in (0.95, 0.9, 0.77, 0.5)]
    alike += [(4, 10, truth, truth) for truth in (0.95, 0.5)]
    one = [(20, 10, truth, 0.95) for truth in (0.3, 0.6, 0.8)] + [(20, 40, 0.8, 0.95)]
    for groups, answers, truth, others in [*alike, *one]:
        where = np.repeat(np.arange(groups), answers)
        rates, found = np.where(where == 0, truth, others), []
        for _ in range(_SIMULATIONS.value):
            worst = selection.worst_group(generator.random(len(where)) < rates, where, generator)
            if worst is not None:
                low, high = worst.interval
                found.append((worst.value, low <= truth <= high, low > truth))
        value, held, passed = np.mean(found, axis=0).tolist()
        name = f"{groups} of {answers}" + ("" if truth == others else ", one worse")
        yield [name, f"{truth:g}", f"{value:.2f}", _two(held), _two(passed)]


def uneven(generator: np.random.Generator) -> Iterator[Row]:
    """Reliance where images are copies, objects and places uneven, or a model says one class."""
    yield [
        "images",
        "true reliance",
        "interval holds it",
        "--must='reliance<truth' passes",
        "--fail_if='reliance>truth' fails",
    ]
    for world in known_truths.UNEVEN:
        ends = []
        for _ in range(_SIMULATIONS.value):
            first, second, how = world.draw(generator)
            ends.append(effective.paired_difference(first, second, **how).interval)
        low, high = np.array(ends).T
        passes, fails = high < world.truth, low > world.truth
        rates = [float(one.mean()) for one in (~(passes | fails), passes, fails)]
        yield [world.name, f"{world.truth:.2f}", *map(_two, rates)]


def leaks(generator: np.random.Generator) -> Iterator[Row]:
    """Leak where labels mean nothing: they were dealt to scenes by lot."""
    yield ["backgrounds", "chance", "mean leak", "above chance", "includes chance"]
    for world in known_truths.SCENES:
        images, scenes = world.draw(generator)
        features = leak.describe(images)
        units = joined(near_duplicates(images), same_places(images))
        if world.are_told:
            units = joined(units, scenes)
        found = []
        for number in range(_SIMULATIONS.value):
            dealt = generator.permutation(np.arange(scenes.max() + 1) % world.classes)
            one = leak.leak_of(features, dealt[scenes], units, number)
            low, high = one.accuracy.low, one.accuracy.high
            found.append(
                (one.chance, one.accuracy.value, low > one.chance, low <= one.chance <= high)
            )
        chance, value, above, held = np.mean(found, axis=0).tolist()
        yield [world.name, f"{chance:.2f}", f"{value:.2f}", _two(above), _two(held)]


_GAUSSIAN = {
    "0, 0, 1": (0, 0, 1),
    ".5, 1, 1": (0.5, 1, 1),
    "0, 1, .5": (0, 1, 0.5),
    "1, 0, 1": (1, 0, 1),
    "1, 1, .5": (1, 1, 0.5),
    ".02, .30, .08": (0.02, 0.3, 0.08),
    "0, .36, .33": (0, 0.36, 0.33),
    ".05, .25, .08": (0.05, 0.25, 0.08),
}
# Logit scale: class, what treatments do to classes, to seeds, and what is left; share of ones.
_BINARY = {
    "zeros and ones, middle, .6": (1, 0.7, 0.2, 0.8, 0.6),
    "zeros and ones, rough, .6": (1, 1.3, 0.3, 1, 0.6),
    "zeros and ones, extreme, .6": (1, 2.5, 0.5, 1, 0.6),
    "zeros and ones, rough, .9": (1, 1.3, 0.3, 1, 0.9),
}


def _binary(
    generator: np.random.Generator, deviations: tuple[float, ...], seeds: int, classes: int
) -> np.ndarray:
    """Draws the difference of two treatments' ones and zeros that have the same chances."""
    label, treated_class, treated_seed, rest, share = deviations
    total = np.sqrt(1 + sum(one**2 for one in deviations[:4]) / 2.9)
    centre = np.log(share / (1 - share)) * total + label * generator.normal(size=(1, classes))
    ones = []
    for _ in range(2):
        logits = (
            centre
            + treated_class * generator.normal(size=(1, classes))
            + treated_seed * generator.normal(size=(seeds, 1))
            + rest * generator.normal(size=(seeds, classes))
        )
        ones.append((generator.random((seeds, classes)) < expit(logits)).astype(np.float64))
    return ones[1] - ones[0]


def studies(generator: np.random.Generator) -> Iterator[Row]:
    """Studies without an effect, by seeds x classes: three rates each.

    How often the interval for classes like these holds 0, how often its p-value is below .05/9, and
    how often the interval for these classes holds their mean.
    """
    sizes = ((2, 7), (3, 8), (5, 8), (5, 24), (12, 8), (12, 24))
    every = {**_GAUSSIAN, **_BINARY}
    rates = {(size, name): _rates(generator, name, *size) for size in sizes for name in every}
    yield ["deviations", *(f"{seeds} x {classes}" for seeds, classes in sizes)]
    for name in every:
        yield [name, *(" / ".join(map(_two, rates[size, name])) for size in sizes)]
    # 500 simulations tell a rate of .0056 to .003, and nine times that to .03; a column tells more.
    means = [float(np.mean([rates[size, name][1] for name in every])) for size in sizes]
    yield ["one of nine questions", *(_two(1 - (1 - mean) ** 9) for mean in means)]


def _rates(generator: np.random.Generator, name: str, seeds: int, classes: int) -> list[float]:
    """Simulates studies of one kind and size; returns the rates that `studies` names."""
    found = []
    for _ in range(_SIMULATIONS.value):
        by_class = np.zeros((1, classes))
        if name in _BINARY:
            values = _binary(generator, _BINARY[name], seeds, classes)
        else:
            of_seed, of_class, of_rest = _GAUSSIAN[name]
            by_class = of_class * generator.normal(size=(1, classes))
            values = of_seed * generator.normal(size=(seeds, 1)) + by_class
            values = values + of_rest * generator.normal(size=(seeds, classes))
        like = crossed.like_these(values, binary=name in _BINARY)
        these = crossed.of_these(values, binary=name in _BINARY)
        held = these is not None and these.low <= by_class.mean() <= these.high
        found.append((like.low <= 0 <= like.high, like.p_value < 0.05 / 9, held))
    # What these classes' zeros and ones would be on average was not drawn.
    shown = 2 if name in _BINARY else 3
    return np.mean(found, axis=0).tolist()[:shown]


def gates(generator: np.random.Generator) -> Iterator[Row]:
    """Gates on a reliance of a tenth: how often they pass, by the true reliance."""
    truths = (0.0, 0.1, 0.2, 0.3)
    yield ["images", "gate", *(f"true {truth:g}" for truth in truths)]
    for count in (10, 20, 50, 200, 1000):
        every, found = np.ones(count), []
        for truth in truths:
            ends = []
            for _ in range(_SIMULATIONS.value):
                right = _answers(generator, 0.95 * every, (0.95 - truth) * every, np.arange(count))
                ends.append(effective.paired_difference(*right).interval)
            found.append(np.array(ends))
        yield [
            str(count),
            "--must='reliance<0.1' passes",
            *(_two(float((one[:, 1] < 0.1).mean())) for one in found),
        ]
        yield [
            "",
            "--fail_if='reliance>0.1' passes",
            *(_two(float((one[:, 0] <= 0.1).mean())) for one in found),
        ]


_TABLES = {
    one.__name__: one
    for one in (shares, differences, together, worst, studies, gates, uneven, leaks)
}


def main() -> None:
    """Prints the tables."""
    for number, (name, make) in enumerate(_TABLES.items()):
        if _ONLY.value in (None, name):
            heads, *rows = make(np.random.default_rng(number))
            print(f"\n{(make.__doc__ or name).splitlines()[0]}\n")
            print(tabulate(rows, heads, tablefmt="github", disable_numparse=True), flush=True)


if __name__ == "__main__":
    cli.run(main, __doc__)
