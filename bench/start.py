"""How soon the bot is there: cold, and with ten thousand incidents to look after."""

from __future__ import annotations

import asyncio
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from bench.making import ROOT, fill, raw_tortoise, sqlite_url
from bench.result import Result
from bot.testing import START
from storage.models import IncidentRow

SITREP = Path(sys.executable).with_name("sitrep")
IMPORTS = (
    "import aiohttp.web, apscheduler.schedulers.asyncio, pluggy, prometheus_client, pydantic,"
    " structlog, tortoise.backends.sqlite.client, tortoise.migrations.executor, asyncpg, typer"
)


def cold_start() -> Result:
    result = Result(
        unit="s",
        aim="<= 1.3",
        note=(
            "from exec to /readyz, on SQLite with HTTP, over importing the libraries it is made of"
        ),
    )
    with tempfile.TemporaryDirectory() as folder:
        _ready(folder)
        for _ in range(7):
            result.add(_ready(folder), _python(IMPORTS))
    return result


def restart_recovery() -> Result:
    result = Result(
        unit="s",
        aim="<= 3",
        note=(
            "from exec to ready and armed with 10,000 active incidents, less that with none; over"
            " reading 10,000 due times through Tortoise and arming a timer for each"
        ),
    )
    scaling = []
    with (
        tempfile.TemporaryDirectory() as none,
        tempfile.TemporaryDirectory() as some,
        tempfile.TemporaryDirectory() as many,
    ):
        # Far in the future: nothing is due at the start.
        later = START.replace(year=2036)
        asyncio.run(fill(sqlite_url(some), 1000, later))
        asyncio.run(fill(sqlite_url(many), 10_000, later))
        for folder in (none, some, many):
            _ready(folder)
        for _ in range(7):
            empty, thousand, ten = (_ready(folder) for folder in (none, some, many))
            result.add(max(0.0, ten - empty), _arming(sqlite_url(many)))
            scaling.append((max(0.0, thousand - empty), max(0.0, ten - empty)))
    one = statistics.median(s for s, _ in scaling)
    ten = statistics.median(t for _, t in scaling)
    result.counts = {
        "extra_s_1k": round(one, 4),
        "extra_s_10k": round(ten, 4),
        "scaling_1k_10k": round(ten / one, 2) if one > 0.005 else "below what can be told apart",
    }
    return result


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _ready(home: str) -> float:
    """Start the bot; return how long it took until it said it was ready."""
    port = _free_port()
    config = Path(home, "sitrep.toml")
    config.write_text(f'[http]\nlisten = "127.0.0.1:{port}"\n[adapters.console]\n')
    environ = {**os.environ, "SITREP_HOME": home, "SITREP_CONFIG": str(config)}
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    began = time.perf_counter()
    process = subprocess.Popen(
        [SITREP, "run"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env=environ
    )
    try:
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
                    if answer.status == 200:
                        return time.perf_counter() - began
            except OSError:  # not listening yet, or not ready
                if time.perf_counter() - began > 60 or process.poll() is not None:
                    raise
            time.sleep(0.005)
    finally:
        process.terminate()
        process.wait(20)
        process.stdin.close()


def _python(code: str) -> float:
    environ = {**os.environ}
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, env=environ)
    return time.perf_counter() - began


def _arming(url: str) -> float:
    out = subprocess.run(
        [sys.executable, "-m", "bench.start", url],
        capture_output=True, text=True, check=True, cwd=ROOT,
    )  # fmt: skip
    return float(out.stdout.split()[-1])


async def _arm(url: str) -> float:
    async with raw_tortoise(url):
        loop = asyncio.get_running_loop()
        began = time.perf_counter()
        rows = await IncidentRow.filter(running=True).values_list("id", "due_us")
        timers = [loop.call_later(3600, print, name) for name, _ in rows]
        took = time.perf_counter() - began
        for timer in timers:
            timer.cancel()
        return took


if __name__ == "__main__":
    print(asyncio.run(_arm(sys.argv[1])))
