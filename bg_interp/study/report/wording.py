"""What a report may say: a doubted judge recognises nothing, and a program is no person."""

from collections.abc import Mapping
from typing import Any

from bg_interp.evaluation.judges.accuracy import BLOBS
from bg_interp.evaluation.judges.trust import distrust
from bg_interp.study import kinds
from bg_interp.study.people import EMPTY, PeopleResults


def doubts(measures: Mapping[str, Any]) -> dict[str, str]:
    """Returns why some of the judges of objects are not believed, {judge in words: reason}.

    Args:
      measures: of any finished arm; all arms of a study have the same judges.
    """
    classes, accuracies = len(measures["classes"]), measures["judges"]
    found = {}
    for judge in kinds.REPORTED_JUDGES:
        known = accuracies.get(judge.name, {})
        # Judges that were measured before blobs were asked for are neither believed nor doubted.
        if not judge.of_backgrounds and BLOBS in known:
            found[judge.words] = distrust(known, classes)
    return {words: reason for words, reason in found.items() if reason}


def worded(text: str, doubted: Mapping[str, str], said: PeopleResults = EMPTY) -> str:
    """Returns a name or sentence that says no more than is known.

    Args:
      text: names judges by their words, and the measures of people by theirs.
      doubted: judges whose images aren't called recognisable (see `doubts`).
      said: what people said; if programs played them, they are called simulated.
    """
    text = said.worded(text)
    for words in doubted:
        text = text.replace(f"recognisability by {words}", f"share named by the doubted {words}")
    asked = {judge.words for judge in kinds.REPORTED_JUDGES if not judge.of_backgrounds}
    if asked <= set(doubted):
        text = text.replace("How recognisable class images are", "What judges name in class images")
    return text
