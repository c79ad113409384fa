"""What a repair gives back: the classifier, and how it did before and after."""

import dataclasses
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np
from tabulate import tabulate

from bg_interp.evaluation.answers import Scores, change
from bg_interp.evaluation.estimate import Estimate
from bg_interp.evaluation.measures import MEASURES
from bg_interp.evaluation.result import Evaluation
from bg_interp.messages import as_html
from bg_interp.models import export
from bg_interp.repairing.fitting import Fit
from bg_interp.storage import files


@dataclasses.dataclass(frozen=True, eq=False)
class Repair:
    """A classifier before and after.

    Attributes:
      model: the repaired one, in the conventions of the one that was given.
      logits: the same from RGB in [0, 255] to logits.
      before: what was measured of the classifier as it was.
      after: the same of the repaired one, on the same images and backgrounds.
      fit: the new last layer.
      seconds: that the fit took, features included.
      class_images: {"before" or "after": float32 [L, H, W, 3] in [0, 255]}; empty where none were
        asked for.
      shown: names of the L classes that they show.
    """

    model: keras.Model
    logits: keras.Model
    before: Evaluation
    after: Evaluation
    fit: Fit
    seconds: float
    class_images: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)
    shown: Sequence[str] = ()

    @property
    def changes(self) -> dict[str, Estimate]:
        """After minus before of every measure of single images, paired by image."""
        changes = {}
        for measure in MEASURES:
            after, before = (measure.taken(one.answers) for one in (self.after, self.before))
            if isinstance(after, Scores) and isinstance(before, Scores):
                changed = change(after, before)
                if changed is not None:
                    changes[measure.name] = changed
        return changes

    def __str__(self) -> str:
        """Returns the table of before and after."""
        heads = ("measure", "before", "after", "change [95 %]")
        table = tabulate(list(self.rows()), heads, disable_numparse=True)
        doubts = (f"In doubt, {one.about}: {one}" for one in self.before.doubts)
        return "\n".join([table, str(self.fit), *doubts])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        heads = ("measure", "before", "after", "change [95 %]")
        table = tabulate(list(self.rows()), heads, tablefmt="html", disable_numparse=True)
        doubts = [
            f"<p><strong>In doubt:</strong> {as_html(one)}.</p>" for one in self.before.doubts
        ]
        return "\n".join([*doubts, table])

    def save(
        self,
        folder: str | pathlib.Path,
        class_names: Sequence[str] | None = None,
        resize: str = "smooth",
    ) -> None:
        """Writes model.keras, saved_model/ and results.json, each whole or not at all.

        saved_model/ is what tools/export.py writes: it takes uint8 images in [0, 255] of any size,
        whatever the classifier itself takes, and gives logits, probabilities and names.

        Args:
          folder: where to.
          class_names: of the network's outputs, in their order; None for those of the dataset.
          resize: how saved_model/ brings images to the network's size: smooth, sharp or crop.

        Raises:
          UserError: the folder cannot be written.
        """
        folder = pathlib.Path(folder)
        export.keras_file(self.model, folder / "model.keras")
        names = class_names or self.before.classes
        export.saved_model(self.logits, names, folder / "saved_model", resize)
        # Last: where it stands, the rest does.
        files.write_json(folder / "results.json", self.to_dict())

    def rows(self) -> Iterator[tuple[str, str, str, str]]:
        """Yields (measure, before, after, change)."""
        before, after, changes = self.before.measures, self.after.measures, self.changes
        for name in before:
            change = changes.get(name)
            written = "" if change is None else f"{change.value:+.2f} [{change.low:+.2f}, "
            written += "" if change is None else f"{change.high:+.2f}]"
            yield name, str(before[name]), str(after.get(name, "")), written

    def to_dict(self) -> dict[str, Any]:
        """Returns what JSON can hold."""
        return {
            "before": self.before.to_dict(),
            "after": self.after.to_dict(),
            "changes": {name: dataclasses.asdict(one) for name, one in self.changes.items()},
            "fit": self.fit.to_dict(),
            "doubts": [one.to_dict() for one in self.before.doubts],
            "seconds": round(self.seconds, 1),
        }
