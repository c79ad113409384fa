"""A study whose arms were never trained, an experiment made of it, and somebody who takes part."""

import os
import pathlib

import numpy as np
import pytest

from bg_interp.config.people import PeopleConfig
from bg_interp.evaluation.arrays import Arrays
from bg_interp.people.experiment import folder as folders
from bg_interp.people.experiment import natural
from bg_interp.storage import files

CLASSES = ["<b>fish</b>", "bird & co", '"};alert(1)//', "=ünïcode"]
TREATMENTS, SEEDS = ["none", "black"], [0, 1]


def write_study(
    folder: pathlib.Path, treatments=TREATMENTS, seeds=SEEDS, classes=CLASSES, **config
) -> pathlib.Path:
    """Writes what people are asked about of a study: configurations, images and measures."""
    generator = np.random.default_rng(0)
    for treatment in treatments:
        for seed in seeds:
            arm = folder / "arms" / f"{treatment}-seed{seed}"
            arm.mkdir(parents=True)
            settings = {
                "background": treatment,
                "seed": seed,
                "correlation": 0.95,
                "adversarial_epsilon": 6.0,
                "masks": "auto",
                **config,
            }
            files.write_sealed(arm / "config.json", {"config": settings, "class_names": classes})
            shape = (len(classes), 32, 32, 3)
            images = {
                name: generator.integers(0, 256, shape).astype(np.uint8)
                for name in ("own", "black", "grey", "untrained")
            }
            np.savez_compressed(arm / "class_images.npz", **images)
            judged = {
                "foreground_judge": {"probability": generator.random(len(classes)).tolist()},
                "leakage": {"right": generator.random(len(classes)).tolist()},
            }
            files.write_sealed(arm / "measures.json", {"class_images": {"own": judged}})
    return folder


def natural_arrays(classes: int = len(CLASSES)) -> Arrays:
    """Draws bright squares on dark noise, twelve images of each class."""
    generator = np.random.default_rng(1)
    count = 12 * classes
    images = generator.integers(0, 90, (count, 32, 32, 3)).astype(np.uint8)
    masks = np.zeros((count, 32, 32, 1), np.uint8)
    for number in range(count):
        size = 8 + number // classes
        masks[number, 4 : 4 + size, 6 : 6 + size] = 255
        images[number, 4 : 4 + size, 6 : 6 + size] = generator.integers(100, 256, 3)
    return Arrays(images, masks, np.arange(count, dtype=np.int32) % classes)


def made_experiment(study: pathlib.Path, of_classes: int = len(CLASSES), **settings):
    """Makes the experiment of a written study."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(natural, "load", lambda config: natural_arrays(of_classes))
        patch.setattr(os, "fsync", lambda file: None)
        return folders.open_or_build(PeopleConfig(workdir=str(study), **settings))


def answer_of(participant: str, trial: dict, place: int = 0, **changed) -> dict:
    """Returns an answer as a browser sends it."""
    sent = {
        "participant": participant,
        "trial": trial["id"],
        "place": place,
        "response": 0,
        "button": 0,
        "rt": 900,
    }
    return {**sent, **changed}


def take_part(store, public, key, wanted, simulated=False, finish=True, rt=900) -> str:
    """Lets somebody answer all their trials.

    Args:
      wanted: (entry of the key) -> whether the answer is to be right.
    """
    person = store.start(simulated)
    trials = public["lists"][person["list"]]
    for place, trial in enumerate(trials if finish else trials[:-1]):
        entry = key["trials"][trial["id"]]
        response = entry["right"] if wanted(entry) else (entry["right"] + 1) % 2
        store.answer(answer_of(person["participant"], trial, place, response=response, rt=rt))
    return person["participant"]
