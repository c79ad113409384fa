"""What of JSON Schema (json-schema.org) the schema of results.json uses, and no more."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import source_tree

RESULTS = source_tree.ROOT / "bg_interp" / "report" / "results.schema.json"
_TYPES: dict[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "null": type(None),
}
_KNOWN = {
    *("$schema", "$defs", "$ref", "title", "description", "type", "enum", "anyOf", "items"),
    *("properties", "required", "additionalProperties", "minimum", "maximum"),
}


def check_results(results: Any) -> None:
    """Checks that results keep to the schema of results.json."""
    schema = json.loads(RESULTS.read_text(encoding="utf-8"))
    assert list(faults(results, schema, schema)) == []


def faults(value: Any, schema: Mapping, root: Mapping, place: str = "") -> Iterator[str]:
    """Yields what of a value does not keep to a schema."""
    assert set(schema) <= _KNOWN, f"{set(schema) - _KNOWN} at {place} would be checked by nothing"
    if "$ref" in schema:
        named = schema["$ref"].removeprefix("#/$defs/")
        yield from faults(value, root["$defs"][named], root, place)
    if "enum" in schema and value not in schema["enum"]:
        yield f"{place}: {value!r} is none of {schema['enum']}"
    if "anyOf" in schema:
        tried = [list(faults(value, one, root, place)) for one in schema["anyOf"]]
        if all(tried):
            yield from min(tried, key=len)
    wanted = _TYPES.get(schema.get("type", ""), object)
    if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not object):
        yield f"{place}: {value!r:.60} is no {schema['type']}"
        return
    if isinstance(value, int | float) and not (
        schema.get("minimum", value) <= value <= schema.get("maximum", value)
    ):
        yield f"{place}: {value} is out of bounds"
    if isinstance(value, list) and "items" in schema:
        for number, one in enumerate(value):
            yield from faults(one, schema["items"], root, f"{place}[{number}]")
    if isinstance(value, dict):
        yield from _members(value, schema, root, place)


def _members(value: dict, schema: Mapping, root: Mapping, place: str) -> Iterator[str]:
    properties, others = schema.get("properties", {}), schema.get("additionalProperties", {})
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{place}: {name} is missing"
    for name, one in value.items():
        if name in properties:
            yield from faults(one, properties[name], root, f"{place}.{name}")
        elif others is False:
            yield f"{place}: {name} is not told of"
        else:
            yield from faults(one, others, root, f"{place}.{name}")
