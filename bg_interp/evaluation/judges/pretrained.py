"""Judges on the features of a pretrained network: logistic regression, no training of the network.

A few dozen photographs a class are too few for a judge that learns from nothing: it knows colours,
and calls a blob of the right colour an object. The pooled features of a network that has seen many
photographs, at two of its depths, tell objects apart and blobs from objects.
"""

import dataclasses

import keras
import numpy as np
import tensorflow as tf
import tqdm
from keras import layers

from bg_interp.evaluation.arrays import Arrays, compiled, predict
from bg_interp.evaluation.judges import data
from bg_interp.evaluation.judges.judge import Judge, Material
from bg_interp.evaluation.judges.networks import FEATURES, NetworkJudge, TrainedNetwork
from bg_interp.models import networks
from bg_interp.models.adapter import for_two_classes

# Objects to learn from, each shown in ten ways. More take time and bring nothing.
_OBJECTS = 420
# Deviation of the blur of half the copies, as a share of the side. More than that, and the judge
# learns to name blobs.
_BLUR = 1 / 64
# Weak regression forgets the class images' oddities; the value is that of tries on photographs.
_INVERSE_PENALTY = 0.01


def feature_network(backbone: str, weights: str, side: int) -> keras.Model:
    """Builds float32 [B, S, S, 3] in [0, 255] -> float32 [B, D], pooled at two depths.

    Args:
      backbone: a name of keras.applications.
      weights: "imagenet", or a .keras or .h5 file of that network.
      side: of the images, in pixels.

    Raises:
      UserError: the weights are not there or do not fit.
    """
    model = networks.build(backbone, image_size=side, classes=1, weights=weights)
    maps = [layer.output for layer in model.layers if len(getattr(layer.output, "shape", ())) == 4]
    # The last map of twice the resolution knows parts, where the last one knows objects.
    finer = [found for found in maps if found.shape[1] > maps[-1].shape[1]]
    chosen = [*finer[-1:], maps[-1]]
    pooled = [layers.GlobalAveragePooling2D()(found) for found in chosen]
    return keras.Model(model.input, layers.Concatenate()(pooled))


def _in_front_of(objects: Arrays, behind: np.ndarray) -> np.ndarray:
    opacity = objects.masks.astype(np.float32) / 255
    return objects.images * opacity + behind * (1 - opacity)


def _softened(images: np.ndarray) -> np.ndarray:
    deviations = tf.fill([len(images)], _BLUR * images.shape[1])
    return data.blur(tf.constant(images, tf.float32), deviations).numpy()


def objects_in_ten_ways(material: Material, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Shows objects on black, on plain colours and on foreign backgrounds, crisp, soft and in grey.

    Returns:
      (float32 [10 N, H, W, 3] in [0, 255], int32 [10 N]).
    """
    rng = np.random.default_rng(seed)
    objects, backgrounds = material.arrays, material.backgrounds
    objects = objects.take(rng.permutation(len(objects.labels))[:_OBJECTS])
    count = len(objects.labels)

    def foreign() -> np.ndarray:
        return _in_front_of(objects, backgrounds[rng.integers(0, len(backgrounds), count)])

    shown = [
        _in_front_of(objects, np.zeros((1, 1, 1, 3))),
        _in_front_of(objects, rng.uniform(0, 255, (count, 1, 1, 3))),
        foreign(),
        foreign(),
    ]
    shown.append(_softened(shown[2]))
    shown += [np.repeat(one.mean(-1, keepdims=True), 3, -1) for one in shown]
    return np.concatenate(shown).astype(np.float32), np.tile(objects.labels, len(shown))


def backgrounds_and_none(material: Material, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Shows what the background judge learns from; see `data.draw_backgrounds`."""
    draw = data.draw_backgrounds(material.arrays, material.backgrounds, material.classes, 64)
    batches = data.batches_of(draw, 40, seed).as_numpy_iterator()
    images, labels = zip(*batches, strict=True)
    return np.concatenate(images), np.concatenate(labels)


@dataclasses.dataclass(frozen=True, kw_only=True)
class FeatureJudge(Judge):
    """Logistic regression on the features of a pretrained network.

    Attributes:
      backbone: see `feature_network`.
      weights: see `feature_network`.
      fingerprint: of the weights.
    """

    backbone: str
    weights: str
    fingerprint: str

    suffix = ".keras"
    load = NetworkJudge.load
    details = NetworkJudge.details

    def train(self, material: Material, seed: int) -> TrainedNetwork:
        """See `Judge.train`."""
        from sklearn.linear_model import LogisticRegression

        compose = backgrounds_and_none if self.of_backgrounds else objects_in_ten_ways
        images, labels = compose(material, seed + self.seed)
        encoder = feature_network(self.backbone, self.weights, images.shape[1])
        features = _encoded(encoder, images, self.words)
        mean, deviation = features.mean(axis=0), features.std(axis=0) + 1e-6
        fitted = LogisticRegression(C=_INVERSE_PENALTY, max_iter=300)
        fitted.fit((features - mean) / deviation, labels)
        return TrainedNetwork(
            _with_head(encoder, mean, deviation, fitted, self.outputs(material.classes))
        )

    def key(self) -> dict:
        """See `Judge.key`; where the weights lie changes nothing."""
        # Heads before the second were wrong for two classes.
        return {**super().key(), "weights": None, "head": 2}


def _encoded(encoder: keras.Model, images: np.ndarray, words: str) -> np.ndarray:
    encode = compiled(encoder)
    parts = range(0, len(images), 64)
    shown = tqdm.tqdm(parts, f"{words}: looking", unit="batch", leave=False)
    return np.concatenate([predict(encode, images[start : start + 64]) for start in shown])


def _with_head(
    encoder: keras.Model, mean: np.ndarray, deviation: np.ndarray, fitted, classes: int
) -> keras.Model:
    """Puts a fitted regression on an encoder, as layers that any Keras opens."""
    scaled = layers.Rescaling(
        (1 / deviation).tolist(), (-mean / deviation).tolist(), name=FEATURES
    )(encoder.output)
    head = layers.Dense(classes, name="logits")
    model = keras.Model(encoder.input, head(scaled))
    # Classes without examples are never said.
    kernel = np.zeros((len(mean), classes), np.float32)
    bias = np.full(classes, -30.0, np.float32)
    own = for_two_classes(fitted.coef_.T, fitted.intercept_)
    kernel[:, fitted.classes_], bias[fitted.classes_] = own
    head.set_weights([kernel, bias])
    return model


def pretrained_judges(
    judges: tuple[Judge, ...], backbone: str, weights: str, fingerprint: str
) -> tuple[Judge, ...]:
    """Puts judges on pretrained features in the place of those of the same question."""

    def replaced(judge: Judge) -> Judge:
        if judge.name not in ("foreground", "background"):
            return judge
        return FeatureJudge(
            name=judge.name,
            words=f"{judge.words} on features of {backbone}",
            measure=judge.measure,
            of_backgrounds=judge.of_backgrounds,
            # Features of photographs tell blobs from objects by themselves.
            declines=False,
            seed=judge.seed,
            backbone=backbone,
            weights=weights,
            fingerprint=fingerprint,
        )

    return tuple(replaced(judge) for judge in judges)
