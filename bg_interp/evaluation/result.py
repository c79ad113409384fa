"""What an evaluation found: an object that prints, draws, saves and checks itself."""

import csv
import dataclasses
import html
import io
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.special

from bg_interp.doubts import Doubt
from bg_interp.evaluation.arrays import Arrays
from bg_interp.evaluation.estimate import Estimate
from bg_interp.evaluation.leak import Leak
from bg_interp.evaluation.reliance.groups import Groups, Third
from bg_interp.evaluation.reliance.variants import VARIANTS
from bg_interp.storage import files

MEANINGS = {
    "original": "the image as it is",
    "foreground_only": "object on black",
    "no_foreground": "object's pixels black",
    "background_only": "object's box tiled with background",
    "mixed_same": "object on another background of its class",
    "mixed_random": "object on a random background",
    "mixed_next": "object on a background of the next class",
    "swap": "object on a background of another class",
}


@dataclasses.dataclass(frozen=True, eq=False)
class Evaluation:
    """All that is known of one classifier on one test set.

    Attributes:
      measured: what `evaluate_model` returns, with the facts of how it was taken.
      test: the test images, masks usable.
      keys: N names of them.
      logits: {variant: float32 [N, K]}.
      groups: accuracy of class x kind of background.
      mean_group: mean accuracy over groups.
      thirds: accuracy by size and place of the object.
      adversarial: accuracy where each object is right before every one of `backgrounds`
        backgrounds of other classes; None when it was not asked for.
      backgrounds: how many.
      leak: how well backgrounds alone tell the label; None when it was not asked for.
      doubts: what the data could not settle of the classifier, its images or masks; with any,
        there is no verdict.
    """

    measured: dict[str, Any]
    test: Arrays
    keys: tuple[str, ...]
    logits: dict[str, np.ndarray]
    groups: Groups
    mean_group: Estimate | None
    thirds: list[Third]
    adversarial: Estimate | None = None
    backgrounds: int = 0
    leak: Leak | None = None
    doubts: tuple[Doubt, ...] = ()

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes."""
        return tuple(self.measured["classes"])

    @property
    def measures(self) -> dict[str, Estimate]:
        """Every measure that `check` knows, by its name."""
        background, count = self.measured["background"], len(self.test.labels)
        found = {
            variant: Estimate(background["accuracy"][variant], low, high, count)
            for variant, (low, high) in background["interval"].items()
        }
        gap = background["bg_gap"]
        low, high = gap["interval"]
        found["bg_gap"] = Estimate(gap["value"], low, high, count)
        if self.groups.worst is not None:
            found["worst_group"] = self.groups.worst[2]
        others: dict[str, Estimate | None] = {
            "mean_group": self.mean_group,
            "adversarial": self.adversarial,
            "leak": None if self.leak is None else self.leak.accuracy,
        }
        return {**found, **{name: one for name, one in others.items() if one is not None}}

    def changes(self) -> np.ndarray:
        """Returns how much each image's own class loses at worst on other backgrounds, [N].

        In probability, over the variants with a background of another image.
        """
        rows = (np.arange(len(self.test.labels)), self.test.labels)
        of = {
            name: scipy.special.softmax(self.logits[name], axis=1)[rows]
            for name in ("original", "mixed_random", "mixed_next", "swap")
        }
        original = of.pop("original")
        return original - np.min(list(of.values()), axis=0)

    def right(self, variant: str) -> np.ndarray:
        """Returns which images are right in a variant, bool [N]."""
        return self.logits[variant].argmax(axis=1) == self.test.labels

    def worst(self, count: int = 24) -> list[int]:
        """Returns the positions of the worst images.

        First those that are right as they are and wrong before another background, then those
        that are right with their object hidden; within both the most changed first.
        """
        elsewhere = np.all([self.right(name) for name in ("mixed_random", "swap")], axis=0)
        moved = self.right("original") & ~elsewhere
        by_background = self.right("original") & self.right("background_only")
        order = np.lexsort((-self.changes(), ~by_background, ~moved))
        chosen = [int(row) for row in order if moved[row] or by_background[row]]
        return chosen[:count]

    def to_dict(self) -> dict[str, Any]:
        """Returns what JSON can hold."""
        return {
            **self.measured,
            "doubts": [one.to_dict() for one in self.doubts],
            "groups": self.groups.to_dict(),
            "by_object": [dataclasses.asdict(third) for third in self.thirds],
            "adversarial_backgrounds": self.backgrounds,
            "leak": self.leak and self.leak.to_dict(),
            "measures": {name: dataclasses.asdict(one) for name, one in self.measures.items()},
        }

    def to_csv(self) -> str:
        """Returns a row for each image: what the model says of each variant."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["image", "class", "change", *VARIANTS])
        said = {name: self.logits[name].argmax(axis=1) for name in VARIANTS}
        changes = self.changes()
        for row, (key, label) in enumerate(zip(self.keys, self.test.labels, strict=True)):
            answers = [self.classes[said[name][row]] for name in VARIANTS]
            writer.writerow([key, self.classes[label], f"{changes[row]:.4f}", *answers])
        return text.getvalue()

    def save(self, folder: str | pathlib.Path) -> None:
        """Writes results.json and images.csv.

        Raises:
          UserError: the folder cannot be written.
        """
        folder = pathlib.Path(folder)
        files.write_text(folder / "images.csv", self.to_csv())
        files.write_json(folder / "results.json", self.to_dict())

    def answer(self) -> str:
        """Says in one sentence how much the model depends on backgrounds.

        Where something is in doubt it says what, and gives no verdict.
        """
        if self.doubts:
            return f"No verdict: {'. '.join(str(one) for one in self.doubts)}."
        gap, swap = self.measures["bg_gap"], self.measures["swap"]
        original, chance = self.measures["original"], self.measured["chance"]
        if original.low <= chance and gap.low <= 0:
            # What knows nothing loses nothing.
            found = f"No better than chance ({chance:.2f}), it shows nothing: the BG-Gap is {gap}"
        elif gap.low > 0:
            found = f"It relies on backgrounds: the BG-Gap is {gap}"
        elif gap.high < 0.05:
            found = f"No reliance on backgrounds was found: the BG-Gap is {gap}"
        else:
            found = f"Whether it relies on backgrounds is not clear: the BG-Gap is {gap}"
        told = f"{found}; accuracy is {original} as it is and {swap} before another class's "
        return f"{told}background."

    def __str__(self) -> str:
        """Returns the tables for a terminal."""
        from tabulate import tabulate

        rows = [
            (name, f"{one.value:.3f}", f"[{one.low:.3f}, {one.high:.3f}]", self.meaning(name))
            for name, one in self.measures.items()
        ]
        heads = ("measure", "value", "95 % interval", "what is shown")
        lines = [
            *(f"In doubt, {one.about}: {one}" for one in self.doubts),
            tabulate(rows, heads, disable_numparse=True),
            f"{self.measured['images']} images, {len(self.classes)} classes, "
            f"chance {self.measured['chance']:.3f}",
            *_attribution_lines(self.measured["attribution"]),
        ]
        if self.measured["images_left_out"]:
            left_out = self.measured["images_left_out"]
            lines.append(f"images left out, since their mask is empty, full or unsure: {left_out}")
        if self.measured["classes_without_images"]:
            lines.append(f"no images of: {', '.join(self.measured['classes_without_images'])}")
        return "\n".join([*lines, self.answer()])

    def meaning(self, measure: str) -> str:
        """Says what a measure is."""
        worst = self.groups.worst
        among = self.groups.compared and f" ({self.groups.compared})"
        group = f"{worst[0]} before {worst[1]}{among}" if worst else ""
        others = {
            "bg_gap": "same - random",
            "worst_group": group,
            "mean_group": "mean over class x background",
            "adversarial": f"right before each of {self.backgrounds} backgrounds of other classes",
            "leak": "backgrounds alone, without any model",
        }
        return {**MEANINGS, **others}[measure]

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{html.escape(name)}</td><td>{one}</td>"
            f"<td>{html.escape(self.meaning(name))}</td></tr>"
            for name, one in self.measures.items()
        )
        return f"<p><strong>{html.escape(self.answer())}</strong></p><table>{rows}</table>"


def _attribution_lines(attribution: dict[str, Any]) -> list[str]:
    def mean(values: Sequence[float | None]) -> str:
        known = [value for value in values if value is not None]
        return f"{np.mean(known):.2f}" if known else "unknown"

    lines = [f"object's share of the image: {mean(attribution['mask_area'])}; of attribution:"]
    for name, title in (("smoothgrad", "SmoothGrad"), ("gradcam_plus_plus", "Grad-CAM++")):
        found = attribution[name]
        if "left_out" in found:
            lines.append(f"  {title} left out: {found['left_out']}")
        else:
            share, pointing = mean(found["share"]), mean(found["pointing"])
            lines.append(f"  {title} {share}, strongest pixel on the object {pointing}")
    return lines
