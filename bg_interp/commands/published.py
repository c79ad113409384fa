"""The variants of images that a benchmark publishes, measured beside those that are made here."""

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

from bg_interp.config.data import DataConfig
from bg_interp.data.opening import open_in_memory
from bg_interp.data.sources import Source
from bg_interp.evaluation.arrays import compiled, predict
from bg_interp.evaluation.estimate import Estimate
from bg_interp.models.adapter import AdaptedModel

# ImageNet-9's names of variants, and what they are called here; "" for what is not made here.
_OURS = {
    "mixed_same": "mixed_same",
    "mixed_rand": "mixed_random",
    "mixed_next": "mixed_next",
    "only_fg": "foreground_only",
    "no_fg": "no_foreground",
    "only_bg_t": "background_only",
    "only_bg_b": "",
}


class Published(NamedTuple):
    """Accuracy on one published variant.

    Attributes:
      name: of the variant.
      ours: what it is called here; "" where it is not made.
      accuracy: on the published images.
    """

    name: str
    ours: str
    accuracy: Estimate

    def beside(self, measures: Mapping[str, Estimate]) -> str:
        """Says in one line what the published images give, and those that are made here."""
        made = f", made here {measures[self.ours]}" if self.ours in measures else ""
        return f"{self.name}: published {self.accuracy}{made}"

    def to_dict(self) -> dict[str, Any]:
        """Returns what JSON can hold."""
        return {"ours": self.ours, "accuracy": dataclasses.asdict(self.accuracy)}


def measure_published(
    model: AdaptedModel, source: Source, config: DataConfig
) -> tuple[Published, ...]:
    """Measures the accuracy on each published variant of a dataset; () where it has none.

    Args:
      model: the classifier.
      source: its splits `test_VARIANT` are the published images.
      config: size of the images, and how they come to it.
    """
    graph, found = compiled(model), []
    plain = dataclasses.replace(config, masks="none")
    for name, ours in _OURS.items():
        if f"test_{name}" in source.splits:
            arrays = open_in_memory(source, f"test_{name}", plain).arrays
            right = predict(graph, arrays["image"]).argmax(axis=1) == arrays["label"]
            found.append(Published(name, ours, Estimate.of_share(right)))
    return tuple(found)
