"""A wrong call from Python gets one line about its arguments; a tool says the same of its flags."""

import ast
import re

import keras
import numpy as np
import pytest
import source_tree
import tensorflow as tf

import bg_interp as bg
from bg_interp.errors import of_arguments

DRAWS = np.random.default_rng(0)
IMAGES = DRAWS.integers(0, 256, (12, 16, 16, 3)).astype(np.uint8)
LABELS = np.arange(12) % 3
MASKS = np.zeros((12, 16, 16), bool)
MASKS[:, 4:12, 4:12] = True
DATA = tf.data.Dataset.from_tensor_slices((IMAGES, LABELS, MASKS))
RAGGED = [IMAGES[0], IMAGES[0][:8]]


def network(size=16, units=3, activation=None):
    return keras.Sequential(
        [
            keras.Input((size, size, 3)),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(units, activation=activation),
        ]
    )


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.inner = keras.layers.Dense(3)

    def call(self, images):
        return self.inner(keras.ops.mean(images, (1, 2)))


NETWORK = network()


def evaluate(model=NETWORK, images=IMAGES, labels=LABELS, masks=MASKS, **how):
    return bg.evaluate(model, images, labels, masks, **how)


def repair(model=NETWORK, images=IMAGES, labels=LABELS, masks=MASKS, **how):
    return bg.repair(model, images, labels, masks, **how)


def leak(images=IMAGES, labels=LABELS, masks=MASKS, **how):
    return bg.leak(images, labels, masks, **how)


def treated(data=DATA, background="black", **how):
    return data.apply(bg.Treatment(background, **how))


def fit(callback, model=NETWORK):
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(IMAGES / 255.0, LABELS, verbose=0, callbacks=[callback])


WRONG = {
    "images without colours": (evaluate, {"images": IMAGES[..., 0]}, "images must be RGB"),
    "a path of images": (evaluate, {"images": "photos"}, "images must be an array.*'photos'"),
    "images of unlike shapes": (evaluate, {"images": RAGGED}, "images must be one array"),
    "a dataset": (evaluate, {"images": DATA}, "Received: _TensorSliceDataset"),
    "preprocessed images": (evaluate, {"images": IMAGES / 127.5 - 1}, "before a model's"),
    "images of another size": (evaluate, {"model": network(8)}, r"the model's size, \[8, 8\]"),
    "no masks": (evaluate, {"masks": None}, "masks must be an array.*Received: None"),
    "masks of another size": (evaluate, {"masks": MASKS[:, :8]}, r"images' size, \[16, 16\]"),
    "label maps": (evaluate, {"masks": MASKS + 2 * np.ones_like(MASKS, int)}, "side by side"),
    "fewer masks": (evaluate, {"masks": MASKS[:3]}, "images=12, masks=3"),
    "no labels": (evaluate, {"labels": None}, "labels must be an array"),
    "labels that are names": (evaluate, {"labels": ["a"] * 12}, "labels must be class numbers"),
    "too few names": (
        evaluate,
        {"class_names": ["a"]},
        "class_names must name .* 1 names",
    ),
    "names in one text": (evaluate, {"class_names": "cat"}, "class_names must name.*'cat'"),
    "no such file": (evaluate, {"model": "nowhere.keras"}, "does not exist: nowhere.keras"),
    "no such module": (evaluate, {"model": "nowhere:scores"}, "model=nowhere:scores cannot be"),
    "a function that raises": (evaluate, {"model": lambda x: 1 / 0}, "raises ZeroDivisionError"),
    "a function of few": (evaluate, {"model": lambda x: np.ones((1, 3))}, "must give scores"),
    "a sigmoid as logits": (
        evaluate,
        {"model": network(units=1, activation="sigmoid"), "output_kind": "logits"},
        "give output_kind='probabilities'",
    ),
    "another range": (evaluate, {"input_range": "0:1"}, r"such as \(0, 1\)"),
    "a range upside down": (evaluate, {"input_range": (1, 0)}, r"Received: \(1, 0\)"),
    "an unknown preprocessing": (evaluate, {"preprocess": "imagnet"}, "preprocess must be"),
    "NumPy's preprocessing": (evaluate, {"preprocess": np.asarray}, "preprocess must be of"),
    "backgrounds": (evaluate, {"backgrounds": -1}, "backgrounds must be a whole number, 0 or"),
    "seed": (evaluate, {"seed": -1}, "seed must be a whole number"),
    "leak of names": (leak, {"labels": ["a"] * 12}, "labels must be class numbers"),
    "leak of masks of another size": (leak, {"masks": MASKS[:, :8]}, "images' size"),
    "leak of few images": (leak, {}, "at least 5 images each"),
    "an unknown segmenter": (lambda: bg.segment(IMAGES, "objct"), {}, "did you mean 'object'"),
    "masks of one image": (lambda: bg.segment(IMAGES[0]), {}, r"\[N, height, width, 3\]"),
    "an unknown treatment": (treated, {"background": "blakc"}, "did you mean 'black'"),
    "a share": (treated, {"background": "mix", "mix_fraction": "half"}, "mix_fraction must be"),
    "a colour": (treated, {"background": "mean", "mean_colour": 3}, "mean_colour must be RGB"),
    "treated arrays": (lambda: bg.Treatment()((IMAGES, LABELS)), {}, r"data\.apply"),
    "a pair": (treated, {"data": DATA.map(lambda i, n, m: (i, n))}, "Received: tuple of 2"),
    "treated masks of another size": (
        treated,
        {"data": DATA.map(lambda i, n, m: (i, n, m[:8]))},
        "images' size",
    ),
    "treated after preprocessing": (
        treated,
        {"data": DATA.map(lambda i, n, m: (tf.cast(i, tf.float32) / 127.5 - 1, n, m))},
        "treat them before",
    ),
    "single images to swap": (treated, {"background": "swap"}, "batch the data before"),
    "no model": (lambda: bg.class_images(None), {}, "model must be a Keras model.*NoneType"),
    "a function to look into": (lambda: bg.class_images(np.mean), {}, "must be a Keras model"),
    "no such class": (lambda: bg.class_images(NETWORK, "cat"), {}, "Received: 'cat'"),
    "a class beyond": (lambda: bg.class_images(NETWORK, 9), {}, "from 0 to 2. Received: 9"),
    "no classes": (lambda: bg.class_images(NETWORK, []), {}, "one class or more"),
    "an unknown preset": (lambda: bg.class_images(NETWORK, preset=3), {}, "preset must be one"),
    "samples": (lambda: bg.class_images(NETWORK, samples=0), {}, "samples must be"),
    "a start": (lambda: bg.class_images(NETWORK, start="gray"), {}, "start must be mean, black"),
    "an open size": (lambda: bg.class_images(Subclassed()), {}, "give image_size"),
    "a size": (lambda: bg.class_images(NETWORK, image_size=9), {}, "image_size must be of the"),
    "data of another size": (
        lambda: bg.class_images(NETWORK, data=IMAGES[:, :8, :8]),
        {},
        "data must be of the model's size",
    ),
    "labels of nothing": (lambda: bg.class_images(NETWORK, labels=LABELS), {}, "give data"),
    "pixels for scores": (
        lambda: bg.class_images(keras.Sequential([keras.Input((9, 9, 3)), keras.layers.ReLU()])),
        {},
        "one score for each class",
    ),
    "nothing to repair": (repair, {"model": np.mean}, "must be a Keras model"),
    "a subclassed model": (repair, {"model": Subclassed()}, "last layer that is dense"),
    "copies": (repair, {"copies": 0}, "copies must be a whole number, 1 or more"),
    "a test of two": (repair, {"test": (IMAGES, LABELS)}, "test must be a tuple of images"),
    "repair of another size": (repair, {"model": network(8)}, "images must be of the model's"),
    "an epoch": (lambda: bg.callbacks.ClassImages("logs", every="2"), {}, "every must be"),
    "a callback's start": (
        lambda: bg.callbacks.ClassImages("logs", start="gray"),
        {},
        "start must be mean, black or grey",
    ),
    "a typing error": (
        lambda: bg.callbacks.ClassImages("logs", class_name=["a"]),
        {},
        "did you mean 'class_names'",
    ),
    "a callback's masks": (
        lambda: bg.callbacks.BackgroundReliance(IMAGES, LABELS, MASKS[:, :8]),
        {},
        "images' size",
    ),
    "a callback's names": (
        lambda: fit(bg.callbacks.ClassImages("logs", class_names=["a"])),
        {},
        "class_names must name",
    ),
    "a callback's labels": (
        lambda: fit(bg.callbacks.BackgroundReliance(IMAGES, LABELS + 7, MASKS)),
        {},
        "labels must be whole numbers from 0 to 2",
    ),
    "a callback of a subclassed model": (
        lambda: fit(bg.callbacks.ClassImages("logs"), Subclassed()),
        {},
        "give image_size",
    ),
}


@pytest.mark.parametrize("mistake", WRONG)
def test_a_mistake_is_one_line_about_arguments(mistake, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    call, given, said = WRONG[mistake]
    with pytest.raises(bg.UserError) as raised:
        call(**given)
    text = str(raised.value)
    assert re.search(said, text), text
    assert not re.search(r"\n|--[a-z]|tools/|bg-interp-", text), text


@pytest.mark.parametrize(
    ("said", "from_python"),
    [
        ("--output_kind=logits is no ...", "output_kind='logits' is no ..."),
        ("--a or --b; try --c=d.", "a or b; try c='d'."),
        ("--weights=/a/b.h5 and --input_range=0:1", "weights=/a/b.h5 and input_range=0:1"),
        ("run `python tool.py --x`, or --x", "run `python tool.py --x`, or x"),
        ("Received: '--x' of a/--y and a--b", "Received: '--x' of a/--y and a--b"),
    ],
)
def test_one_text_speaks_of_flags_and_of_arguments(said, from_python, monkeypatch):
    assert of_arguments(said) == from_python
    assert str(bg.UserError(said)) == from_python
    monkeypatch.setattr(bg.UserError, "speaks_of_flags", True)
    assert str(bg.UserError(said)) == said


# What only programs of tools/ come to, or what only they make.
_OF_TOOLS = ("config/", "people/", "study/", "data/mask_choice.py", "storage/workdir.py")


def test_no_other_message_names_a_tool_but_in_a_command():
    for path in source_tree.source_files("bg_interp"):
        place = path.relative_to(source_tree.ROOT / "bg_interp").as_posix()
        if place.startswith(_OF_TOOLS):
            continue
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "UserError":
                text = "".join(
                    part.value
                    for part in ast.walk(node)
                    if isinstance(part, ast.Constant) and isinstance(part.value, str)
                )
                assert "tools/" not in re.sub("`[^`]*`", "", text), f"{place}:{node.lineno}"
