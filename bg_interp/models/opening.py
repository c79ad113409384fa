"""Anything -> a classifier of RGB in [0, 255] that gives logits: the one road for all of them.

A name is a candidate, images of known classes decide. What was found is said; what they cannot
decide is a doubt.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from bg_interp import pixels as conventions
from bg_interp.doubts import Doubt
from bg_interp.errors import UserError, one_line
from bg_interp.models import evidence, outputs, preprocessing, stem
from bg_interp.models.adapter import AdaptedModel, check_outputs, keras_network
from bg_interp.models.asking import as_graph, batch_of, in_inference, predict
from bg_interp.models.deciding import FAR, Decision
from bg_interp.models.functions import ArrayFunction
from bg_interp.models.loading import Classifier, load_classifier, with_output
from bg_interp.pixels import BYTES, Pixels

_FEW = 8


@dataclasses.dataclass(frozen=True, eq=False)
class Opened:
    """A classifier whose conventions are settled.

    Attributes:
      model: the classifier.
      notes: a sentence for each convention that was found and not given.
      doubts: what the images could not decide.
      name: what to call it.
      classes: how many it tells apart; a single output tells two.
    """

    model: AdaptedModel
    notes: tuple[str, ...]
    doubts: tuple[Doubt, ...]
    name: str
    classes: int


def opened(
    model: Any,
    images: np.ndarray,
    labels: np.ndarray | None,
    *,
    pixels: Pixels | Callable | None = None,
    output_kind: str | None = None,
    columns: tuple[int, ...] | None = None,
    class_names: Sequence[str] | None = None,
) -> Opened:
    """Settles what a classifier takes and gives.

    Args:
      model: anything that `loading.load_classifier` takes, or what it returned.
      images: natural ones, uint8 [N, H, W, 3].
      labels: int [N], their classes; None where they are not known.
      pixels: what it wants done to pixels; None to find out.
      output_kind: "logits", "probabilities", or None to look at some outputs.
      columns: the outputs that are the classes of `labels`; None for all.
      class_names: names of the outputs, which there must be one for each of.

    Raises:
      UserError: it cannot be asked, or what was given does not fit it.
    """
    classifier = load_classifier(model)
    least = None if class_names is None else len(class_names)
    if least is None and labels is not None:
        least = int(np.max(labels)) + 1
    classifier = with_output(classifier, least)
    notes = [] if classifier.layout.in_words is None else [f"it takes {classifier.layout.in_words}"]
    base, pixels = _before(classifier, pixels, images)
    base, dtype_note = _taking_floats(base, images)
    notes += dtype_note
    base, output = _with_key(base, images, least, output_kind, classifier.name)
    notes += [f"of its outputs, {one} is taken" for one in (classifier.output, output) if one]
    given = _candidates(classifier, base) if pixels is None else (pixels,)
    scores = _scores(base, given, _few(images), class_names)
    kind = output_kind or _kind(scores)
    for one in scores[:1]:
        outputs.check_kind(kind, one)
    if output_kind is None and not classifier.is_own:
        notes.append(f"it gives {kind}")
    base = dataclasses.replace(base, output_kind=kind, columns=columns)
    model = dataclasses.replace(base, pixels=given[0])
    settled = Opened(model, tuple(notes), (), classifier.name, max(2, scores[0].shape[1]))
    if classifier.is_own or labels is None:
        return settled
    return _decided(settled, given, images, labels, said=pixels is not None)


def _before(
    classifier: Classifier, pixels: Pixels | Callable | None, images: np.ndarray
) -> tuple[AdaptedModel, Pixels | None]:
    """Puts a caller's own function of images before a Keras network; checks the size."""
    layout = classifier.layout
    preprocessing.check_layout(layout, images, "images")
    if isinstance(pixels, Pixels) or pixels is None:
        return AdaptedModel(classifier.network, layout=layout), pixels
    if not isinstance(classifier.network, keras.Model):
        raise UserError(
            "preprocess as a function needs a Keras model; call it in your own function"
        )
    ready = preprocessing.with_function(classifier.network, pixels, images.shape[1:3])
    return AdaptedModel(ready), BYTES


def _taking_floats(model: AdaptedModel, images: np.ndarray) -> tuple[AdaptedModel, list[str]]:
    """Returns a classifier that may be given floats, whatever it takes; says where it is of bytes.

    Raises:
      UserError: it takes neither; the message is of floats.
    """
    network = model.network
    if not isinstance(network, ArrayFunction) or network.takes_bytes:
        return model, []
    try:
        network(model.to_input(images[:1]))
    except UserError as error:
        of_bytes = dataclasses.replace(model, network=network.of_bytes())
        try:
            of_bytes.network(of_bytes.to_input(images[:1]))
        except UserError:
            raise error from None
        return of_bytes, ["it takes uint8 images"]
    return model, []


def _few(images: np.ndarray) -> np.ndarray:
    """Returns so many images as a network may be asked about without a graph."""
    return images[: min(_FEW, batch_of(images.shape[1:], gradients=True))]


def _with_key(
    model: AdaptedModel, images: np.ndarray, least: int | None, kind: str | None, name: str
) -> tuple[AdaptedModel, str | None]:
    """Finds which output has the scores; returns its name as well where there are several."""
    shown = _few(images)
    try:
        raw = in_inference(model.network)(model.to_input(shown))
    except UserError:
        raise
    # It is somebody's network, which may raise anything.
    except Exception as error:
        raise UserError(
            f"--model={name} raises {type(error).__name__} for images {list(shown.shape)}: "
            f"{one_line(error)}; it may take images of another size (--image_size), or more than "
            "images: a function of images can be given as MODULE:NAME"
        ) from error
    key = outputs.key_of(raw, least, name, kind)
    several = len(dict(outputs.named_outputs(raw))) > 1
    return dataclasses.replace(model, key=key), str(key) if several else None


def _candidates(classifier: Classifier, model: AdaptedModel) -> tuple[Pixels, ...]:
    """Returns what a classifier may want of pixels, what is likeliest first."""
    takes_bytes = isinstance(model.network, ArrayFunction) and model.network.takes_bytes
    if classifier.pixels is not None:
        return classifier.pixels
    if takes_bytes or classifier.layout.is_whole:
        usual = tuple(one for one in conventions.USUAL if one.scale == (1.0, 1.0, 1.0))
        return tuple(one for one in usual if one.shift == (0.0, 0.0, 0.0))
    usual = conventions.candidates(classifier.layout.channels)
    own = conventions.application(str(getattr(classifier.network, "name", "")))
    return (own, *(one for one in usual if one != own)) if own in usual else usual


def _scores(
    model: AdaptedModel,
    given: Sequence[Pixels],
    images: np.ndarray,
    class_names: Sequence[str] | None,
) -> list[np.ndarray]:
    """Returns scores of a few images, in more than one reading only where one may mislead."""
    scores = []
    for one in given:
        scores.append(check_outputs(dataclasses.replace(model, pixels=one), images, class_names))
        # A single score may lie in 0 to 1 by chance, and a wrong reading give no numbers.
        if scores[-1].shape[1] > 1 and np.isfinite(scores[-1]).all():
            break
    return scores


def _kind(scores: Sequence[np.ndarray]) -> str:
    """Tells what a classifier gives: probabilities are such however pixels are read."""
    sound = [one for one in scores if np.isfinite(one).all()] or [scores[0]]
    probable = all(outputs.kind_of(one) == "probabilities" for one in sound)
    return outputs.KINDS[probable]


def _decided(
    settled: Opened,
    given: tuple[Pixels, ...],
    images: np.ndarray,
    labels: np.ndarray,
    said: bool,
) -> Opened:
    """Lets images of known classes decide between readings of pixels."""
    model = settled.model
    network = as_graph(model.network)

    def ask(number: int, rows: np.ndarray) -> np.ndarray:
        reading = dataclasses.replace(model, pixels=given[number], network=network)
        return predict(reading, images[rows])

    readings = evidence.gathered(ask, len(given), np.asarray(labels))
    decision = Decision.of(given, readings, _strangeness(model, given, images))
    notes = [] if said or len(given) == 1 else [decision.note()]
    doubts = decision.doubts(said or len(given) == 1)
    return dataclasses.replace(
        settled,
        model=dataclasses.replace(model, pixels=given[decision.chosen]),
        notes=(*settled.notes, *notes),
        doubts=doubts,
    )


def _strangeness(
    model: AdaptedModel, given: tuple[Pixels, ...], images: np.ndarray
) -> dict[int, float]:
    """Returns how far images in each reading are from a network's training, if it tells."""
    network = keras_network(model)
    if network is None or len(given) == 1:
        return {}
    readings = [dataclasses.replace(model, pixels=one).to_input for one in given]
    return dict(enumerate(preprocessing.strangeness(network, readings, images) or ()))


def assumed(
    classifier: Classifier,
    pixels: Pixels | Callable | None,
    images: np.ndarray | None = None,
    labels: np.ndarray | None = None,
) -> tuple[Pixels | Callable, tuple[str, ...]]:
    """Settles what a network of layers wants of pixels, as well as that can be known.

    Where images and their classes are there, they decide; else the statistics of batch
    normalisation do for images; else what the network does to pixels itself; else the application
    after which it is named, whose layers it must have.

    Args:
      classifier: holds a Keras network.
      pixels: what was said; None to find out.
      images: natural ones, uint8 [N, H, W, 3].
      labels: int [N], their classes.

    Returns:
      What it wants, and sentences about what was found, or had to be assumed.
    """
    network = classifier.network
    if pixels is not None or classifier.is_own:
        return BYTES if pixels is None else pixels, ()
    if images is not None and labels is not None:
        settled = opened(classifier, images, labels)
        return settled.model.pixels, (*settled.notes[-1:], *map(str, settled.doubts))
    inside = stem.taken(network)
    own = None if inside is not None else _of_its_name(network)
    given = _candidates(classifier, AdaptedModel(network, layout=classifier.layout))
    model = AdaptedModel(network, layout=classifier.layout)
    strange = {} if images is None else _strangeness(model, given, images)
    expected = inside or own or BYTES
    usual = given.index(expected) if expected in given else 0
    nearest = min(strange, key=lambda number: strange[number], default=usual)
    if strange and strange[usual] - strange[nearest] > FAR:
        return given[nearest], (
            f"it takes pixels in {given[nearest].name}, by its batch normalisation",
        )
    if own is not None:
        return own, (
            f"it takes pixels in {own.name}, as the network of keras.applications whose "
            "name and layers it has",
        )
    if inside not in (None, BYTES):
        return given[usual], (f"it takes pixels in {given[usual].name}, by its first layers",)
    if strange or inside is not None:
        return given[usual], ()
    return given[usual], (
        f"it is taken to expect pixels in {given[usual].name}; set --preprocess if that is wrong",
    )


def _of_its_name(network: Any) -> Pixels | None:
    """Returns what the application takes after which a network is named, which rescales nothing."""
    name, layers = str(network.name), [layer.name for layer in getattr(network, "layers", [])]
    own = conventions.application(name)
    # An application that takes bytes rescales them itself, unless somebody asked it not to.
    if own in (None, BYTES) or not conventions.is_application(name, layers):
        return None
    return own


def of_bytes(
    classifier: Classifier, pixels: Pixels | Callable, size: Sequence[int] | None = None
) -> keras.Model:
    """Returns a Keras network of RGB in [0, 255] that gives what the classifier's network gives.

    Args:
      classifier: holds a Keras network.
      pixels: what it wants of pixels.
      size: rows and columns of the images, where it leaves them open.

    Raises:
      UserError: a size that is missing, or a function that cannot be part of a network.
    """
    if isinstance(pixels, Pixels):
        return preprocessing.with_pixels(classifier.network, pixels, classifier.layout, size)
    return preprocessing.with_function(classifier.network, pixels, size)
