"""Files that were damaged on the disk: named in one line, made again, or the one before is used.

A case cuts a file at a place drawn from a seed, or flips one bit of it. BG_INTERP_DAMAGE sets how
many cases each kind of file gets.
"""

import functools
import os
import pathlib
import random
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf

from bg_interp import cli
from bg_interp.config.training import ArmConfig
from bg_interp.data.sources.habitats.builder import HabitatsConfig, prepared
from bg_interp.errors import UserError
from bg_interp.evaluation.judges.networks import TrainedNetwork
from bg_interp.evaluation.judges.shape import TrainedShapeJudge
from bg_interp.evaluation.judges.training import JUDGES, load_judge
from bg_interp.masks import shards
from bg_interp.masks.quality import Quality
from bg_interp.models import loading
from bg_interp.storage import files, records
from bg_interp.storage.files import write_sealed
from bg_interp.storage.workdir import Workdir
from bg_interp.study import measuring
from bg_interp.training.checkpoints import Checkpoints, State
from bg_interp.visualization import statistics

pytestmark = pytest.mark.usefixtures("speaking_of_flags")

CASES = int(os.environ.get("BG_INTERP_DAMAGE", "12"))
TINY = HabitatsConfig(image_size=16, train_per_class=2, test_per_class=1)


def damages(path: pathlib.Path, cases: int = CASES):
    """Damages a file in one way after the other; it is whole again in the end."""
    content = path.read_bytes()
    generator = random.Random(path.name)
    for case in range(cases):
        place = generator.randrange(len(content))
        broken = bytearray(content)
        if case % 2:
            broken[place] ^= 1 << generator.randrange(8)
        path.write_bytes(broken if case % 2 else broken[:place])
        yield "bit flipped" if case % 2 else "truncated"
    path.write_bytes(content)


@pytest.fixture
def note(ledger):
    """Counts a case; a test that fails ends before it counts."""

    def count(damage: str, file: str) -> None:
        ledger.count(f"{file} {damage}", "files")

    return count


def refused(call, *words: str) -> bool:
    """Tells whether `call` ends in one line with all `words`; other errors are raised."""
    try:
        call()
    except UserError as error:
        assert "\n" not in str(error)
        assert all(word in str(error) for word in words), error
        return True
    return False


@pytest.fixture
def run_folder(trained_workdir, tmp_path):
    """A copy of a finished run, to be damaged."""
    return pathlib.Path(shutil.copytree(trained_workdir, tmp_path / "run"))


@pytest.mark.parametrize("kind", ["*.tfrecord-*", "dataset_info.json", "features.json"])
def test_habitats(tmp_path, note, kind):
    prepared(TINY, tmp_path)
    path = next(tmp_path.rglob(kind))
    read = prepared(TINY, tmp_path).info.splits
    for damage in damages(path, CASES if "record" in kind else 6):
        named = refused(lambda: prepared(TINY, tmp_path), str(path.parent), "delete")
        # A bit of a description may be flipped without harm; not one of the examples.
        assert named or "record" not in kind
        if not named:
            assert {n: s.num_examples for n, s in prepared(TINY, tmp_path).info.splits.items()} == {
                n: s.num_examples for n, s in read.items()
            }
        note(damage, path.suffix.split("-")[0].removeprefix("."))


def test_labels_of_a_damaged_data_set_name_its_file(tmp_path):
    from bg_interp.data.sources import tfds_source

    source = tfds_source.from_builder(prepared(TINY, tmp_path), "habitats")
    path = next(tmp_path.rglob("*train.tfrecord*"))
    content = bytearray(path.read_bytes())
    content[40] ^= 1
    path.write_bytes(content)
    split = source.splits["train"]
    assert refused(lambda: split.labels, str(path), "damaged")
    assert refused(lambda: list(split.images()), str(path), "damaged")
    with pytest.raises(tf.errors.DataLossError) as raised:
        list(tf.data.Dataset.range(len(split)).map(split.load))
    assert "prepare the dataset again" in cli._from_graph(raised.value)


def named(index, number):
    with records.damage_named(index.paths):
        return index.read(tf.constant(number, tf.int64)).numpy()


def test_examples_are_never_read_with_a_flipped_bit(tmp_path, note):
    path = tmp_path / "data.tfrecord"
    payloads = [bytes([number] * 20 * (number + 1)) for number in range(5)]
    with tf.io.TFRecordWriter(str(path)) as writer:
        for payload in payloads:
            writer.write(payload)
    index = records.index([path])
    for damage in damages(path, 4 * CASES):
        for number, payload in enumerate(payloads):
            read = functools.partial(named, index, number)
            assert refused(read, str(path), "prepare it again") or read() == payload
        note(damage, "tfrecord read by position")


def test_ascent_statistics(run_folder, note):
    path = run_folder / "ascent.npz"
    before = vars(statistics.load(path))
    for damage in damages(path):
        if not refused(lambda: statistics.load(path), str(path), "train again"):
            after = vars(statistics.load(path))
            assert all(np.array_equal(before[name], after[name]) for name in before)
        note(damage, "ascent.npz")


def test_model_file(run_folder, note):
    path = run_folder / "model.keras"
    before = [w.tobytes() for w in loading.load_network(path).network.get_weights()]
    for damage in damages(path):
        if not refused(lambda: loading.load_network(run_folder), str(path)):
            model = loading.load_network(run_folder).network
            assert [w.tobytes() for w in model.get_weights()] == before
        note(damage, "model.keras")


def test_configuration_of_a_run(run_folder, note):
    path = run_folder / "config.json"
    before = Workdir(run_folder).read_config()
    for damage in damages(path, 4 * CASES):
        if not refused(lambda: loading.load_network(run_folder), str(path), "--overwrite"):
            # A flipped bit in the name of the checksum, or a cut after the last bracket.
            assert Workdir(run_folder).read_config().items() >= before.items()
        note(damage, "config.json")


@pytest.mark.parametrize(
    "text", ['{"config": 3}', "[]", "null", '{"config": {}, "class_names": 4}']
)
def test_a_configuration_of_another_form(run_folder, text):
    (run_folder / "config.json").write_text(text)
    assert refused(lambda: loading.load_network(run_folder), "config.json")


def test_checkpoints(tmp_path, note, capsys):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4)])
    optimizer = keras.optimizers.SGD()
    optimizer.build(model.trainable_variables)
    kept = Checkpoints(tmp_path, model, optimizer)
    for step in (2, 4):
        model.set_weights([np.full(w.shape, step, np.float32) for w in model.get_weights()])
        kept.save(State(step, [{"step": step}], []))
    path = tmp_path / "step-00000004.npz"
    for damage in damages(path, 4 * CASES):
        state = kept.restore()
        assert state.step in (2, 4)
        assert all((w == state.step).all() for w in model.get_weights())
        assert state.step == 4 or str(path) in capsys.readouterr().err
        note(damage, "checkpoint")


def test_measures_and_class_images_are_made_again(tmp_path, note):
    config = ArmConfig(workdir=str(tmp_path))
    workdir = Workdir(tmp_path)
    images = np.random.default_rng(0).integers(0, 255, (2, 8, 8, 3), np.uint8)
    np.savez_compressed(workdir.class_images, own=images)
    files.write_sealed(workdir.measures, {"classes": ["a", "b"]})
    assert measuring.read(config) == {"classes": ["a", "b"]}
    for damage in damages(workdir.class_images, 4 * CASES):
        if measuring.read(config) is not None:
            assert np.array_equal(measuring.read_images(config).get("own", images), images)
        note(damage, "class_images.npz")
    for damage in damages(workdir.measures):
        assert (measuring.read(config) or {"classes": ["a", "b"]})["classes"] == ["a", "b"]
        note(damage, "measures.json")
    files.write_sealed(workdir.result, {"accuracies": {"own": 0.75}, "seconds": 3.5})
    for damage in damages(workdir.result):
        assert (workdir.read_result() or {"accuracies": {"own": 0.75}})["accuracies"]["own"] == 0.75
        note(damage, "result.json")


def test_judges_are_trained_again(tmp_path, note, capsys):
    """The network stands for a trained one: what counts is what becomes of the files."""
    network = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    shape = TrainedShapeJudge(np.ones((3, 2), np.float32), np.ones(2, np.float32))
    for judge, learnt in ((JUDGES[0], TrainedNetwork(network)), (JUDGES[3], shape)):
        path = tmp_path / f"{judge.name}{judge.suffix}"
        learnt.save(path)
        write_sealed(path.with_suffix(".json"), {"black": 0.5})
        assert load_judge(judge, path)[1] == {"black": 0.5}
        for file in (path, path.with_suffix(".json")):
            for damage in damages(file, 6):
                found = load_judge(judge, path)
                assert found is None or found[1] == {"black": 0.5}
                assert found is not None or f"{path} is damaged" in capsys.readouterr().out
                if found is not None and judge.name == "shape":
                    assert np.array_equal(found[0].weights, shape.weights)
                note(damage, "judge")


def test_mask_shards_and_their_indexes(tmp_path, note):
    masks = [shards.Mask(f"a/{n}.png", bytes(40), Quality(0.5, 0.9, "ok")) for n in range(3)]
    before = shards.write(tmp_path, masks)
    index = tmp_path / "masks-00000.json"
    for path in (index, tmp_path / "masks-00000.tfrecord"):
        for damage in damages(path, 4 * CASES):
            assert shards.damage(index) or shards.read_index(index) == before
            note(damage, f"mask {path.suffix.removeprefix('.')}")


@pytest.mark.parametrize("what", ["removed", "overwritten"])
def test_an_image_that_changes_while_a_tool_runs_is_named(tmp_path, own_cache, shape_folder, what):
    from bg_interp.data.examples import OnDisk, in_memory
    from bg_interp.data.sources.folder import open_folder

    split = open_folder(pathlib.Path(shutil.copytree(shape_folder.images, tmp_path / "images")))
    split = split.splits["train"]
    path = tmp_path / "images" / split.keys[3]
    path.unlink()
    if what == "overwritten":
        path.write_bytes(b"no image")
    # TensorFlow hands on what was raised inside a graph as text; tools make a line of it.
    with pytest.raises(Exception, match="can no longer be read") as raised:
        in_memory(OnDisk(split, None, 32, np.arange(len(split))), "images")
    line = cli._from_graph(raised.value)
    assert line.startswith(repr(str(path)))
    assert line.endswith("--overwrite")


@pytest.mark.parametrize("text", ["", "[]", '{"disc/00.png": 3}', '{"disc/00.png": [null]}'])
def test_a_damaged_memory_of_a_folder_is_made_again(tmp_path, own_cache, shape_folder, text):
    from bg_interp.data.sources.folder import open_folder

    fingerprint = open_folder(shape_folder.images).fingerprint
    (memory,) = (own_cache / "folders").iterdir()
    memory.write_text(text)
    assert open_folder(shape_folder.images).fingerprint == fingerprint
    assert len(files.read_sealed(memory)) == 20
