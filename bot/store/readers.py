"""News for people outside the response, and how much of it each reader was told of late (F18)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from bot.domain.subscription import Piece, Reader


class Readers(Protocol):
    """The news and its readers, as one transaction sees them."""

    async def add_news(self, piece: Piece, *, at: datetime) -> int:
        """Store a piece of news and return its number.

        Numbers grow in the order in which transactions end: no other piece is stored meanwhile.
        """

    async def news_from(self, n: int) -> Sequence[Piece]:
        """Return the news from a number on, oldest first."""

    async def reader(self, address: str) -> Reader | None:
        """Return a reader who was told something, unheld."""

    async def readers(self, addresses: Sequence[str], *, at: datetime) -> Sequence[Reader]:
        """Return readers, held until the transaction ends; a new one was told nothing since `at`.

        Two transactions never both meet the same reader as new, so that nothing is counted twice.
        """

    async def store_readers(self, readers: Sequence[Reader]) -> None:
        """Store how much readers were told."""
