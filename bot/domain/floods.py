"""Floods: what comes too often for one reader becomes one call, and is never lost (F18)."""

from __future__ import annotations

from datetime import datetime

from bot.domain.incident import Incident
from bot.domain.policy import PAGE_AGAIN
from bot.refs import PersonId


def paged_as(people: tuple[PersonId, ...], service: str | None) -> tuple[str, ...]:
    """Return the names under which an incident keeps who was paged."""
    return (*people, *((f"service:{service}",) if service is not None else ()))


def just_paged(
    incident: Incident, people: tuple[PersonId, ...], service: str | None, now: datetime
) -> datetime | None:
    """Return when all of these were paged for the incident already, if that was just now."""
    called = [incident.paged.get(name) for name in paged_as(people, service)]
    last = [at for at in called if at is not None]
    if len(last) < len(called) or not last or not now - min(last) < PAGE_AGAIN:
        return None
    return min(last)
