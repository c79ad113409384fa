"""An experiment: what everybody may see, and the key to it, which stays with the study.

`experiment.json` and `images/` are public: trials and pictures bear salted hashes for names, stand
in the order of these, and tell nothing of treatments or right answers (those of the practice
trials apart, which are about other pictures). `key.json` is private. Both are made from the study
and the settings alone: the same ones give the same bytes.
"""

import hashlib
import io
import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from bg_interp.people.experiment import design
from bg_interp.people.experiment.class_images import ClassImages
from bg_interp.people.experiment.natural import NaturalPictures

FORMAT = 1
# All pictures are stored at one size, so that no browser has to choose how to enlarge them.
_SIDE = 256
_SECONDS = {"naming": 4, "objects": 6, "conflict": 6}
# Somebody whose median answer came faster has not looked.
FASTEST_MEDIAN_MS = 400
_PRACTICE_TRIALS = 3
TITLE = "What does this picture show?"


class Experiment(NamedTuple):
    """An experiment in memory.

    Attributes:
      public: what experiment.json says.
      key: what key.json says.
      pictures: the bytes of PNG files by their names, without the suffix.
    """

    public: dict[str, Any]
    key: dict[str, Any]
    pictures: dict[str, bytes]


def consent_paragraphs(minutes: int) -> list[str]:
    """Returns the text that is shown before anything else unless another is given."""
    return [
        "You will look at pictures that a computer made, and say what they show. "
        f"It takes about {minutes} minutes.",
        "Your answers, and how long each took, are stored under a random number. No name, no "
        "address, and nothing about your computer is stored. You may stop at any time by closing "
        "the page: the answers given until then stay, but are not counted.",
        "The last page shows your number. With it, the person who sent you the link can delete "
        "your answers, whenever you ask.",
        "Taking part is up to you, and nobody is told how well you did.",
    ]


def png(image: np.ndarray) -> bytes:
    """Returns a picture as a PNG of the size that all have."""
    buffer = io.BytesIO()
    picture = Image.fromarray(image)
    if picture.size != (_SIDE, _SIDE):
        picture = picture.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC)
    picture.save(buffer, "PNG")
    return buffer.getvalue()


class _Pictures:
    """Pictures by names that only the salt connects with what they show."""

    def __init__(self, images: ClassImages, natural: NaturalPictures, salt: str):
        self._images, self._natural, self._salt = images, natural, salt
        self._names: dict[tuple, str] = {}
        self.files: dict[str, bytes] = {}

    def opaque(self, *parts: object) -> str:
        """Returns a name that tells nothing to who lacks the salt."""
        return hashlib.sha256(repr((self._salt, *parts)).encode()).hexdigest()[:16]

    def _named(self, what: tuple, make: Callable[[], np.ndarray]) -> str:
        """Returns the name of a picture, which is made when it is first asked for."""
        if what not in self._names:
            content = png(make())
            self._names[what] = self.opaque("picture", hashlib.sha256(content).hexdigest())
            self.files[self._names[what]] = content
        return self._names[what]

    def _label(self, place: int) -> int:
        return self._images.asked[place]

    def object(self, place: int, number: int) -> str:
        """Returns the name of a natural object on grey."""
        label = self._label(place)
        return self._named(("object", place, number), lambda: self._natural.on_grey(label, number))

    def on_place(self, place: int, other: int) -> str:
        """Returns the name of a natural object on another class's place; one for each pair."""
        number = design.FOR_CHOICES[(place + other) % len(design.FOR_CHOICES)]
        labels = self._label(place), self._label(other)
        return self._named(("place", place, other), lambda: self._natural.on_place(*labels, number))

    def shown(self, trial: design.Trial) -> str:
        """Returns the name of the picture that a trial is about."""
        images, label = self._images, self._label(trial.label)
        if trial.shown == design.NATURAL:
            return self.object(trial.label, trial.natural)
        seed = images.seeds[trial.seed]
        if trial.shown == design.UNTRAINED:
            return self._named(("untrained", seed, label), lambda: images.untrained[seed][label])
        treatment = images.treatments[trial.treatment]
        return self._named(
            ("class image", treatment, seed, label), lambda: images.images[treatment, seed][label]
        )

    def choice(self, trial: design.Trial) -> list[str]:
        """Returns the names of the right and the wrong picture of a choice."""
        if trial.kind == "objects":
            return [self.object(place, trial.natural) for place in (trial.label, trial.other)]
        return [
            self.on_place(trial.label, trial.other),
            self.on_place(trial.other, trial.label),
        ]


def _put(trial: design.Trial, pictures: _Pictures, images: ClassImages) -> tuple[dict, dict]:
    """Returns what a trial shows, and its entry in the key."""
    identity = pictures.opaque("trial", trial)
    shown: dict[str, Any] = {
        "id": identity,
        "kind": trial.kind,
        "image": pictures.shown(trial),
    }
    entry: dict[str, Any] = {
        "kind": trial.kind,
        "shown": trial.shown,
        "class": images.classes[trial.label],
        "treatment": None if trial.treatment == design.NONE else images.treatments[trial.treatment],
        "seed": None if trial.seed == design.NONE else images.seeds[trial.seed],
        "right": trial.label,
    }
    if trial.other != design.NONE:
        entry["other"] = images.classes[trial.other]
        entry["right"] = int(pictures.opaque("side", identity), 16) % 2
        pair = pictures.choice(trial)
        shown["pair"] = pair[::-1] if entry["right"] else pair
    return shown, entry


def _practice(pictures: _Pictures, classes: int, seed: int) -> list[dict[str, Any]]:
    """Returns trials about natural objects that stand in no other trial, with their answers."""
    order = np.random.default_rng([seed, classes]).permutation(classes).tolist()
    first, second = design.FOR_PRACTICE
    trials: list[dict[str, Any]] = [
        {"kind": "naming", "image": pictures.object(place, first), "right": place}
        for place in order[:_PRACTICE_TRIALS]
    ]
    right, wrong = order[-1], order[0]
    pair = [pictures.object(wrong, second), pictures.object(right, second)]
    image = pictures.object(right, first)
    return [*trials, {"kind": "objects", "image": image, "pair": pair, "right": 1}]


def build(
    images: ClassImages,
    natural: NaturalPictures,
    *,
    naming: int,
    choosing: int,
    seed: int,
    consent: list[str] | None = None,
    facts: Mapping[str, Any],
) -> Experiment:
    """Makes an experiment.

    Args:
      images: the class images.
      natural: natural pictures of the same classes.
      naming, choosing, seed: see `design.lay_out`.
      consent: paragraphs of the text that is shown first; None for our own.
      facts: what else the key is to hold, the settings above all; names are salted with it.
    """
    salt = hashlib.sha256(json.dumps([dict(images.arms), dict(facts)]).encode()).hexdigest()
    pictures = _Pictures(images, natural, salt)
    classes = len(images.asked)
    lists, entries = [], {}
    for laid_out in design.lay_out(
        classes,
        len(images.seeds),
        len(images.treatments),
        naming=naming,
        choosing=choosing,
        seed=seed,
    ):
        put = [
            _put(trial, pictures, images)
            for trial in laid_out
            if trial.shown != design.UNTRAINED or images.untrained
        ]
        entries.update({shown["id"]: entry for shown, entry in put})
        lists.append(sorted((shown for shown, _ in put), key=lambda shown: shown["id"]))
    seconds = sum(_SECONDS[shown["kind"]] for shown in lists[0])
    public = {
        "format": FORMAT,
        "title": TITLE,
        "classes": list(images.classes),
        "consent": consent or consent_paragraphs(max(1, round(seconds / 60))),
        "practice": _practice(pictures, classes, seed),
        "lists": lists,
    }
    content = json.dumps(public, sort_keys=True).encode()
    public["experiment"] = hashlib.sha256(content).hexdigest()[:16]
    key = {
        "format": FORMAT,
        "experiment": public["experiment"],
        **facts,
        "arms": dict(images.arms),
        "class_names": list(images.class_names),
        "classes": public["classes"],
        "treatments": list(images.treatments),
        "seeds": list(images.seeds),
        "group": {name: images.config[name] for name in ("correlation", "adversarial_epsilon")},
        "rules": {"catch_right": design.CATCH_RIGHT, "fastest_median_ms": FASTEST_MEDIAN_MS},
        "trials": dict(sorted(entries.items())),
    }
    return Experiment(public, key, pictures.files)
