"""Prints the tables of docs/results.md, from the studies that stand in docs/results.

    python benchmarks/results.py --study=drawings --table=questions

prints one table as Markdown: questions (those named beforehand and their answers), differences
(all others), means (of every measure), or judges (what they know of natural images);
--rows='own start' leaves out all rows but those that name it.

    python benchmarks/results.py --keep=runs/drawings --pictures=docs/pictures

distils a study's results.json into docs/results/drawings.json, and draws the class images of its
first seed. Takes seconds.
"""

import json
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from absl import flags
from tabulate import tabulate

from bg_interp import cli, pictures
from bg_interp.errors import UserError
from bg_interp.evaluation import statistics
from bg_interp.evaluation.estimate import Estimate
from bg_interp.study.kinds import BY_SHORT
from bg_interp.study.starts import UNTRAINED

_STUDY = flags.DEFINE_string("study", None, "name of a study of docs/results")
_TABLE = flags.DEFINE_string("table", "questions", "questions, differences, means or judges")
_ROWS = flags.DEFINE_string("rows", "", "only rows whose first cell holds this text")
_KEEP = flags.DEFINE_string("keep", None, "a study's folder, to be distilled into docs/results")
_PICTURES = flags.DEFINE_string("pictures", None, "with --keep: folder that gets its pictures")

_KEPT = pathlib.Path(__file__).resolve().parent.parent / "docs" / "results"
_SHOWN = (
    *("accuracy_original", "accuracy_swap", "accuracy_background_only", "reliance", "bg_gap"),
    *(
        f"{judge}_{start}"
        for judge in ("leakage", "shape", "foreground")
        for start in ("own", "black", "grey", "prior")
    ),
)
# What judges say of the network before training, by the measure's key among class images.
_MARKS = {"leakage": "background judge", "shape_judge": "shape judge"}
_DIGITS = 5
# Of the starts, those that are drawn: each treatment's own, and one that all share.
_DRAWN = ("own", "grey", "prior")
_Study = dict[str, Any]


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}")
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    return [_rounded(one) for one in value] if isinstance(value, list) else value


def distilled(found: _Study) -> _Study:
    """Returns what the tables need of a study's results.json: no single images, no paths."""
    arms = found["arms"]
    first = next(iter(arms.values()))
    marks = {
        key: {
            name: arm["class_images"][UNTRAINED][key]["right"]
            for name, arm in arms.items()
            if key in arm["class_images"].get(UNTRAINED, {})
        }
        for key in _MARKS
    }
    groups = [{**group, "left_out": []} for group in found["groups"]]
    kept = {key: found[key] for key in ("questions", "missing")}
    # Where things stood on the machine is no part of the result.
    for key in ("study", "training"):
        kept[key] = {
            name: pathlib.Path(value).name if _is_of_the_machine(value) else value
            for name, value in found[key].items()
        }
    of_all = {"classes": first["classes"], "judges": first["judges"], "arms": list(arms)}
    return _rounded({**kept, **of_all, "untrained": marks, "groups": groups})


def _is_of_the_machine(value: Any) -> bool:
    return isinstance(value, str) and pathlib.Path(value).is_absolute()


def _seed_and_treatment(arm: str) -> tuple[int, str]:
    name, _, seed = arm.rpartition("-seed")
    return int(seed), name.partition("-correlation")[0].replace("mix-", "mix:")


def _marks(study: _Study, treatments: Sequence[str]) -> list[list[str]]:
    """Returns the rows of what judges say of networks before training, from their own start."""
    rows = []
    for key, judge in _MARKS.items():
        cells = []
        for treatment in treatments:
            values = [
                by_class
                for arm, by_class in study["untrained"][key].items()
                if _seed_and_treatment(arm)[1] == treatment
            ]
            known = np.array(values, np.float64)
            low, high = statistics.interval(known)
            cells.append(str(Estimate(float(np.nanmean(known)), low, high, known.size)))
        rows.append([f"before training, {judge}", *cells])
    return rows


def _means(study: _Study) -> str:
    tables = []
    for group in study["groups"]:
        cells = group["cells"]
        treatments = list(cells["accuracy_original"])
        rows = [
            [BY_SHORT[short].name, *(_cell(cells[short].get(name)) for name in treatments)]
            for short in _SHOWN
            if short in cells
        ]
        if len(study["groups"]) == 1:
            rows += _marks(study, treatments)
        heads = [f"mean [95 %], correlation {group['correlation']:g}", *treatments]
        tables.append(tabulate(rows, heads, "github", disable_numparse=True))
    return "\n\n".join(tables)


def _cell(cell: dict[str, Any] | None) -> str:
    return "" if cell is None else str(Estimate(**cell))


def _comparison(found: dict[str, Any]) -> statistics.Comparison:
    these = found["these"] and statistics.Inference(**found["these"])
    return statistics.Comparison(**{**found, "seeds": tuple(found["seeds"]), "these": these})


def _differences(key: str) -> Callable[[_Study], str]:
    def table(study: _Study) -> str:
        rows = []
        for group in study["groups"]:
            for one in map(_comparison, group[key]):
                asked = f"{one.treatment} minus {one.reference}, {one.measure}"
                expected = [one.expected or ""] if key == "asked" else []
                these = _found(one.difference, one.these, one.verdict_on_these)
                like = _found(one.difference, one.like_these, one.verdict_on_like_these)
                rows.append([asked, *expected, *these, *like])
        heads = ["difference", *(["expected"] if key == "asked" else [])]
        for words in (statistics.THESE, statistics.LIKE_THESE):
            heads += [f"{words} [95 %]", "stands (p, corrected)"]
        return tabulate(rows, heads, "github", disable_numparse=True)

    return table


def _found(value: float, found: statistics.Inference | None, verdict: str) -> list[str]:
    if found is None:
        return ["", verdict]
    low, high = (round(one, 2) + 0.0 for one in (found.low, found.high))
    shown = f"{round(value, 2) + 0.0:+.2f} [{low:.2f}, {high:.2f}]"
    return [shown, f"{verdict} ({statistics.shown_p(found.p_corrected)})"]


def _judges(study: _Study) -> str:
    judges = study["judges"]
    kinds = list(dict.fromkeys(kind for found in judges.values() for kind in found))
    rows = [
        [kind, *(f"{found[kind]:.2f}" if kind in found else "" for found in judges.values())]
        for kind in kinds
    ]
    return tabulate(rows, ["right on", *judges], "github", disable_numparse=True)


TABLES: dict[str, Callable[[_Study], str]] = {
    "questions": _differences("asked"),
    "differences": _differences("beside"),
    "means": _means,
    "judges": _judges,
}


def table(name: str, kind: str, rows: str = "") -> str:
    """Returns a table of a study that is kept in docs/results.

    Args:
      name: of the study.
      kind: of the table.
      rows: what the first cell of a row must hold.

    Raises:
      UserError: there is no such study or table.
    """
    path = _KEPT / f"{name}.json"
    if not path.is_file() or kind not in TABLES:
        studies = ", ".join(sorted(one.stem for one in _KEPT.glob("*.json")))
        raise UserError(
            f"--study must be one of {studies}, and --table one of {', '.join(TABLES)}. "
            f"Received: --study={name} --table={kind}"
        )
    made = TABLES[kind](json.loads(path.read_text(encoding="utf-8")))
    # A head and the line below it have no part in that.
    head, line, *others = made.split("\n")
    return "\n".join([head, line, *(row for row in others if rows in row.split(" | ")[0])])


def _draw(study: pathlib.Path, found: _Study, folder: pathlib.Path) -> None:
    """Writes the class images of the first seed, a row for each treatment, from two starts."""
    names = list(found["arms"])
    seed = _seed_and_treatment(names[0])[0]
    first = [name for name in names if _seed_and_treatment(name)[0] == seed]
    treatments = [_seed_and_treatment(name)[1] for name in first]
    classes = found["arms"][names[0]]["classes"]
    images: dict[str, list[np.ndarray]] = {}
    for name in first:
        with np.load(study / "arms" / name / "class_images.npz") as made:
            for start in made.files:
                images.setdefault(start, []).append(made[start])
    for start, rows in images.items():
        if len(rows) == len(first) and start in _DRAWN:
            sheet = pictures.grid(np.stack(rows), classes, treatments, side=64)
            pictures.save_png(folder / f"{study.name}_{start}.png", sheet)


def main() -> None:
    """Prints a table, or distils a study."""
    if _KEEP.value is None:
        print(table(str(_STUDY.value), _TABLE.value, _ROWS.value))
        return
    study = pathlib.Path(_KEEP.value).expanduser()
    try:
        found = json.loads((study / "results.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(
            f"--keep must name the folder of a study. Received: {study}: {error}"
        ) from error
    _KEPT.mkdir(exist_ok=True)
    content = json.dumps(distilled(found), separators=(",", ":"))
    (_KEPT / f"{study.name}.json").write_text(content + "\n", encoding="utf-8")
    if _PICTURES.value is not None:
        _draw(study, found, pathlib.Path(_PICTURES.value))


if __name__ == "__main__":
    cli.run(main, __doc__)
