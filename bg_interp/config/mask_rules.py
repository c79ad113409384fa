"""What somebody says of masks: whether black is the object, and which values are.

--mask_values=1:20            labels 1 to 20; of a palette, its numbers
--mask_values=15,38           these two
--mask_values=#800000,#ff0000 these colours
"""

import dataclasses
import re
from collections.abc import Sequence
from typing import Any

from bg_interp.errors import UserError

_NUMBERS = re.compile(r"(\d+)(?::(\d+))?")
_COLOUR = re.compile(r"#([0-9a-fA-F]{6})")
Colour = tuple[int, int, int]


@dataclasses.dataclass(frozen=True)
class MaskValues:
    """The values of a mask that are object; all others are background.

    Attributes:
      ranges: first and last number of each range.
      colours: RGB in 0 to 255.
    """

    ranges: tuple[tuple[int, int], ...] = ()
    colours: tuple[Colour, ...] = ()


@dataclasses.dataclass(frozen=True)
class MaskRules:
    """How masks are to be understood where somebody says so.

    Attributes:
      invert: True where black is the object; False says that white is, however odd it looks; None
        leaves it to the masks.
      values: those that are object; None leaves it to the masks.
    """

    invert: bool | None = None
    values: MaskValues | None = None

    @classmethod
    def of(cls, invert: bool | None = None, values: Any = None) -> "MaskRules":
        """Reads the settings `invert_masks` and `mask_values`; see `mask_values`.

        Raises:
          UserError: values that are none.
        """
        if not isinstance(invert, bool | None):
            raise UserError(f"--invert_masks must be true, false or left out. Received: {invert!r}")
        return cls(invert, None if values is None else mask_values(values))


def mask_values(given: Any) -> MaskValues:
    """Reads which values of masks are object.

    Args:
      given: text such as "1:20", "15,38" or "#800000"; a number; an RGB triple; or a list of such.

    Raises:
      UserError: it is none of these.
    """
    parts = given.split(",") if isinstance(given, str) else given
    parts = [parts] if _is_number(parts) or _is_colour(parts) else parts
    if not isinstance(parts, Sequence) or not len(parts):
        raise _refused(given)
    ranges: list[tuple[int, int]] = []
    colours: list[Colour] = []
    for part in parts:
        if _is_number(part):
            ranges.append((int(part), int(part)))
        elif _is_colour(part):
            red, green, blue = (int(one) for one in part)
            colours.append((red, green, blue))
        elif isinstance(part, str) and (found := _COLOUR.fullmatch(part.strip())):
            red, green, blue = bytes.fromhex(found[1])
            colours.append((red, green, blue))
        elif isinstance(part, str) and (found := _NUMBERS.fullmatch(part.strip())):
            ranges.append((int(found[1]), int(found[2] or found[1])))
        else:
            raise _refused(given)
    return MaskValues(tuple(ranges), tuple(colours))


def _is_number(value: Any) -> bool:
    return not isinstance(value, bool | str) and hasattr(value, "__index__") and int(value) >= 0


def _is_colour(value: Any) -> bool:
    """Tells a tuple of three numbers; a list of three is a list of labels."""
    return (
        isinstance(value, tuple)
        and len(value) == 3
        and all(_is_number(one) and int(one) <= 255 for one in value)
    )


def _refused(given: Any) -> UserError:
    return UserError(
        "--mask_values must be labels, ranges of labels or colours, such as 1:20, 15,38 or "
        f"#800000. Received: {given!r}"
    )
