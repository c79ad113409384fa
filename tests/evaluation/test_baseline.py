"""Evaluations compared with earlier ones, image by image: at hand, and from results.json."""

import json

import numpy as np
import pytest

from bg_interp.errors import UserError
from bg_interp.evaluation.arrays import Arrays
from bg_interp.evaluation.baseline import Baseline
from bg_interp.evaluation.gate import State
from bg_interp.evaluation.measuring import measure
from bg_interp.models.adapter import AdaptedModel
from bg_interp.models.functions import ArrayFunction

NAMES = ("ant", "bee")


def _world(count: int = 200) -> Arrays:
    """Squares of their class's red on backgrounds of their class's blue."""
    generator, labels = np.random.default_rng(0), (np.arange(count) % 2).astype(np.int32)
    images = generator.integers(0, 40, (count, 16, 16, 3)).astype(np.uint8)
    masks = np.zeros((count, 16, 16, 1), np.uint8)
    masks[:, 5:11, 5:11] = 255
    images[..., 2] += (100 * labels)[:, None, None].astype(np.uint8)
    images[:, 5:11, 5:11] = 0
    images[:, 5:11, 5:11, 0] = (60 + 120 * labels)[:, None, None]
    return Arrays(images, masks, labels)


def _looks(at_background: float):
    """A model that looks at the background in a share of the images, told by their noise."""

    def scores(images: np.ndarray) -> np.ndarray:
        of_object = images[:, 7, 7, 0] > 120
        of_background = images[:, 0, 0, 2] > 70
        chosen = images[:, 0, 0, 1] % 40 < 40 * at_background
        said = np.where(chosen, of_background, of_object).astype(int)
        return 5.0 * np.eye(2)[said]

    return AdaptedModel(ArrayFunction(scores, "scores"))


def _measured(at_background: float, arrays: Arrays | None = None, **how):
    arrays = _world() if arrays is None else arrays
    keys = [f"{number}.jpg" for number in range(len(arrays.labels))]
    return measure(
        _looks(at_background),
        arrays,
        NAMES,
        **{"keys": keys, "backgrounds": 2, "controls": False, "explains": False, **how},
    )


@pytest.fixture(scope="module")
def old():
    return _measured(0.4)


@pytest.fixture(scope="module")
def results(old, tmp_path_factory):
    path = tmp_path_factory.mktemp("old") / "results.json"
    old.save(path)
    return path


def test_results_hold_what_a_comparison_needs(old, results):
    read, own = Baseline.read(results), Baseline.of(old)
    assert read.keys == own.keys and read.answers.names == NAMES
    for name in ("reliance", "swap", "adversarial", "reliance_masks_trusted"):
        difference = read.minus(own, name)
        assert difference.value == 0 and -0.05 < difference.low < 0 < difference.high < 0.05


@pytest.mark.parametrize("of_file", [False, True])
def test_a_model_is_compared_with_an_earlier_one(of_file, old, results, capsys):
    baseline = results if of_file else old
    better, worse = _measured(0.1), _measured(0.8)
    assert better.check(must="reliance<baseline+0.02,swap>baseline-0.02", baseline=baseline)
    verdicts = worse.check(must="reliance<baseline+0.02", baseline=baseline)
    assert verdicts.state is State.FAILED
    assert "reliance minus baseline is 0.3" in capsys.readouterr().out
    found = worse.measures["reliance"].value - old.measures["reliance"].value
    assert verdicts.each[0].found.value == pytest.approx(found)
    assert _measured(0.4).check(must="reliance<baseline+0.05", baseline=baseline)
    few = _measured(0.4, _world().take(np.arange(10)))
    assert few.check(must="reliance<baseline+0.02", baseline=baseline).state is State.UNDECIDED


def test_images_are_told_by_their_names(old):
    other = _measured(0.1, _world(), keys=[f"other {number}" for number in range(200)])
    with pytest.raises(UserError, match="no name in common"):
        other.check(must="reliance<baseline", baseline=old)
    swapped = _world()._replace(labels=1 - _world().labels)
    with pytest.raises(UserError, match=r"0\.jpg, which is bee here and ant there"):
        _measured(0.1, swapped).check(must="reliance<baseline", baseline=old)


def test_what_is_none_of_single_images_is_compared_as_if_it_were_of_others(old):
    worse = _measured(0.8)
    for name in ("worst_group", "mean_group"):
        found = Baseline.of(worse).minus(Baseline.of(old), name)
        here, there = worse.measures[name], old.measures[name]
        assert found.value == pytest.approx(here.value - there.value)
        assert found.high - found.low > max(one.high - one.low for one in (here, there))


def test_results_of_an_earlier_version_are_read(old, results, tmp_path):
    earlier = json.loads(results.read_text())
    del earlier["answers"], earlier["measures"]["reliance"]
    for one in earlier["measures"].values():
        del one["worth"]
    path = tmp_path / "results.json"
    path.write_text(json.dumps(earlier))
    paired = Baseline.of(old).minus(Baseline.of(old), "bg_gap")
    found = Baseline.of(old).minus(Baseline.read(path), "bg_gap")
    assert found.value == 0 and found.high - found.low > paired.high - paired.low
    with pytest.raises(UserError, match="not measured in both; both have bg_gap, original"):
        old.check(must="reliance<baseline", baseline=path)


def test_what_cannot_be_compared_is_refused_in_one_line(old, results, tmp_path):
    with pytest.raises(UserError, match="give baseline as well"):
        old.check(must="reliance<baseline")
    with pytest.raises(UserError, match="can't be compared with the baseline"):
        old.check(must="reliance_inpainted<baseline", baseline=results)
    (tmp_path / "other.json").write_text('{"classes": ["ant", "bee"]}')
    with pytest.raises(UserError, match=r"must be the results\.json of an evaluation"):
        old.check(must="reliance<baseline", baseline=tmp_path / "other.json")
    with pytest.raises(UserError, match=r"a results\.json that can be read"):
        old.check(must="reliance<baseline", baseline=tmp_path / "missing.json")
