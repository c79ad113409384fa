"""Images that stand in a dataset several times: counted twice, or known before they are asked.

The same file is found in one split, across splits and under several labels; a photograph that was
saved again, at another size or quality, is found across splits. (Within one split an audit finds it
among the images that it measures.)
"""

import dataclasses
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from bg_interp import decoding
from bg_interp.data import near_duplicates
from bg_interp.data.sources.examining import Examined
from bg_interp.data.sources.layout import TEST, TRAIN
from bg_interp.errors import printable

_LISTED = 100


@dataclasses.dataclass(frozen=True)
class Duplicates:
    """Groups of images with the same bytes.

    Attributes:
      groups: the keys of each, sorted; at least two.
      across: how many groups have images in several splits.
      labels: how many groups have images of several classes.
      near: the keys of test images and of training images that are nearly the same.
    """

    groups: tuple[tuple[str, ...], ...] = ()
    across: int = 0
    labels: int = 0
    near: tuple[tuple[str, str], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.groups or self.near)

    def __str__(self) -> str:
        """Says how many there are in one line."""
        parts = [self._copies()] if self.groups else []
        if self.near:
            first = printable(" and ".join(self.near[0]))
            parts.append(
                f"{len(self.near)} images of test are nearly the same as images of train, saved at "
                f"another size or quality, such as {first}"
            )
        return "; ".join(parts)

    def _copies(self) -> str:
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
            "near": [list(pair) for pair in self.near[:_LISTED]],
            "near_across_splits": len(self.near),
        }


NONE = Duplicates()


@dataclasses.dataclass(frozen=True)
class Image:
    """What is known of one image when its dataset is opened.

    Attributes:
      key: of the image.
      path: of its file.
      split: that it stands in.
      label: its class.
      examined: what was found when it was decoded.
    """

    key: str
    path: pathlib.Path
    split: str
    label: str
    examined: Examined


def find(images: Sequence[Image]) -> Duplicates:
    """Finds images with the same bytes, and test images that are nearly training images."""
    by_digest: dict[str, dict[str, Image]] = {}
    across: set[str] = set()
    for one in images:
        same = by_digest.setdefault(one.examined.digest, {})
        # All images may be in both splits.
        if one.key not in same and any(one.split != other.split for other in same.values()):
            across.add(one.examined.digest)
        same.setdefault(one.key, one)
    several = {digest: some for digest, some in by_digest.items() if len(some) > 1}
    groups = sorted(tuple(sorted(some)) for some in several.values())
    return Duplicates(
        groups=tuple(groups),
        across=len(across & several.keys()),
        labels=sum(len({one.label for one in some.values()}) > 1 for some in several.values()),
        near=_near(images),
    )


def _near(images: Sequence[Image]) -> tuple[tuple[str, str], ...]:
    """Returns the keys of test images and of the training images that each is nearly the same as.

    Images that nobody has divided are not looked at, since splits are none then, and the same files
    are found by their bytes.
    """
    test, train = ([one for one in images if one.split == split] for split in (TEST, TRAIN))
    if {one.key for one in test} & {one.key for one in train}:
        return ()
    known = {one.examined.digest for one in train}
    asked = [one for one in test if one.examined.digest not in known]

    def read(first: int, second: int) -> tuple[np.ndarray, np.ndarray]:
        return decoding.read(asked[first].path), decoding.read(train[second].path)

    first, second = ([one.examined.looks for one in some] for some in (asked, train))
    pairs = near_duplicates.between(first, second, read)
    return tuple((asked[first].key, train[second].key) for first, second in pairs)
