"""The address that the bot listens at: open from the start, whatever answers behind it.

While a database is opened and upgraded the process is alive and not ready, and says so. A liveness
check would otherwise take it for dead, and end an upgrade half-way.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from bot.config.sections import HttpSection
from bot.contract.errors import BotError
from bot.http.application import DEFAULT, waiting
from bot.http.connections import connection, hold

STARTING = "the database is being opened and upgraded"
STOPPING = "it is being stopped"

GRACE = 5.0
"""Seconds that a request may go on for when another application takes over."""


class Door:
    """An address, and the application that answers there now."""

    def __init__(self, limits: HttpSection) -> None:
        """Use `listening`."""
        self._limits = limits
        self._runner: web.AppRunner | None = None

    async def show(self, app: web.Application) -> None:
        """Let an application answer from now on; what is being answered may end."""
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=GRACE)
        await runner.setup()
        hold(runner)
        before, self._runner = self._runner, runner
        if before is not None:
            await before.cleanup()

    @asynccontextmanager
    async def showing(self, app: web.Application) -> AsyncIterator[None]:
        """Let an application answer meanwhile."""
        await self.show(app)
        try:
            yield
        finally:
            await self.show(waiting(STOPPING, self._limits))

    def connected(self) -> asyncio.Protocol:
        """Return the protocol of a new connection."""
        if self._runner is None:
            raise RuntimeError("the door is shut")
        return connection(self._runner, self._limits)

    async def shut(self) -> None:
        """End every connection."""
        if self._runner is not None:
            await self._runner.cleanup()


@asynccontextmanager
async def listening(section: HttpSection) -> AsyncIterator[Door | None]:
    """Listen at `[http] listen`, and answer that the bot is starting; nothing if it is not set.

    Raises:
        BotError: The address is taken, or is not an address.
    """
    if section.listen is None:
        yield None
        return
    host, _, port = section.listen.rpartition(":")
    door, loop = Door(section), asyncio.get_running_loop()
    await door.show(waiting(STARTING, section))
    try:
        try:
            where = (host.strip("[]"), int(port))
            server = await loop.create_server(door.connected, *where, backlog=128)
        except (OSError, OverflowError) as exc:
            why = f"http.listen: cannot listen on {section.listen}: {exc}"
            raise BotError(f"{why}; end what has the address, or name another") from exc
        try:
            yield door
        finally:
            server.close()
    finally:
        await door.shut()


@asynccontextmanager
async def serving(
    app: web.Application, listen: str, limits: HttpSection = DEFAULT
) -> AsyncIterator[None]:
    """Serve one application at `host:port`.

    Raises:
        BotError: The address is taken, or is not an address.
    """
    async with listening(limits.model_copy(update={"listen": listen})) as door:
        if door is not None:
            await door.show(app)
        yield
