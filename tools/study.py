"""Answer whether removing backgrounds changes what a network learns: arms, measures, one report.

    python tools/study.py --backgrounds=none,black,noise,mix --seeds=5 --workdir=runs/study

trains 20 networks on habitats, makes their class images, measures recognisability, background
leakage and background reliance, and writes into --workdir: report.html (one file, opens offline),
results.json, .csv and .md, and figure.png. Allow a minute and a half for each arm on two cores. The
same command goes on where a killed one stopped, and adds what a longer list asks for.

    python tools/study.py --correlations=0.125,0.5,0.8,0.9,0.95,1.0 --seeds=3

draws the effect against how surely the background gives the class away.

All flags of tools/train.py that are not listed first are handed to every arm.
"""

from bg_interp import cli
from bg_interp.config.training import ArmConfig
from bg_interp.study.plan import SET_BY_STUDY, StudyConfig, make_plan

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


run = cli.program(main, __doc__)

if __name__ == "__main__":
    run()
