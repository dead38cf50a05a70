"""Stages: the phases in which a command has a meaning, and what is said in the others (T1, S4)."""

from __future__ import annotations

from enum import StrEnum

from bot.domain.decision import Decision
from bot.domain.errors import Rejected
from bot.domain.incident import Incident, Severity


class Standing(StrEnum):
    """The phases of an incident, and a SEV4's: it is a ticket, not a process (S4)."""

    TICKET = "ticket"
    INVESTIGATING = "investigating"
    STABILISED = "stabilised"
    RESOLVED = "resolved"
    CLOSED = "closed"
    CANCELLED = "cancelled"


UNDER_WAY = frozenset({Standing.INVESTIGATING, Standing.STABILISED})
"""The stages of an incident process under way."""

OPEN = UNDER_WAY | {Standing.TICKET}
"""The stages of what is not over."""

EVER = frozenset(Standing)
"""All stages."""


def stage_of(incident: Incident) -> Standing:
    """Return the stage that an incident is in."""
    if incident.phase.active and incident.severity is Severity.SEV4:
        return Standing.TICKET
    return Standing(incident.phase.value)


def under_way(decision: Decision) -> None:
    """Refuse what only an incident under way can take."""
    incident = decision.incident
    if incident.severity is Severity.SEV4 and incident.phase.active:
        raise Rejected(
            f"{incident.id} is a SEV4: a ticket, not an incident process.",
            lines=("sev 3 because <what changed>",),
        )
    if not incident.phase.active:
        raise Rejected(
            f"{incident.id} is {incident.phase.value}; nothing was changed.",
            lines=("reopen because <reason>", "note <text>"),
        )


def under_way_or_sev4(decision: Decision) -> None:
    """Refuse what only something open can take, be it a ticket."""
    if decision.incident.severity is not Severity.SEV4 or not decision.incident.phase.active:
        under_way(decision)
