"""Who sees what: lists of trials in which treatments rotate and all else is the same.

Everybody sees each pair of a class and a seed in one treatment only, so that nobody compares two
pictures of the same thing. As many lists as there are treatments make a rotation (a Latin square):
they differ in the treatments alone, so their answers are paired. Rotations differ in which seeds
the choices are about, in the natural pictures, and in the other class of each choice.

The two choices are those of Borowski et al. 2021 (arXiv 2010.12606, experiment II, "Max-1"), asked
about classes; naming is that of Feather et al. 2023 (doi 10.1038/s41593-023-01442-0).
"""

import dataclasses
import math

import numpy as np
import scipy.stats

# Where a trial has no such thing.
NONE = -1
KINDS = ("naming", "objects", "conflict")
CHOICES = KINDS[1:]
# Who a picture comes from: a network, nature (a catch trial), or a network before training.
CLASS_IMAGE, NATURAL, UNTRAINED = "class image", "natural", "untrained"
# Natural pictures of each class, by number: to choose from, to practise, and all others to catch.
FOR_CHOICES, FOR_PRACTICE, _FIRST_TO_CATCH = range(0, 4), range(4, 6), 6
UNTRAINED_TRIALS = 4
# Share of the catch trials that somebody must get right to count.
CATCH_RIGHT = 0.75
_GUESSERS_WHO_PASS = 0.05


@dataclasses.dataclass(frozen=True)
class Trial:
    """One question to one person, by numbers.

    Attributes:
      kind: one of KINDS.
      shown: CLASS_IMAGE, NATURAL or UNTRAINED.
      label: the class that is right.
      treatment, seed: of the network; NONE for natural pictures, `treatment` for untrained ones.
      other: the class of the wrong picture; NONE where there is nothing to choose from.
      natural: which natural picture of its class is shown or chosen from; NONE for neither.
    """

    kind: str
    shown: str
    label: int
    treatment: int = NONE
    seed: int = NONE
    other: int = NONE
    natural: int = NONE


def catch_trials(classes: int) -> int:
    """Returns how many catch trials tell people from guessers: 4, or more for few classes."""
    count = 4
    while _guessers_who_pass(count, classes) > _GUESSERS_WHO_PASS:
        count += 4
    return count


def _guessers_who_pass(count: int, classes: int) -> float:
    needed = math.ceil(CATCH_RIGHT * count)
    return float(scipy.stats.binom.sf(needed - 1, count, 1 / classes))


def natural_pictures(classes: int) -> int:
    """Returns how many natural pictures of each class an experiment shows."""
    return _FIRST_TO_CATCH + 2 * math.ceil(catch_trials(classes) / classes)


def rotation(classes: int, seeds: int, treatments: int) -> np.ndarray:
    """Spreads treatments over pairs: int [classes, seeds], to which a list adds its number.

    Each class has every treatment as often as any other, or once more; the seeds and the whole
    list come as close to that as the numbers allow.
    """
    square = np.zeros((classes, seeds), np.int64)
    by_seed = np.zeros((seeds, treatments), np.int64)
    for label in range(classes):
        rows = (np.arange(treatments)[:, None] + np.arange(seeds)) % treatments
        afterwards = [by_seed + np.eye(treatments, dtype=np.int64)[row] for row in rows]
        # The sum of squares is smallest where the counts are most alike.
        uneven = [(n**2).sum() + (n.sum(axis=0) ** 2).sum() for n in afterwards]
        best = int(np.argmin(uneven))
        square[label], by_seed = rows[best], afterwards[best]
    return square


def _pairs_to_choose(square: np.ndarray, each: int, rotations: int) -> list[list[tuple[int, int]]]:
    """Chooses `each` seeds of every class for each rotation, all equally often in the end.

    Returns:
      For each rotation (class, seed), the treatments as evenly spread as possible.
    """
    classes, seeds = square.shape
    used = np.zeros((classes, seeds), np.int64)
    chosen = []
    for number in range(rotations):
        spread = np.zeros(square.max() + 1, np.int64)
        pairs = []
        for label in range(classes):
            for _ in range(each):
                free = [seed for seed in range(seeds) if (label, seed) not in pairs]
                seed = min(
                    free,
                    key=lambda seed: (
                        used[label, seed],
                        spread[square[label, seed]],
                        (seed + label + number) % seeds,
                    ),
                )
                used[label, seed] += 1
                spread[square[label, seed]] += 1
                pairs.append((label, seed))
        chosen.append(pairs)
    return chosen


def _each(trials: int, classes: int, seeds: int) -> int:
    """Returns how many seeds of every class make about so many trials."""
    return max(1, min(seeds, trials // classes))


def lay_out(
    classes: int, seeds: int, treatments: int, *, naming: int, choosing: int, seed: int
) -> list[list[Trial]]:
    """Makes the lists: `seeds` rotations of `treatments` lists each.

    Args:
      classes: how many classes there are, 2 or more.
      seeds: how many seeds.
      treatments: how many treatments.
      naming: about how many class images a person names.
      choosing: about how many choices of each kind a person makes.
      seed: keys which class, seed and treatment gets which place in the design.

    Returns:
      Lists of trials; those from n * treatments on, as many as there are treatments, are a
      rotation.
    """
    square = rotation(classes, seeds, treatments)
    pairs = {
        kind: _pairs_to_choose(square, _each(count, classes, seeds), seeds)
        for kind, count in zip(KINDS, (naming, choosing, choosing), strict=True)
    }
    # A person meets other pictures in the second choice than in the first, as far as there are.
    pairs["conflict"] = pairs["conflict"][seeds // 2 :] + pairs["conflict"][: seeds // 2]
    generator = np.random.default_rng(seed)
    labels, runs, names = (
        generator.permutation(count).tolist() for count in (classes, seeds, treatments)
    )
    lists = []
    for number in range(seeds):
        marks = [*_catch(classes, number), *_untrained(classes, seeds, number)]
        for turn in range(treatments):
            own = [
                _on_class_image(kind, place, number, pair, (turn + int(square[pair])) % treatments)
                for kind in KINDS
                for place, pair in enumerate(pairs[kind][number])
            ]
            lists.append([_renumbered(trial, labels, runs, names) for trial in own + marks])
    return lists


def _on_class_image(
    kind: str, place: int, number: int, pair: tuple[int, int], treatment: int
) -> Trial:
    """Returns a trial of one rotation; `other` counts the classes that follow the right one."""
    label, seed = pair
    if kind == "naming":
        return Trial(kind, CLASS_IMAGE, label, treatment, seed)
    # Steps that go on from trial to trial make each class the wrong one equally often.
    step = place + number + CHOICES.index(kind)
    natural = FOR_CHOICES[number % len(FOR_CHOICES)]
    return Trial(kind, CLASS_IMAGE, label, treatment, seed, step, natural)


def _renumbered(trial: Trial, labels: list[int], seeds: list[int], treatments: list[int]) -> Trial:
    other = NONE
    if trial.other != NONE:
        other = labels[(trial.label + 1 + trial.other % (len(labels) - 1)) % len(labels)]
    return dataclasses.replace(
        trial,
        label=labels[trial.label],
        seed=NONE if trial.seed == NONE else seeds[trial.seed],
        treatment=NONE if trial.treatment == NONE else treatments[trial.treatment],
        other=other,
    )


def _catch(classes: int, number: int) -> list[Trial]:
    count = catch_trials(classes)
    # Two rotations that follow each other show different pictures.
    first = _FIRST_TO_CATCH + number % 2 * math.ceil(count / classes)
    return [
        Trial(
            "naming",
            NATURAL,
            (number * count + turn) % classes,
            natural=first + turn // classes,
        )
        for turn in range(count)
    ]


def _untrained(classes: int, seeds: int, number: int) -> list[Trial]:
    """Returns trials with pictures of untrained networks, the lower mark of naming."""
    return [
        Trial(
            "naming",
            UNTRAINED,
            (number * UNTRAINED_TRIALS + turn + classes // 2) % classes,
            seed=(number + turn) % seeds,
        )
        for turn in range(min(UNTRAINED_TRIALS, classes))
    ]
