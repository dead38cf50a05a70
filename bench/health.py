"""Whether the bot still answers while it is busy."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

from aiohttp import web

from bench.making import ROOT, app_on, declaring, sqlite_url
from bench.result import Result
from bot.http.application import application
from bot.http.door import serving

ASKED = 300


def under_load() -> Result:
    result = Result(
        unit="ms",
        aim="<= 5",
        note=(
            f"the slowest of {ASKED} answers of /healthz with five declarations under way at any"
            " time, over the slowest of as many when idle"
        ),
    )
    with tempfile.TemporaryDirectory() as folder:
        for i in range(5):
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = probe.getsockname()[1]
            server = subprocess.Popen(
                [sys.executable, "-m", "bench.health", sqlite_url(folder, f"{i}.db"), str(port)],
                cwd=ROOT, stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
            try:
                server.stdout.readline()
                _slowest(port)
                idle = _slowest(port)
                _get(port, "/load?on=1")
                busy = _slowest(port)
                _get(port, "/load?on=0")
                result.add(busy, idle)
            finally:
                server.terminate()
                server.wait(20)
                server.stdout.close()
    return result


def _get(port: int, path: str) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
        answer.read()


def _slowest(port: int) -> float:
    worst = 0.0
    for _ in range(ASKED):
        began = time.perf_counter()
        _get(port, "/healthz")
        worst = max(worst, time.perf_counter() - began)
        time.sleep(0.003)
    return worst * 1000


async def _serve(url: str, port: int) -> None:
    async with app_on(url) as app, app.working():
        load: list[asyncio.Task] = []

        async def declare_on_and_on(number: int) -> None:
            i = 0
            while True:
                await app.receive(declaring(f"{number}.{i}"))
                i += 1

        async def switch(request: web.Request) -> web.Response:
            if request.query["on"] == "1":
                load.extend(asyncio.create_task(declare_on_and_on(n)) for n in range(5))
            else:
                for task in load:
                    task.cancel()
            return web.Response()

        await app.receive(declaring("first"))  # what is built once is built
        await app.outbox.drain()
        served = application(app.store, app.numbers, ())
        served.router.add_get("/load", switch)
        async with serving(served, f"127.0.0.1:{port}"):
            print("ready", flush=True)
            await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], int(sys.argv[2])))
