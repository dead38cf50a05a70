"""What an active incident costs in memory: nothing is kept that a row can tell."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.making import ROOT, app_on, fill, raw_tortoise, sqlite_url
from bench.result import Result
from bot.testing import START
from storage.models import IncidentRow

FEW, MANY = 1000, 11_000


def per_incident() -> Result:
    result = Result(
        unit="byte",
        aim="<= 1",
        note=(
            "resident memory of a running bot with 11,000 active incidents less that with 1,000,"
            " an incident; over a Tortoise object and an armed timer for each"
        ),
    )
    with tempfile.TemporaryDirectory() as folder:
        few, many = sqlite_url(folder, "few.db"), sqlite_url(folder, "many.db")
        for url, count in ((few, FEW), (many, MANY)):
            asyncio.run(fill(url, count, START))
        for _ in range(3):
            ours = _resident("ours", many) - _resident("ours", few)
            baseline = _resident("objects", many) - _resident("objects", few)
            result.add(max(0.0, ours) / (MANY - FEW), baseline / (MANY - FEW))
    return result


def _resident(what: str, url: str) -> float:
    out = subprocess.run(
        [sys.executable, "-m", "bench.memory", what, url],
        capture_output=True, text=True, check=True, cwd=ROOT,
    )  # fmt: skip
    return float(out.stdout.split()[-1])


def _rss() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def _ours(url: str) -> int:
    async with app_on(url) as app, app.working():
        await asyncio.sleep(1.0)
        return _rss()


async def _objects(url: str) -> int:
    async with raw_tortoise(url):
        kept = await IncidentRow.all().only("id", "due_us", "title")
        loop = asyncio.get_running_loop()
        timers = [loop.call_later(3600, print, row) for row in kept]
        rss = _rss()
        for timer in timers:
            timer.cancel()
        return rss


if __name__ == "__main__":
    what, url = sys.argv[1:]
    print(asyncio.run(_ours(url) if what == "ours" else _objects(url)))
