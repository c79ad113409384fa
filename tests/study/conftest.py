"""A study whose arms were never trained: measures and images with known answers."""

import json

import numpy as np
import pytest

from bg_interp.config.training import ArmConfig
from bg_interp.evaluation.reliance.variants import VARIANTS
from bg_interp.study.plan import StudyConfig, make_plan

CLASSES = ["<b>fish</b>", "bird & co", "c'ar", "ünïcode"]


def _judged(right, generator):
    values = [float(value) for value in generator.random(4) < right]
    return {"right": values, "mean": float(np.mean(values)), "probability": [right] * 4}


def made_measures(right, leakage, seed):
    """Measures of an arm that judges recognise at the rate `right`."""
    generator = np.random.default_rng(seed)
    starts = ("own", "black", "grey", "untrained", "natural_objects", "natural_backgrounds")
    judged = {
        start: {
            "foreground_judge": _judged(right, generator),
            "development_judge": _judged(right, generator),
            "shape_judge": {**_judged(right, generator), "margin": [0.1] * 4},
            "leakage": {**_judged(leakage, generator), "none_of_them": [0.5] * 4},
            "forced_choice": {"right": [right] * 4, "mean": right},
        }
        for start in starts
    }
    accuracy = {variant: [0.5, 0.6, 0.7, 0.8] for variant in VARIANTS}
    return {
        "classes": CLASSES,
        "background": {
            "accuracy_by_class": accuracy,
            "bg_gap": {"by_class": [0.4, 0.3, 0.2, 0.1]},
        },
        "class_images": judged,
        "attribution": {
            "mask_area": [0.2] * 4,
            "smoothgrad": {"share": [0.4] * 4},
            "gradcam_plus_plus": {"left_out": "no convolution"},
        },
        "judges": {"foreground": {"objects on black": 0.99}},
        "logits": {s: [1.0, 2.0, 3.0, 4.0] for s in ("own", "black", "grey", "untrained")}
        | {"natural": [2.0] * 4},
    }


@pytest.fixture
def study(tmp_path):
    """A plan of two treatments and five seeds, and the measures of all arms but one."""
    config = StudyConfig(backgrounds="none,black", seeds="5", workdir=str(tmp_path / "study"))
    laid_out = make_plan(config, ArmConfig())
    measured = {}
    for arm in laid_out.arms[:-1]:
        black = arm.background == "black"
        measured[arm.name] = made_measures(1.0 if black else 0.25, 0.0 if black else 0.5, arm.seed)
        folder = laid_out.workdir / "arms" / arm.name
        folder.mkdir(parents=True)
        images = np.random.default_rng(arm.seed).integers(0, 256, (4, 8, 8, 3), np.uint8)
        np.savez(
            folder / "class_images.npz", own=images, black=images, grey=images, untrained=images
        )
        (folder / "measures.json").write_text(json.dumps(measured[arm.name]))
        rows = [{"step": 1, "split": "test", "accuracy/swapped": 0.5}]
        (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        facts = {
            "config": {"dataset": "habitats"},
            "versions": {"numpy": "2"},
            "masks": {},
            "examples": {"train": 10},
        }
        (folder / "config.json").write_text(json.dumps(facts))
    return config, laid_out, measured
