"""Briefs for stakeholders (H1)."""

from __future__ import annotations

from bot.domain import cadence
from bot.domain import events as ev
from bot.domain.cadence import owing
from bot.domain.decision import Decision
from bot.domain.errors import Rejected
from bot.domain.incident import ClockName, Role
from bot.domain.permissions import under_way
from bot.refs import Who


def send_brief(decision: Decision, text: str) -> None:
    """Send a summary to the stakeholders; the liaison's (H1)."""
    under_way(decision)
    if ClockName.STAKEHOLDER not in decision.setting.audiences:
        raise Rejected(
            "Nobody is subscribed and no audience is configured, so there is nobody to brief.",
            lines=("update <text>", "subscribe"),
        )
    incident = decision.incident
    may = {incident.commander, incident.roles.get(Role.LIAISON), incident.roles.get(Role.COMMS)}
    if incident.commander is not None and decision.by not in may:
        holder = owing(incident, ClockName.STAKEHOLDER)
        raise Rejected(
            "Only the liaison, comms or the commander may brief stakeholders.",
            lines=(f"brief {text}",),
            for_whom=Who(holder) if holder else None,
        )
    decision.add(ev.BriefSent(at=decision.now, by=decision.by, text=text))
    cadence.keep(decision, ClockName.STAKEHOLDER, at=decision.now)
