"""What is looked after every so often, as long as the process runs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog

from bot.contract.context import Clock
from bot.contract.errors import DatabaseAway

_log = structlog.stdlib.get_logger("sitrep.recurring")


async def every(length: timedelta, clock: Clock, look: Callable[[], Awaitable[object]]) -> None:
    """Look now, and again after each length of time; a database that is away is one look lost."""
    while True:
        try:
            await look()
        except DatabaseAway as exc:
            _log.warning("database away", error=str(exc))
        await clock.sleep(length)
