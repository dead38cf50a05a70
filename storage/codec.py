"""States, events and deliveries as JSON, with the version they were written in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, get_args

from pydantic import TypeAdapter

from bot.domain import events as ev
from bot.domain.action_values import Action
from bot.domain.incident import Incident
from bot.store.rows import Outgoing

SCHEMA = 1
"""The version that states and events are written in. What is older is upcast when it is read."""

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
    """Return an instant as stored.

    Raises:
        ValueError: It has no time zone.
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
    return _incidents().validate_json(_upcast(text, schema))


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
    return _events(kind).validate_json(_upcast(text, schema))


def dump_outgoing(what: Outgoing) -> str:
    """Return a delivery as stored."""
    return _deliveries().dump_json(what).decode()


def load_outgoing(text: str) -> Outgoing:
    """Return a stored delivery."""
    return _deliveries().validate_json(text)


def _upcast(text: str, schema: int) -> str:
    """Bring what an older version wrote to the current shape; there is one version so far."""
    if schema != SCHEMA:
        raise ValueError(f"written in version {schema}; this Sitrep reads version {SCHEMA}")
    return text
