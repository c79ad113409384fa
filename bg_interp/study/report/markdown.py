"""The tables of a study as Markdown, for a paper or a README."""

from collections.abc import Sequence

from tabulate import tabulate

from bg_interp.evaluation import statistics
from bg_interp.study import results
from bg_interp.study.plan import Plan
from bg_interp.study.report.wording import Words
from bg_interp.study.results import GroupResults


def _means(plan: Plan, group: GroupResults, words: Words) -> str:
    rows = [
        [
            kind.name,
            *(str(group.cells[kind.short].get(name, "")) for name in plan.backgrounds),
        ]
        for kind in words.kinds
        if kind.short in group.cells
    ]
    return tabulate(rows, ["mean [95 %]", *plan.backgrounds], tablefmt="github")


def _differences(comparisons: Sequence[statistics.Comparison], words: Words) -> str:
    rows = [
        [
            f"{one.treatment} minus {one.reference}",
            one.measure,
            _difference(one.difference, one.these),
            _verdict(one.these, one.verdict_on_these),
            _difference(one.difference, one.like_these),
            _verdict(one.like_these, one.verdict_on_like_these),
            "" if one.effect_size is None else f"{one.effect_size:.1f}",
        ]
        for one in map(words.compared, comparisons)
    ]
    these, like = statistics.THESE, statistics.LIKE_THESE
    heads = [
        "difference",
        "measure",
        f"{these} [95 %]",
        "holds (p, corrected)",
        f"{like} [95 %]",
        "holds (p, corrected)",
        "d_z",
    ]
    return tabulate(rows, heads, tablefmt="github", disable_numparse=True)


def _difference(value: float, inference: statistics.Inference | None) -> str:
    return "" if inference is None else f"{value:+.2f} [{inference.low:.2f}, {inference.high:.2f}]"


def _verdict(inference: statistics.Inference | None, verdict: str) -> str:
    if inference is None or verdict == statistics.INDICATIVE:
        return verdict
    return f"{verdict} ({statistics.shown_p(inference.p_corrected)})"


def tables(plan: Plan, groups: Sequence[GroupResults], words: Words) -> str:
    """Returns the means and differences of every group of arms, with the answer in words.

    Args:
      plan: the study.
      groups: its results.
      words: the names of its measures.
    """
    parts = []
    for group in groups:
        epsilon = "" if group.epsilon is None else f", adversarial epsilon {group.epsilon:g}"
        count, sentences = results.answer(group, words.compared)
        parts += [
            f"## Correlation {group.correlation:g}{epsilon}",
            count,
            "\n".join(f"- {sentence}" for sentence in sentences),
            _means(plan, group, words),
            _differences(group.asked, words),
            "Differences that were not asked about, corrected together:" if group.beside else "",
            _differences(group.beside, words) if group.beside else "",
            'Leakage against chance, as often as its judge says "none of them":'
            if group.leakage_against_chance
            else "",
            _differences(group.leakage_against_chance, words)
            if group.leakage_against_chance
            else "",
        ]
    return "\n\n".join(part for part in parts if part) + "\n"
