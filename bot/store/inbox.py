"""Inbound events, each stored once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.refs import ConversationRef, PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """The facts about an inbound event, read with its mark.

    `conversation` is the name the core knows it by: an opened room keeps its first. `served` is
    when each commander last served (C2). `has_subscribers`: somebody is subscribed to something.
    """

    conversation: ConversationRef
    served: Mapping[PersonId, datetime]
    number: int | None = None
    has_subscribers: bool = False


class Inbox(Protocol):
    """The events that arrived, as one transaction sees them."""

    async def arrive(
        self,
        source: str,
        event: str,
        conversation: ConversationRef,
        *,
        at: datetime,
        series: str | None = None,
    ) -> Arrival | None:
        """Note an inbound event; return `None` if it was seen before (D3).

        `series`: it will need the next number of it.
        """

    async def outcome(self, source: str, event: str, outcome: str, sender: str) -> None:
        """Record what became of an inbound event, for the audit record."""

    async def release(self, source: str, event: str) -> None:
        """Let an inbound event arrive again; the record of its outcome is kept."""
