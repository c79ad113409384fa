"""The zoo of folders through what people start: training, an audit by its tool, and Python.

Each kind that can be read is audited with a classifier that sees objects alone and with one that
sees places alone, one by the tool's command and the other from Python: each gets its verdict or
none. Some of them, and all that are doubted or refused, go through the programs themselves.
"""

import json
import os
import pathlib
import re
import shutil

import pytest
import scene
import tool_server
from test_zoo_of_folders import DOUBTED, NONE_FOUND, REFUSED, RIGHT, SIZE, Made

import bg_interp as bg
from bg_interp.commands import evaluate
from bg_interp.config.data import DataConfig
from bg_interp.config.evaluation import EvaluateConfig
from bg_interp.config.training import ArmConfig, counted, resolved
from bg_interp.data import arm_data, pipeline
from bg_interp.data.sources import open_source

pytestmark = [pytest.mark.usefixtures("own_cache"), pytest.mark.long]
TOOLS = pathlib.Path(__file__).parents[2] / "tools"
RELIES = "relies on backgrounds"
# A run that goes through everything in seconds.
SHORTEST = {
    "recipe": "drawings",
    "background": "black",
    "steps": 1,
    "batch_size": 8,
    "adversarial_epsilon": 0.0,
}


def settings_of(made: Made) -> dict:
    """The flags that open a folder of the zoo."""
    own = {name: value for name, value in made.settings.items() if name != "whole"}
    masks = f"folder:{made.masks}" if made.masks else "auto"
    return {"dataset": f"folder:{made.dataset}", "masks": masks, "image_size": SIZE, **own}


def many(draw, tmp_path) -> tuple[Made, bool]:
    """Draws enough images for a verdict where a kind can be of any number, and tells whether."""
    try:
        return draw(tmp_path, each=8, agreeing=True), True
    except TypeError:
        return draw(tmp_path), False


@pytest.mark.parametrize("kind", RIGHT)
def test_training_keeps_the_objects_and_nothing_else(kind, tmp_path):
    config = resolved(ArmConfig(**SHORTEST, **settings_of(RIGHT[kind](tmp_path))))
    data = arm_data.open_data(config, open_source(config))
    config = counted(config, len(data.train))
    treat = arm_data.treatment_of(config, "black", data.train)
    (batch,) = pipeline.training_batches(
        data.train, treat, config, batch_size=8, seed=0, start=0, stop=1
    ).take(1)
    images, labels = batch["image"].numpy(), batch["label"].numpy()
    names = [data.source.class_names[label] for label in labels]
    objects = scene.object_of(images)
    assert (objects.sum((1, 2)) > 100).mean() > 0.7
    kept = (images.max(axis=-1) > 90) & (images[..., 2] > 90)
    assert kept.mean() < 0.01, "a place is left"
    assert set(names) <= set(data.source.class_names) and not data.doubts


@pytest.mark.parametrize("kind", RIGHT)
def test_rigged_classifiers_get_their_verdict_or_none(kind, tmp_path):
    made, enough = many(RIGHT[kind], tmp_path)
    flags, answers = settings_of(made), {}
    by_tool, from_python = ("object", "place")[:: 1 if len(kind) % 2 else -1]
    config = EvaluateConfig(
        model=f"scene:{by_tool}_scores",
        adversarial_backgrounds=0,
        output=str(tmp_path / "page"),
        **flags,
    )
    answers[by_tool] = evaluate.run(config)
    data = bg.open(**flags)
    answers[from_python] = bg.evaluate(
        getattr(scene, f"{from_python}_scores"), **data, backgrounds=0
    )
    assert re.search(NONE_FOUND, answers["object"].answer()), answers["object"].answer()
    assert not enough or RELIES in answers["place"].answer(), answers["place"].answer()
    assert "No reliance" not in answers["place"].answer()
    counts = [len(one.keys) + one.images_left_out for one in answers.values()]
    assert counts[0] == counts[1] == len(data.labels)


def run(name: str, tmp_path, flags: dict):
    command = [str(TOOLS / f"{name}.py"), *(f"--{key}={value}" for key, value in flags.items())]
    # MODULE:NAME is looked for in the folder that a tool is started in.
    shutil.copy(scene.__file__, tmp_path)
    return tool_server.run(command, dict(os.environ), str(tmp_path))


@pytest.mark.parametrize("kind", list(RIGHT)[::12])
def test_programs_go_through(kind, tmp_path):
    made = RIGHT[kind](tmp_path)
    flags = settings_of(made)
    trained = run("train", tmp_path, {**SHORTEST, **flags, "workdir": tmp_path / "run"})
    assert trained.returncode == 0, trained.stderr
    facts = json.loads((tmp_path / "run" / "config.json").read_text())
    assert len(facts["class_names"]) == 2 and "doubts" not in facts
    audited = run("evaluate", tmp_path, {"model": tmp_path / "run", "adversarial_backgrounds": 0})
    assert audited.returncode == 0, audited.stderr


@pytest.mark.parametrize("kind", DOUBTED)
def test_programs_say_what_is_doubtful(kind, tmp_path):
    draw, reason = DOUBTED[kind]
    flags = settings_of(draw(tmp_path))
    trained = run("train", tmp_path, {**SHORTEST, **flags, "workdir": tmp_path / "run"})
    assert re.search(f"in doubt, .*{reason}", trained.stderr), trained.stderr
    if len(open_source(DataConfig(**flags), whole=True).class_names) > 2:
        return  # Rigged classifiers know two.
    gate = {"model": "scene:object_scores", "must": "reliance<1.1", "adversarial_backgrounds": 0}
    audited = run("evaluate", tmp_path, {**flags, **gate, "output": tmp_path / "page"})
    if kind in ("all full", "all empty but one"):  # None is left to test on.
        assert audited.returncode == 1 and "none of the" in audited.stderr
    else:
        assert audited.returncode == 4 and "No verdict" in audited.stdout, audited.stderr


@pytest.mark.parametrize("tool", ["train", "evaluate"])
@pytest.mark.parametrize("kind", list(REFUSED)[::4])
def test_programs_refuse_in_one_line(kind, tool, tmp_path):
    draw, said = REFUSED[kind]
    flags = settings_of(draw(tmp_path))
    more = SHORTEST | {"workdir": tmp_path / "run"}
    if tool == "evaluate":
        more = {"model": "scene:object_scores", "output": tmp_path / "page"}
    ended = run(tool, tmp_path, {**flags, **more})
    last = ended.stderr.strip().splitlines()[-1]
    assert ended.returncode == 1 and "Traceback" not in ended.stderr
    assert re.search(said, last) or re.search("masks.*(missing|no mask)|run `", last), last
    assert not (tmp_path / "page" / "results.json").exists()
