"""Public texts: the states of a status page, publications, and the words agreed beforehand.

The words stand in a plan before the incident (X1). Those that go out by themselves, when an
incident is stabilised or ends, are fixed; the rest is shown to the commander first (X2).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum

from bot.refs import PersonId


class PublicState(StrEnum):
    """The states of an incident on a status page; they follow the phase."""

    INVESTIGATING = "investigating"
    IDENTIFIED = "identified"
    MONITORING = "monitoring"
    RESOLVED = "resolved"


class ComponentState(IntEnum):
    """The health of a status page's component; a higher number is worse."""

    OPERATIONAL = 0
    DEGRADED = 1
    PARTIAL = 2
    MAJOR = 3


class Moment(StrEnum):
    """The moments that have a template; most are states of a status page."""

    TITLE = "title"
    INVESTIGATING = "investigating"
    IDENTIFIED = "identified"
    MONITORING = "monitoring"
    RESOLVED = "resolved"
    REOPENED = "reopened"
    CANCELLED = "cancelled"


STATE: Mapping[Moment, PublicState] = {
    Moment.INVESTIGATING: PublicState.INVESTIGATING,
    Moment.IDENTIFIED: PublicState.IDENTIFIED,
    Moment.MONITORING: PublicState.MONITORING,
    Moment.RESOLVED: PublicState.RESOLVED,
    Moment.REOPENED: PublicState.INVESTIGATING,
    Moment.CANCELLED: PublicState.RESOLVED,
}
"""Which state the words of a moment are published in."""

WORDS: Mapping[Moment, str] = {
    Moment.TITLE: "Problems with {service}",
    Moment.INVESTIGATING: "We are investigating problems with {service}, known since {since}.",
    Moment.IDENTIFIED: "The problem with {service} is identified; a fix is being made.",
    Moment.MONITORING: "A fix for {service} is in place. We are watching the results.",
    Moment.RESOLVED: "The problem with {service} is resolved.",
    Moment.REOPENED: "The problem with {service} is back. We are investigating.",
    Moment.CANCELLED: "This was a false alarm; {service} was not affected.",
}
"""The words where a plan has none of its own."""

FIELDS = frozenset({"service", "components", "since", "impact"})
"""The fields that a template may use."""

SHOWN_FIRST = frozenset({Moment.INVESTIGATING, Moment.IDENTIFIED})
"""The moments whose words somebody always sees before they go out: only these name the impact."""

NO_SERVICE = "our service"
"""The text for `{service}` if the incident names no service."""

_FIELD = re.compile(r"\{(\w*)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """A text that went out. `entry` is its timeline entry, and its name for ever.

    `health` is how `components` fare with it.
    """

    entry: int
    at: datetime
    state: PublicState
    text: str
    title: str
    components: tuple[str, ...] = ()
    health: ComponentState = ComponentState.OPERATIONAL


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicDraft:
    """A text that waits for the commander's word; of nobody's where the plan's words offer it."""

    at: datetime
    by: PersonId | None
    text: str
    entry: int
    title: str = ""
    state: PublicState = PublicState.INVESTIGATING
    components: tuple[str, ...] = ()


def faults_in(moment: Moment, template: str) -> list[str]:
    """Return what is wrong with a template, with how to put it right."""
    may = FIELDS if moment in SHOWN_FIRST else FIELDS - {"impact"}
    known = ", ".join(f"{{{name}}}" for name in sorted(may))
    faults = [
        f"{{{name}}} is not a field here; the fields are {known}"
        for name in _FIELD.findall(template)
        if name not in may
    ]
    if not template.strip():
        faults.append("says nothing; leave it out for the built-in words")
    if any(brace in _FIELD.sub("", template) for brace in "{}"):
        faults.append(f"has a brace that is not a field; the fields are {known}")
    return faults


def filled(template: str, fields: Mapping[str, str]) -> str:
    """Return a template's text; its first letter stays a capital."""
    text = _FIELD.sub(lambda match: fields.get(match[1], ""), template).strip()
    return text[:1].upper() + text[1:]
