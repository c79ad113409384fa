"""What a classifier gives: scores [B, K], alone or among other outputs, of one kind or another."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from bg_interp.errors import UserError, one_line

KINDS = ("logits", "probabilities")
# Outputs of these names are taken before any others; `tools/export.py` writes both.
_KNOWN = ("logits", "probabilities")
WAY_OUT = (
    "a function of images that returns one of them can be given instead: as MODULE:NAME, or in "
    "Python as it is"
)


def named_outputs(raw: Any) -> Iterator[tuple[Any, Any]]:
    """Yields (key, values) of what a classifier returned; a single output has the key None."""
    if isinstance(raw, Mapping):
        yield from raw.items()
    elif isinstance(raw, list | tuple):
        yield from enumerate(raw)
    else:
        yield None, raw


def scores_of(raw: Any, key: Any) -> Any:
    """Returns the scores [B, K] among what a classifier returned.

    Args:
      raw: an array or tensor, or a dict, list or tuple of such.
      key: as `key_of` found it.
    """
    values = raw if key is None else raw[key]
    # Networks of convolutions alone give [B, 1, 1, K] or [B, K, 1, 1].
    shape = getattr(values, "shape", None)
    if shape is not None and len(shape) > 2:
        long = [axis for axis in range(1, len(shape)) if shape[axis] != 1]
        if len(long) <= 1:
            count = shape[long[0]] if long else 1
            return keras.ops.reshape(values, (-1, count))
    return values


def key_of(raw: Any, classes: int | None, what: str, kind: str | None = None) -> Any:
    """Finds which output has a score for each class.

    Args:
      raw: what a classifier returned for a few images.
      classes: how many there are at least, where that is known.
      what: names the classifier in messages.
      kind: "logits" or "probabilities", where a certain one of several is wanted.

    Raises:
      UserError: none of several has, or more than one.
    """
    outputs = dict(named_outputs(raw))
    if len(outputs) == 1:
        return next(iter(outputs))
    widths = {key: width for key, values in outputs.items() if (width := _width(values))}
    for name in (kind,) if kind else _KNOWN:
        if name in widths:
            return name
    exact = [key for key, width in widths.items() if width == classes]
    wide = [key for key, width in widths.items() if classes is None or _holds(width, classes)]
    for fitting in (wide, exact):
        if len(fitting) == 1:
            return fitting[0]
    listed = ", ".join(f"{key}: {_shape(values)}" for key, values in outputs.items())
    raise UserError(
        "--model must have one output of shape [batch, classes], or one named "
        f"{kind or 'logits'}. Received: {what} with {listed}; {WAY_OUT}"
    )


def _holds(width: int, classes: int) -> bool:
    return width >= classes or (width == 1 and classes <= 2)


def _width(values: Any) -> int | None:
    """Returns K of scores [B, K], or of [B, 1, 1, K]; None for anything else."""
    shape, dtype = getattr(values, "shape", ()), str(getattr(values, "dtype", ""))
    long = [size for size in shape[1:] if size != 1]
    if "float" not in dtype or len(shape) < 2 or len(long) > 1:
        return None
    return int(long[0]) if long and long[0] is not None else 1


def _shape(values: Any) -> list:
    return list(getattr(values, "shape", ()))


def check_scores(raw: Any, count: int) -> np.ndarray:
    """Checks that a classifier gave scores.

    Args:
      raw: what it gave.
      count: of images that it was asked about.

    Returns:
      The scores, float32 [B, K].

    Raises:
      UserError: it gave something else.
    """
    try:
        scores = np.asarray(raw, np.float32)
    except (TypeError, ValueError) as error:
        raise UserError(
            f"--model must give scores [images, classes]. Received: {one_line(error)}"
        ) from error
    if scores.ndim != 2 or len(scores) != count:
        raise UserError(
            "--model must give scores [images, classes]. "
            f"Received: {list(scores.shape)} for {count} images"
        )
    return scores


def kind_of(scores: np.ndarray) -> str:
    """Tells what kind scores [B, K] are: rows in 0 to 1 that add up to 1 are probabilities.

    A single output in 0 to 1 is one as well.
    """
    within = bool((scores > -1e-3).all() and (scores < 1.001).all())
    single = scores.shape[-1] == 1
    likely = within and (single or np.allclose(scores.sum(axis=-1), 1.0, atol=1e-2))
    return KINDS[bool(likely)]


def check_kind(kind: str, scores: np.ndarray) -> str | None:
    """Looks at some scores to see whether they are of the kind that was said.

    Args:
      kind: "logits" or "probabilities".
      scores: what a classifier gives for a few images, float32 [B, K].

    Returns:
      A note when logits look like probabilities: they are no mistake for accuracy, but their
      gradients vanish. Otherwise None.

    Raises:
      UserError: what is said to be probabilities leaves [0, 1], or a single output that is said to
        be a logit never does.
    """
    if kind not in KINDS:
        raise UserError(f"output_kind must be one of {', '.join(KINDS)}. Received: {kind!r}")
    within = bool((scores > -1e-3).all() and (scores < 1.001).all())
    if kind == "probabilities" and not within:
        raise UserError(
            "--output_kind=probabilities needs outputs from 0 to 1. Received: "
            f"{scores.min():.3g} to {scores.max():.3g}; try --output_kind=logits"
        )
    if kind == "logits" and within and scores.shape[-1] == 1:
        raise UserError(
            "a single output from 0 to 1 looks like a sigmoid's, and as a logit it would always "
            "mean the second class; give --output_kind=probabilities"
        )
    if kind == "logits" and kind_of(scores) == "probabilities":
        return (
            "note: the outputs look like probabilities; with --output_kind=probabilities "
            "attribution explains their logarithm, whose gradient does not vanish"
        )
    return None


def check_names(names: Sequence[str], classes: int) -> None:
    """Checks that there is a name for each of a model's classes.

    Raises:
      UserError: there is not, or they are no list of names.
    """
    check_listed(names)
    if len(names) != classes:
        raise UserError(
            f"--class_names must name the model's {classes} classes in their order. "
            f"Received: {len(names)} names"
        )


def check_listed(names: Any) -> None:
    """Checks that names of classes are a list of names.

    Raises:
      UserError: they are none.
    """
    if not isinstance(names, Iterable) or isinstance(names, str):
        raise UserError(
            "--class_names must name the model's classes in their order, in a list. "
            f"Received: {names!r}"
        )
