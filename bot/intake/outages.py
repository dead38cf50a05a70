"""Outages: which conversations could not be served while the database was away (D7)."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.refs import ConversationRef

NOTICED = timedelta(seconds=5)
"""How long an answer may take before people wonder: shorter outages are not spoken of."""

MOST = 1000
"""The most conversations that are remembered."""


class Outages:
    """The conversations in which something was said that could not be stored, and since when."""

    def __init__(self) -> None:
        self._since: dict[ConversationRef, datetime] = {}

    def begin(self, conversation: ConversationRef, at: datetime) -> None:
        """Remember that something could not be stored."""
        if len(self._since) < MOST:
            self._since.setdefault(conversation, at)

    def since(self, conversation: ConversationRef, now: datetime) -> datetime | None:
        """Return when a conversation's outage began that people noticed; `None` without one."""
        since = self._since.get(conversation)
        return since if since is not None and now - since >= NOTICED else None

    def end(self, conversation: ConversationRef) -> None:
        """Forget a conversation's outage: it has been told there, or was short."""
        self._since.pop(conversation, None)
