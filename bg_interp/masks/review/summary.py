"""What a user is told of many masks: how many there are of each verdict, and which look wrong."""

import collections
import dataclasses
from collections.abc import Mapping

from bg_interp.masks import quality
from bg_interp.masks.shards import Entry


@dataclasses.dataclass(frozen=True)
class Summary:
    """The verdicts on many masks.

    Attributes:
      counts: how many masks have each verdict of `quality.VERDICTS`.
      bad: one line for each bad mask, the least certain first.
    """

    counts: dict[str, int]
    bad: list[str]

    @property
    def share_bad(self) -> float:
        """The share of the masks that are bad, from 0 to 1."""
        return len(self.bad) / max(1, sum(self.counts.values()))


def summarise(entries: Mapping[str, Entry]) -> Summary:
    """Sums up the verdicts on masks, given by their images' keys."""
    counts = dict.fromkeys(quality.VERDICTS, 0)
    for entry in entries.values():
        counts[entry.quality.verdict] += 1
    bad = [key for key, entry in entries.items() if entry.quality.verdict in quality.BAD]
    bad.sort(key=lambda key: (entries[key].quality.self_iou, key))
    return Summary(counts, [_line(key, entries[key]) for key in bad])


def least_certain_classes(
    entries: Mapping[str, Entry], class_of: Mapping[str, str], count: int = 3
) -> list[tuple[str, float]]:
    """Returns the classes of the lowest mean self-IoU with it, the lowest first.

    Masks fail by class, thin things before others, and a treatment that fails for one class
    alone tells the network which class it is.

    Args:
      entries: the masks by their images' keys.
      class_of: the name of each key's class.
      count: how many classes to return at most.
    """
    by_class = collections.defaultdict(list)
    for key, entry in entries.items():
        by_class[class_of[key]].append(entry.quality.self_iou)
    means = [(name, sum(values) / len(values)) for name, values in by_class.items()]
    return sorted(means, key=lambda pair: (pair[1], pair[0]))[:count]


def _line(key: str, entry: Entry) -> str:
    known = entry.quality
    line = f"{known.verdict}: {key} (self-IoU {known.self_iou:.2f}, area {known.area:.2f})"
    return f"{line} {entry.problem}".rstrip()
