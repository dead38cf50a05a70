"""A clock that was set back: what is stored of a time that has not come counts from now (K6)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain.incident import Incident
from bot.domain.postmortem_values import Postmortem

LEEWAY = timedelta(seconds=10)
"""How far ahead a stored time may be: the clocks of several machines are never quite alike."""

SAID_FROM = timedelta(hours=1)
"""The length from which a jump ahead is said in the rooms of running incidents."""


def ahead(incident: Incident, now: datetime) -> timedelta:
    """Return how much later than it can be something of an incident is; nothing if nothing is."""
    return max((*_ahead(incident, now), timedelta(0)))


def _ahead(incident: Incident, now: datetime) -> Iterator[timedelta]:
    happened = (
        incident.declared_at,
        incident.acting_since,
        incident.commanded_since,
        incident.stabilised_at,
        incident.resolved_at,
        incident.review.opened_at if incident.review is not None else None,
        *(ask.at for ask in incident.asked),
    )
    yield from (when - now for when in happened if when is not None)
    for state in incident.clocks.values():
        if state.promise is not None:
            yield state.promise.due_at - now - state.promise.period


def set_back(incident: Incident, now: datetime) -> Incident:
    """Return an incident in which nothing has happened later than now.

    Promises are made anew (see `cadence.promise_anew`): steps of theirs may have been taken.
    """

    def past(when: datetime | None) -> datetime | None:
        return min(when, now) if when is not None else None

    early = max(incident.declared_at - now, timedelta(0))
    said, asked, review = incident.last_update, incident.asked, incident.review
    return replace(
        incident,
        declared_at=min(incident.declared_at, now),
        acting_since=past(incident.acting_since),
        commanded_since=past(incident.commanded_since),
        stabilised_at=past(incident.stabilised_at),
        resolved_at=past(incident.resolved_at),
        triage_at=incident.triage_at - early if incident.triage_at is not None else None,
        quiet_until=past(incident.quiet_until),
        asked=tuple(replace(ask, at=min(ask.at, now)) for ask in asked),
        last_update=replace(said, at=min(said.at, now)) if said is not None else None,
        review=_review(review, now) if review is not None else None,
    )


def _review(review: Postmortem, now: datetime) -> Postmortem:
    early = max(review.opened_at - now, timedelta(0))
    due = {promised: by - early for promised, by in review.due.items()}
    return replace(review, opened_at=review.opened_at - early, due=due)
