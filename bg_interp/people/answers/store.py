"""Answers in one SQLite file: the first answer to a trial counts, and none that was confirmed is
lost.

This is the only place that checks an answer. Nothing is known of a participant but a random
number, and whether a program played the part.

The journal is a file that ends with each answer (TRUNCATE), not a log (WAL): somebody who copies
answers.sqlite alone has all answers. With `synchronous=FULL` an answer is on the disk before it is
confirmed.
"""

import contextlib
import pathlib
import re
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

from bg_interp.errors import UserError
from bg_interp.people.answers import records
from bg_interp.people.answers.records import Answer, Participant, Refused

_SCHEMA = """
CREATE TABLE IF NOT EXISTS experiment (id TEXT PRIMARY KEY, link TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS participant (
  id TEXT PRIMARY KEY, list INTEGER NOT NULL, simulated INTEGER NOT NULL,
  finished INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS answer (
  participant TEXT NOT NULL REFERENCES participant(id) ON DELETE CASCADE, trial TEXT NOT NULL,
  place INTEGER NOT NULL, response INTEGER NOT NULL, button INTEGER NOT NULL, rt INTEGER NOT NULL,
  PRIMARY KEY (participant, trial)) WITHOUT ROWID;
"""
_NUMBER = re.compile("[0-9a-f]{24}")
# A stranger with the link could fill the disk.
_MOST_PARTICIPANTS = 5_000
# How long somebody who has started is expected to go on, so that their list isn't handed out.
_PATIENCE_SECONDS = 3600.0
_BUSY_SECONDS = 30.0


def _connect(path: pathlib.Path | None) -> sqlite3.Connection:
    database = sqlite3.connect(
        ":memory:" if path is None else path,
        isolation_level=None,
        check_same_thread=False,
        timeout=_BUSY_SECONDS,
    )
    database.execute("PRAGMA journal_mode=TRUNCATE")
    database.execute("PRAGMA synchronous=FULL")
    database.execute("PRAGMA foreign_keys=ON")
    # What is to be forgotten leaves no trace in the file.
    database.execute("PRAGMA secure_delete=ON")
    return database


class Store:
    """The answers to one experiment.

    Args:
      path: the file; None keeps all in memory.
      public: what experiment.json says.

    Raises:
      UserError: the file is damaged, can't be written, or holds answers to another experiment.
    """

    def __init__(self, path: pathlib.Path | None, public: Mapping[str, Any]):
        classes = len(public["classes"])
        self._choices = [
            {trial["id"]: classes if trial["kind"] == "naming" else 2 for trial in one}
            for one in public["lists"]
        ]
        self._lock = threading.RLock()
        self._started: list[tuple[float, str, int]] = []
        try:
            self._database = _connect(path)
            with self._writing():
                for statement in _SCHEMA.split(";\n"):
                    self._database.execute(statement)
                self._database.execute(
                    "INSERT INTO experiment SELECT ?, ? "
                    "WHERE NOT EXISTS (SELECT * FROM experiment)",
                    (public["experiment"], secrets.token_urlsafe(16)),
                )
            (row,) = self._database.execute("SELECT id, link FROM experiment")
        except (sqlite3.Error, ValueError) as error:
            raise UserError(f"{path} can't be used ({error}); move it away") from error
        if row[0] != public["experiment"]:
            raise UserError(
                f"{path} holds answers to experiment {row[0]}, but experiment.json is "
                f"{public['experiment']}; move the answers away, or bring back what belongs to them"
            )
        self.link: str = row[1]

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._database.close()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Makes the block one transaction, which other threads and processes wait for."""
        with self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._database.execute("COMMIT")
            except BaseException:
                # A full disk rolls back by itself.
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise

    def start(self, simulated: bool = False) -> dict[str, Any]:
        """Lets somebody in, on a list that the fewest have finished or are at.

        Raises:
          Refused: there are too many.
        """
        number = secrets.token_hex(12)
        with self._lock:
            chosen = self._rarest_list()
            self.admit(number, chosen, simulated)
            self._started.append((time.monotonic(), number, chosen))
        return self.state(number)

    def _rarest_list(self) -> int:
        """Returns a list; those who left without finishing count for little."""
        since = time.monotonic() - _PATIENCE_SECONDS
        self._started = [one for one in self._started if one[0] > since]
        finished = {one.number for one in self.participants() if one.finished}
        lists = range(len(self._choices))
        busy, begun = dict.fromkeys(lists, 0), dict.fromkeys(lists, 0)
        for one in self.participants():
            busy[one.list] += one.finished
            begun[one.list] += 1
        for _, number, chosen in self._started:
            busy[chosen] += number not in finished
        return min(lists, key=lambda number: (busy[number], begun[number], number))

    def admit(self, number: object, chosen: object, simulated: object = False) -> None:
        """Lets somebody in who has a number already; again has no effect.

        Raises:
          Refused: it is no number, there is no such list, or there are too many people.
        """
        if not isinstance(number, str) or not _NUMBER.fullmatch(number):
            raise Refused("a participant's number has 24 digits and letters a to f")
        if type(chosen) is not int or not 0 <= chosen < len(self._choices):
            raise Refused("there is no such list")
        if type(simulated) is not bool:
            raise Refused("simulated must be true or false")
        with self._writing():
            (count,) = self._database.execute("SELECT COUNT(*) FROM participant").fetchone()
            if count >= _MOST_PARTICIPANTS:
                raise Refused("there are as many participants as there can be")
            self._database.execute(
                "INSERT OR IGNORE INTO participant (id, list, simulated) VALUES (?, ?, ?)",
                (number, chosen, simulated),
            )

    def _find(self, number: object) -> Participant:
        rows = self._database.execute(
            "SELECT id, list, simulated, finished FROM participant WHERE id = ?",
            (number if isinstance(number, str) else "",),
        ).fetchall()
        if not rows:
            raise Refused("nobody has this number")
        return Participant(rows[0][0], rows[0][1], bool(rows[0][2]), bool(rows[0][3]))

    def state(self, number: object) -> dict[str, Any]:
        """Returns where somebody stands: their list, and the trials that they have answered.

        Raises:
          Refused: nobody has this number.
        """
        with self._lock:
            participant = self._find(number)
            done = self._database.execute(
                "SELECT trial FROM answer WHERE participant = ? ORDER BY place",
                (participant.number,),
            ).fetchall()
        return {
            "participant": participant.number,
            "list": participant.list,
            "finished": participant.finished,
            "done": [trial for (trial,) in done],
        }

    def answer(self, sent: object) -> dict[str, Any]:
        """Stores an answer; one that is there already stays as it is.

        Args:
          sent: what a browser sent: an object with the fields of `Answer`.

        Returns:
          `new`: whether it was stored now; `answers`: how many of this person there are.

        Raises:
          Refused: it can't be an answer of this person.
        """
        given = records.read(sent)
        with self._writing():
            trials = self._choices[self._find(given.participant).list]
            choices = trials.get(given.trial)
            if choices is None:
                raise Refused("this participant has no such trial")
            if not (0 <= given.response < choices and 0 <= given.button < choices):
                raise Refused("there is no such choice")
            made = self._database.execute(
                "INSERT OR IGNORE INTO answer VALUES (?, ?, ?, ?, ?, ?)", given
            )
            (count,) = self._database.execute(
                "SELECT COUNT(*) FROM answer WHERE participant = ?", (given.participant,)
            ).fetchone()
            if count == len(trials):
                self._database.execute(
                    "UPDATE participant SET finished = 1 WHERE id = ?", (given.participant,)
                )
        return {"new": made.rowcount == 1, "answers": count}

    def forget(self, number: str) -> int:
        """Deletes a participant and all their answers; returns how many answers these were.

        Raises:
          UserError: nobody has this number.
        """
        with self._writing():
            try:
                self._find(number)
            except Refused as error:
                raise UserError(f"--forget: {error}. Received: {number}") from error
            gone = self._database.execute("DELETE FROM answer WHERE participant = ?", (number,))
            self._database.execute("DELETE FROM participant WHERE id = ?", (number,))
        return gone.rowcount

    def participants(self) -> list[Participant]:
        """Returns everybody who has started, by number."""
        with self._lock:
            rows = self._database.execute(
                "SELECT id, list, simulated, finished FROM participant ORDER BY id"
            ).fetchall()
        return [Participant(who, one, bool(sim), bool(end)) for who, one, sim, end in rows]

    def answers(self) -> list[Answer]:
        """Returns all answers, by participant and in the order that they were given."""
        with self._lock:
            rows = self._database.execute(
                "SELECT participant, trial, place, response, button, rt FROM answer "
                "ORDER BY participant, place, trial"
            ).fetchall()
        return [Answer(*row) for row in rows]


def participants(path: pathlib.Path) -> int:
    """Returns how many people's answers a file holds; 0 when it is none of ours."""
    try:
        database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        with contextlib.closing(database):
            (count,) = database.execute("SELECT COUNT(*) FROM participant").fetchone()
            return count
    except sqlite3.Error:
        return 0
