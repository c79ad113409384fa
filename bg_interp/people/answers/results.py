"""What answers leave behind: answers.csv, results.json, and a table to print.

`results.json` is the form in which a study's report reads what people said.
"""

import csv
import io
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from tabulate import tabulate

from bg_interp.evaluation import statistics
from bg_interp.people.answers import agreement, scoring
from bg_interp.people.answers.store import Store
from bg_interp.people.experiment import design
from bg_interp.people.experiment.folder import Folder
from bg_interp.storage import files

WORDS = {
    "human_naming": "people name it",
    "human_objects": "people choose its object",
    "human_conflict": "people follow the object, not the place",
}
# Names that packages of psychologists know (jsPsych's, where it has one).
_COLUMNS = (
    "participant trial_index trial_type stimulus stimulus_left stimulus_right rt response "
    "correct_response correct button side_of_correct shown treatment seed class other catch list "
    "simulated counts why_not trial experiment"
).split()


def update(folder: Folder) -> dict[str, Any] | None:
    """Writes answers.csv and results.json anew.

    Args:
      folder: of the experiment.

    Returns:
      What results.json says; None when nobody has taken part yet.

    Raises:
      UserError: a file is damaged, or belongs to another experiment.
    """
    if not folder.answers.exists():
        return None
    public, key = folder.read_public(), folder.read_key()
    store = Store(folder.answers, public)
    participants, answers = store.participants(), store.answers()
    store.close()
    counted = scoring.who_counts(participants, answers, key)
    files.write_text(folder.table, _csv(participants, answers, counted, public, key))
    tallies = {
        name: scoring.tally(counted, answers, key, kind) for name, kind in scoring.MEASURES.items()
    }
    complete = scoring.is_complete(counted, key)
    results = {
        "experiment": key["experiment"],
        "simulated": counted.simulated,
        "participants": len(participants),
        "counted": len(counted.participants),
        "left_out": counted.left_out,
        "rules": key["rules"],
        "complete": complete,
        "lists_in_rotation": len(key["treatments"]),
        "start": key["settings"]["start"],
        "group": key["group"],
        "of_study": key["settings"]["visualizations"] is None,
        "marks": scoring.marks(counted, answers, key),
        "measures": {
            name: scoring.measure(made, key, _chance(name, key)) for name, made in tallies.items()
        }
        if complete
        else {},
        "agreement": _agreement(folder.workdir, tallies, key) if complete else {},
    }
    files.write_sealed(folder.results, results)
    return results


def _chance(measure: str, key: Mapping[str, Any]) -> float:
    return 1 / len(key["classes"]) if measure == "human_naming" else 0.5


def _csv(
    participants: list, answers: list, counted: scoring.Counted, public: Mapping, key: Mapping
) -> str:
    """Returns all answers with what they were given to, a row each."""
    people = {one.number: one for one in participants}
    shown = {trial["id"]: trial for one in public["lists"] for trial in one}
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, _COLUMNS, lineterminator="\n", restval="")
    writer.writeheader()
    for one in answers:
        trial, entry = shown[one.trial], key["trials"][one.trial]
        names = public["classes"] if trial["kind"] == "naming" else trial["pair"]
        is_right = one.response == entry["right"]
        row = {
            "participant": one.participant,
            "trial_index": one.place,
            "trial_type": trial["kind"],
            "stimulus": trial["image"],
            "rt": one.rt,
            "response": _text(names[one.response]),
            "correct_response": _text(names[entry["right"]]),
            "correct": int(is_right),
            "button": one.button,
            "shown": entry["shown"],
            "treatment": entry["treatment"] or "",
            "seed": "" if entry["seed"] is None else entry["seed"],
            "class": _text(entry["class"]),
            "other": _text(entry.get("other", "")),
            "catch": int(entry["shown"] == design.NATURAL),
            "list": people[one.participant].list,
            "simulated": int(people[one.participant].simulated),
            "counts": int(one.participant not in counted.reasons),
            "why_not": counted.reasons.get(one.participant, ""),
            "trial": one.trial,
            "experiment": key["experiment"],
        }
        if trial["kind"] != "naming":
            sides = trial["pair"] if one.button == one.response else trial["pair"][::-1]
            row["stimulus_left"], row["stimulus_right"] = sides
            right_stands = one.button if is_right else 1 - one.button
            row["side_of_correct"] = ("left", "right")[right_stands]
        writer.writerow(row)
    return buffer.getvalue()


def _text(name: str) -> str:
    """Returns a name that no spreadsheet takes for a formula."""
    return f"'{name}" if name.startswith(("=", "+", "-", "@", "\t", "\r")) else name


def _agreement(
    workdir: pathlib.Path, tallies: Mapping[str, scoring.Tally], key: Mapping[str, Any]
) -> dict[str, Any]:
    """Correlates each judge with each measure of people, where the judges' verdicts are there."""
    judges: dict[str, np.ndarray] = {}
    labels = [key["class_names"].index(name) for name in key["classes"]]
    shape = len(key["treatments"]), len(key["seeds"]), len(labels)
    for entry in sorted(workdir.glob("arms/*/measures.json")):
        try:
            config = files.read_sealed(entry.parent / "config.json")["config"]
            judged = files.read_sealed(entry)["class_images"][key["settings"]["start"]]
            group = {name: config[name] for name in key["group"]}
            cell = key["treatments"].index(config["background"]), key["seeds"].index(config["seed"])
        except (OSError, ValueError, KeyError):
            continue  # Unfinished, damaged, or an arm that people weren't asked about.
        if group != key["group"] or key["settings"]["visualizations"] is not None:
            continue
        for judge, values in agreement.verdicts(judged).items():
            some = judges.setdefault(judge, np.full(shape, np.nan))
            some[cell] = np.array(values, np.float64)[labels]
    agreements = {
        measure: {
            judge: agreement.rank_correlation(made.shares(), values)
            for judge, values in judges.items()
        }
        for measure, made in tallies.items()
    }
    return {
        measure: {judge: one for judge, one in by_judge.items() if one is not None}
        for measure, by_judge in agreements.items()
    }


def by_seed(values: Mapping[str, Mapping[str, list]]) -> dict[str, dict[int, list]]:
    """Returns the values of a measure with seeds as numbers, which JSON makes texts."""
    return {name: {int(seed): row for seed, row in rows.items()} for name, rows in values.items()}


def table(results: Mapping[str, Any]) -> str:
    """Returns counts, means and differences in plain text."""
    who = "simulated participants" if results["simulated"] else "participants"
    words = {
        name: f"simulated {told}" if results["simulated"] else told for name, told in WORDS.items()
    }
    lines = [f"{results['counted']} of {results['participants']} {who} count"]
    lines += [f"  left out: {count} {reason}" for reason, count in results["left_out"].items()]
    if not results["complete"]:
        lines.append(
            f"no numbers before {results['lists_in_rotation']} people who count have finished the "
            "lists of one rotation; the server hands them out in this order"
        )
        return "\n".join(lines)
    for name, mark in results["marks"].items():
        lines.append(f"{name} pictures named right: {mark['share']:.2f} of {mark['answers']}")
    means, differences = [], []
    for name, measure in results["measures"].items():
        values, title = (
            by_seed(measure["values"]),
            f"{words[name]} (chance {measure['chance']:.3g})",
        )
        means.append([title, *(_mean(values, measure, treatment) for treatment in values)])
        reference = next(iter(values))
        for treatment in list(values)[1:]:
            comparison = compare(name, measure, treatment, reference)
            differences.append(
                [f"{treatment} minus {reference}", words[name], _written(comparison)]
            )
    treatments = list(next(iter(results["measures"].values()))["values"])
    lines += ["", tabulate(means, ["", *treatments])]
    if differences:
        lines += ["", tabulate(differences, ["difference", "measure", "value [95 %]"])]
    rows = [
        [
            judge,
            words[measure],
            f"{one['value']:+.2f} [{one['interval'][0]:.2f}, {one['interval'][1]:.2f}]",
        ]
        for measure, judges in results["agreement"].items()
        for judge, one in judges.items()
    ]
    if rows:
        lines += ["", tabulate(rows, ["judge", "agrees with", "rank correlation [95 %]"])]
    return "\n".join(lines)


def compare(
    name: str, measure: Mapping[str, Any], treatment: str, reference: str
) -> statistics.Comparison:
    """Compares one treatment with the first one by one measure of people."""
    return statistics.compare(
        name,
        by_seed(measure["values"]),
        treatment,
        reference,
        shared_variance=measure["shared_variance_of_difference"][treatment],
    )


def _mean(values: Mapping, measure: Mapping[str, Any], treatment: str) -> str:
    shares = np.array(list(values[treatment].values()), np.float64)
    low, high = statistics.interval(shares, shared_variance=measure["shared_variance"][treatment])
    return f"{np.nanmean(shares):.2f} [{max(low, 0):.2f}, {min(high, 1):.2f}]"


def _written(comparison: statistics.Comparison) -> str:
    return f"{comparison.difference:+.2f} [{comparison.low:.2f}, {comparison.high:.2f}]"
