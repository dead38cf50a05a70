"""Incidents, their timelines and their action items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, Protocol

from bot.domain.action_values import Action
from bot.domain.events import Entry
from bot.domain.incident import Incident, Phase, Severity
from bot.refs import ConversationRef, PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A line of the list of incidents."""

    id: str
    title: str
    severity: Severity
    phase: Phase
    declared_at: datetime
    commander: PersonId | None
    postmortem: str | None
    private: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionLine:
    """A line of the list of action items; `finished_at` is when it was done."""

    incident: str
    title: str
    action: Action
    finished_at: datetime | None = None
    private: bool = False


class Incidents(Protocol):
    """The incidents, their timelines and action items, as one transaction sees them."""

    async def incident(self, incident: str) -> Incident | None:
        """Return an incident, held until the transaction ends."""

    async def due(self, now: datetime) -> Incident | None:
        """Return an incident with something due, held; skip those that another process holds."""

    async def postpone(self, incident: str, until: datetime | None) -> None:
        """Let nothing fall due for an incident before then; with `None`, not at all."""

    async def held(self, incident: Incident) -> Incident | None:
        """Hold an incident that was read in this transaction, as `incident` holds one."""

    async def incidents_in(self, conversation: ConversationRef) -> Sequence[Incident]:
        """Return the incidents of a conversation, unheld: first the one that came to it last.

        That order is the record's own, whatever a clock that was set back says of declarations.
        """

    async def save(
        self,
        incident: Incident,
        entries: Sequence[Entry],
        *,
        due_at: datetime | None,
    ) -> None:
        """Write an incident that is new or held, its new entries, and when something falls due."""

    async def entry(self, incident: str, n: int) -> Entry | None:
        """Return a timeline entry."""

    async def timeline(self, incident: str, first: int = 1) -> Sequence[Entry]:
        """Return the timeline from an entry on."""

    async def list(self, which: Literal["open", "owing", "all"], limit: int) -> Sequence[Summary]:
        """Return incidents, newest first."""

    async def actions(
        self,
        which: Literal["open", "overdue", "all"],
        *,
        today: date,
        incident: str | None = None,
        owner: PersonId | None = None,
        limit: int = 500,
    ) -> Sequence[ActionLine]:
        """Return action items, the earliest date first; of drills only where asked by incident."""

    async def ticketed(self, plugin: str, ticket: str | None = None) -> Sequence[ActionLine]:
        """Return the open actions whose ticket a tracker holds; with `ticket`, that one's."""

    async def shares(self, today: date) -> tuple[int, int]:
        """Return how many actions were due by now or are done, and how many of them in time."""

    async def public(self) -> Sequence[Incident]:
        """Return the open incidents that a status page tells of, without holding them."""

    async def changed_since(self, when: datetime) -> Sequence[Incident]:
        """Return the incidents with an entry recorded since, oldest first, without holding them."""

    async def served(self) -> Mapping[PersonId, datetime]:
        """Return when each commander last served (C2)."""

    async def note_served(self, person: PersonId, at: datetime) -> None:
        """Record that somebody took command."""
