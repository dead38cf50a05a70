"""Waiting for what comes in its own time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from bot.contract.errors import DatabaseAway

PATIENCE = 240.0
"""Seconds after which a wait is named as in vain: far more than a busy machine needs, and less than
the limit of a test that waits for others (`tests.harness.limits`)."""


async def until(what: Callable[[], Any], why: str = "", patience: float = PATIENCE) -> Any:
    """Wait until something is so; return it."""
    end = time.monotonic() + patience
    while True:
        found = what()
        if isinstance(found, Awaitable):
            found = await found
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"never came: {why or what}")
        await asyncio.sleep(0.02)


async def insist(act: Callable[[], Awaitable[Any]]) -> Any:
    """Do what every adapter does: ask again while the database is away; return the answer."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                return await act()
            except DatabaseAway:
                await asyncio.sleep(0.05)
