"""The outbox as the delivery workers use it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from bot.refs import Lane
from bot.store.rows import Lease, Outgoing, Waiting


class Queue(Protocol):
    """The outbox, as one transaction sees it."""

    async def send(self, what: Sequence[Outgoing], *, now: datetime) -> None:
        """Queue things to deliver, in order."""

    async def scrub(self, incident: str, text: str, replacement: str) -> None:
        """Replace a redacted text in the rows that are not delivered (L3)."""

    async def waiting(self, lease: Lease) -> Waiting | None:
        """Return the first row of a held lane; `None` if the lane is empty."""

    async def go_on(self, lease: Lease) -> Waiting | None:
        """Return the first row of a held lane, or give the lane back if it is empty."""

    async def sent(self, lease: Lease, row: Waiting, *, now: datetime) -> bool:
        """Mark a row sent; false if the lease was lost.

        A row that was asked for again meanwhile, in a newer version, goes on waiting.
        """

    async def dropped(self, lease: Lease, row: Waiting, *, now: datetime) -> bool:
        """Mark a row as dropped, because its promise ended before it was sent."""

    async def dead(self, lease: Lease, row: Waiting, why: str, *, now: datetime) -> bool:
        """Mark a row as a dead letter; false if the lease was lost."""

    async def retry(
        self,
        lease: Lease,
        row: Waiting,
        why: str,
        *,
        not_before: datetime,
        unsure: bool = False,
    ) -> bool:
        """Put off a row and its lane; false if the lease was lost.

        `unsure`: the row may have been delivered all the same.
        """

    async def waiting_in(self, lane: Lane) -> int:
        """Return how many rows of a lane wait."""

    async def hold_off(self, lease: Lease, *, not_before: datetime) -> None:
        """Put off a lane."""
