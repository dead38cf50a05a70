"""The one place that reads a clock, and notices when somebody sets it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)

# The one that goes on while the machine sleeps: a laptop that wakes up has not been set.
_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

NOTICED = timedelta(seconds=3)
"""The shortest jump that is noticed: less than a lease. What NTP slews is no jump."""

LONG = timedelta(hours=1)
"""The length from which a jump makes the ages of what is stored doubtful."""

DOUBTED_FOR = timedelta(hours=1)
"""How long after a long jump nothing is pruned, given up or refused for its age (K6)."""


class Settable(Protocol):
    """A clock that somebody may set, and a time that nobody can."""

    def now(self) -> datetime:
        """Return the time."""

    def steady(self) -> timedelta:
        """Return the time since some instant, by a clock that nobody sets."""

    def real(self, when: datetime) -> datetime:
        """Return when an instant of this clock comes on the wall clock."""

    async def sleep(self, length: timedelta) -> None:
        """Wait."""


class SystemClock:
    """The wall clock, in UTC."""

    def now(self) -> datetime:
        """Return the time."""
        return datetime.now(UTC)

    def steady(self) -> timedelta:
        """Return the time since the machine was started."""
        return timedelta(seconds=time.clock_gettime(_STEADY))

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

    def steady(self) -> timedelta:
        """Return the time since the machine was started, at this clock's rate."""
        return timedelta(seconds=time.clock_gettime(_STEADY)) * self._rate

    def real(self, when: datetime) -> datetime:
        """Return when an instant of this clock comes on the wall clock."""
        return self._began + (when - self._began) / self._rate

    async def sleep(self, length: timedelta) -> None:
        """Wait for a length of this clock's time."""
        await asyncio.sleep(max(0.0, length.total_seconds()) / self._rate)


class WatchedClock:
    """A clock that notices, whenever it is read, that it was set since the last time.

    Attributes:
        on_jump: Called with the length of each jump; negative: back.
        jumps: How many there were.
    """

    def __init__(self, clock: Settable) -> None:
        self._clock = clock
        self._offset = self._read()
        self._doubted: timedelta | None = None
        self._set: timedelta | None = None
        self.on_jump: Callable[[timedelta], None] = lambda _length: None
        self.jumps = 0

    def now(self) -> datetime:
        """Return the time."""
        offset = self._read()
        moved, self._offset = offset - self._offset, offset
        if abs(moved) >= NOTICED:
            self.jumps += 1
            if abs(moved) >= LONG:
                self.doubt()
                self._set = self._clock.steady()
            self.on_jump(moved)
        return self._clock.now()

    def doubt(self) -> None:
        """Hold the ages of what is stored for doubtful, for a while from now."""
        self._doubted = self._clock.steady()

    def steady(self) -> timedelta:
        """Return the time since some instant, by a clock that nobody sets."""
        return self._clock.steady()

    @property
    def is_doubtful(self) -> bool:
        """Whether the age of what is stored may be wrong: nothing is to be ended for it."""
        return self._lately(self._doubted)

    @property
    def was_set(self) -> bool:
        """Whether the clock was seen to be set by much, a while ago at most."""
        return self._lately(self._set)

    def real(self, when: datetime) -> datetime:
        """Return when an instant of this clock comes on the wall clock."""
        return self._clock.real(when)

    async def sleep(self, length: timedelta) -> None:
        """Wait."""
        await self._clock.sleep(length)

    def _lately(self, when: timedelta | None) -> bool:
        return when is not None and self._clock.steady() - when < DOUBTED_FOR

    def _read(self) -> timedelta:
        return self._clock.now() - _EPOCH - self._clock.steady()
