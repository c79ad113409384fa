"""An answer and a participant, and what a browser may send as an answer."""

from typing import NamedTuple

_LONGEST_MS = 3_600_000
_MOST_PLACES = 10_000
_TYPES = (str, str, int, int, int, int)


class Refused(Exception):
    """What was sent can't be an answer to this experiment; the message says why."""


class Participant(NamedTuple):
    """Somebody who takes part.

    Attributes:
      number: 96 random bits in hexadecimal.
      list: position of the list of trials.
      simulated: whether a program plays the part.
      finished: whether all trials are answered.
    """

    number: str
    list: int
    simulated: bool
    finished: bool


class Answer(NamedTuple):
    """One answer.

    Attributes:
      participant, trial: whose, and to what.
      place: when it was given, counted from 0.
      response: position of the class, or of the picture in its pair.
      button: position of the button, from the left, or from the first.
      rt: milliseconds from the picture to the press.
    """

    participant: str
    trial: str
    place: int
    response: int
    button: int
    rt: int


def read(sent: object) -> Answer:
    """Reads what a browser sent.

    Raises:
      Refused: a field is missing, of another type, or out of any range.
    """
    if not isinstance(sent, dict) or not set(Answer._fields) <= sent.keys():
        raise Refused(f"an answer has {', '.join(Answer._fields)}")
    given = Answer(*(sent[name] for name in Answer._fields))
    # True and 1.0 are numbers to Python.
    if not all(type(value) is kind for value, kind in zip(given, _TYPES, strict=True)):
        raise Refused("a field of the answer has the wrong type")
    if not (0 <= given.place < _MOST_PLACES and 0 <= given.rt < _LONGEST_MS):
        raise Refused("place or time are out of range")
    return given
