"""Adaptive Cards against the official 1.5 schema and our own caps; faults that can be read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

from jsonschema import Draft6Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from adapters.teams.cards import LONGEST, units


@cache
def _schema() -> dict[str, Any]:
    schema = files("adaptive_cards").joinpath("schemas/schema-1.5.json")
    return json.loads(schema.read_text("utf-8"))


@cache
def _types(definition: str) -> frozenset[str]:
    """Return the values that the schema takes for `type` of a definition."""
    properties = _schema()["definitions"][definition].get("properties", {})
    return frozenset(properties.get("type", {}).get("enum", ()))


def _may_be(branch: dict[str, Any], kind: object) -> bool:
    """Whether an alternative can hold for an element of a type."""
    if [*branch] == ["required", "allOf"] and [*branch["allOf"][0]] == ["$ref"]:
        types = _types(branch["allOf"][0]["$ref"].rpartition("/")[2])
        return not types or kind in types
    return True


def _any_of(
    validator: Draft6Validator, branches: list[dict[str, Any]], element: Any, schema: dict[str, Any]
) -> Iterator[ValidationError]:
    """Try those alternatives alone that are of the element's type.

    Each names its type, so no other can hold; to try them all takes fifty times as long.
    """
    if isinstance(element, dict) and isinstance(kind := element.get("type"), str):
        branches = [each for each in branches if _may_be(each, kind)] or branches
    yield from Draft6Validator.VALIDATORS["anyOf"](validator, branches, element, schema)


@cache
def _validator() -> Draft6Validator:
    return extend(Draft6Validator, {"anyOf": _any_of})(_schema())


def faults_in(card: dict[str, Any]) -> list[str]:
    """Return what is wrong with a card."""
    bare = {k: v for k, v in card.items() if k != "msteams"}  # Teams' own, and not in the schema
    faults = [f"{key} is needed" for key in ("version", "fallbackText") if key not in card]
    if card.get("version") != "1.5":
        faults.append(f"version {card.get('version')}")
    if len(card.get("refresh", {}).get("userIds", [])) > 60:
        faults.append("more than 60 people have a view of their own")
    if len(card.get("actions", [])) > 6:
        faults.append("more actions than Teams shows")
    if units(card) > LONGEST:
        faults.append(f"{units(card)} UTF-16 units")
    for error in _validator().iter_errors(bare):
        leaf = _leaf(error)
        where = "/".join(str(part) for part in leaf.absolute_path) or "the card"
        faults.append(f"{where}: {leaf.message[:160]}")
    body = json.dumps(card["body"], ensure_ascii=False)
    faults += [
        f"mentioned, and not in the text: {entity['text']}"
        for entity in card.get("msteams", {}).get("entities", [])
        if entity["text"] not in body
    ]
    return faults


def _leaf(error: ValidationError) -> ValidationError:
    """Return the fault at the bottom of a schema's alternatives."""
    while error.context:
        branches: dict[Any, list[ValidationError]] = {}
        for each in error.context:
            branches.setdefault(each.schema_path[0], []).append(each)
        alive = [found for found in branches.values() if not _is_another_type(found)]
        if not alive:
            break
        error = max((e for found in alive for e in found), key=lambda e: len(e.absolute_path))
    return error


def _is_another_type(errors: list[ValidationError]) -> bool:
    return any(
        error.path and error.path[-1] == "type" and error.validator == "enum" for error in errors
    )
