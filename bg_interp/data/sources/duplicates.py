"""Images that are the same file several times: counted twice, or known before they are asked."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from bg_interp.errors import printable

_LISTED = 100


@dataclasses.dataclass(frozen=True)
class Duplicates:
    """Groups of images with the same bytes.

    Attributes:
      groups: the keys of each, sorted; at least two.
      across: how many groups have images in several splits.
      labels: how many groups have images of several classes.
    """

    groups: tuple[tuple[str, ...], ...] = ()
    across: int = 0
    labels: int = 0

    def __bool__(self) -> bool:
        return bool(self.groups)

    def __str__(self) -> str:
        """Says how many there are in one line."""
        copies = sum(len(group) - 1 for group in self.groups)
        # Names of files may hold anything.
        first = printable(" and ".join(self.groups[0][:2]))
        said = f"{copies} images are copies of others, such as {first}"
        if self.across:
            said += f"; {self.across} stand in several splits"
        if self.labels:
            said += f"; {self.labels} under several labels"
        return said

    def to_dict(self) -> dict[str, Any]:
        """Returns what JSON can hold; of many groups the first hundred."""
        return {
            "groups": [list(group) for group in self.groups[:_LISTED]],
            "count": len(self.groups),
            "across_splits": self.across,
            "several_labels": self.labels,
        }


NONE = Duplicates()


def find(images: Mapping[str, tuple[str, str, str]]) -> Duplicates:
    """Finds images with the same bytes.

    Args:
      images: {key: (digest, split, class)}.
    """
    by_digest: dict[str, list[tuple[str, str, str]]] = {}
    for key, (digest, split, name) in images.items():
        by_digest.setdefault(digest, []).append((key, split, name))
    same = sorted(sorted(group) for group in by_digest.values() if len(group) > 1)
    return Duplicates(
        groups=tuple(tuple(key for key, _, _ in group) for group in same),
        across=sum(len({split for _, split, _ in group}) > 1 for group in same),
        labels=sum(len({name for _, _, name in group}) > 1 for group in same),
    )
