"""Train a network on images whose background is treated, and look at what it learned.

    python tools/train.py --background=black

draws the data set habitats, trains a small network on black backgrounds, and leaves in
runs/habitats-small-black-0: model.keras, saved_model/, visualizations/, events/ for TensorBoard,
metrics.jsonl and config.json. It takes about a minute on two cores. The same command goes on where
a killed run stopped.

    python tools/train.py --dataset=folder:photos --masks=object --fetch_weights

trains a MobileNetV2 on photographs from ImageNet weights, after `python tools/segment.py
--dataset=folder:photos` has made their masks.

    python tools/train.py --strategy=multi_worker --cluster=HEAD:6379 --num_workers=4

trains one network on four machines of a Ray cluster; see docs/cluster.md.
"""

from bg_interp import cli
from bg_interp.config.cluster import TeamConfig
from bg_interp.config.training import ArmConfig, check_names, workdir

cli.define_flags(ArmConfig)
cli.define_flags(TeamConfig)


def main() -> None:
    """Trains one arm and prints what it reached."""
    config = cli.config_from_flags(ArmConfig)
    check_names(config)
    team = cli.config_from_flags(TeamConfig)
    team.check(config.strategy)
    # TensorFlow takes seconds to import, so a mistyped flag is refused before.
    cli.load_tensorflow()
    from bg_interp.commands import train, train_together

    result = train_together.run(config, team) if team.on_cluster else train.run(config)
    if result is None:
        print("this worker's part is done; the first worker writes the results")
        return
    for name, value in result["accuracies"].items():
        print(f"{name}: {value:.3f}")
    if "collapsed" in result:
        print(
            f"this network learned nothing, so its class images say nothing: {result['collapsed']}"
        )
    folder = workdir(config)
    print(f"done in {result['seconds']:.0f} s: {folder}")
    print(f"look at it: tensorboard --logdir {folder.parent}")


run = cli.program(main, __doc__)

if __name__ == "__main__":
    run()
