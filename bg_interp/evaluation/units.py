"""Which images belong together, so that they are no news of each other: objects and scenes.

Images of one object, of one place, of one scene, and near-duplicates are right or wrong together.
Intervals that took them for independent would be too narrow, and folds that divided them would let
a classifier know a test image by its twin.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class Units:
    """Which of N images belong together.

    Attributes:
      objects: int [N], the object that each shows; None where each shows another.
      scenes: int [N], the place or scene that each was taken in; None where each has another.
      counts: how many objects and scenes were told, and how many images are different ones where
        near-duplicates were found.
    """

    objects: np.ndarray | None = None
    scenes: np.ndarray | None = None
    counts: Mapping[str, int] = dataclasses.field(default_factory=dict)

    def take(self, rows: np.ndarray) -> "Units":
        """Returns those of the images at `rows` (positions, or a bool array), and counts them."""
        chosen = {
            name: one[rows]
            for name, one in (("objects", self.objects), ("scenes", self.scenes))
            if one is not None
        }
        counts = {name: len(np.unique(one)) for name, one in chosen.items()}
        return Units(**chosen, counts=counts)

    def of(self, behind: np.ndarray) -> tuple[np.ndarray, ...]:
        """Returns what composites of objects on other images' backgrounds belong to.

        Args:
          behind: int [N], the image that gives each one's background.
        """
        scenes = None if self.scenes is None else self.scenes[behind]
        known = [one for one in (self.objects, scenes) if one is not None]
        if len(known) == 2 and np.array_equal(known[0], known[1]):
            known = known[:1]
        return tuple(known)

    def with_duplicates(self, duplicates: np.ndarray) -> "Units":
        """Returns units that also hold near-duplicates together.

        Args:
          duplicates: int [N], equal for near-duplicates.
        """
        different = len(np.unique(duplicates))
        if different == len(duplicates):
            return self
        objects, scenes = (joined(one, duplicates) for one in (self.objects, self.scenes))
        return Units(objects, scenes, {**self.counts, "different images": different})


NO_UNITS = Units()


def joined(first: np.ndarray | None, second: np.ndarray) -> np.ndarray:
    """Returns which images belong together by one of two kinds of units, or by a chain of them.

    Args:
      first: int [N]; None for no such kind.
      second: int [N].

    Returns:
      int [N].
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    if first is None:
        return np.unique(second, return_inverse=True)[1]
    _, one = np.unique(first, return_inverse=True)
    _, two = np.unique(second, return_inverse=True)
    size = one.max() + two.max() + 2
    links = coo_matrix((np.ones(len(one)), (one, two + one.max() + 1)), (size, size))
    return connected_components(links, directed=False)[1][one]
