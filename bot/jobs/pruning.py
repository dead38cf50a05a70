"""Pruning: delivered rows, inbox marks and kept references go after `[delivery] keep`."""

from __future__ import annotations

from datetime import timedelta

import structlog

from bot.clock import WatchedClock
from bot.jobs.every import every
from bot.store.work import Store

PRUNE_EVERY = timedelta(hours=6)

_log = structlog.stdlib.get_logger("sitrep.pruning")


class Pruning:
    """Deletes what has been kept long enough."""

    def __init__(self, keep: timedelta, store: Store, clock: WatchedClock) -> None:
        self._keep, self._store, self._clock = keep, store, clock

    async def run(self) -> None:
        """Prune every few hours until cancelled."""
        await every(PRUNE_EVERY, self._clock, self.prune)

    async def prune(self) -> None:
        """Prune now, unless the clock was set: what seems old may be new (K6)."""
        if self._clock.is_doubtful:
            _log.warning("not pruned: the clock was set, or stood still for long")
            return
        gone = await self._store.prune(self._clock.now() - self._keep)
        if gone:
            _log.info("pruned", rows=gone)
