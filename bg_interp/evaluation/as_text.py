"""An evaluation as text: tables for a terminal or a notebook, rows for a spreadsheet."""

import csv
import html
import io
import shutil
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bg_interp.evaluation import finding
from bg_interp.evaluation.estimate import Estimate
from bg_interp.evaluation.measures import VARIANTS
from bg_interp.messages import as_html

if TYPE_CHECKING:
    from bg_interp.evaluation.result import Evaluation


def _measured(evaluation: "Evaluation") -> Iterator[tuple[str, Estimate, str]]:
    """Yields each measure's name, value and meaning, in the order of the tables."""
    for _, table in evaluation.tables():
        for measure, value, meaning in table:
            yield measure.name, value, meaning


def for_terminal(evaluation: "Evaluation") -> str:
    """Returns all measures, what was left out, and the answer."""
    from tabulate import tabulate

    heads = ("measure", "value", "95 % interval", "what is shown")
    rows = [
        (name, f"{one.value:.3f}", f"[{one.low:.3f}, {one.high:.3f}]", meaning)
        for name, one, meaning in _measured(evaluation)
    ]
    # What is left of a line by the other columns; files and pipes have no width of their own.
    widest = max(32, shutil.get_terminal_size((120, 24)).columns - 54)
    lines = [
        *(f"In doubt, {one.about}: {one}" for one in evaluation.doubts),
        tabulate(rows, heads, disable_numparse=True, maxcolwidths=[None, None, None, widest]),
        counted(evaluation),
        *_attribution_lines(evaluation.attribution),
    ]
    if evaluation.images_left_out:
        why = "images left out, since their mask is empty, full or unsure"
        lines.append(f"{why}: {evaluation.images_left_out}")
    if evaluation.classes_without_images:
        lines.append(f"no images of: {', '.join(evaluation.classes_without_images)}")
    return "\n".join([*lines, evaluation.answer()])


def for_notebook(evaluation: "Evaluation") -> str:
    """Returns the answer and all measures as HTML."""
    rows = "".join(
        f'<tr><td>{html.escape(name)}</td><td style="white-space: nowrap">{one}</td>'
        f"<td>{as_html(meaning)}</td></tr>"
        for name, one, meaning in _measured(evaluation)
    )
    heads = "<tr><th>measure</th><th>value [95 %]</th><th>what is shown</th></tr>"
    return (
        f"<p><strong>{as_html(evaluation.answer())}</strong></p>"
        f"<table><thead>{heads}</thead><tbody>{rows}</tbody></table>"
    )


def counted(evaluation: "Evaluation") -> str:
    """Says how many images there are, what of, and what they can show."""
    units = "".join(f", {n} {name}" for name, n in evaluation.answers.units.counts.items())
    return (
        f"{len(evaluation.test.labels)} images{units}, {len(evaluation.classes)} classes, chance "
        f"{evaluation.chance:.3f}; {finding.power_line(evaluation.measures)}"
    )


def rows_of_images(evaluation: "Evaluation") -> str:
    """Returns CSV with a row for each image: what the model says of each variant."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["image", "class", "change", *VARIANTS])
    said, changes, names = evaluation.answers.predicted, evaluation.changes(), evaluation.classes
    rows = zip(evaluation.keys, evaluation.test.labels, strict=True)
    for row, (key, label) in enumerate(rows):
        answers = [names[said[variant][row]] for variant in VARIANTS]
        writer.writerow([key, names[label], f"{changes[row]:.4f}", *answers])
    return text.getvalue()


def _attribution_lines(attribution: Mapping[str, Any]) -> list[str]:
    def mean(values: Sequence[float | None]) -> str:
        known = [value for value in values if value is not None]
        return f"{np.mean(known):.2f}" if known else "unknown"

    if not attribution:
        return []
    lines = [f"object's share of the image: {mean(attribution['mask_area'])}; of attribution:"]
    for name, title in (("smoothgrad", "SmoothGrad"), ("gradcam_plus_plus", "Grad-CAM++")):
        found = attribution[name]
        if "left_out" in found:
            lines.append(f"  {title} left out: {found['left_out']}")
        else:
            share, pointing = mean(found["share"]), mean(found["pointing"])
            lines.append(f"  {title} {share}, strongest pixel on the object {pointing}")
    return lines
