"""Make images of what a network's classes, or the channels of a layer, look like to it.

    python tools/visualize.py --model=runs/habitats-small-black-0

writes visualizations/ into the run's folder: one PNG per class, grid.png with all of them,
images.npz with the float images, and results.json with the settings, the logit that each image
reaches beside that of the best natural image, and the seconds it took.

    python tools/visualize.py --model=network.keras --layer=block_5_expand --gif

shows channels of a layer of any Keras network for images, and how the images are formed.
"""

import sys

try:
    from bg_interp import cli
    from bg_interp.config.ascent import VisualizeConfig, check_names
    from bg_interp.visualization import presets
except ModuleNotFoundError as lacking:
    sys.exit(f"error: {sys.executable} lacks {lacking.name}; `make install`, then .venv/bin/python")

cli.define_flags(VisualizeConfig)


def main() -> None:
    """Makes the images, prints what they reach and writes the output folder."""
    config = cli.config_from_flags(VisualizeConfig)
    check_names(config)
    presets.check_parametrization(config.preset, config.parametrization)
    cli.load_tensorflow()
    from bg_interp.commands import visualize
    from bg_interp.visualization import results

    done = visualize.run(config, command=" ".join(sys.argv))
    print(results.table(done.made, done.names))
    if done.judged is not None:
        print(done.judged)
    print(
        f"written in {done.made.seconds:.1f} s: {done.folder}/grid.png, a PNG each, images.npz, "
        "results.json"
    )


run = cli.program(
    main,
    __doc__,
    first="model classes layer channels preset steps samples seed gif output",
)

if __name__ == "__main__":
    run()
