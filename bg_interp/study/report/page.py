"""The report of a study: one HTML file that needs nothing else."""

import dataclasses
import json
import pathlib
from collections.abc import Sequence
from typing import Any

from bg_interp import pictures
from bg_interp.config.training import ArmConfig
from bg_interp.evaluation import statistics
from bg_interp.evaluation.judges.accuracy import BLOBS, ON_BLACK, SILHOUETTES
from bg_interp.report import figures as plots
from bg_interp.report import page
from bg_interp.storage.workdir import Workdir
from bg_interp.study import kinds, people, results
from bg_interp.study.people import PeopleResults
from bg_interp.study.plan import SET_BY_STUDY, Plan, PlannedArm, StudyConfig
from bg_interp.study.report import events, figures, panels, wording
from bg_interp.study.results import GroupResults


def _workdir(arm: PlannedArm) -> Workdir:
    return Workdir(pathlib.Path(str(arm.config.workdir)))


def _metrics(arm: PlannedArm) -> list[dict[str, Any]]:
    path = _workdir(arm).metrics
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _seen_by_people(
    group: GroupResults, names: Sequence[str], chance: float, said: PeopleResults
) -> list[tuple[str, str]]:
    """Returns (caption, <svg>) of what people and judges see, where people were asked."""
    by_people = {
        kind.short: kind.name
        for kind in kinds.of_people(said.is_simulated)
        if kind.short in group.cells
    }
    by_judges = {
        kind.short: kind.label
        for kind in kinds.KINDS
        if kind.short in group.cells
        and kind.path[:2] == ("class_images", said.found.get("start", "own"))
        and kind.path[2] != "forced_choice"
    }
    caption = (
        f"What {said.who} see, and the judges. Chance is .5 for both choices, and the dashed line "
        f"for naming. Bars: 95 % over seeds, classes and {said.who}."
    )
    if not by_people:
        return []
    return [(caption, plots.intervals(group.cells, {**by_people, **by_judges}, names, chance))]


def _plots(
    plan: Plan, arms: Sequence[PlannedArm], group: GroupResults, said: PeopleResults
) -> list[tuple[str, str]]:
    """Returns (caption, <svg>) of one group's plots."""
    names = plan.backgrounds
    curves: dict[str, list] = {}
    for arm in arms:
        curves.setdefault(arm.background, []).append(_metrics(arm))
    variants = {
        kind.short: kind.label for kind in kinds.KINDS if kind.short.startswith("accuracy_")
    }
    recognised = {
        kind.short: kind.label
        for kind in kinds.KINDS
        if kind.path[0] == "class_images" and kind.path[2] != "forced_choice"
    }
    by_seed = next(iter(group.values["accuracy_original"].values()))
    chance = 1 / len(next(iter(by_seed.values())))
    return [
        *_seen_by_people(group, names, chance, said),
        (
            "Class images: share that the judges take for their class (foreground, shape) or for "
            "their class's background (leakage). Bars: 95 % over seeds and classes. "
            "Dotted: chance; less for leakage, whose judge may also say none of them.",
            plots.intervals(group.cells, recognised, names, chance),
        ),
        (
            "Accuracy on test images whose background is changed. Bars: 95 % over seeds and "
            "classes.",
            plots.intervals(group.cells, variants, names, chance),
        ),
        (
            "BG-Gap against accuracy on original images, a point for each arm. A gap of 0 at low "
            "accuracy is no virtue.",
            figures.gap_against_accuracy(group, names),
        ),
        (
            "Test accuracy on swapped backgrounds while training, a line for each arm.",
            figures.training_curves(curves, "accuracy/swapped", "accuracy, swapped backgrounds"),
        ),
    ]


def _dose_response(plan: Plan, groups: Sequence[GroupResults]) -> list[tuple[str, str]]:
    """Returns (caption, <svg>) of the effect against the correlation, where there are several."""
    by_epsilon: dict[float | None, list[GroupResults]] = {}
    for group in groups:
        by_epsilon.setdefault(group.epsilon, []).append(group)
    others = [name for name in plan.backgrounds if name != "none"]
    asked = [kind.name for kind in kinds.KINDS if kind.is_question and not kind.from_common_start]
    plots = []
    for epsilon, some in by_epsilon.items():
        if len(some) < 2 or not others or "none" not in plan.backgrounds:
            continue
        ordered = sorted(some, key=lambda group: group.correlation)
        beside = "" if epsilon is None else f", adversarial epsilon {epsilon:g}"
        for name in asked:
            caption = f"Treatment minus none, {name}{beside}. Bands: 95 %."
            plots.append((caption, figures.dose_response(ordered, name, others, "difference")))
    return plots


def _settings(config: ArmConfig) -> list[tuple[str, str]]:
    return [
        (name, page.without_places(name, value))
        for name, value in dataclasses.asdict(config).items()
        if name not in {*SET_BY_STUDY, *page.PRIVATE}
    ]


def _command(plan: Plan, config: StudyConfig) -> str:
    """Returns the command that repeats the study."""
    training, defaults = plan.arms[0].config, ArmConfig()
    # What is compared is said in full, whatever the defaults will be.
    compared = {"backgrounds": config.backgrounds, "seeds": config.seeds}
    flags = {**compared, **page.given_flags(config, leaving_out=("shard", *compared))}
    for name, value in _settings(training):
        if getattr(training, name) != getattr(defaults, name):
            flags[name] = value
    return page.command("study", flags)


def _group_name(group: GroupResults) -> str:
    epsilon = "" if group.epsilon is None else f", adversarial epsilon {group.epsilon:g}"
    return f"correlation {group.correlation:g}{epsilon}"


def _shown(
    plan: Plan,
    arms: Sequence[PlannedArm],
    group: GroupResults,
    measured: dict[str, dict[str, Any]],
    words: wording.Words,
    said: PeopleResults,
) -> dict[str, Any]:
    """Returns what the template shows of a group and its finished arms."""
    classes = len(measured[arms[0].name]["classes"])
    return {
        "name": _group_name(group),
        "answer": results.answer(group, words.compared),
        "results": group,
        "panels": list(panels.panels(arms, measured)),
        "shown_classes": panels.MOST_CLASSES,
        "hidden_classes": max(0, classes - panels.MOST_CLASSES),
        "plots": [(told, page.drawn(svg)) for told, svg in _plots(plan, arms, group, said)],
    }


def _absent(
    plan: Plan, measured: dict[str, dict[str, Any]], failed: dict[str, str]
) -> dict[str, list[tuple[str, str]]]:
    """Returns the arms that are not finished and those that collapsed, each with its reason."""
    found: dict[str, list[tuple[str, str]]] = {"missing": [], "collapsed": []}
    for arm in plan.arms:
        if arm.name in measured:
            continue
        if collapsed := _workdir(arm).read_collapsed():
            found["collapsed"].append((arm.name, collapsed))
        else:
            found["missing"].append((arm.name, failed.get(arm.name, "not finished")))
    return found


def _trained(arm: PlannedArm) -> dict[str, Any]:
    """Returns how an arm was trained, which its folder tells, and on what."""
    told = _workdir(arm).read_config()
    return {
        "masks": told.get("masks", {}),
        "examples": told.get("examples", {}),
        "settings": _settings(ArmConfig(**told["config"])),
        "versions": told.get("versions", {}),
        "dataset": dict(_settings(arm.config))["dataset"],
    }


def _judged(measures: dict[str, Any]) -> dict[str, Any]:
    """Returns what the judges are worth, as the measures of any arm tell it."""
    images = measures["class_images"]
    return {
        "reported_judges": kinds.REPORTED_JUDGES,
        "judges": measures["judges"],
        "told_of_judges": (ON_BLACK, BLOBS, SILHOUETTES),
        "natural": {
            name: images[name]
            for name in ("natural_objects", "natural_backgrounds")
            if name in images
        },
    }


def _context(
    plan: Plan,
    config: StudyConfig,
    measured: dict[str, dict[str, Any]],
    failed: dict[str, str],
    groups: Sequence[GroupResults],
    said: PeopleResults,
) -> dict[str, Any]:
    """Returns everything that the template shows."""
    finished = [arm for arm in plan.arms if arm.name in measured]
    first = measured[finished[0].name]
    words = wording.Words(wording.doubts(first), said.is_simulated)
    arms_of = [
        [arm for arm in finished if arm.group == (group.correlation, group.epsilon)]
        for group in groups
    ]
    return {
        "plan": plan,
        "groups": [
            _shown(plan, arms, group, measured, words, said)
            for group, arms in zip(groups, arms_of, strict=True)
            if arms
        ],
        "kinds": words.kinds,
        "sections": words.sections,
        "sentence": statistics.sentence,
        "people": said.found,
        "people_measures": people.MEASURES,
        "people_kinds": kinds.of_people(said.is_simulated),
        "dose_response": [
            (caption, page.drawn(svg)) for caption, svg in _dose_response(plan, groups)
        ],
        "doubts": wording.doubts(first),
        "doubted_masks": first.get("doubts", []),
        "words": words,
        "command": _command(plan, config),
        "enough_seeds": statistics.ENOUGH_SEEDS,
        "enough_classes": statistics.ENOUGH_CLASSES,
        "shown_p": statistics.shown_p,
        **_judged(first),
        **_absent(plan, measured, failed),
        **_trained(finished[0]),
    }


def write(
    plan: Plan,
    config: StudyConfig,
    measured: dict[str, dict[str, Any]],
    failed: dict[str, str],
    groups: Sequence[GroupResults],
    said: PeopleResults = people.EMPTY,
) -> None:
    """Writes report.html, figure.png and the events of TensorBoard into the study's folder.

    Args:
      plan: the study.
      config: its settings.
      measured: {name of a finished arm: its measures}.
      failed: {name of an arm: why it isn't finished}.
      groups: what was made of the measures.
      said: what people said of the class images.

    Raises:
      UserError: a file cannot be written.
    """
    context = _context(plan, config, measured, failed, groups, said)
    page.write(plan.workdir / "report.html", "bg_interp.study.report", "report.html.j2", context)
    sheet = panels.figure(plan, measured)
    pictures.save_png(plan.workdir / "figure.png", sheet)
    events.write(plan, measured, sheet, kinds.of_study(said.is_simulated))
