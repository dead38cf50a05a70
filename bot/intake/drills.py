"""The score of a drill, read from its timeline (X1)."""

from __future__ import annotations

from bot.contract.messages import Message
from bot.domain.drills import score
from bot.domain.incident import Incident
from bot.domain.policy import Policy
from bot.presenter.drills import DrillWords
from bot.store.work import Work


async def drill_score(work: Work, incident: Incident, policy: Policy, words: DrillWords) -> Message:
    """Return the score of a drill as it stands."""
    return words.score(incident, score(incident, await work.timeline(incident.id), policy))
