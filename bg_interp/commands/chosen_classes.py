"""Which classes class images are made of, and under which names they are shown."""

import contextlib
import sys
from collections.abc import Iterable, Sequence

import keras
import numpy as np

from bg_interp.errors import UserError, nearest
from bg_interp.models import preprocessing
from bg_interp.models.outputs import check_names
from bg_interp.storage import files

# More classes are no picture any more, and take minutes to hours: they must be asked for.
MOST_CLASS_IMAGES = 16
ALL = "all"

Classes = Sequence[str | int] | str | int | None


def class_names(units: int, given: Sequence[str] | None, model: keras.Model) -> list[str]:
    """Returns the names of a model's outputs.

    Args:
      units: how many there are.
      given: their names, where somebody has said them.
      model: a network of keras.applications has ImageNet's, where Keras has fetched them before.

    Raises:
      UserError: another number of names is given.
    """
    if given is not None:
        check_names(given, units)
        return [str(name) for name in given]
    if units == 1000 and preprocessing.application_of(model) is not None:
        cached = files.keras_models() / "imagenet_class_index.json"
        if cached.is_file():
            # A download that was broken off is no reason to stop: classes have numbers as well.
            with contextlib.suppress(ValueError, LookupError, TypeError):
                index = files.parsed(cached.read_bytes())
                return [str(index[str(number)][1]) for number in range(units)]
    return [str(number) for number in range(units)]


def _known(names: Sequence[str]) -> str:
    numbered = list(names) == [str(number) for number in range(len(names))]
    if not numbered or len(names) != 1000:
        return "class_names"
    return (
        "class_names (ImageNet's, once Keras has fetched them: "
        "keras.applications.imagenet_utils.decode_predictions(numpy.zeros((1, 1000))))"
    )


def class_units(classes: Classes, names: Sequence[str]) -> list[int]:
    """Returns the numbers of the classes to show.

    Args:
      classes: names or numbers; "all"; None for all, of which no more than `MOST_CLASS_IMAGES`.
      names: of all outputs.

    Raises:
      UserError: there is no such class.
    """
    if classes is None:
        if len(names) > MOST_CLASS_IMAGES:
            print(
                f"class images of the first {MOST_CLASS_IMAGES} of {len(names)} classes; name "
                f'others, or ask for "{ALL}"',
                file=sys.stderr,
            )
        return list(range(min(len(names), MOST_CLASS_IMAGES)))
    if classes == ALL and ALL not in names:
        return list(range(len(names)))
    if not isinstance(classes, Iterable) or isinstance(classes, str):
        classes = [classes]
    units = [_unit(one, names) for one in classes]
    if not units:
        raise UserError("classes must name one class or more, or be None for all. Received: none")
    return units


def _unit(one: str | int, names: Sequence[str]) -> int:
    if isinstance(one, str):
        if one not in names:
            raise UserError(
                f"classes must name some of {_known(names)}, or number them. "
                f"Received: {one!r}{nearest(one, names)}"
            )
        return list(names).index(one)
    if isinstance(one, int | np.integer) and 0 <= one < len(names):
        return int(one)
    raise UserError(
        f"classes must be names, or numbers from 0 to {len(names) - 1}. Received: {one!r}"
    )
