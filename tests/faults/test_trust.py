"""Files from strangers: code that a model file brings is refused in one line and never run."""

import pathlib
import pickle
import zipfile

import keras
import numpy as np
import pytest

from bg_interp.errors import UserError
from bg_interp.models import loading, networks
from bg_interp.models.loading import load_classifier
from bg_interp.training.checkpoints import Checkpoints
from bg_interp.visualization import statistics


@pytest.fixture(scope="module")
def unsafe(tmp_path_factory):
    """Models with a layer of Python code, which would leave a file behind when it ran."""
    folder = tmp_path_factory.mktemp("unsafe")
    trace = folder / "trace"
    code = keras.layers.Lambda(
        lambda x, path=str(trace): (open(path, "w").close(), x)[1], output_shape=(4, 4, 3)
    )
    image = keras.Input((4, 4, 3))
    model = keras.Model(image, keras.layers.Dense(2)(keras.layers.Flatten()(code(image))))
    for suffix in ("keras", "h5"):
        model.save(folder / f"model.{suffix}")
    trace.unlink(missing_ok=True)
    return folder


def build_from(path: pathlib.Path):
    return networks.build("MobileNetV2", image_size=32, classes=2, weights=str(path), seed=0)


@pytest.mark.parametrize("suffix", ["keras", "h5"])
@pytest.mark.parametrize(
    "load",
    [loading.load_network, load_classifier, build_from],
    ids=["visualize, export", "evaluate", "train"],
)
def test_models_with_code_are_refused_in_one_line(unsafe, ledger, load, suffix):
    path = unsafe / f"model.{suffix}"
    with pytest.raises(UserError) as raised:
        load(path)
    assert str(path) in str(raised.value)
    assert "code" in str(raised.value)
    assert "\n" not in str(raised.value)
    assert not (unsafe / "trace").exists()
    ledger.count(f"code in a .{suffix} file", "loaders")


class _Bomb:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path: pathlib.Path):
        self._path = path

    def __reduce__(self):
        return open, (str(self._path), "w")


def test_pickles_in_arrays_are_refused(tmp_path, ledger, capsys):
    trace = tmp_path / "trace"
    values = np.empty(1, object)
    values[0] = _Bomb(trace)
    np.savez(tmp_path / "ascent.npz", mean=values)
    with pytest.raises(UserError, match=r"ascent\.npz"):
        statistics.load(tmp_path / "ascent.npz")
    np.savez(tmp_path / "step-00000001.npz", held=values)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    optimizer = keras.optimizers.SGD()
    assert Checkpoints(tmp_path, model, optimizer).restore().step == 0
    assert "is damaged" in capsys.readouterr().err
    (tmp_path / "whole.npz").write_bytes(pickle.dumps(_Bomb(trace)))
    with pytest.raises(UserError):
        statistics.load(tmp_path / "whole.npz")
    assert not trace.exists()
    ledger.count("pickle in an .npz file", "loaders", tried=3)


def test_members_of_an_archive_stay_inside(tmp_path, ledger):
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../escaped", "x")
        archive.writestr("config.json", "{}")
    with pytest.raises(UserError, match=r"model\.keras"):
        loading.load_network(path)
    assert [p.name for p in tmp_path.iterdir()] == ["model.keras"]
    assert not (tmp_path.parent / "escaped").exists()
    ledger.count("path escape in a .keras file", "loaders")
