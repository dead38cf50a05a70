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
        """Replace a redacted text in what still waits to be sent (L3)."""

    async def waiting(self, lease: Lease) -> Waiting | None:
        """Return the first row of a held lane; none when the lane is empty."""

    async def go_on(self, lease: Lease) -> Waiting | None:
        """Return the first row of a held lane, and give back a lane that is empty."""

    async def sent(self, lease: Lease, row: Waiting, *, now: datetime) -> bool:
        """Mark a row sent; false when the lease was lost. A row asked for again stays."""

    async def dropped(self, lease: Lease, row: Waiting, *, now: datetime) -> bool:
        """Mark a row as dropped: its promise ended before it could be sent."""

    async def dead(self, lease: Lease, row: Waiting, why: str, *, now: datetime) -> bool:
        """Mark a row as a dead letter; false when the lease was lost."""

    async def retry(
        self,
        lease: Lease,
        row: Waiting,
        why: str,
        *,
        not_before: datetime,
        unsure: bool = False,
    ) -> bool:
        """Put a row, and its lane, off; false when the lease was lost. `unsure`: it may be sent."""

    async def waiting_in(self, lane: Lane) -> int:
        """Return how many rows of a lane wait."""

    async def hold_off(self, lease: Lease, *, not_before: datetime) -> None:
        """Put a lane off."""
