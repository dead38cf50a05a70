"""A Sitrep that brings status pages up to date and is killed at an instant of that.

    python -m tests.players.publishing HOME CONFIG STARTED INSTANT

INSTANT says when to die. The moments before and after each call to a page, each note of a plugin
and each commit of the outbox are counted from 1. With 0 the process lives on.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from bot import log
from bot.app import composed
from bot.config.load import load
from bot.config.sections import LogSection
from bot.plugin_kit.http_api import Api
from bot.plugin_manager import PluginMemory
from bot.testing import RecordingAdapter
from tests.players.filing import Later


class Reaper:
    """Ends the process at the instant it was told."""

    def __init__(self, instant: int) -> None:
        self.left = instant

    def comes(self) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, function: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def watched(*args: object, **more: object) -> object:
            self.comes()
            result = await function(*args, **more)
            self.comes()
            return result

        return watched


async def main(home: str, config: str, started: str, instant: str) -> None:
    log.configure(LogSection(level="error"))
    reaper = Reaper(int(instant))
    Api.ask = reaper.around(Api.ask)
    PluginMemory.keep = reaper.around(PluginMemory.keep)
    chat = RecordingAdapter()
    clock = Later(datetime.fromisoformat(started))
    given = {"chat": chat.plugin()}
    async with composed(
        load(Path(config)), Path(home), clock, given=given, tell=lambda _line: None
    ) as app:
        outbox = app.outbox
        outbox._marks.mark_sent = reaper.around(outbox._marks.mark_sent)
        async with app.working():
            await outbox.drain(timedelta(0))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:5]))
