"""The arms of a study: every treatment from every seed, at every strength of the shortcut."""

import dataclasses
import math
import pathlib
from collections.abc import Callable
from typing import Any, TypeVar

from bg_interp.cli import FOLDER, NOT_NEGATIVE, POSITIVE, SEED, setting
from bg_interp.config.cluster import ClusterConfig
from bg_interp.config.data import MADE_HERE
from bg_interp.config.training import (
    APPLICATIONS,
    JUDGES_DATA_SEED,
    ArmConfig,
    check_names,
    check_weights,
    in_keras_cache,
    resolved,
)
from bg_interp.config.treatment import BACKGROUNDS, IN_MIX
from bg_interp.errors import UserError, nearest
from bg_interp.study import questions
from bg_interp.study.questions import Question

# Where arms are trained changes nothing of what they find.
WHERE_ARMS_RUN = ("cluster", "arm_cpus", "arm_gpus")
# Settings of an arm that the study sets itself, so that training's flags for them make no sense.
SET_BY_STUDY = (
    "background",
    "seed",
    "data_seed",
    "correlation",
    "adversarial_epsilon",
    "workdir",
    "overwrite",
)
# More is a mistake, or a seed that was meant and lacks its comma.
_MOST_SEEDS = 1000
# Before the treatment of a mix that isn't --background_in_mix's.
_MIX_OF = "mix:"
_Value = TypeVar("_Value", int, float)


@dataclasses.dataclass(frozen=True)
class StudyConfig(ClusterConfig):
    """What a study asks."""

    backgrounds: str = setting(
        "none,black,noise,mix",
        f"treatments to compare, separated by commas, of {', '.join(BACKGROUNDS)}; mix:swap is a "
        "mix of unmodified images and swap. Differences are taken from none",
    )
    seeds: str = setting(
        "5",
        "how many seeds (5: 0 to 4), or the seeds themselves (100,101; a single one: 100,). Each "
        "has its own initial weights and order and, if images are made here, its own images. With "
        "fewer than 5 all results are indicative, and no question is answered",
    )
    correlations: str = setting(
        "0.95",
        "habitats and composites: probabilities that an image has its own class's background, "
        "separated by commas; with several the report plots the effect against the correlation",
    )
    adversarial_epsilons: str | None = setting(
        None,
        "lengths of the adversarial step, separated by commas, as a second factor; 0 is the "
        "control. Default: that of tools/train.py",
    )
    judge_network: str = setting(
        "EfficientNetB0",
        "network of keras.applications whose features the judges of photographs use; preferably "
        "not the network of the arms",
    )
    judge_weights: str | None = setting(
        None,
        "its weights: none (judges train from scratch), imagenet, or a .keras or .h5 file; "
        "default: on photographs imagenet if Keras has it or may fetch it (--fetch_weights), else "
        "none",
    )
    questions: str = setting(
        questions.ALL,
        "which differences from none are tested, and corrected for multiple testing, together: "
        "all (every judge, start and treatment, and BG-Gap), primary (leakage and shape from the "
        "own start, accuracy on swapped backgrounds), or a text file of lines such as 'black "
        "leakage_own lower'. Name them before arms are trained",
    )
    natural: bool = setting(
        False,
        "also make class images with the prior of natural features, from the own start; takes "
        "about as long as those of all plain starts",
    )
    shard: str = setting(
        "0/1",
        "I/N runs every N-th arm from the I-th (from 0), for several processes or machines on one "
        "folder; run without it at the end to write the report",
    )
    arm_cpus: float = setting(
        1.0, "with --cluster: processors reserved for each arm", rule=POSITIVE
    )
    arm_gpus: float = setting(
        0.0, "with --cluster: GPUs per arm; 0.5 runs two arms on one", rule=NOT_NEGATIVE
    )
    workdir: str = setting(
        "runs/study", "folder of the study: its arms and its report", rule=FOLDER
    )


@dataclasses.dataclass(frozen=True)
class PlannedArm:
    """One arm of a study.

    Attributes:
      config: how it is trained; `config.workdir` is its folder.
      background, seed, correlation, epsilon: its place in the study; `epsilon` is None where it is
        left to training's default.
      natural: whether class images are made with the prior of natural features as well.
    """

    config: ArmConfig
    background: str
    seed: int
    correlation: float
    epsilon: float | None
    natural: bool = False

    @property
    def name(self) -> str:
        """The arm's name: its folder's."""
        return pathlib.Path(str(self.config.workdir)).name

    @property
    def group(self) -> tuple[float, float | None]:
        """What it has in common with the arms it is compared with."""
        return self.correlation, self.epsilon


@dataclasses.dataclass(frozen=True)
class Plan:
    """A study: its folder and its arms.

    Attributes:
      workdir: folder of the study.
      backgrounds: treatments in the order of the report; `none` comes first where it is there.
      seeds: the seeds.
      arms: all arms, those of one seed one after the other.
      questions: those named beforehand; none of them where every measure is asked of.
    """

    workdir: pathlib.Path
    backgrounds: tuple[str, ...]
    seeds: tuple[int, ...]
    arms: tuple[PlannedArm, ...]
    questions: tuple[Question, ...] = ()


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _numbers(flag: str, text: str, kind: Callable[[str], _Value]) -> tuple[_Value, ...]:
    try:
        values = tuple(kind(part) for part in _split(text))
    except ValueError as error:
        raise UserError(
            f"--{flag} must be numbers separated by commas. Received: {text!r}"
        ) from error
    # Written so that "not a number" fails as well.
    accepted = all(0 <= value < math.inf for value in values)
    if not values or len(set(values)) != len(values) or not accepted:
        raise UserError(
            f"--{flag} must be one or more different numbers, 0 or more. Received: {text!r}"
        )
    return values


def parse_seeds(text: str) -> tuple[int, ...]:
    """Parses `--seeds`: a count, or a list.

    Raises:
      UserError: it is neither.
    """
    values = _numbers("seeds", text, int)
    if "," in text:
        if not SEED[0](max(values)):
            raise UserError(f"--seeds {SEED[1]}. Received: {text!r}")
        return values
    if not 1 <= values[0] <= _MOST_SEEDS:
        raise UserError(
            f"--seeds must be a count from 1 to {_MOST_SEEDS}, or a list (a single one: 100,). "
            f"Received: {text!r}"
        )
    return tuple(range(values[0]))


def parse_backgrounds(text: str) -> tuple[str, ...]:
    """Parses `--backgrounds`; `none`, the reference, is put first.

    Raises:
      UserError: an unknown treatment, or one that is named twice.
    """
    names = _split(text)
    known = (*BACKGROUNDS, *(f"{_MIX_OF}{name}" for name in IN_MIX))
    for name in names:
        if name not in known:
            raise UserError(
                f"--backgrounds must be one or more of {', '.join(BACKGROUNDS)}, or a mix such "
                f"as mix:swap. Received: {name!r}{nearest(name, known)}"
            )
    if not names or len(set(names)) != len(names):
        raise UserError(
            f"--backgrounds must name one or more treatments, each once. Received: {text!r}"
        )
    return tuple(sorted(names, key=lambda name: name != "none"))


def parse_shard(text: str) -> tuple[int, int]:
    """Parses `--shard=I/N`.

    Raises:
      UserError: it isn't two numbers with 0 <= I < N.
    """
    first, slash, second = text.partition("/")
    if slash and first.isdigit() and second.isdigit() and int(first) < int(second):
        return int(first), int(second)
    raise UserError(f"--shard must be I/N with 0 <= I < N. Received: {text!r}")


def _name(background: str, seed: int, correlation: float, epsilon: float | None) -> str:
    adversarial = "" if epsilon is None else f"-epsilon{epsilon:g}"
    return f"{background.replace(':', '-')}-correlation{correlation:g}{adversarial}-seed{seed}"


def _treated(background: str) -> dict[str, Any]:
    """Returns the settings of an arm that a treatment of --backgrounds stands for."""
    if background.startswith(_MIX_OF):
        return {"background": "mix", "background_in_mix": background.removeprefix(_MIX_OF)}
    return {"background": background}


def _check_judges(study: StudyConfig, training: ArmConfig) -> None:
    if study.judge_network not in APPLICATIONS:
        raise UserError(
            "--judge_network must be a name of keras.applications such as EfficientNetB0. "
            f"Received: {study.judge_network!r}{nearest(study.judge_network, APPLICATIONS)}"
        )
    if study.judge_weights is None:
        return
    check_weights("judge_weights", study.judge_weights)
    arm = resolved(training)
    if study.judge_weights == "imagenet" and not (
        arm.fetch_weights or in_keras_cache(study.judge_network, arm.image_size)
    ):
        raise UserError(
            f"Keras has no imagenet weights of {study.judge_network} in its cache: "
            "--fetch_weights lets it download them, --judge_weights=FILE takes a .keras or .h5 "
            "file, --judge_weights=none trains from scratch"
        )


def make_plan(study: StudyConfig, training: ArmConfig) -> Plan:
    """Lays out the arms of a study.

    Args:
      study: what is asked.
      training: what all arms have in common.

    Raises:
      UserError: a flag of the study or of training that cannot be used.
    """
    if parse_shard(study.shard)[1] > 1 and study.on_cluster:
        raise UserError(
            "--shard divides a study by hand, and --cluster by itself: give one of them. "
            f"Received: --shard={study.shard} --cluster={study.cluster}"
        )
    if training.masks == "none":
        raise UserError(
            "a study measures what other backgrounds cost, which needs masks. Received: "
            "--masks=none; leave it out, or make masks with tools/segment.py"
        )
    _check_judges(study, training)
    backgrounds, seeds = parse_backgrounds(study.backgrounds), parse_seeds(study.seeds)
    if training.dataset in MADE_HERE and JUDGES_DATA_SEED in seeds:
        raise UserError(
            f"--seeds must not hold {JUDGES_DATA_SEED}, by which the judges' data are drawn. "
            f"Received: {study.seeds!r}"
        )
    correlations = _numbers("correlations", study.correlations, float)
    epsilons: tuple[float | None, ...] = (None,)
    if study.adversarial_epsilons is not None:
        epsilons = _numbers("adversarial_epsilons", study.adversarial_epsilons, float)
    if max(correlations) > 1:
        raise UserError(f"--correlations must be from 0 to 1. Received: {study.correlations!r}")
    if training.dataset not in MADE_HERE and len(correlations) > 1:
        raise UserError(
            f"--correlations can only be chosen for {' and '.join(MADE_HERE)}. "
            f"Received: {training.dataset}"
        )
    workdir = pathlib.Path(study.workdir).expanduser()
    arms = []
    for correlation in correlations:
        for epsilon in epsilons:
            for seed in seeds:
                for background in backgrounds:
                    name = _name(background, seed, correlation, epsilon)
                    config = dataclasses.replace(
                        training,
                        **_treated(background),
                        seed=seed,
                        data_seed=seed,
                        correlation=correlation,
                        adversarial_epsilon=epsilon,
                        workdir=str(workdir / "arms" / name),
                        overwrite=False,
                        # Nobody looks at many arms while they are trained.
                        visualize_every=training.visualize_every or 0,
                    )
                    check_names(config)
                    arm = PlannedArm(config, background, seed, correlation, epsilon, study.natural)
                    arms.append(arm)
    asked = questions.read(study.questions, backgrounds)
    return Plan(workdir, backgrounds, seeds, tuple(arms), asked)
