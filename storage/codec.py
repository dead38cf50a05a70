"""States, events and deliveries as JSON, with the version in which they were written.

A renamed or moved name of something stored takes a new `SCHEMA` and an `Upcast`; the sample of the
old version stays in the tests.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, get_args

from pydantic import TypeAdapter

from bot.domain import events as ev
from bot.domain.action_values import Action
from bot.domain.incident import Incident
from bot.store.rows import Outgoing

SCHEMA = 1
"""The version in which states and events are written; an older one is upcast when it is read."""

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Upcast:
    """The step from one version to the next, on plain JSON."""

    kinds: Mapping[str, str] = field(default_factory=dict)
    """Event classes that were renamed: the old name, and the new one."""
    event: Callable[[str, Json], Json] = lambda _kind, data: data
    """Returns an event of the next version; its class comes with the new name."""
    incident: Callable[[Json], Json] = lambda data: data
    """Returns a state of the next version."""


UPCASTS: Mapping[int, Upcast] = {}
"""The step from each older version, by its number."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_TYPES: dict[str, Any] = {kind.__name__: kind for kind in get_args(ev.Event)}


@cache
def _incidents() -> TypeAdapter[Incident]:
    return TypeAdapter(Incident)


@cache
def _actions() -> TypeAdapter[Action]:
    return TypeAdapter(Action)


@cache
def _deliveries() -> TypeAdapter[Outgoing]:
    return TypeAdapter(Outgoing)


@cache
def _events(kind: str) -> TypeAdapter[ev.Event]:
    return TypeAdapter(_TYPES[kind])


def micros(when: datetime) -> int:
    """Return an instant as stored: microseconds since 1970, UTC.

    Raises:
        ValueError: The instant has no time zone.
    """
    if when.tzinfo is None:
        raise ValueError(f"a time without a zone: {when}")
    return (when - _EPOCH) // _MICROSECOND


def instant(stored: int) -> datetime:
    """Return a stored instant, in UTC."""
    return _EPOCH + timedelta(microseconds=stored)


def dump_incident(incident: Incident) -> str:
    """Return a state as stored."""
    return _incidents().dump_json(incident).decode()


def load_incident(text: str, schema: int) -> Incident:
    """Return a stored state."""
    for step in _steps(schema):
        text = json.dumps(step.incident(json.loads(text)))
    return _incidents().validate_json(text)


def dump_action(action: Action) -> str:
    """Return an action item as stored."""
    return _actions().dump_json(action).decode()


def load_action(text: str) -> Action:
    """Return a stored action item."""
    return _actions().validate_json(text)


def dump_event(event: ev.Event) -> str:
    """Return an event as stored."""
    return _events(type(event).__name__).dump_json(event).decode()


def load_event(kind: str, text: str, schema: int) -> ev.Event:
    """Return a stored event."""
    for step in _steps(schema):
        kind = step.kinds.get(kind, kind)
        text = json.dumps(step.event(kind, json.loads(text)))
    return _events(kind).validate_json(text)


def dump_outgoing(what: Outgoing) -> str:
    """Return a delivery as stored."""
    return _deliveries().dump_json(what).decode()


def load_outgoing(text: str) -> Outgoing:
    """Return a stored delivery."""
    return _deliveries().validate_json(text)


def _steps(schema: int) -> list[Upcast]:
    """Return the steps from a version to this one.

    Raises:
        ValueError: This Sitrep does not know the version.
    """
    if schema == SCHEMA:
        return []
    older = range(schema, SCHEMA)
    if not older or any(version not in UPCASTS for version in older):
        raise ValueError(f"written in version {schema}; this Sitrep reads version {SCHEMA}")
    return [UPCASTS[version] for version in older]
