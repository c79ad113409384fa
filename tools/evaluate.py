"""Measure how much an image classifier hangs on backgrounds; any Keras model or SavedModel.

    python tools/evaluate.py --model=runs/habitats-small-none-0

prints the accuracy on eight variants of the test images (object on black, background alone, object
on another background, ...) with 95 % intervals, BG-Gap (Xiao et al. 2020), and where the model
looks; and writes evaluation/ into the run's folder: results.json with all numbers, variants.png
with examples, confusion.png.

    python tools/evaluate.py --model=classifier.keras --dataset=folder:photos --masks=object \\
        --input_range=0:1 --class_names=cat,dog --output_kind=probabilities

audits a classifier that was trained elsewhere, after
`python tools/segment.py --dataset=folder:photos` has made masks of its test images.
"""

from bg_interp import cli
from bg_interp.config.evaluation import NO_FLAGS, EvaluateConfig, check_names

cli.define_flags(EvaluateConfig, leaving_out=NO_FLAGS)


def main() -> None:
    """Audits one model, prints the tables and writes the output folder."""
    config = cli.config_from_flags(EvaluateConfig, leaving_out=NO_FLAGS)
    check_names(config)
    # TensorFlow takes seconds to import; a mistyped flag is refused before.
    cli.load_tensorflow()
    from bg_interp.commands import evaluate
    from bg_interp.evaluation import presentation

    print(presentation.describe(evaluate.run(config)))
    folder = evaluate.output_folder(config)
    print(f"written: {folder}/results.json, variants.png (framed green: right), confusion.png")


def run() -> None:
    """Entry point of the console script."""
    cli.run(main, __doc__)


if __name__ == "__main__":
    run()
