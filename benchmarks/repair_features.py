"""Features that benchmarks/repair.py fits last layers to: computed once, and kept in files.

Each function writes into a folder what it lacks: `meta.npz` (labels, places, partners), `head.npz`
(the old last layer) and an array of features [N, D] for each set of images.
"""

import dataclasses
import json
import pathlib
from collections.abc import Callable, Mapping

import cv2
import keras
import numpy as np
import tensorflow as tf

from bg_interp.commands import subject
from bg_interp.config.evaluation import EvaluateConfig
from bg_interp.data.opening import open_in_memory
from bg_interp.data.sources import Source
from bg_interp.data.sources.composites import cutouts, examples
from bg_interp.data.tiling import tile_background
from bg_interp.evaluation.arrays import Arrays, usable_rows
from bg_interp.evaluation.reliance.variants import Variants, partners
from bg_interp.models.loading import load_network
from bg_interp.repairing.head import find_head

COPIES = 8
# Of photographs, which are few: any pairs, of which those within a part of them are used.
PAIRS, INPAINTED_PAIRS = 12, 4
MIXED = ("swap", "mixed_same", "mixed_random", "mixed_next")
# Images of another data seed, which the classifier has not seen, for methods that need them.
_HELD = 5000
_BATCH = 64


class Features:
    """A folder of features of one classifier."""

    def __init__(self, folder: pathlib.Path, network: keras.Model, scale: float, offset: float):
        """Takes what brings [0, 255] into the range of the network."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        head = find_head(network)
        kernel, bias = head.weights()
        np.savez(folder / "head.npz", kernel=kernel, bias=bias)
        features = head.features()

        def asked(images: tf.Tensor) -> tf.Tensor:
            return features(images * scale + offset, training=False)

        self._asked = tf.function(asked, reduce_retracing=True)

    def keep(self, name: str, make: Callable[[], np.ndarray]) -> None:
        """Computes the features of images, unless they are there."""
        path = self.folder / f"{name}.npy"
        if path.exists():
            return
        images = make()
        parts = [
            self._asked(tf.cast(images[row : row + _BATCH], tf.float32)).numpy()
            for row in range(0, len(images), _BATCH)
        ]
        np.save(path, np.concatenate(parts).astype(np.float32))


def _inpainted(arrays: Arrays) -> np.ndarray:
    """Returns images without their objects, filled by OpenCV (Telea 2004)."""
    made = []
    for image, mask in zip(arrays.images, arrays.masks, strict=True):
        hole = cv2.dilate((mask[..., 0] > 25).astype(np.uint8), np.ones((5, 5), np.uint8))
        made.append(cv2.inpaint(image, hole, 3, cv2.INPAINT_TELEA))
    return np.stack(made)


def _tiled(arrays: Arrays) -> np.ndarray:
    rows = range(0, len(arrays.labels), _BATCH)
    parts = (arrays.take(np.arange(len(arrays.labels))[row : row + _BATCH]) for row in rows)
    return np.concatenate([tile_background(part.images, part.masks).numpy() for part in parts])


def _pasted(arrays: Arrays, backgrounds: np.ndarray) -> np.ndarray:
    opacity = arrays.masks / 255.0
    return np.round(arrays.images * opacity + backgrounds * (1 - opacity)).astype(np.uint8)


def of_arm(arm: pathlib.Path, seed: int, folder: pathlib.Path) -> None:
    """Writes the features of a run of tools/train.py on images made here."""
    if (folder / "meta.npz").exists():
        return
    opened = load_network(str(arm))
    kept = Features(folder, opened.network, 1.0, 0.0)
    config = subject.settled(EvaluateConfig(model=str(arm)), opened.image_size)
    source = subject.open_images(config)

    def opened_split(source: Source, split: str, config: EvaluateConfig) -> tuple:
        opened = open_in_memory(source, split, config)
        return Arrays.of(opened.arrays), subject.places_of(source, split, opened.positions)

    train, train_places = opened_split(source, "train", config)
    test, test_places = opened_split(source, "test", config)
    natural, natural_places = opened_split(source, "test_uncorrelated", config)
    apart = dataclasses.replace(config, data_seed=config.data_seed + _HELD)
    held, held_places = opened_split(subject.open_images(apart), "train", apart)
    of_train, of_test = Variants(train, seed), Variants(test, seed)
    kept.keep("train", lambda: train.images)
    kept.keep("train_black", lambda: of_train.make("foreground_only"))
    for copy in range(1, COPIES + 1):
        kept.keep(f"copy{copy}", lambda copy=copy: of_train.make("mixed_random", None, copy))
    for name in ("original", *MIXED):
        kept.keep(f"test_{name}", lambda name=name: of_test.make(name))
    behind = {name: partners(name, test.labels, seed) for name in MIXED}
    inpainted = _inpainted(test)
    kept.keep("test_inpainted_swap", lambda: _pasted(test, inpainted[behind["swap"]]))
    kept.keep("unc", lambda: natural.images)
    kept.keep("held", lambda: held.images)
    shown = {}
    if config.dataset == "composites":
        for name, split in (("test", "test"), ("unc", "test_uncorrelated")):
            shown[f"{name}_objects"] = _cutouts(config, split, len(source.splits[split]))
    copies = [partners("mixed_random", train.labels, seed, one + 1) for one in range(COPIES)]
    np.savez(
        folder / "meta.npz",
        train_labels=train.labels,
        train_places=train_places,
        test_labels=test.labels,
        test_places=test_places,
        unc_labels=natural.labels,
        unc_places=natural_places,
        held_labels=held.labels,
        held_places=held_places,
        behind=np.stack(copies),
        **shown,
        **{f"behind_{name}": rows for name, rows in behind.items()},
    )


def _cutouts(config: EvaluateConfig, split: str, count: int) -> np.ndarray:
    """Returns which cutout each composite shows, as `composites.examples.make_example` draws it."""
    folder = pathlib.Path(str(config.objects).partition(":")[2]).expanduser()
    by_class = cutouts.from_folder(folder).splits["test"]
    stream = examples._OBJECT_STREAMS[split]
    found = []
    for index in range(count):
        label = index % len(by_class)
        generator = examples._generator(config.data_seed, stream, index, part=1)
        found.append(1000 * label + int(generator.integers(len(by_class[label]))))
    return np.array(found)


def of_photographs(
    photographs: pathlib.Path, network: pathlib.Path, groups: pathlib.Path, folder: pathlib.Path
) -> None:
    """Writes the features of photographs of ImageNet's classes in groups, by an ImageNet network.

    Args:
      photographs: PATH/GROUP/*, whose masks tools/segment.py has made.
      network: a classifier that takes -1 to 1 and gives a score for each of ImageNet's classes,
        the first perhaps for none of them.
      groups: JSON, {group: ImageNet's class numbers}.
      folder: where to.
    """
    if (folder / "meta.npz").exists() and (folder / f"inp{INPAINTED_PAIRS - 1:02d}.npy").exists():
        return
    model = keras.models.load_model(network, compile=False)
    kept = Features(folder, model, 1 / 127.5, -1.0)
    side = model.input_shape[1]
    config = subject.settled(
        EvaluateConfig(model=str(network), dataset=f"folder:{photographs}", masks="object"), side
    )
    source = subject.open_images(config)
    splits = [Arrays.of(open_in_memory(source, name, config).arrays) for name in source.splits]
    arrays = Arrays(*(np.concatenate(parts) for parts in zip(*splits, strict=True)))
    arrays = arrays.take(usable_rows(arrays))
    count = len(arrays.labels)
    np.savez(
        folder / "meta.npz",
        labels=arrays.labels,
        columns=_columns(json.loads(groups.read_text()), source.class_names, model.output_shape[1]),
    )
    every, tiled, inpainted = np.arange(count), _tiled(arrays), _inpainted(arrays)
    kept.keep("original", lambda: arrays.images)
    kept.keep("black", lambda: _pasted(arrays, np.zeros_like(arrays.images)))
    generator = np.random.default_rng(0)
    for name, number, backgrounds in (
        ("mix", PAIRS, tiled),
        ("inp", INPAINTED_PAIRS, inpainted),
    ):
        pairs = [(every + generator.integers(1, count, count)) % count for _ in range(number)]
        np.save(folder / ("pairs.npy" if name == "mix" else "ipairs.npy"), np.stack(pairs))
        for draw, behind in enumerate(pairs):
            kept.keep(f"{name}{draw:02d}", lambda b=behind, a=backgrounds: _pasted(arrays, a[b]))


def _columns(groups: Mapping[str, list[int]], names: tuple[str, ...], outputs: int) -> np.ndarray:
    """Returns which group each output belongs to, -1 for none."""
    found = np.full(outputs, -1)
    for number, name in enumerate(names):
        found[np.array(groups[name]) + outputs - 1000] = number
    return found
