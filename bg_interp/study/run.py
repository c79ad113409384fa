"""A study from its plan to its report."""

import dataclasses
import functools
import pathlib
import sys
from collections.abc import Callable
from typing import Any

from bg_interp import cluster, programs
from bg_interp.config.training import ArmConfig, resolved
from bg_interp.errors import UserError
from bg_interp.evaluation.judges.training import Judges
from bg_interp.storage import files
from bg_interp.study import judging, measuring, people, plan, results, running
from bg_interp.study.arm_process import in_processes
from bg_interp.study.plan import Plan, StudyConfig
from bg_interp.study.questions import ALL, Question
from bg_interp.study.report import markdown, page, wording


def run(laid_out: Plan, config: StudyConfig) -> None:
    """Runs the arms of a study, or of its shard, and writes the report.

    The report is made from the arms that are finished, and says which ones are missing; a shard
    leaves it to the last one.

    Args:
      laid_out: the study.
      config: its settings.

    Raises:
      UserError: a question names no measure; or an arm failed, and the report is there all the
        same, unless all did.
    """
    results.check_questions(laid_out.questions)
    shard = plan.parse_shard(config.shard)
    first = laid_out.arms[0].config
    kinds = judging.judges_for(config, resolved(first))
    judges = functools.cache(lambda: measuring.load_judges(first, kinds))
    failed = _run_arms(laid_out, config, shard, judges)
    measured = read_all(laid_out)
    missing = [arm.name for arm in laid_out.arms if arm.name not in measured]
    if shard[1] > 1 and set(missing) - set(failed):
        print(
            f"{len(missing)} arms of other shards are not finished yet; the report is written by "
            "the shard that finishes last, or by the same command without --shard",
            file=sys.stderr,
        )
        return
    if not measured:
        raise UserError(
            f"no arm could be finished; the first error: {next(iter(failed.values()), 'none')}"
        )
    write(laid_out, config, measured, {name: str(error) for name, error in failed.items()})
    broken = {n: e for n, e in failed.items() if not isinstance(e, running.Collapsed)}
    if len(failed) > len(broken):
        print(f"{len(failed) - len(broken)} of {len(laid_out.arms)} arms learned nothing")
    if broken:
        name, reason = next(iter(broken.items()))
        raise UserError(
            f"{len(broken)} of {len(laid_out.arms)} arms failed, and the report is made from the "
            f"others; the first, {laid_out.workdir / 'arms' / name}: {reason} (delete its folder "
            "to train it again)"
        )


def _run_arms(
    laid_out: Plan, config: StudyConfig, shard: tuple[int, int], judges: Callable[[], Judges]
) -> dict[str, UserError]:
    """Runs the arms here, or on a cluster; returns why some failed."""
    arms = laid_out.arms[shard[0] :: shard[1]]
    if not config.on_cluster:
        return running.run_arms(arms, functools.partial(in_processes, judges=judges))
    with cluster.connect(config.cluster) as machines:
        machines.check_room(config.arm_cpus, config.arm_gpus)
        machines.check_sees(laid_out.workdir)
        on_machines = functools.partial(
            running.on_cluster,
            judges=judges,
            machines=machines,
            cpus=config.arm_cpus,
            gpus=config.arm_gpus,
        )
        return running.run_arms(arms, on_machines)


def read_all(laid_out: Plan) -> dict[str, dict[str, Any]]:
    """Reads the measures of all finished arms, by the arm's name."""
    measured = {arm.name: measuring.read(arm.config) for arm in laid_out.arms}
    return {name: measures for name, measures in measured.items() if measures is not None}


def _told(config: ArmConfig) -> dict[str, Any]:
    """Returns what was asked of all arms' training: the settings that aren't the defaults."""
    defaults = dataclasses.asdict(ArmConfig())
    return {
        name: value
        for name, value in dataclasses.asdict(config).items()
        if name not in plan.SET_BY_STUDY and value != defaults[name]
    }


def write_again(workdir: pathlib.Path) -> None:
    """Writes the report of a study anew, from what its arms and people left in its folder.

    Raises:
      UserError: the folder holds no report yet, or none that says how it was made.
    """
    try:
        before = files.parsed((workdir / "results.json").read_bytes())
        config = StudyConfig(**{**before["study"], "workdir": str(workdir)})
        # The questions as they were asked: their file may have gone, or have changed.
        asked = tuple(Question(**one) for one in before.get("questions", []))
        laid_out = plan.make_plan(
            dataclasses.replace(config, questions=ALL), ArmConfig(**before["training"])
        )
        laid_out = dataclasses.replace(laid_out, questions=asked)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{workdir} holds no report that could be written again; the command of tools/study.py "
            "that made the study writes one, with what people said in it"
        ) from error
    measured = read_all(laid_out)
    if not measured:
        raise UserError(f"{workdir} must hold finished arms. Received: none")
    write(laid_out, config, measured, before["missing"])


def write(
    laid_out: Plan,
    config: StudyConfig,
    measured: dict[str, dict[str, Any]],
    failed: dict[str, str],
) -> None:
    """Writes results.json, .csv and .md, figure.png, TensorBoard's pages and page.html.

    What people said of the class images is read from the study's folder.
    """
    said = people.read(laid_out.workdir)
    measured = said.beside(laid_out, measured)
    groups = results.collect_all(laid_out, measured, said)
    folder = laid_out.workdir
    files.write_json(
        folder / "results.json",
        {
            "study": {
                name: value
                for name, value in dataclasses.asdict(config).items()
                if name not in plan.WHERE_ARMS_RUN
            },
            "questions": [dataclasses.asdict(one) for one in laid_out.questions],
            "people": {"simulated": said.is_simulated},
            "training": _told(laid_out.arms[0].config),
            "missing": {
                arm.name: failed.get(arm.name, "not finished")
                for arm in laid_out.arms
                if arm.name not in measured
            },
            "groups": [dataclasses.asdict(group) for group in groups],
            "arms": measured,
        },
    )
    files.write_text(folder / "results.csv", results.to_csv(laid_out, measured, said))
    doubted = wording.doubts(next(iter(measured.values())))
    words = wording.Words(doubted, said.is_simulated)
    files.write_text(folder / "results.md", markdown.tables(laid_out, groups, words))
    page.write(laid_out, config, measured, failed, groups, said)
    for judge, reason in doubted.items():
        print(f"the {judge} cannot tell whether an image is recognisable: {reason}")
    for doubt in next(iter(measured.values())).get("doubts", []):
        print(f"in doubt, {doubt['about']}: {doubt['reason']}; {doubt['way_out']}")
    for group in groups:
        count, sentences = results.answer(group, words.compared)
        print("\n".join([f"correlation {group.correlation:g}: {count}", *sentences]))
    print(f"report: {folder / 'report.html'}")
    print(f"look at all arms: {programs.found('tensorboard')} --logdir {folder / 'events'}")
