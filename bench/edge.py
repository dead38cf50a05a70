"""Whether the bot still answers while somebody sends it forged activities of a megabyte."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time

import aiohttp

from bench.health import ASKED, _get
from bench.making import ROOT
from bench.result import Result
from bench.teams import Stub, _Environ, _started
from tests.peers.microsoft import activity

ROUNDS, AT_ONCE = 5, 8
SIZES = {"forged_1mb_ms": 1_000_000, "forged_200kb_ms": 200_000}


def beside_forgeries() -> Result:
    """B16"""
    result = Result(
        unit="ms",
        aim="<= 10",
        note=(
            f"the 95th percentile of {ASKED} answers of /healthz beside {AT_ONCE} forged activities"
            " of 1 MB at any time, signed with another key under our key's name, over the same when"
            " idle; the senders on another core; forged_…: one alone until it is refused"
        ),
    )
    everywhere = os.sched_getaffinity(0)
    ours, theirs = min(everywhere), max(everywhere)  # in life the senders are other machines
    os.sched_setaffinity(0, {ours})  # the server has it from us
    try:
        asyncio.run(_measure(result, theirs))
    finally:
        os.sched_setaffinity(0, everywhere)
    return result


async def _measure(result: Result, core: int) -> None:
    stub, environ = Stub(delay=0.0), _Environ()
    ms = stub.ms
    ms._connect = stub.connect
    with tempfile.TemporaryDirectory() as folder:
        async with ms.running(environ):
            server, url = await _started("teams_ours", ms, folder, environ.values)
            port = int(url.split(":")[2].partition("/")[0])
            forged = ms.token(ms.rogue)
            try:
                async with aiohttp.ClientSession() as session:
                    for name, size in SIZES.items():
                        body = _forged(size)
                        await _refused(session, url, forged, body)  # the keys are fetched once
                        began = time.perf_counter()
                        await _refused(session, url, forged, body)
                        result.counts[name] = round((time.perf_counter() - began) * 1000, 1)
                await asyncio.to_thread(_late, port)
                for _ in range(ROUNDS):
                    idle = await asyncio.to_thread(_late, port)
                    forger = await asyncio.create_subprocess_exec(
                        sys.executable, "-m", "bench.edge", url, forged, str(core),
                        cwd=ROOT, stdout=asyncio.subprocess.PIPE,
                    )  # fmt: skip
                    await forger.stdout.readline()
                    await asyncio.sleep(0.5)
                    try:
                        result.add(await asyncio.to_thread(_late, port), idle)
                    finally:
                        forger.terminate()
                        await forger.wait()
            finally:
                server.terminate()
                server.wait(20)


def _late(port: int) -> float:
    """Return how long /healthz takes at most for 95 of 100 who ask, in milliseconds."""
    lengths = []
    for _ in range(ASKED):
        began = time.perf_counter()
        _get(port, "/healthz")
        lengths.append((time.perf_counter() - began) * 1000)
        time.sleep(0.003)
    return sorted(lengths)[ASKED * 95 // 100]


def _forged(size: int) -> bytes:
    """Return an activity that costs most to read."""
    what = activity("https://smba.example/", "conversationUpdate", membersAdded=[])
    what["membersAdded"] = [{}] * ((size - len(json.dumps(what))) // 4)
    return json.dumps(what).encode()


async def _refused(session: aiohttp.ClientSession, url: str, token: str, body: bytes) -> None:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    async with session.post(url, data=body, headers=headers) as answer:
        assert answer.status == 401, answer.status


async def _forge(url: str, token: str, core: str) -> None:
    body = _forged(SIZES["forged_1mb_ms"])

    async def on_and_on() -> None:
        while True:
            await _refused(session, url, token, body)

    os.sched_setaffinity(0, {int(core)})
    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(on_and_on())
        print("ready", flush=True)


if __name__ == "__main__":
    asyncio.run(_forge(*sys.argv[1:]))
