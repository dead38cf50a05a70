"""The incident as people outside hear of it (X3)."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.incident import Incident
from bot.domain.named import Named, vouched


def outward(incident: Incident, named: Named) -> Incident:
    """Return an incident as stakeholders may hear of it.

    The words of people whom the config does not name go outside only once somebody whom it names
    has acted in the incident; until then its number, severity and service are told.
    """
    if vouched(incident, named):
        return incident
    what = f"an incident of {incident.service}" if incident.service else "an incident"
    return replace(incident, title=what, impact=None, last_update=None, decisions=())
