"""Conversations and what each is called on its platform; platform references."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from bot.refs import ConversationRef


class Places(Protocol):
    """The conversations and the platform references, as one transaction sees them."""

    async def real(self, logical: ConversationRef) -> ConversationRef | None:
        """Return a conversation's platform name, where it has another one than its own."""

    async def is_own(self, real: ConversationRef) -> bool:
        """Return whether Sitrep opened a conversation, and nothing else is in it."""

    async def opened(
        self, logical: ConversationRef, real: ConversationRef, *, own: bool = True
    ) -> None:
        """Store what a conversation is called on its platform; `own`: nothing else is in it."""

    async def moved(self, was: ConversationRef, now: ConversationRef) -> None:
        """Store that a conversation goes on in another one of its platform."""

    async def join(self, incident: str, conversation: ConversationRef) -> None:
        """Make a conversation one of an incident's."""

    async def ref(self, name: str) -> str | None:
        """Return a stored platform reference."""

    async def refs_under(self, prefix: str) -> Mapping[str, str]:
        """Return the stored references whose names begin so, without the prefix."""

    async def store_ref(self, name: str, value: str, *, kept_at: datetime | None = None) -> None:
        """Store a platform reference; with `kept_at`, until what was delivered then is pruned."""
