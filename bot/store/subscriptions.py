"""Subscriptions of people outside the response."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.domain.subscription import Subscription
from bot.refs import PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribed:
    """Whether people outside the response hear of an incident."""

    anyone: bool
    """Whether anybody is subscribed to it."""
    to_briefs: bool
    """Whether anybody gets each of its briefs."""


class Subscriptions(Protocol):
    """The subscriptions, as one transaction sees them."""

    async def subscribed(self, incident: str, service: str | None) -> Subscribed:
        """Return whether anybody hears of an incident, and whether of each brief."""

    async def subscriptions(
        self,
        *,
        incident: str | None = None,
        by: PersonId | None = None,
        address: str | None = None,
    ) -> Sequence[Subscription]:
        """Return subscriptions: those that may hear of an incident, a person's, an address's.

        All of them, where none of these is asked for.
        """

    async def subscription(self, key: int | str) -> Subscription | None:
        """Return a subscription by its number or its token."""

    async def subscribe(self, subscription: Subscription) -> Subscription:
        """Store a subscription and give it its number; one that is there already is returned."""

    async def unsubscribe(self, n: int) -> None:
        """End a subscription: a plan's stays, and is silent, as does one that is not confirmed."""

    async def confirm(self, n: int) -> None:
        """Store that the address of a subscription wants it."""

    async def renew_asking(self, n: int) -> None:
        """Have a subscription that was ended before it was confirmed wait for that again."""

    async def lapse(self, by: datetime) -> None:
        """Delete what was asked for by an instant and is not confirmed."""
