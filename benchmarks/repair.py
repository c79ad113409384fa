"""What a repair takes away, over the seeds of a study: repaired against `none` and against `mix`.

    python benchmarks/repair.py --study=runs/study [--seeds=200,201,202,203,204]

repairs each arm `none-*` of a study by tools/repair.py, one command each, measures the arm `mix-*`
of the same seed by tools/evaluate.py on the same images and backgrounds, and prints Markdown: each
seed, the means, and the differences, paired by seed and class, with 95 % intervals over seeds and
classes. Goals on habitats at correlation .95: original at least .95 and swap at least
.5, means over five seeds; a minute for each repair on two idle cores, class images included. Arms
that are not finished are left out; what was measured before is not measured again.
"""

import json
import pathlib
import re
import resource
import subprocess
import sys
import time

import numpy as np
from absl import flags

from bg_interp import cli

_STUDY = flags.DEFINE_string("study", None, "folder of the study", required=True)
_SEEDS = flags.DEFINE_list("seeds", None, "of its arms; default: all that are finished")
_OUTPUT = flags.DEFINE_string("output", "repairs", "gets a folder for each seed")
_TOOLS = pathlib.Path(__file__).resolve().parent.parent / "tools"
_MEASURES = {"original": "as it is", "swap": "another class's background", "bg_gap": "BG-Gap"}


def _run(tool: str, model: pathlib.Path, output: pathlib.Path) -> dict:
    """Runs a tool on a model unless its results stand there; returns them, with its seconds."""
    results, spent = output / "results.json", output / "spent.json"
    if not results.is_file():
        started, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [sys.executable, str(_TOOLS / f"{tool}.py"), f"--model={model}"]
        subprocess.run([*command, f"--output={output}"], check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        spent.write_text(json.dumps([time.monotonic() - started, used]))
    seconds = json.loads(spent.read_text()) if spent.is_file() else [np.nan, np.nan]
    return json.loads(results.read_text()) | {"spent": seconds}


def _by_class(results: dict, measure: str) -> list[float | None]:
    background = results["background"]
    if measure == "bg_gap":
        return background["bg_gap"]["by_class"]
    return background["accuracy_by_class"][measure]


def _seeds(arms: pathlib.Path) -> dict[int, pathlib.Path]:
    """Returns the finished arms `none` by their seeds."""
    finished = [path.parent for path in sorted(arms.glob("none-*/result.json"))]
    found = {int(re.sub(r".*-seed", "", path.name)): path for path in finished}
    wanted = set(found) if _SEEDS.value is None else {int(seed) for seed in _SEEDS.value}
    return {seed: path for seed, path in found.items() if seed in wanted}


def main() -> None:
    """Repairs, measures and prints."""
    from tabulate import tabulate

    from bg_interp.evaluation import statistics

    arms, output = pathlib.Path(_STUDY.value) / "arms", pathlib.Path(_OUTPUT.value)
    found: dict[str, dict[str, dict[int, list]]] = {name: {} for name in _MEASURES}
    rows = []
    for seed, arm in _seeds(arms).items():
        repair = _run("repair", arm, output / f"repaired-{seed}")
        of_arms = {"none": repair["before"], "repaired": repair["after"]}
        mix = arm.with_name(arm.name.replace("none-", "mix-"))
        if (mix / "result.json").is_file():
            of_arms["mix"] = _run("evaluate", mix, output / f"mix-{seed}")
        row = [str(seed)]
        for measure in _MEASURES:
            for name, results in of_arms.items():
                found[measure].setdefault(name, {})[seed] = _by_class(results, measure)
            values = (results["measures"][measure]["value"] for results in of_arms.values())
            row.append(" / ".join(f"{value:.2f}" for value in values))
        wall, used = repair["spent"]
        rows.append((*row, f"{wall:.0f}", f"{used:.0f}"))
        print(f"seed {seed} measured", file=sys.stderr)
    heads = ("seed", *(f"{words}: none / repaired / mix" for words in _MEASURES.values()))
    print(tabulate(rows, (*heads, "seconds", "of CPU"), tablefmt="github", disable_numparse=True))
    table = []
    for measure, by_name in found.items():
        means = [
            f"{np.nanmean(np.array(list(by_seed.values()), np.float64)):.2f}"
            for by_seed in by_name.values()
        ]
        differences = [
            statistics.compare(_MEASURES[measure], by_name, "repaired", reference)
            for reference in ("none", "mix")
            if reference in by_name
        ]
        written = [
            f"{one.difference:+.2f} [{one.low:+.2f}, {one.high:+.2f}]" for one in differences
        ]
        table.append((_MEASURES[measure], *means, *written))
    heads = ("mean over seeds", "none", "repaired", "mix", "repaired - none", "repaired - mix")
    print()
    print(tabulate(table, heads, tablefmt="github", disable_numparse=True))


if __name__ == "__main__":
    cli.run(main, __doc__)
