"""Which reading of pixels a classifier is opened in, why, and what that leaves open."""

import dataclasses

from bg_interp.doubts import Doubt
from bg_interp.models import evidence
from bg_interp.pixels import Pixels

# Statistics of the first batch normalisation tell readings apart that are so far from each other.
FAR = 2.0
# Those that answers do not tell apart, by less: half a deviation.
_NEAR = 0.5


@dataclasses.dataclass(frozen=True, eq=False)
class Decision:
    """A reading that was chosen among several, and why.

    Attributes:
      given: all readings.
      found: the evidence for those that are left.
      chosen: the number of the one that is taken.
      by: what speaks for it: "answers", "statistics" of batch normalisation, or "habit".
      rivals: others that fit as well and answer differently.
      renumbered: the share that is right when the outputs are taken in another order, where that
        is far more; else 0.
    """

    given: tuple[Pixels, ...]
    found: dict[int, evidence.Evidence]
    chosen: int
    by: str
    rivals: tuple[int, ...]
    renumbered: float = 0.0

    @classmethod
    def of(
        cls,
        given: tuple[Pixels, ...],
        found: dict[int, evidence.Evidence],
        strange: dict[int, float],
    ) -> "Decision":
        """Chooses."""
        best = found[evidence.leading(found)]
        orders = {number: one.renumbered() for number, one in found.items()}
        number = max(orders, key=lambda number: orders[number])
        if orders[number] > best.right.mean() + 0.2:
            return cls(given, found, number, "answers", (), orders[number])
        if not best.above_chance:
            return cls(given, found, *_without_answers(found, strange), ())
        good = evidence.as_good(found)
        by = "answers"
        chosen = evidence.chosen_by_heat(found, good)
        if len(good) > 1 and strange:
            nearest = min(good, key=lambda number: strange[number])
            by = "answers" if nearest == chosen else "statistics"
            chosen = nearest
        rivals = tuple(
            number
            for number in good
            if evidence.differ(found[chosen], found[number])
            and strange.get(number, 0.0) < strange.get(chosen, 0.0) + _NEAR
        )
        return cls(given, found, chosen, by, rivals)

    @property
    def _names(self) -> list[str]:
        return [one.name for one in self.given]

    @property
    def _counts(self) -> str:
        total = len(self.found[self.chosen].labels)
        order = {self.chosen: self.found[self.chosen], **self.found}
        return f"of {total} images it is right about {evidence.shares(order, self._names)}"

    def note(self) -> str:
        """Says in a sentence what was found."""
        why = {"answers": "", "statistics": ", by its batch normalisation"}
        verb = "is taken to expect" if self.by == "habit" else "takes"
        left = len(self.given) - len(self.found)
        others = f", and fewer in {left} others" if left else ""
        return (
            f"it {verb} pixels in {self._names[self.chosen]}{why.get(self.by, '')} "
            f"({self._counts}{others})"
        )

    def doubts(self, said: bool) -> tuple[Doubt, ...]:
        """Returns what the answers leave open.

        Args:
          said: whether the reading was given, so that only the order of classes may be wrong.
        """
        own = self.found[self.chosen]
        if self.renumbered:
            return (
                Doubt(
                    "labels",
                    f"the classifier's outputs seem to be in another order than the classes: of "
                    f"{len(own.labels)} images it is right about {own.right.sum()}, in the best "
                    f"order about {round(self.renumbered * len(own.labels))}",
                    "name its outputs in their order with --class_names, or number labels so",
                ),
            )
        if said:
            return ()
        way_out = "--preprocess says what the classifier takes"
        if not own.above_chance:
            reason = (
                f"the classifier is right no more often than by chance, however its pixels are "
                f"read ({self._counts})"
            )
            return (Doubt("preprocessing", reason, way_out),)
        if self.rivals:
            names = " and ".join(self._names[one] for one in (self.chosen, *self.rivals))
            reason = f"{names} fit the classifier as well, and it answers differently in each"
            return (Doubt("preprocessing", f"{reason} ({self._counts})", way_out),)
        return ()


def _without_answers(
    readings: dict[int, evidence.Evidence], strange: dict[int, float]
) -> tuple[int, str]:
    """Returns a reading where the answers speak for none, and what speaks for it."""
    if strange:
        usual = min(strange)
        nearest = min(readings, key=lambda number: strange[number])
        if strange[usual] - strange[nearest] > FAR:
            return nearest, "statistics"
    return min(readings), "habit"
