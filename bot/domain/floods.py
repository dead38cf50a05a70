"""Floods: what comes too often for one reader becomes one call, and is never lost (F18)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.domain.durations import near
from bot.domain.incident import Incident, Severity
from bot.domain.named import Named, vouched
from bot.domain.policy import Bound

NAMES_KEPT = 20
"""How many incidents of a burst are kept by their names: the first ones, and the last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    """The incidents that one person declared or raised, each soon after another."""

    began: datetime
    last: datetime
    count: int
    severity: Severity
    """The worst of them."""
    times: tuple[datetime, ...]
    """The last of them, as many as the bound allows."""
    incidents: tuple[str, ...]
    """The first of them, and the last one."""

    def reaches(self, bound: Bound, now: datetime) -> bool:
        """Return whether as many as the bound allows are within its time."""
        recent = [at for at in self.times if near(bound.within, at, now)]
        return len(recent) >= bound.most

    def with_another(self, incident: Incident, bound: Bound, now: datetime) -> Burst:
        """Return the burst after another one; it starts anew after the bound's time of quiet."""
        if not near(bound.within, self.last, now):
            return begun(incident, now)
        kept = tuple(name for name in self.incidents[: NAMES_KEPT - 1] if name != incident.id)
        return Burst(
            began=self.began,
            last=now,
            count=self.count + 1,
            severity=min(self.severity, incident.severity),
            times=(*self.times, now)[-bound.most :],
            incidents=(*kept, incident.id),
        )


def begun(incident: Incident, now: datetime) -> Burst:
    """Return a burst of one."""
    return Burst(
        began=now,
        last=now,
        count=1,
        severity=incident.severity,
        times=(now,),
        incidents=(incident.id,),
    )


def gathers(incident: Incident, named: Named) -> bool:
    """Return whether an incident's calls are gathered with others: until anybody named acts."""
    return incident.flooded_by is not None and not vouched(incident, named)
