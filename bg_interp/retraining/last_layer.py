"""Retraining the last layer on composites (Kirichenko et al. 2023, arXiv 2204.02937).

A network that relies on backgrounds has often learnt objects as well, and only weighs them less.
Logistic regression on its features, of the training images and of copies of them before random
backgrounds, weighs them anew; the layers below are left as they are. How strongly it is held back
is chosen by cross-validation on kinds of background that the fit has not seen.
"""

import dataclasses
import warnings
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tqdm

from bg_interp.errors import UserError
from bg_interp.evaluation.arrays import Arrays, compiled, predict
from bg_interp.evaluation.reliance.variants import make_variant, partners
from bg_interp.models.adapter import AdaptedModel

# Smaller values hold the weights back more (scikit-learn's C).
CANDIDATES = (1e-4, 1e-3, 1e-2, 1e-1)
_FOLDS = 2
# Rows that the choice among candidates looks at.
_ENOUGH = 2400


@dataclasses.dataclass(frozen=True)
class Fit:
    """A last layer that was fitted.

    Attributes:
      kernel: float32 [D, K].
      bias: float32 [K].
      strength: the candidate that was chosen.
      unseen: {candidate: accuracy on composites with backgrounds of kinds that it had not seen}.
    """

    kernel: np.ndarray
    bias: np.ndarray
    strength: float
    unseen: dict[float, float]


def last_dense(network: keras.Model) -> keras.layers.Dense:
    """Returns the dense layer that gives the scores of classes.

    Raises:
      UserError: the network does not end with one.
    """
    layers = list(network.layers)
    while layers and isinstance(layers[-1], keras.layers.Activation | keras.layers.Softmax):
        layers.pop()
    last = layers[-1] if layers else None
    if not isinstance(last, keras.layers.Dense) or not last.use_bias or last.units < 2:
        raise UserError(
            "repair needs a network whose last layer is dense, with a bias and one output for each "
            f"class. Received: {type(last).__name__}"
        )
    return last


def features_of(network: keras.Model) -> keras.Model:
    """Returns the network up to what its last dense layer sees."""
    return keras.Model(network.inputs, last_dense(network).input)


def fit(
    model: AdaptedModel,
    train: Arrays,
    *,
    kinds: np.ndarray | None = None,
    copies: int = 2,
    original_weight: float = 2.0,
    seed: int = 0,
) -> Fit:
    """Fits a new last layer.

    Args:
      model: the classifier; its network is a Keras model.
      train: the training images, masks usable.
      kinds: int [N], each image's kind of background; None for its class.
      copies: how many random backgrounds each object is pasted before.
      original_weight: how much an image as it is counts beside one composite.
      seed: keys the backgrounds.

    Raises:
      UserError: the network does not end with a dense layer, or a class has too few images.
    """
    _check_classes(train.labels, last_dense(model.network).units)
    kinds = train.labels if kinds is None else kinds
    adapted = dataclasses.replace(model, network=features_of(model.network), columns=None)

    # Features are no scores: they are taken as they are.
    def raw(images: Any) -> Any:
        return adapted.network(adapted.to_input(images))

    graph, parts, behind = compiled(raw), [], []
    for copy in tqdm.tqdm(range(copies + 1), desc="features", unit="copy", leave=False):
        variant = "mixed_random" if copy else "original"
        images = make_variant(variant, train, seed, draw=copy)
        parts.append(predict(graph, images).reshape(len(images), -1))
        chosen = partners(variant, train.labels, seed, copy) if copy else slice(None)
        behind.append(kinds[chosen])
    features, labels = np.concatenate(parts), np.tile(train.labels, copies + 1)
    weights = np.repeat([original_weight] + [1.0] * copies, len(train.labels))
    mean, deviation = features.mean(axis=0), features.std(axis=0) + 1e-6
    scaled = ((features - mean) / deviation).astype(np.float32)
    is_copy = np.repeat(np.arange(copies + 1) > 0, len(train.labels))
    unseen = _unseen(scaled, labels, weights, np.concatenate(behind), is_copy, seed)
    strength = max(unseen, key=lambda one: (unseen[one], -one))
    fitted = _regression(strength, scaled, labels, weights)
    kernel = (fitted.coef_ / deviation).T
    bias = fitted.intercept_ - (fitted.coef_ * mean / deviation).sum(axis=1)
    if len(bias) == 1:
        # Of two classes scikit-learn gives the score of the second one alone.
        kernel, bias = np.pad(kernel, [(0, 0), (1, 0)]), np.pad(bias, (1, 0))
    return Fit(kernel.astype(np.float32), bias.astype(np.float32), strength, unseen)


def _check_classes(labels: np.ndarray, classes: int) -> None:
    counts = np.bincount(labels, minlength=classes)
    if len(counts) > classes or counts.min() < 2:
        raise UserError(
            f"repair needs images of each of the network's {classes} classes, at least two with "
            f"usable masks. Received: {counts.tolist()} images by class"
        )


def _regression(
    strength: float, features: np.ndarray, labels: np.ndarray, weights: np.ndarray
) -> Any:
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings():
        # The last digit of a weight decides nothing; so many steps are enough.
        warnings.simplefilter("ignore")
        return LogisticRegression(C=strength, max_iter=100).fit(features, labels, weights)


def _unseen(
    features: np.ndarray,
    labels: np.ndarray,
    weights: np.ndarray,
    kinds: np.ndarray,
    is_copy: np.ndarray,
    seed: int,
) -> dict[float, float]:
    """Returns the accuracy of each candidate on composites with kinds of background left out."""
    generator = np.random.default_rng([seed, 7])
    some = generator.permutation(len(labels))[:_ENOUGH]
    fold_of = dict(enumerate(generator.permutation(int(kinds.max()) + 1) % _FOLDS))
    folds = np.array([fold_of[int(kind)] for kind in kinds[some]])
    right: dict[float, list[float]] = {one: [] for one in CANDIDATES}
    bar = tqdm.tqdm(total=len(CANDIDATES) * _FOLDS, desc="choosing", unit="fit", leave=False)
    with bar:
        for fold in range(_FOLDS):
            seen, tested = some[folds != fold], some[(folds == fold) & is_copy[some]]
            for strength in CANDIDATES:
                if len(np.unique(labels[seen])) > 1 and len(tested):
                    found = _regression(strength, features[seen], labels[seen], weights[seen])
                    right[strength] += (found.predict(features[tested]) == labels[tested]).tolist()
                bar.update()
    return {one: float(np.mean(said)) if said else 0.0 for one, said in right.items()}


def repaired(network: keras.Model, found: Fit, columns: Sequence[int] | None) -> keras.Model:
    """Returns a copy of a network with a new last layer.

    Args:
      network: the network; it is left as it is.
      found: the new layer, in the order of the data set's classes.
      columns: the network's output for each of these classes; None for the same order.
    """
    copy = keras.models.clone_model(network)
    copy.set_weights(network.get_weights())
    layer = last_dense(copy)
    order = list(range(layer.units)) if columns is None else list(columns)
    kernel, bias = (np.array(part) for part in layer.get_weights())
    kernel[:, order], bias[order] = found.kernel, found.bias
    layer.set_weights([kernel, bias])
    return copy
