"""Opens damaged copies of a model one after the other; `test_fuzz_models` runs it.

A process of its own, since a library that reads such a file may end the process: then the last
case that was begun is the one. What it finds stands on standard output, a JSON line a case that
was opened or refused badly; on standard error, the case that is tried.

    model_program.py KIND FOLDER CASES SEED
"""

import faulthandler
import json
import pathlib
import random
import shutil
import sys

import numpy as np
from damaging import damaged
from spoiling import spoil_archive

SIDE = 8
_LONGEST_SECONDS = 300


def made(kind: str, folder: pathlib.Path) -> pathlib.Path:
    """Writes a whole model of a kind; returns its file, or the folder of a SavedModel."""
    import keras

    image = keras.Input((SIDE, SIDE, 3))
    flat = keras.layers.Flatten()(keras.layers.Conv2D(2, 3)(image))
    model = keras.Model(image, keras.layers.Dense(3)(flat))
    path = folder / {"saved_model": "saved"}.get(kind, f"model.{kind}")
    if kind == "saved_model":
        model.export(path, verbose=False)
    elif kind == "onnx":
        _write_onnx(path)
    elif kind == "tflite":
        import tensorflow as tf

        path.write_bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())
    else:
        model.save(path)
    return path


def _write_onnx(path: pathlib.Path) -> None:
    import onnx
    from onnx import helper, numpy_helper

    float_ = onnx.TensorProto.FLOAT
    weights = numpy_helper.from_array(np.ones((3 * SIDE * SIDE, 3), np.float32), "w")
    nodes = [
        helper.make_node("Flatten", ["image"], ["flat"]),
        helper.make_node("MatMul", ["flat", "w"], ["scores"]),
    ]
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("image", float_, ["N", 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("scores", float_, ["N", 3])],
        [weights],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, path)


def spoil(path: pathlib.Path, chance: random.Random) -> None:
    """Damages a model: any of its bytes, or those of one file in an archive that is whole."""
    if path.is_dir():
        one = chance.choice(sorted(p for p in path.rglob("*") if p.is_file()))
        one.write_bytes(damaged(one.read_bytes(), chance))
        return
    if path.suffix == ".keras":
        spoil_archive(path, chance)
    else:
        path.write_bytes(damaged(path.read_bytes(), chance))


def tried(path: pathlib.Path) -> tuple[str, str]:
    """Opens a model; returns "opened", "refused" or what is wrong with the refusal."""
    from bg_interp.errors import UserError
    from bg_interp.models.loading import load_classifier

    try:
        load_classifier(path)
        return "opened", ""
    except UserError as error:
        said = str(error)
        return ("refused", "") if "\n" not in said and path.name in said else ("badly said", said)
    except Exception as error:
        return "not refused", f"{type(error).__name__}: {error}"[:500]


def main() -> None:
    """Tries the cases, and prints how many ended in which way."""
    kind, folder, cases, seed = sys.argv[1], pathlib.Path(sys.argv[2]), *map(int, sys.argv[3:])
    (folder / "whole").mkdir(parents=True)
    whole, ends = made(kind, folder / "whole"), dict[str, int]()
    inner = folder / "tried" / "in"
    for number in range(seed, seed + cases):
        inner.mkdir(parents=True)
        path = inner / whole.name
        (shutil.copytree if whole.is_dir() else shutil.copy)(whole, path)
        spoil(path, random.Random(number))
        print(number, file=sys.stderr, flush=True)
        # A file that is never read to its end ends this program, with where it is.
        faulthandler.dump_traceback_later(_LONGEST_SECONDS, exit=True)
        end, said = tried(path)
        ends[end] = ends.get(end, 0) + 1
        if said:
            print(json.dumps({"case": number, "end": end, "said": said}), flush=True)
        outside = [p for p in folder.rglob("*") if p.name == "escaped"]
        if outside:
            print(json.dumps({"case": number, "end": "written outside", "said": str(outside)}))
        shutil.rmtree(folder / "tried")
    faulthandler.cancel_dump_traceback_later()
    print(json.dumps(ends))


if __name__ == "__main__":
    main()
