"""A repair of one classifier: its last layer retrained, measured before and after.

`tools/repair.py` is its command line; `commands.arrays.repair` repairs from Python.
"""

import contextlib
import dataclasses
import functools
import pathlib
import sys
import time
from collections.abc import Callable, Iterator, Sequence

import keras
import numpy as np

from bg_interp.commands import subject, visualize
from bg_interp.commands.class_images import MOST_CLASS_IMAGES, Maker
from bg_interp.config.ascent import AscentSettings
from bg_interp.config.evaluation import check_names, class_names
from bg_interp.config.repair import NO_FLAGS, RepairConfig
from bg_interp.data.opening import open_in_memory
from bg_interp.errors import UserError
from bg_interp.evaluation.arrays import Arrays, compiled, predict, usable_rows
from bg_interp.evaluation.measuring import measure
from bg_interp.evaluation.reliance.variants import VARIANTS, Variants
from bg_interp.evaluation.result import Evaluation
from bg_interp.models.adapter import AdaptedModel, match_classes
from bg_interp.models.loading import load_classifier
from bg_interp.models.preprocessing import with_preprocessing
from bg_interp.report import page
from bg_interp.report import repair as report
from bg_interp.retraining.fitting import check_classes, fit
from bg_interp.retraining.head import Head, find_head, in_order, logits_of_bytes
from bg_interp.retraining.kept import Kept, digest
from bg_interp.retraining.result import Repair
from bg_interp.retraining.sample import make_sample
from bg_interp.storage import files, locks


@dataclasses.dataclass(frozen=True, eq=False)
class Images:
    """Labelled images with masks, and what stands behind their objects.

    Attributes:
      arrays: the images; those whose masks are unusable are left out where it matters.
      places: int [N], each image's kind of background; None where nothing tells.
      place_names: of the kinds.
    """

    arrays: Arrays
    places: np.ndarray | None = None
    place_names: Sequence[str] = ()

    def usable(self) -> tuple[Arrays, np.ndarray]:
        """Returns the images with usable masks, and each one's kind of background, int [M]."""
        rows = usable_rows(self.arrays)
        kinds = self.arrays.labels if self.places is None else self.places
        return self.arrays.take(rows), kinds[rows]


@dataclasses.dataclass(frozen=True, eq=False)
class Mending:
    """One classifier, and how it is to be repaired.

    Attributes:
      head: its last layer.
      features: RGB in [0, 255] to what the last layer sees.
      adapted: a network of the classifier's conventions, as one that measures can ask.
      columns: the network's class for each of the data set's; None for the same order.
      names: of the data set's classes.
      copies: how many random backgrounds each object is pasted before.
      original_weight: how much an image as it is counts beside one copy.
      seed: keys all that is random.
      kept: what an earlier run of the same repair has worked out.
      facts: what results.json shall hold.
    """

    head: Head
    features: keras.Model
    adapted: Callable[[keras.Model], AdaptedModel]
    columns: Sequence[int] | None
    names: Sequence[str]
    copies: int
    original_weight: float
    seed: int
    kept: Kept = dataclasses.field(default_factory=Kept)
    facts: dict[str, str] = dataclasses.field(default_factory=dict)

    def __call__(self, train: Images, test: Images) -> Repair:
        """Repairs, and measures before and after.

        Raises:
          UserError: images or masks cannot be used.
        """
        started = time.monotonic()
        arrays, kinds = train.usable()
        check_classes(arrays.labels, self.head.classes)
        sample = make_sample(
            self.features,
            arrays,
            kinds,
            copies=self.copies,
            original_weight=self.original_weight,
            seed=self.seed,
            kept=self.kept,
        )
        found = fit(sample, self.seed, self.kept)
        kernel, bias = in_order(found.kernel, found.bias, self.columns)
        network, seconds = self.head.replaced(kernel, bias), time.monotonic() - started
        print("measuring before and after", file=sys.stderr)
        side = arrays.images.shape[1]
        return Repair(
            model=network,
            logits=logits_of_bytes(self.features, kernel, bias, side),
            before=self._measured(self.head.model, test),
            after=self._measured(network, test),
            fit=found,
            seconds=seconds,
        )

    def _measured(self, network: keras.Model, test: Images) -> Evaluation:
        model, (usable, _) = self.adapted(network), test.usable()
        graph, identity = compiled(model), digest(network, model.input_range, model.output_kind)
        logits, variants = {}, Variants(usable, self.seed)
        for name in VARIANTS:
            images = variants.make(name)
            asked = functools.partial(predict, graph, images)
            logits[name] = self.kept(digest(identity, self.columns, images), asked)
        return measure(
            model,
            test.arrays,
            self.names,
            places=test.places,
            place_names=test.place_names,
            backgrounds=0,
            seed=self.seed,
            facts=self.facts,
            logits=logits,
        )


def run(config: RepairConfig) -> Repair:
    """Repairs one classifier and writes model.keras, saved_model/, results.json and report.html.

    What a killed run has worked out stands in the output folder, and is used again.

    Raises:
      UserError: model, data or masks cannot be used, or the last layer is no dense layer.
    """
    check_names(config)
    opened = load_classifier(config.model or "")
    head = find_head(opened.network)
    given, settled = config, subject.settled(config, opened.image_size)
    source = subject.open_images(settled)
    names = list(source.class_names)
    known = class_names(config) or opened.class_names
    columns = None if known is None else match_classes(known, names)
    model, settled, tested, _ = subject.open_test(
        AdaptedModel(opened.network, columns=columns), source, settled, known or names
    )
    images = {}
    for split, examples in (
        ("train", open_in_memory(source, "train", settled)),
        ("test", tested),
    ):
        places = subject.places_of(source, split, examples.positions)
        images[split] = Images(Arrays.of(examples.arrays), places, source.place_names)
    folder, size = output_folder(config), images["train"].arrays.images.shape[1:3]
    with _alone_in(folder):
        mend = Mending(
            head,
            with_preprocessing(head.features(), None, model.input_range, size),
            lambda network: dataclasses.replace(model, network=network),
            columns,
            names,
            config.copies,
            config.original_weight,
            config.seed,
            Kept(folder / "progress"),
            {
                "model": str(config.model),
                "input_range": settled.input_range,
                "output_kind": settled.output_kind,
            },
        )
        done = mend(images["train"], images["test"])
        if config.class_images:
            how = visualize.suited_settings(str(config.model), opened.network)
            done = _with_class_images(done, mend, images["train"].arrays, how)
        _write(done, given, list(known or names), settled.resize)
        mend.kept.clear()
    return done


@contextlib.contextmanager
def _alone_in(folder: pathlib.Path) -> Iterator[None]:
    """Keeps other processes out of the output folder, whose progress they would write as well."""
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(locks.alone_in(folder))
        except locks.FolderBusy as error:
            raise UserError(
                f"{folder} is in use by {error}; wait for it, or choose another --output"
            ) from error
        except OSError as error:
            raise UserError(
                f"cannot write to --output={folder}: {error.strerror or error}; choose another"
            ) from error
        files.remove_strays(folder / "progress")
        yield


def _with_class_images(
    done: Repair, mend: Mending, train: Arrays, how: AscentSettings | None
) -> Repair:
    """Adds what the classes look like to the network with its old last layer and with the new."""
    count = min(len(mend.names), MOST_CLASS_IMAGES)
    print(f"class images of {count} classes, before and after", file=sys.stderr)
    columns = list(range(mend.head.classes)) if mend.columns is None else list(mend.columns)
    maker = Maker(done.logits, columns[:count], preprocess=None, data=train.images, preset=how)
    dense, made = done.logits.layers[-1], {}
    after = dense.get_weights()
    for name, weights in (("before", mend.head.weights()), ("after", after)):
        dense.set_weights(weights)
        made[name] = maker(seed=mend.seed).images
    return dataclasses.replace(done, class_images=made, shown=tuple(mend.names[:count]))


def _write(done: Repair, config: RepairConfig, model_classes: list[str], resize: str) -> None:
    folder = output_folder(config)
    done.save(folder, model_classes, resize)
    report.write(
        folder / "report.html",
        rows=list(done.rows()),
        evaluations=(done.before, done.after),
        class_images=done.class_images,
        shown=done.shown,
        strength=done.fit.strength,
        command=page.command("repair", page.given_flags(config, (*NO_FLAGS, "output"))),
    )


def output_folder(config: RepairConfig) -> pathlib.Path:
    """Returns the folder that a repair writes to."""
    if config.output:
        return pathlib.Path(config.output).expanduser()
    path = pathlib.Path(config.model or "").expanduser().absolute()
    return path.with_name(f"{path.stem if path.is_file() else path.name}-repaired")
