"""A config that is read again is put in force if it can be used; else nothing changes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from bot.cli.options import tell

if TYPE_CHECKING:
    from bot.app import App
    from bot.config.model import Config

ReadAgain = Callable[["Config"], tuple["Config", tuple[str, ...]]]
"""Reads the config again beside the one in force; returns it, and the sections that wait."""

_log = structlog.stdlib.get_logger("sitrep.reload")


@asynccontextmanager
async def reloading(app: App, asked: asyncio.Event, read: ReadAgain) -> AsyncIterator[None]:
    """Read the config again whenever it is asked for, meanwhile."""
    task = asyncio.create_task(_reload(app, asked, read), name="reload")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _reload(app: App, asked: asyncio.Event, read: ReadAgain) -> None:
    from bot.config.reload import restart_for
    from bot.contract.errors import BotError, ConfigError

    while True:
        await asked.wait()
        asked.clear()
        try:
            # It reads files, and asks plugins about their sections: nobody waits for that.
            config, waits = await asyncio.to_thread(read, app.config)
            app.put_in_force(config)
        except Exception as exc:  # noqa: BLE001 - whatever it is, work goes on as before
            known = isinstance(exc, BotError | OSError)
            faults = exc.faults if isinstance(exc, ConfigError) else (str(exc) or repr(exc),)
            _log.error("config not taken over", faults=list(faults), exc_info=not known)
            for line in faults:
                tell(line)
            tell("the config was not taken over; the one before stays in force")
            continue
        _log.info("config taken over", waits=list(waits))
        for section in waits:
            tell(restart_for(section))
        tell("the config was read again and is in force")


def read_beside(
    running: Config, read: Callable[[], Config], home: Path
) -> tuple[Config, tuple[str, ...]]:
    """Read a config again; return what of it to put in force, and the sections that wait.

    Raises:
        ConfigError: With every fault, also of a section that waits: the next start would tell them.
    """
    from bot.clock import SystemClock
    from bot.config.reload import put_together
    from bot.plugin_manager import loaded

    found = read()
    put, waits = put_together(running, found)
    if waits:
        loaded(found, home, SystemClock())
    return put, waits
