"""Find out whether removing backgrounds changes what networks learn: arms, measures, one report.

    python tools/study.py --backgrounds=none,black,noise,mix --seeds=5

trains 20 networks on habitats, makes their class images, measures recognisability, background
leakage and background reliance, and writes into --workdir: report.html (one file, opens offline),
results.json, .csv and .md, and figure.png. Allow a minute and a half for each arm on two cores. The
same command resumes a study that was killed, and adds arms if a list has become longer.

    python tools/study.py --correlations=0.125,0.5,0.8,0.9,0.95,1.0 --seeds=3

plots the effect against the correlation of background and class.

All flags of tools/train.py that are not listed first are passed on to every arm.
"""

import sys

try:
    from bg_interp import cli
    from bg_interp.config.data import COMPOSITES_ALONE
    from bg_interp.config.training import ArmConfig
    from bg_interp.study.plan import SET_BY_STUDY, StudyConfig, make_plan
except ModuleNotFoundError as lacking:
    sys.exit(f"error: {sys.executable} lacks {lacking.name}; `make install`, then .venv/bin/python")

cli.define_flags(StudyConfig)
cli.define_flags(ArmConfig, leaving_out=SET_BY_STUDY)


def main() -> None:
    """Runs a study, or its shard of one, and writes the report when all arms are there."""
    config = cli.config_from_flags(StudyConfig)
    training = cli.config_from_flags(ArmConfig, leaving_out=SET_BY_STUDY)
    plan = make_plan(config, training)
    cli.load_tensorflow()
    from bg_interp.people import actions as people
    from bg_interp.study import run as studies

    people.refresh(plan.workdir)
    studies.run(plan, config)


run = cli.program(
    main,
    __doc__,
    first="backgrounds seeds correlations dataset masks network fetch_weights steps questions "
    "workdir",
    last=COMPOSITES_ALONE,
)

if __name__ == "__main__":
    run()
