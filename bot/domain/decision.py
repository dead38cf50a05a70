"""A decision: the events that one command makes happen, each folded in before the next."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from bot.domain import events as ev
from bot.domain.errors import Rejected
from bot.domain.evolve import evolve
from bot.domain.incident import Incident
from bot.domain.setting import Setting
from bot.refs import PersonId


class Decision:
    """The events that one command makes happen. It changes while `decide` runs, and only there."""

    def __init__(self, incident: Incident | None, setting: Setting, now: datetime) -> None:
        """Begin with an incident; `None` before a declaration."""
        self._incident = incident
        self.setting = setting
        self.now = now
        self.events: list[ev.Event] = []

    @property
    def incident(self) -> Incident:
        """The incident as the events so far have made it."""
        if self._incident is None:
            raise ValueError("nothing has been declared")
        return self._incident

    @property
    def happened(self) -> tuple[ev.Event, ...]:
        """The events, in order."""
        return tuple(self.events)

    @property
    def by(self) -> PersonId | None:
        """The person who acts; `None` for a tick."""
        return self.setting.actor

    @property
    def person(self) -> PersonId:
        """The person who acts.

        Raises:
            Rejected: Nobody does: it is a tick, or a result.
        """
        if self.setting.actor is None:
            raise Rejected("Only a person can give this command.")
        return self.setting.actor

    @property
    def written_at(self) -> datetime:
        """The time at which the actor wrote, for entries that keep their own time (F11)."""
        return min(self.now, self.setting.written_at or self.now)

    @property
    def told_at(self) -> datetime:
        """The time at which the actor wrote, by the platform's clock, within F2's bounds."""
        return max(self.written_at, self.now - self.setting.policy.backdate_at_most)

    def add(self, event: ev.Event) -> None:
        """Make an event happen; what a person did, on the platform they did it on."""
        if event.by is not None and event.via is None and self.setting.via is not None:
            event = replace(event, via=self.setting.via)
        self._incident = evolve(self._incident, event)
        self.events.append(event)
