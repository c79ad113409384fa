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
from bg_interp.models import deciding, outputs, preprocessing
from bg_interp.models.adapter import AdaptedModel, check_outputs, keras_network
from bg_interp.models.asking import as_graph, batch_of, in_inference, predict
from bg_interp.models.functions import ArrayFunction
from bg_interp.models.loading import Classifier, load_classifier, with_output
from bg_interp.pixels import BYTES, Pixels

_FEW = 8
# Statistics of the first batch normalisation tell readings apart that are so far from each other.
_FAR = 2.0
# Those that answers do not tell apart, by less: half a deviation.
_NEAR = 0.5


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
    found = load_classifier(model)
    least = None if class_names is None else len(class_names)
    if least is None and labels is not None:
        least = int(np.max(labels)) + 1
    found = with_output(found, least)
    notes = [] if found.layout.in_words is None else [f"it takes {found.layout.in_words}"]
    base, pixels = _before(found, pixels, images)
    base, dtype_note = _taking_floats(base, images)
    notes += dtype_note
    base, output = _with_key(base, images, least, output_kind, found.name)
    notes += [f"of its outputs, {one} is taken" for one in (found.output, output) if one]
    given = _candidates(found, base) if pixels is None else (pixels,)
    scores = _scores(base, given, _few(images), class_names)
    kind = output_kind or _kind(scores)
    for one in scores[:1]:
        outputs.check_kind(kind, one)
    if output_kind is None and not found.is_own:
        notes.append(f"it gives {kind}")
    base = dataclasses.replace(base, output_kind=kind, columns=columns)
    model = dataclasses.replace(base, pixels=given[0])
    settled = Opened(model, tuple(notes), (), found.name, max(2, scores[0].shape[1]))
    if found.is_own or labels is None:
        return settled
    return _decided(settled, given, images, labels, said=pixels is not None)


def _before(
    found: Classifier, pixels: Pixels | Callable | None, images: np.ndarray
) -> tuple[AdaptedModel, Pixels | None]:
    """Puts a caller's own function of images before a Keras network; checks the size."""
    layout = found.layout
    preprocessing.check_layout(layout, images, "images")
    if isinstance(pixels, Pixels) or pixels is None:
        return AdaptedModel(found.network, layout=layout), pixels
    if not isinstance(found.network, keras.Model):
        raise UserError(
            "preprocess as a function needs a Keras model; call it in your own function"
        )
    ready = preprocessing.with_function(found.network, pixels, images.shape[1:3])
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


def _candidates(found: Classifier, model: AdaptedModel) -> tuple[Pixels, ...]:
    """Returns what a classifier may want of pixels, what is likeliest first."""
    takes_bytes = isinstance(model.network, ArrayFunction) and model.network.takes_bytes
    if found.pixels is not None:
        return found.pixels
    if takes_bytes or found.layout.is_whole:
        usual = tuple(one for one in conventions.USUAL if one.scale == (1.0, 1.0, 1.0))
        return tuple(one for one in usual if one.shift == (0.0, 0.0, 0.0))
    usual = conventions.candidates(found.layout.channels)
    own = conventions.application(str(getattr(found.network, "name", "")))
    return (own, *(one for one in usual if one != own)) if own in usual else usual


def _scores(
    model: AdaptedModel,
    given: Sequence[Pixels],
    images: np.ndarray,
    class_names: Sequence[str] | None,
) -> list[np.ndarray]:
    """Returns scores of a few images, in more than one reading only where one may mislead."""
    found = []
    for one in given:
        found.append(check_outputs(dataclasses.replace(model, pixels=one), images, class_names))
        # A single score may lie in 0 to 1 by chance, and a wrong reading give no numbers.
        if found[-1].shape[1] > 1 and np.isfinite(found[-1]).all():
            break
    return found


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

    found = deciding.gathered(ask, len(given), np.asarray(labels))
    decision = Decision.of(given, found, _strangeness(model, given, images))
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
    found: dict[int, deciding.Evidence]
    chosen: int
    by: str
    rivals: tuple[int, ...]
    renumbered: float = 0.0

    @classmethod
    def of(
        cls,
        given: tuple[Pixels, ...],
        found: dict[int, deciding.Evidence],
        strange: dict[int, float],
    ) -> "Decision":
        """Chooses."""
        best = found[deciding.leading(found)]
        orders = {number: one.renumbered() for number, one in found.items()}
        number = max(orders, key=lambda number: orders[number])
        if orders[number] > best.right.mean() + 0.2:
            return cls(given, found, number, "answers", (), orders[number])
        if not best.above_chance:
            return cls(given, found, *_without_answers(found, strange), ())
        good = deciding.as_good(found)
        by = "answers"
        chosen = deciding.chosen_by_heat(found, good)
        if len(good) > 1 and strange:
            nearest = min(good, key=lambda number: strange[number])
            by = "answers" if nearest == chosen else "statistics"
            chosen = nearest
        rivals = tuple(
            number
            for number in good
            if deciding.differ(found[chosen], found[number])
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
        return f"of {total} images it is right about {deciding.shares(order, self._names)}"

    def note(self) -> str:
        """Says in a sentence what was found."""
        why = {"answers": "", "statistics": ", by its batch normalisation"}
        verb = "is taken to want" if self.by == "habit" else "takes"
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
    found: dict[int, deciding.Evidence], strange: dict[int, float]
) -> tuple[int, str]:
    """Returns a reading where the answers speak for none, and what speaks for it."""
    if strange:
        usual = min(strange)
        nearest = min(found, key=lambda number: strange[number])
        if strange[usual] - strange[nearest] > _FAR:
            return nearest, "statistics"
    return min(found), "habit"


def assumed(
    classifier: Classifier,
    pixels: Pixels | Callable | None,
    images: np.ndarray | None = None,
    labels: np.ndarray | None = None,
) -> tuple[Pixels | Callable, tuple[str, ...]]:
    """Settles what a network of layers wants of pixels, as well as that can be known.

    Where images and their classes are there, they decide; else the statistics of batch
    normalisation do for images; else the application after which a network is named, whose layers
    it must have.

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
        found = opened(classifier, images, labels)
        return found.model.pixels, (*found.notes[-1:], *map(str, found.doubts))
    name = str(network.name)
    layers = [layer.name for layer in getattr(network, "layers", [])]
    own = conventions.application(name)
    if own is not None and not conventions.is_application(name, layers):
        own = None
    given = _candidates(classifier, AdaptedModel(network, layout=classifier.layout))
    model = AdaptedModel(network, layout=classifier.layout)
    strange = {} if images is None else _strangeness(model, given, images)
    usual = given.index(own or BYTES) if (own or BYTES) in given else 0
    nearest = min(strange, key=lambda number: strange[number], default=usual)
    if strange and strange[usual] - strange[nearest] > _FAR:
        return given[nearest], (
            f"it takes pixels in {given[nearest].name}, by its batch normalisation",
        )
    if own is not None:
        return own, (
            f"it takes pixels in {own.name}, as the network of keras.applications whose "
            "name and layers it has",
        )
    if strange or _says_itself(network):
        return given[usual], ()
    return given[usual], (
        f"it is taken to want pixels in {given[usual].name}; --preprocess says otherwise",
    )


def _says_itself(network: Any) -> bool:
    """Tells whether a network rescales pixels itself, so that it takes bytes."""
    scaling = keras.layers.Rescaling | keras.layers.Normalization
    return any(isinstance(layer, scaling) for layer in getattr(network, "layers", [])[:6])


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
