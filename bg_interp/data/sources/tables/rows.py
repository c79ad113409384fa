"""Rows, one an image: what every format of annotations is turned into."""

import collections
import dataclasses
import pathlib
import unicodedata
from collections.abc import Sequence

from bg_interp.data.sources import layout
from bg_interp.data.sources.tables.drawn import Drawing
from bg_interp.errors import UserError

# Of images that are named without one.
_SUFFIXES = (".jpg", ".png", ".jpeg", ".JPG", ".JPEG", ".webp", ".tif")


@dataclasses.dataclass(frozen=True, eq=False)
class Row:
    """One image.

    Attributes:
      image: its file.
      label: its class.
      split: one of train, validation and test; "" where nothing tells.
      mask: of its object: what draws it, or a file that is written as the others are; None where
        there is none.
      place: the kind of its background; "" where nothing tells.
      key: a name that stays the same; "" for the file's, relative to the dataset's folder.
      object: names what it shows, where several images show the same; "" where nothing tells.
      scene: names where it was taken, where several images were taken there; "" likewise.
    """

    image: pathlib.Path
    label: str
    split: str = ""
    mask: Drawing | pathlib.Path | None = None
    place: str = ""
    key: str = ""
    object: str = ""
    scene: str = ""


class Notes:
    """What was found odd, counted by reason; each reason is told in one line with an example."""

    def __init__(self) -> None:
        self._examples: dict[str, list[str]] = collections.defaultdict(list)

    def add(self, reason: str, example: object) -> None:
        """Counts one more of a kind.

        Args:
          reason: a plural clause, such as "images are missing and left out".
          example: what names the one, such as its file.
        """
        self._examples[reason].append(str(example))

    def of(self, reason: str) -> list[str]:
        """Returns all examples of a reason."""
        return list(self._examples.get(reason, ()))

    @property
    def lines(self) -> tuple[str, ...]:
        """One line for each reason."""
        return tuple(
            f"{reason} ({len(some)}; the first: {some[0]})"
            for reason, some in self._examples.items()
        )


def split_of(name: str) -> str:
    """Returns train, validation or test for a split's name as people write it; "" for none."""
    return layout.split_of(name) or ""


def file_below(folder: pathlib.Path, name: str) -> pathlib.Path:
    """Returns a file that annotations name, relative to `folder`, however its name is spelled.

    Annotations come from other systems: with backslashes, with accents composed or not, without the
    suffix, and with the whole path of a machine of which only the name of the file is left.
    """
    plain = name.strip().replace("\\", "/")
    path = folder / plain
    if plain and not path.exists():
        last = plain.rpartition("/")[2]
        for other in (unicodedata.normalize(form, plain) for form in ("NFC", "NFD")):
            if (folder / other).exists():
                return folder / other
        if last and (plain.startswith("/") or plain[1:2] == ":") and (folder / last).exists():
            return folder / last
        # Numbers of images, such as 000123 or 12.5 for 12.5.jpg.
        suffixes = (path.with_name(path.name + suffix) for suffix in _SUFFIXES)
        return next((other for other in suffixes if other.is_file()), path)
    return path


def existing(rows: Sequence[Row], what: str, notes: Notes) -> list[Row]:
    """Leaves out the rows whose image is missing, and counts them.

    Raises:
      UserError: all are missing; the message names the first.
    """
    there = []
    for row in rows:
        if row.image.is_file():
            there.append(row)
        else:
            notes.add("images are missing and left out", row.image)
    if not there:
        if rows:
            first = f"none of its {len(rows)} images, the first {rows[0].image}"
            raise UserError(f"{what} must name images that are there. Received: {first}")
        reason = f": {notes.lines[0]}" if notes.lines else ""
        raise UserError(f"{what} must name images of its classes. Received: none{reason}")
    return there


def without_repeats(rows: Sequence[Row], what: str, notes: Notes) -> list[Row]:
    """Leaves out rows that name an image again, and counts them.

    Raises:
      UserError: an image has two labels, or stands in two splits.
    """
    known: dict[pathlib.Path, Row] = {}
    for row in rows:
        first = known.setdefault(row.image, row)
        if first is row:
            continue
        for name in ("label", "split"):
            one, other = getattr(first, name), getattr(row, name)
            if one != other:
                raise UserError(
                    f"{what} must name each image once. Received: {row.image} with the {name} "
                    f"{one!r}, and again with {other!r}; remove one"
                )
        notes.add("rows name an image again and are left out", row.image)
    return list(known.values())
