"""The differences that a study asks about: named before its arms are trained, corrected together.

With few questions a difference needs less to stand; they are worth that only when they were named
before the numbers were seen. A file of questions is text, a question a line, "#" before remarks:

    # treatment  measure      expected  than (none, if nothing is said)
    black        leakage_own  lower
    black        shape_own    higher    random_mask

or Markdown with these lines in a block of code that is marked `questions`.
"""

import dataclasses
import pathlib
import re
from collections.abc import Iterator, Sequence

from bg_interp.errors import UserError, nearest

ALL = "all"
PRIMARY = "primary"
DIRECTIONS = ("lower", "higher")
# What the paper claims (less background, more recognisable), and what it is for.
_PRIMARY_MEASURES = {"leakage_own": "lower", "shape_own": "higher", "accuracy_swap": "higher"}
_MARKDOWN_BLOCK = re.compile(r"^```questions\n(.*?)^```", re.MULTILINE | re.DOTALL)


@dataclasses.dataclass(frozen=True)
class Question:
    """Whether a treatment changes a measure, against none or another treatment.

    Attributes:
      treatment: the treatment.
      measure: short name of the measure, as columns of results.csv are called.
      expected: "lower" or "higher" than with the reference.
      reference: what it is compared with.
    """

    treatment: str
    measure: str
    expected: str
    reference: str = "none"


def read(text: str, backgrounds: Sequence[str]) -> tuple[Question, ...]:
    """Reads `--questions`.

    Args:
      text: "all", "primary", or a file.
      backgrounds: the treatments of the study.

    Returns:
      The questions; none of them for "all", where every measure that is worth one is asked of.

    Raises:
      UserError: the file cannot be read, or a line in it is no question of this study.
    """
    if text == ALL:
        return ()
    treatments = [name for name in backgrounds if name != "none"]
    if "none" not in backgrounds or not treatments:
        raise UserError(
            f"--questions are about differences from none: --backgrounds needs it and another "
            f"treatment. Received: {','.join(backgrounds)}"
        )
    if text == PRIMARY:
        questions = [
            Question(treatment, measure, expected)
            for measure, expected in _PRIMARY_MEASURES.items()
            for treatment in treatments
        ]
    else:
        questions = list(_of_file(text, treatments))
    places = [(one.treatment, one.measure, one.reference) for one in questions]
    if not questions or len(set(places)) < len(places):
        raise UserError(
            f"--questions must hold one or more questions, each once. Received: {len(places)} in "
            f"{text}, {len(set(places))} of them different"
        )
    return tuple(questions)


def _of_file(path: str, treatments: Sequence[str]) -> Iterator[Question]:
    try:
        text = pathlib.Path(path).expanduser().read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise UserError(
            f"--questions must be {ALL}, {PRIMARY} or a text file that can be read. "
            f"Received: {path!r}{nearest(path, (ALL, PRIMARY))}"
        ) from error
    block = _MARKDOWN_BLOCK.search(text)
    for line in (block[1] if block else text).splitlines():
        words = line.partition("#")[0].split()
        if not words:
            continue
        if not _is_question(words, treatments):
            raise UserError(
                f"a line of --questions={path} must be a treatment ({', '.join(treatments)}), a "
                f"measure, {' or '.join(DIRECTIONS)}, and perhaps another treatment to compare "
                f"with. Received: {line[:200]!r}"
            )
        yield Question(*words)


def _is_question(words: Sequence[str], treatments: Sequence[str]) -> bool:
    if len(words) not in (3, 4) or words[0] not in treatments or words[2] not in DIRECTIONS:
        return False
    return len(words) == 3 or words[3] in {"none", *treatments} - {words[0]}
