"""Answers: checked in one place, the first one counts, none is lost."""

import json
import sqlite3
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_up import answer_of, take_part

from bg_interp.errors import UserError
from bg_interp.people.answers.records import Refused
from bg_interp.people.answers.store import Store


def start(store, public):
    state = store.start()
    return state["participant"], public["lists"][state["list"]]


def test_the_first_answer_counts(store, public):
    who, trials = start(store, public)
    assert store.answer(answer_of(who, trials[0], response=1)) == {"new": True, "answers": 1}
    assert store.answer(answer_of(who, trials[0], response=0)) == {"new": False, "answers": 1}
    assert [one.response for one in store.answers()] == [1]


def test_the_same_answer_from_many_threads_is_stored_once(store, public):
    who, trials = start(store, public)
    new = []
    sent = answer_of(who, trials[0])
    threads = [
        threading.Thread(target=lambda: new.append(store.answer(sent)["new"])) for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(new) == [False] * 19 + [True]


def test_who_has_answered_all_has_finished(store, public, key):
    who = take_part(store, public, key, lambda _: True)
    part = take_part(store, public, key, lambda _: True, finish=False)
    finished = {one.number: one.finished for one in store.participants()}
    assert finished == {who: True, part: False}
    assert store.state(who)["finished"] and len(store.state(part)["done"]) > 10


def test_lists_are_handed_out_evenly_and_given_again_when_somebody_leaves(
    experiment, store, public, key
):
    lists = [store.start()["list"] for _ in range(len(public["lists"]))]
    assert lists == list(range(len(lists)))
    take_part(store, public, key, lambda _: True)
    # After a stop, those who started are no longer expected.
    again = Store(experiment.answers, public)
    assert again.start()["list"] == 1


def test_a_copy_of_the_file_alone_holds_all_answers(experiment, store, public, key, tmp_path):
    take_part(store, public, key, lambda _: True)
    copy = tmp_path / "copy.sqlite"
    copy.write_bytes(experiment.answers.read_bytes())
    assert Store(copy, public).answers() == store.answers()
    assert sqlite3.connect(copy).execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_person_is_forgotten_without_a_trace(experiment, store, public, key):
    who = take_part(store, public, key, lambda _: True)
    other = take_part(store, public, key, lambda _: True)
    count = len(public["lists"][0])
    assert store.forget(who) == count
    assert [one.number for one in store.participants()] == [other]
    assert who.encode() not in experiment.answers.read_bytes()
    with pytest.raises(UserError, match="nobody has this number"):
        store.forget(who)


def test_answers_to_another_experiment_are_refused(experiment, store, public):
    with pytest.raises(UserError, match="holds answers to experiment"):
        Store(experiment.answers, {**public, "experiment": "0" * 16})


def test_a_damaged_file_is_named(experiment, public):
    experiment.answers.write_bytes(b"no database" * 100)
    with pytest.raises(UserError, match=r"answers\.sqlite can't be used"):
        Store(experiment.answers, public)


@pytest.mark.parametrize(
    "changed",
    [
        {"response": 4},
        {"response": -1},
        {"response": True},
        {"response": 1.0},
        {"button": 7},
        {"place": -1},
        {"place": 10**9},
        {"rt": 10**12},
        {"rt": -1},
        {"rt": "500"},
        {"rt": None},
        {"trial": "x"},
        {"trial": ["x"]},
        {"participant": "'; DROP TABLE answer; --"},
        {"participant": None},
    ],
    ids=str,
)
def test_what_no_browser_sends_is_refused(store, public, changed):
    who, trials = start(store, public)
    with pytest.raises(Refused):
        store.answer({**answer_of(who, trials[0]), **changed})
    assert not store.answers()


def test_a_trial_of_another_list_is_refused(store, public):
    who, trials = start(store, public)
    own = {trial["id"] for trial in trials}
    other = next(one for trials in public["lists"] for one in trials if one["id"] not in own)
    with pytest.raises(Refused, match="no such trial"):
        store.answer(answer_of(who, other))


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
_ANSWERS = st.fixed_dictionaries(
    {},
    optional={
        "participant": _VALUES | st.just("PARTICIPANT"),
        "trial": _VALUES | st.just("TRIAL"),
        "place": _VALUES | st.integers(-2, 100),
        "response": _VALUES | st.integers(-2, 5),
        "button": _VALUES | st.integers(-2, 5),
        "rt": _VALUES | st.integers(-5, 10_000),
    },
)


@settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(sent=_ANSWERS | _VALUES)
def test_whatever_is_sent_is_a_stored_answer_or_refused(public, sent):
    store = Store(None, public)
    who, trials = start(store, public)
    if isinstance(sent, dict):
        known = {"PARTICIPANT": who, "TRIAL": trials[0]["id"]}
        sent = {
            name: known.get(value, value) if isinstance(value, str) else value
            for name, value in sent.items()
        }
    try:
        store.answer(sent)
    except Refused:
        assert not store.answers()
    else:
        (stored,) = store.answers()
        assert stored._asdict() == sent
        assert json.loads(json.dumps(stored._asdict())) == sent
        classes = len(public["classes"])
        assert 0 <= stored.response < (classes if trials[0]["kind"] == "naming" else 2)
    finally:
        store.close()
