"""The handling of what a sync brings, when it is stopped."""

from __future__ import annotations

import asyncio
import gc

import pytest

from adapters.matrix.sync import Sync


@pytest.mark.filterwarnings("error")
async def test_a_stop_leaves_nothing_behind_of_what_a_room_had_waiting():
    """D4: what waits for its turn in a room is begun only then"""
    sync, begun = Sync.__new__(Sync), asyncio.Event()
    sync._tails = {}

    async def first() -> None:
        begun.set()
        await asyncio.Event().wait()

    async def second() -> None:
        raise AssertionError("its turn never comes")

    tasks = [sync._queue("!room", first), sync._queue("!room", second)]
    await begun.wait()
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert sync._tails == {}
    gc.collect()
