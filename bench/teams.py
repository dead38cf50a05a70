"""How many turns a second: a Teams activity in, a durable commit, a card out at a connector."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

import aiohttp

from bench.making import ROOT
from bench.result import Result
from tests.peers.machine import free_port
from tests.peers.microsoft import APP, TENANT, Microsoft, activity, object_id

ROUNDS = 3
CONVERSATIONS = 256
"""How many there are, each with an incident: one takes 7 messages in a second."""


def turn() -> Result:
    result = Result(
        unit="1/s",
        aim=">= 1.0",
        note=(
            "turns a second, 16 at once: an activity in, its token validated, an update durably"
            " committed, the answer at a stub connector, the card brought up to date behind it;"
            " over a bare botbuilder-core echo, which validates and commits nothing"
        ),
    )
    asyncio.run(_measure(result, at_once=16, delay=0.0, turns=600))
    return result


def turn_100ms() -> Result:
    result = Result(
        unit="1/s",
        aim=">= 8",
        note="the same behind a connector that takes 100 ms, 64 at once",
    )
    asyncio.run(_measure(result, at_once=64, delay=0.1, turns=600))
    return result


class Stub:
    """A connector that answers after a while, and knows who waits for which text."""

    def __init__(self, delay: float) -> None:
        self.ms, self.delay = Microsoft(), delay
        self.waiting: dict[str, asyncio.Future[None]] = {}

    async def connect(self, request: aiohttp.web.Request) -> aiohttp.web.Response:
        body = await request.json()
        if self.delay:
            await asyncio.sleep(self.delay)
        if request.path.endswith("/conversations"):
            channel = body["channelData"].get("channel", {}).get("id")
            name = f"{channel};messageid={time.time_ns()}" if channel else "a:somebody"
            return aiohttp.web.json_response({"id": name, "activityId": "1"}, status=201)
        conversation = request.match_info["rest"].split("/")[1]
        waiting = self.waiting.pop(conversation, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(None)
        return aiohttp.web.json_response({"id": f"{time.time_ns()}"}, status=201)


async def _measure(result: Result, *, at_once: int, delay: float, turns: int) -> None:
    stub = Stub(delay)
    ms = stub.ms
    ms._connect = stub.connect
    with tempfile.TemporaryDirectory() as folder:
        environ = _Environ()
        async with ms.running(environ):
            sides = {
                "ours": await _started("teams_ours", ms, folder, environ.values),
                "baseline": await _started("teams_echo", ms, folder, environ.values),
            }
            try:
                figures: dict[str, list[tuple[float, list[float]]]] = {s: [] for s in sides}
                for n in range(ROUNDS + 1):
                    for side, (_process, url) in sides.items():
                        count = turns if side == "ours" else turns // 2
                        if n == 0:
                            count = at_once  # what is built once is built
                        done = await _round(stub, url, at_once, count, f"{side}-{n}")
                        if n:
                            figures[side].append(done)
                for (ours, _), (baseline, _) in zip(*figures.values(), strict=True):
                    result.add(ours, baseline)
                for side, rounds in figures.items():
                    lengths = sorted(each for _, found in rounds for each in found)
                    result.counts[f"{side}_p50_ms"] = round(statistics.median(lengths), 1)
                    result.counts[f"{side}_p99_ms"] = round(lengths[len(lengths) * 99 // 100], 1)
            finally:
                for process, _url in sides.values():
                    process.terminate()
                    process.wait(10)


class _Environ:
    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    def setenv(self, name: str, value: str) -> None:
        self.values[name] = value


async def _started(
    script: str, ms: Microsoft, folder: str, environ: dict[str, str]
) -> tuple[subprocess.Popen[bytes], str]:
    port = free_port()
    arguments = [sys.executable, "-m", f"bench.{script}", str(port), folder]
    told = {
        "service_url": ms.service_url, "login": ms.login, "openid": ms.openid,
        "graph": ms.graph,
    }  # fmt: skip
    process = subprocess.Popen(  # noqa: ASYNC220 - nothing runs beside it yet
        [*arguments, json.dumps(told)], cwd=ROOT, env={**os.environ, **environ}
    )
    url = f"http://127.0.0.1:{port}"
    async with aiohttp.ClientSession() as session:
        for _ in range(600):
            try:
                async with session.get(f"{url}/readyz") as answer:
                    if answer.status == 200:
                        return process, f"{url}/plugins/teams/messages"
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.05)
    raise RuntimeError(f"{script} did not start")


async def _round(
    stub: Stub, url: str, at_once: int, turns: int, name: str
) -> tuple[float, list[float]]:
    """Let `at_once` people speak, each when they have heard; return turns a second, and lengths."""
    token = stub.ms.token()
    headers = {"Authorization": f"Bearer {token}"}
    lengths: list[float] = []

    async def say(session: aiohttp.ClientSession, text: str, conversation: str) -> None:
        what = activity(
            stub.ms.service_url,
            text=text,
            conversation={"id": conversation, "conversationType": "personal"},
            **{"from": {"id": "29:ann", "name": "Ann", "aadObjectId": object_id("ann")}},
        )
        heard = asyncio.get_running_loop().create_future()
        stub.waiting[conversation] = heard
        async with session.post(url, json=what, headers=headers) as answer:
            assert answer.status in {200, 202}, await answer.text()
        async with asyncio.timeout(30):
            await heard

    async def everybody(session: aiohttp.ClientSession, lines: Iterator[tuple[str, str]]) -> None:
        for text, conversation in lines:
            began = time.perf_counter()
            await say(session, text, conversation)
            lengths.append((time.perf_counter() - began) * 1000)

    conversations = [f"a:{name}-{i}" for i in range(CONVERSATIONS)]
    connector = aiohttp.TCPConnector(limit=at_once)
    async with aiohttp.ClientSession(connector=connector) as session:
        opening = iter([("declare 3 Checkout is slow", each) for each in conversations])
        await asyncio.gather(*(everybody(session, opening) for _ in range(at_once)))
        await asyncio.sleep(3)
        lengths.clear()
        lines = iter([(f"update {n}", conversations[n % CONVERSATIONS]) for n in range(turns)])
        began = time.perf_counter()
        await asyncio.gather(*(everybody(session, lines) for _ in range(at_once)))
        took = time.perf_counter() - began
        await asyncio.sleep(1)
    return turns / took, lengths


__all__ = ["APP", "TENANT", "turn", "turn_100ms"]
