"""From the objects that are annotated in an image to the image's one class and mask."""

import collections
import dataclasses
import pathlib
from collections.abc import Iterable, Sequence

from bg_interp.data.sources.tables.drawn import Drawing, Union
from bg_interp.data.sources.tables.rows import Notes, Row
from bg_interp.errors import UserError, nearest


@dataclasses.dataclass(frozen=True, eq=False)
class Thing:
    """One annotated object.

    Attributes:
      label: its class.
      area: in any unit that all objects of the image share.
      mask: None where it has no outline.
      alone: whether it is one object, and no crowd of them.
    """

    label: str
    area: float
    mask: Drawing | None
    alone: bool = True


def row_of(
    image: pathlib.Path, things: Sequence[Thing], notes: Notes, split: str = "", key: str = ""
) -> Row | None:
    """Returns the row of an image: its largest object's class, and all objects of that class.

    A background with another object of the class in it would be none, so the mask holds them all.

    Args:
      image: its file.
      things: its objects, of the classes asked for.
      notes: counts images without an object, with several classes, and without an outline.
      split: of the image.
      key: see `Row`.
    """
    if not things:
        notes.add("images show no object of the classes and are left out", image)
        return None
    largest = max(things, key=lambda thing: (thing.alone, thing.area))
    same = [thing for thing in things if thing.label == largest.label]
    if len(same) < len(things):
        notes.add("images show several classes, and count for that of the largest object", image)
    masks = tuple(thing.mask for thing in same if thing.mask is not None)
    if len(masks) < len(same):
        notes.add("images have objects without an outline, which no mask holds", image)
    mask = masks[0] if len(masks) == 1 else Union(masks) if masks else None
    return Row(image, largest.label, split, mask, key=key)


def wanted(names: Iterable[str], only: str | None, what: str) -> tuple[str, ...]:
    """Returns the classes that are asked for, in the order of `names`.

    Args:
      names: all classes of the annotations.
      only: `--only_classes`, names with commas between; None for all.
      what: names the annotations in messages.

    Raises:
      UserError: a class that is not there.
    """
    known = tuple(dict.fromkeys(names))
    if only is None:
        return known
    chosen = [name.strip() for name in only.split(",") if name.strip()]
    for name in chosen:
        if name not in known:
            raise UserError(
                f"--only_classes must name classes of {what}: {_shown(known)}. Received: {name!r}"
                f"{nearest(name, known)}"
            )
    return tuple(name for name in known if name in chosen)


def _shown(names: Sequence[str], most: int = 12) -> str:
    more = f", ... ({len(names)})" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def by_image(pairs: Iterable[tuple[object, Thing]]) -> dict[object, list[Thing]]:
    """Gathers the objects of each image."""
    found: dict[object, list[Thing]] = collections.defaultdict(list)
    for image, thing in pairs:
        found[image].append(thing)
    return found
