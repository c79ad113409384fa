"""Files that HDF5 reads, refuses, never ends to read, or would fill the memory with."""

import os

import h5py
import pytest

from bg_interp.errors import UserError
from bg_interp.models import hdf5_trial, keras_files


def test_a_whole_file_and_one_that_is_refused_end(tmp_path):
    with h5py.File(tmp_path / "whole.h5", "w") as file:
        file.attrs["keras_version"] = "3.0"
        file.create_group("layers").attrs["layer_names"] = ["a"]
    (tmp_path / "text.h5").write_text("no HDF5 at all")
    assert hdf5_trial.ends(tmp_path / "whole.h5")
    assert hdf5_trial.ends(tmp_path / "text.h5")


def test_a_file_that_is_never_read_to_its_end_is_refused(tmp_path, monkeypatch, speaking_of_flags):
    # Nobody writes to it, so whoever opens it waits.
    path = tmp_path / "model.h5"
    os.mkfifo(path)
    monkeypatch.setattr(hdf5_trial, "_PATIENCE_SECONDS", 2.0)
    assert not hdf5_trial.ends(path)
    # A file of which that is known is not opened here, where nobody could end it.
    monkeypatch.setattr(hdf5_trial, "ends", lambda path: False)
    (tmp_path / "other.h5").write_text("never ends")
    with pytest.raises(UserError, match=r"other\.h5 is damaged: HDF5 cannot read it to its end"):
        keras_files.opened(tmp_path / "other.h5")
