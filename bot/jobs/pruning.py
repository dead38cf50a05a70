"""Pruning: delivered rows, inbox marks and kept references go after `[delivery] keep`."""

from __future__ import annotations

from datetime import timedelta

import structlog

from bot.contract.context import Clock
from bot.jobs.every import every
from bot.store.work import Store

PRUNE_EVERY = timedelta(hours=6)

_log = structlog.stdlib.get_logger("sitrep.pruning")


class Pruning:
    """Deletes what has been kept long enough."""

    def __init__(self, keep: timedelta, store: Store, clock: Clock) -> None:
        self._keep, self._store, self._clock = keep, store, clock

    async def run(self) -> None:
        """Prune every few hours until cancelled."""
        await every(PRUNE_EVERY, self._clock, self.prune)

    async def prune(self) -> None:
        """Prune now."""
        gone = await self._store.prune(self._clock.now() - self._keep)
        if gone:
            _log.info("pruned", rows=gone)
