"""How many readers the status page takes on one core."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from aiohttp import web

from bench.making import ROOT  # first: it makes the tests' modules importable
from bench.result import Result
from bot.http.application import application
from bot.testing import TEAM, stage

SECONDS, ROUNDS, READERS = 4, 5, 64

PAGE = """
[plan]
external = { sev1 = "30m" }
[plugins.page]
url = "https://status.example.com"
components = { checkout = "Checkout", api = "API", search = "Search" }
"""


def readers() -> Result:
    """B15"""
    result = Result(
        unit="req/s",
        aim=">= 0.7",
        note="the first page during an outage, over a bare aiohttp handler that returns its bytes; "
        f"wrk with {READERS} connections on another core",
    )
    wrk = shutil.which("wrk")
    if wrk is None:
        sys.exit("B15 needs wrk: apt install wrk")
    from tests.peers.machine import free_port

    with _serving("ours", free_port()) as ours, _serving("bare", free_port()) as bare:
        for url in (ours, bare):
            _load(wrk, url, 1)
        for _ in range(ROUNDS):
            result.add(_load(wrk, ours, SECONDS), _load(wrk, bare, SECONDS))
    return result


def _load(wrk: str, url: str, seconds: int) -> float:
    command = ["taskset", "-c", "1", wrk, "-t1", f"-c{READERS}", f"-d{seconds}s", url]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        sys.exit(f"not every reader was answered:\n{said}")
    return float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1])


@contextmanager
def _serving(what: str, port: int):
    command = ["taskset", "-c", "0", sys.executable, "-m", "bench.page", what, str(port)]
    process = subprocess.Popen(command, cwd=ROOT)
    url = f"http://127.0.0.1:{port}/plugins/page/"
    try:
        for _ in range(200):
            try:
                urlopen(url).read()
                break
            except URLError:
                time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait()


async def serve(what: str, port: int) -> None:
    """Serve the page, or its bytes, until ended."""
    with tempfile.TemporaryDirectory() as home:
        async with stage(Path(home), config=TEAM, more=PAGE) as bot:
            await bot.say("ann", "!inc declare sev1 down ic:@ann")
            await bot.say("ann", "!inc external Checkout is slow")
            app = application(bot.app.store, bot.app.numbers, bot.app.plugins.routes())
            if what == "bare":
                app = await _bare(app)
            runner = web.AppRunner(app, access_log=None)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", port).start()
            await asyncio.Event().wait()


async def _bare(app: web.Application) -> web.Application:
    """Return an application that does nothing but return the page as it is now."""
    from aiohttp.test_utils import TestClient, TestServer

    async with TestClient(TestServer(app)) as client:
        answer = await client.get("/plugins/page/", headers={"Accept-Encoding": "identity"})
        body = await answer.read()

    async def handle(_request: web.Request) -> web.Response:
        return web.Response(body=body, content_type="text/html")

    bare = web.Application()
    bare.router.add_get("/plugins/page/", handle)
    return bare


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], int(sys.argv[2])))
