"""Briefs for stakeholders (H1)."""

from __future__ import annotations

from bot.domain import cadence
from bot.domain import events as ev
from bot.domain.decision import Decision
from bot.domain.errors import Rejected
from bot.domain.incident import ClockName
from bot.domain.stages import under_way


def send_brief(decision: Decision, text: str) -> None:
    """Send a summary to the stakeholders; the liaison's (H1)."""
    under_way(decision)
    if decision.incident.private:
        raise Rejected(
            f"{decision.incident.id} is private: nobody outside is briefed on it.",
            lines=("update <text>",),
        )
    if ClockName.STAKEHOLDER not in decision.setting.audiences:
        raise Rejected(
            "Nobody is subscribed and no audience is configured, so there is nobody to brief.",
            lines=("update <text>", "subscribe"),
        )
    decision.add(ev.BriefSent(at=decision.now, by=decision.by, text=text))
    cadence.keep(decision, ClockName.STAKEHOLDER, at=decision.now)
