"""Experiments made of a study whose arms were never trained."""

import json
import shutil

import pytest
from made_up import made_experiment, write_study

from bg_interp.people.answers.store import Store
from bg_interp.people.experiment.folder import Folder


@pytest.fixture(scope="session")
def session_experiment(tmp_path_factory):
    """An experiment that tests only read."""
    return made_experiment(write_study(tmp_path_factory.mktemp("studies") / "study"))


@pytest.fixture
def experiment(session_experiment, tmp_path):
    """An experiment of one's own, which nobody has answered."""
    shutil.copytree(session_experiment.workdir, tmp_path / "study")
    return Folder(tmp_path / "study")


@pytest.fixture(scope="session")
def public(session_experiment):
    return json.loads(session_experiment.public.read_text())


@pytest.fixture(scope="session")
def key(session_experiment):
    return json.loads(session_experiment.key.read_text())


@pytest.fixture
def store(experiment, public):
    """An empty file of answers to the experiment."""
    made = Store(experiment.answers, public)
    # Waiting for the disk after each answer is what tests of kills are about.
    made._database.execute("PRAGMA synchronous=OFF")
    yield made
    made.close()
