"""A real browser, and somebody in front of it: a driver in `js/` that takes steps line by line."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.harness.waiting import PATIENCE
from tests.peers.machine import ROOT, node, unavailable

DRIVERS = ROOT / "tests/js"


class Browser:
    """What drives it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def step(self, **step: str) -> Any:
        """Let it take a step; return what it says of it."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(step).encode() + b"\n")
        await self._process.stdin.drain()
        return await self.answer()

    async def answer(self) -> Any:
        assert self._process.stdout is not None
        found = json.loads(await asyncio.wait_for(self._process.stdout.readline(), PATIENCE))
        assert "failed" not in found, found["failed"]
        return found


@asynccontextmanager
async def browser(driver: str, *arguments: str) -> AsyncIterator[Browser]:
    """Start a driver with Debian's Chromium."""
    chromium = shutil.which("chromium")
    if chromium is None:
        unavailable("no browser: apt install chromium")
        raise FileNotFoundError("chromium")
    process = await asyncio.create_subprocess_exec(
        str(node()), str(DRIVERS / driver), chromium, *arguments, cwd=DRIVERS,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 22,
    )  # fmt: skip
    page = Browser(process)
    try:
        await page.answer()
        yield page
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), PATIENCE)
        except TimeoutError:
            process.kill()
            await process.wait()
