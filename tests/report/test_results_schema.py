"""The schema of results.json, and what an audit from Python writes."""

import dataclasses
import json

import json_schema
import pytest

# Said by their names, or by what holds them.
_PLAIN = {
    "reason",
    "of_class",
    "kind",
    "p_value",
    "original",
    "swapped",
    "backgrounds_are",
    "doubts",
}
_SCHEMA = json.loads(json_schema.RESULTS.read_text(encoding="utf-8"))


def test_an_audit_beside_an_earlier_one_keeps_to_it(written):
    results = json.loads((written / "results.json").read_text())
    json_schema.check_results(results)
    assert results["baseline"]["images"] == 58
    assert results["baseline"]["changes"]["swap"]["high"] < 0


def test_an_earlier_audit_that_fits_nothing_is_said_to(found, earlier):
    strange = dataclasses.replace(earlier, keys=tuple(f"other {key}" for key in earlier.keys))
    told = found.beside(strange).to_dict()["baseline"]
    assert told["changes"] == {} and "the same images" in told["problem"]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda one: one.pop("finding"), "finding is missing"),
        (lambda one: one.update(finding="fine"), "'fine' is none of"),
        (lambda one: one.update(more=1), "more is not told of"),
        (lambda one: one["measures"]["swap"].update(value="high"), "'high' is no number"),
        (lambda one: one.update(chance=1.5), "1.5 is out of bounds"),
        (lambda one: one.update(images=True), "True is no integer"),
    ],
)
def test_what_does_not_keep_to_it_is_found(found, change, fault):
    results = json.loads(json.dumps(found.to_dict()))
    change(results)
    audit = _SCHEMA["$defs"]["audit"]
    assert any(fault in one for one in json_schema.faults(results, audit, _SCHEMA))


def test_everything_that_it_names_is_told_of():
    told = [
        (name, member)
        for name, one in _SCHEMA["$defs"].items()
        for member, schema in one.get("properties", {}).items()
        if not {"description", "$ref", "anyOf"} & set(schema)
    ]
    undescribed = [member for _, member in told if member not in _PLAIN]
    assert undescribed == []
