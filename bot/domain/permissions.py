"""Permissions: who may do what, and when; a refusal says who could (C5, D5)."""

from __future__ import annotations

from bot.domain.decision import Decision
from bot.domain.errors import Rejected
from bot.domain.incident import Severity
from bot.refs import PersonId, Who


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


def only_commander(decision: Decision, *, what: str, line: str) -> None:
    """Refuse what only the commander does, where there is one (C5)."""
    commander = decision.incident.commander
    if commander is None or decision.by == commander:
        return
    raise Rejected(f"Only the commander may {what}.", lines=(line,), for_whom=Who(commander))


def acting_person(decision: Decision) -> PersonId:
    """Return who acts; a tick does not."""
    if decision.by is None:
        raise Rejected("Only a person can give this command.")
    return decision.by


def under_way_or_sev4(decision: Decision) -> None:
    """Refuse what only something open can take, be it a ticket."""
    if decision.incident.severity is not Severity.SEV4 or not decision.incident.phase.active:
        under_way(decision)
