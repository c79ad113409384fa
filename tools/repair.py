"""Mend a classifier that relies on backgrounds: retrain its last layer on composites.

    python tools/repair.py --model=runs/habitats-small-none-0

fits the last layer anew, on the training images and on copies of their objects before random
backgrounds (Kirichenko et al. 2023), and writes into <model>-repaired/: model.keras, saved_model/,
results.json, and report.html with before and after side by side. The layers below stay as they are.

    python tools/repair.py --model=classifier.keras --dataset=folder:photos --masks=object

mends a classifier that was trained elsewhere, after
`python tools/segment.py --dataset=folder:photos` has made masks of its images.
"""

from bg_interp import cli
from bg_interp.config.evaluation import check_names
from bg_interp.config.repair import NO_FLAGS, RepairConfig

cli.define_flags(RepairConfig, leaving_out=NO_FLAGS)


def main() -> None:
    """Repairs one model and prints what changed."""
    config = cli.config_from_flags(RepairConfig, leaving_out=NO_FLAGS)
    check_names(config)
    # TensorFlow takes seconds to import; a mistyped flag is refused before.
    cli.load_tensorflow()
    from bg_interp.commands import repair

    done = repair.run(config)
    print(done)
    folder = repair.output_folder(config)
    print(f"fitted in {done.seconds:.0f} s; written: {folder}/model.keras, saved_model/, ", end="")
    print("results.json, report.html")


run = cli.program(main, __doc__)

if __name__ == "__main__":
    run()
