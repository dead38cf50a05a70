"""Players in processes of their own, which begin with the players' modules read.

Each is a real process that is killed for real; what it saves is the second that imports take.
"""

from __future__ import annotations

import asyncio
import multiprocessing
from importlib import import_module
from multiprocessing.connection import wait

_PLAYERS = "tests.players.filing", "tests.players.publishing"

_server = multiprocessing.get_context("forkserver")
_server.set_forkserver_preload(list(_PLAYERS))


async def played(player: str, *args: str) -> int:
    """Run a player's `main` with arguments; return its exit code, -9 if it was killed."""
    process = _server.Process(target=_play, args=(f"tests.players.{player}", args))
    process.start()
    # Its end is read here alone: `start` looks after other processes, too, and only one may read.
    await asyncio.to_thread(wait, [process.sentinel])
    process.join()
    assert process.exitcode is not None
    return process.exitcode


def _play(player: str, args: tuple[str, ...]) -> None:
    asyncio.run(import_module(player).main(*args))
