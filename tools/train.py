"""Train a network on images whose background is treated, and look at what it learned.

    python tools/train.py --background=black

draws the synthetic dataset habitats, trains a small network on black backgrounds, and leaves in
runs/habitats-small-black-0: model.keras, saved_model/, visualizations/, events/ for TensorBoard,
metrics.jsonl and config.json. It takes about a minute on two cores. The same command resumes a run
that was killed.

    python tools/train.py --dataset=folder:photos --fetch_weights

trains a MobileNetV2 on photographs from ImageNet weights, after
`python tools/segment.py --dataset=folder:photos` has made their masks.

    python tools/train.py --strategy=multi_worker \\
        --cluster=HEAD:6379 --num_workers=4

trains one network on four machines of a Ray cluster; see docs/cluster.md.
"""

import sys

try:
    from bg_interp import cli
    from bg_interp.config.cluster import TeamConfig
    from bg_interp.config.data import COMPOSITES_ALONE
    from bg_interp.config.training import ArmConfig, check_names, resolved, workdir
except ModuleNotFoundError as lacking:
    sys.exit(f"error: {sys.executable} lacks {lacking.name}; `make install`, then .venv/bin/python")

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
    from bg_interp.commands import last_words, train, train_multi_worker

    result = train_multi_worker.run(config, team) if team.on_cluster else train.run(config)
    if result is None:
        print("this worker's part is done; the first worker writes the results")
        return
    folder = workdir(config)
    print(last_words.text(resolved(config), result["accuracies"], folder))
    if "collapsed" in result:
        print(
            f"this network learned nothing, so its class images say nothing: {result['collapsed']}"
        )
    print(f"done in {result['seconds']:.0f} s: {folder}")


run = cli.program(
    main,
    __doc__,
    first="background dataset masks network fetch_weights steps epochs batch_size seed "
    "visualize_every workdir overwrite",
    last=COMPOSITES_ALONE,
)

if __name__ == "__main__":
    run()
