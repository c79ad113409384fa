"""tools/people.py: flags are checked first, and one command makes, exports, counts and forgets."""

import json
import pathlib
import sys
import zipfile

import pytest

sys.path.append(str(pathlib.Path(__file__).parents[1] / "people"))
from made_up import made_experiment, take_part, write_study

from bg_interp.config.people import PeopleConfig, check_flags
from bg_interp.errors import UserError
from bg_interp.people import actions
from bg_interp.people.answers import power
from bg_interp.people.answers.store import Store
from bg_interp.people.experiment import class_images
from bg_interp.people.experiment.folder import Folder

pytestmark = pytest.mark.usefixtures("speaking_of_flags")


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ({"power": True, "report": True}, "--power and --report exclude each other"),
        ({"export": "study.zip"}, r"--export must name a \.jzip file. Received: 'study.zip'"),
        ({"forget": "me"}, "--forget must be a person's number.*Received: 'me'"),
    ],
)
def test_flags_are_checked_without_a_study(flags, told):
    with pytest.raises(UserError, match=told):
        check_flags(PeopleConfig(**flags))


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ({"workdir": "nowhere"}, "--workdir must be the folder of a study with finished arms"),
        ({"classes": "fisch,bird"}, "--classes must name classes.*did you mean 'fish'"),
        ({"classes": "fish"}, "--classes must name 2 to 24 classes, each once. Received: 1"),
        ({"correlation": 0.5}, "--correlation must be one of 0.95. Received: 0.5"),
        ({"visualizations": "nowhere"}, "--visualizations must name folders.*nowhere"),
    ],
)
def test_a_study_that_cannot_be_asked_about_is_named(tmp_path, flags, told):
    study = write_study(tmp_path / "study", classes=["fish", "bird", "cup"])
    with pytest.raises(UserError, match=told):
        class_images.read(PeopleConfig(**{"workdir": str(study), **flags}))


@pytest.mark.parametrize("action", [actions.serve, actions.export])
def test_a_folder_that_is_no_study_is_left_as_it_was(tmp_path, action):
    with pytest.raises(UserError, match="must be the folder of a study"):
        action(PeopleConfig(workdir=str(tmp_path), export=str(tmp_path / "pack.jzip")))
    assert not list(tmp_path.iterdir())


def test_arms_of_several_correlations_are_chosen_from(tmp_path):
    study = write_study(tmp_path / "study")
    write_study(tmp_path / "other", correlation=0.5)
    for arm in (tmp_path / "other" / "arms").iterdir():
        arm.rename(study / "arms" / f"other-{arm.name}")
    with pytest.raises(UserError, match=r"--correlation must say which arms.*0\.5, 0\.95"):
        class_images.read(PeopleConfig(workdir=str(study)))
    found = class_images.read(PeopleConfig(workdir=str(study), correlation=0.5))
    assert found.treatments == ("none", "black") and found.seeds == (0, 1)


def test_seeds_that_a_treatment_lacks_are_left_out(tmp_path):
    study = write_study(tmp_path / "study")
    (study / "arms" / "black-seed1" / "measures.json").unlink()
    assert class_images.read(PeopleConfig(workdir=str(study))).seeds == (0,)


def test_an_experiment_that_was_answered_is_not_made_anew(experiment_with_answers):
    folder, _ = experiment_with_answers
    with pytest.raises(UserError, match=r"answers of 4 people.*--seed was 0, now 7"):
        actions.serve(PeopleConfig(workdir=str(folder.workdir), seed=7))


@pytest.fixture
def experiment_with_answers(tmp_path):
    folder = made_experiment(write_study(tmp_path / "study"))
    public, key = folder.read_public(), folder.read_key()
    store = Store(folder.answers, public)
    people = [take_part(store, public, key, lambda _: True, simulated=True) for _ in range(4)]
    store.close()
    return folder, people


def test_answers_are_reported_and_forgotten(experiment_with_answers, capsys):
    folder, people = experiment_with_answers
    actions.report(PeopleConfig(workdir=str(folder.workdir)))
    assert "4 of 4 simulated participants count" in capsys.readouterr().out
    actions.forget(PeopleConfig(workdir=str(folder.workdir), forget=people[0]))
    for path in (folder.answers, folder.table, folder.results):
        assert people[0].encode() not in path.read_bytes()
    assert json.loads(folder.results.read_text())["participants"] == 3


def test_power_counts_the_study_at_hand(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(power, "chance_to_find", lambda *args: 0.5)
    study = write_study(tmp_path / "study")
    actions.power(PeopleConfig(workdir=str(study)))
    told = capsys.readouterr().out
    assert "4 classes, 2 seeds, 2 treatments; each person names 8 class images" in told


@pytest.mark.slow
def test_one_command_makes_an_experiment_from_a_data_set(run_tool, shape_folder, tmp_path):
    study = write_study(
        tmp_path / "study",
        classes=["disc", "square"],
        dataset=f"folder:{shape_folder.images}",
        image_size=32,
        masks=f"folder:{shape_folder.masks}",
    )
    settings = {"workdir": study, "export": tmp_path / "study.jzip"}
    done = run_tool("people", settings)
    assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr
    public = Folder(study).read_public()
    assert public["classes"] == ["disc", "square"]
    with zipfile.ZipFile(tmp_path / "study.jzip") as pack:
        assert sum(name.endswith(".png") for name in pack.namelist()) > 20
