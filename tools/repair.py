"""Repair a classifier that relies on backgrounds: retrain its last layer on composites.

    python tools/repair.py --model=runs/habitats-small-none-0

retrains the last layer on the training images and on copies of their objects on random
backgrounds (Kirichenko et al. 2023), and writes into <model>-repaired/: model.keras, saved_model/,
results.json, and report.html with before and after side by side. The layers below stay as they are.

    python tools/repair.py --model=classifier.keras --dataset=folder:photos

repairs a classifier that was trained elsewhere, after
`python tools/segment.py --dataset=folder:photos` has made masks of its images.
"""

import sys

try:
    from bg_interp import cli
    from bg_interp.config.classifier import NO_FLAGS, check_names
    from bg_interp.config.data import COMPOSITES_ALONE
    from bg_interp.config.repair import RepairConfig
except ModuleNotFoundError as lacking:
    sys.exit(f"error: {sys.executable} lacks {lacking.name}; `make install`, then .venv/bin/python")

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


run = cli.program(
    main,
    __doc__,
    first="model dataset masks class_names max_loss copies class_images seed output",
    last=COMPOSITES_ALONE,
)

if __name__ == "__main__":
    run()
