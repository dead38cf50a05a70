"""The one place that reads a clock."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta


class SystemClock:
    """The wall clock, in UTC."""

    def now(self) -> datetime:
        """Return the time."""
        return datetime.now(UTC)

    def real(self, when: datetime) -> datetime:
        """Return when an instant of this clock comes on the wall clock."""
        return when

    async def sleep(self, length: timedelta) -> None:
        """Wait."""
        await asyncio.sleep(length.total_seconds())


class FastClock:
    """A clock that begins now and runs `rate` times as fast, for `sitrep demo`."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._began = datetime.now(UTC)

    def now(self) -> datetime:
        """Return the time it shows."""
        return self._began + (datetime.now(UTC) - self._began) * self._rate

    def real(self, when: datetime) -> datetime:
        """Return when an instant of this clock comes on the wall clock."""
        return self._began + (when - self._began) / self._rate

    async def sleep(self, length: timedelta) -> None:
        """Wait for a length of this clock's time."""
        await asyncio.sleep(max(0.0, length.total_seconds()) / self._rate)
