"""A real `sitrep run` in Teams, killed at any instant: what may be there twice says so."""

from __future__ import annotations

import asyncio
import os
import random
import re
import signal
import sys
from collections import defaultdict
from pathlib import Path

import pytest
from aiohttp import ClientError, ClientSession

from bot.app import reading
from bot.cli.checks import verify
from bot.config.load import parse
from bot.domain import events as ev
from tests.harness.waiting import PATIENCE
from tests.peers.machine import free_port
from tests.peers.microsoft import Microsoft, activity
from tests.worlds.teams import Team, config, shown, until

KILLS = max(8, int(os.environ.get("SITREP_KILLS", "0")) // 4)
"""How many kills: 50 of the 200 of `make test-crash`."""

pytestmark = pytest.mark.crash

MORE = """
[clocks]
internal = { sev1 = "8s" }
[delivery]
retry_longest = "1s"
"""


async def process(text: Path, home: Path) -> asyncio.subprocess.Process:
    errors = (home / "errors").open("ab")
    environ = {**os.environ, "SITREP_HOME": str(home)}
    with errors:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", "run", "--config", text,
            env=environ, stdin=asyncio.subprocess.DEVNULL, stdout=errors, stderr=errors,
        )  # fmt: skip


async def delivered(t: Team, what: dict) -> None:
    """Deliver an activity as Teams does: again, under its id, until it is taken."""
    while True:
        try:
            status, _ = await t.send(what)
            if status == 202:
                return
        except (ClientError, OSError):
            pass
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM], ids=["kill", "stop"])
async def test_stopped_at_random_instants_nothing_is_lost_and_repeats_are_marked(
    tmp_path, monkeypatch, how
):  # fmt: skip
    """D1 D2 D3"""
    rng = random.Random(os.environ.get("SITREP_SEED", "teams"))
    async with Microsoft().running(monkeypatch) as ms, ClientSession() as http:
        port = free_port()
        t = Team(ms, port, http)
        text = config(ms, port, more=MORE)
        file, home = tmp_path / "sitrep.toml", tmp_path / "home"
        home.mkdir()
        file.write_text(text)
        ms.delay = 0.05  # so that many are killed while they wait for an answer
        running = await process(file, home)
        begin = activity(ms.service_url, text="declare 1 down ic:@ann")
        await delivered(t, {**begin, **t.where(None, "ann")})
        thread = await t.thread()
        sent: list[str] = []
        done = asyncio.Event()

        async def talk() -> None:
            while not done.is_set():
                sent.append(f"u{len(sent)}.")
                what = activity(ms.service_url, text=f"!inc update {sent[-1]}")
                await delivered(t, {**what, **t.where(thread, "ann")})
                await asyncio.sleep(rng.choice((0.0, 0.05, 0.3)))

        talking = asyncio.create_task(talk())
        try:
            for _ in range(KILLS if how == signal.SIGKILL else KILLS // 2):
                await asyncio.sleep(rng.uniform(0.2, 2.5))
                running.send_signal(how)
                await running.wait()
                running = await process(file, home)
            done.set()
            await talking

            async def all_said() -> bool:
                async with reading(parse(text, {}), home) as store:
                    return not (await store.backlog())["waiting"]

            # A thread takes 60 messages in half a minute: what was said meanwhile takes its time.
            await until(all_said, "everything is said", patience=PATIENCE + len(sent))
            await t.hears(f"{sent[-1]} — Ann", thread)
        finally:
            talking.cancel()
            running.send_signal(signal.SIGTERM)
            await running.wait()
        async with reading(parse(text, {}), home) as store:
            timeline = await store.read(lambda work: work.timeline("INC-1"))
            assert await verify(store) == []
        kept = [e.event.text for e in timeline if isinstance(e.event, ev.UpdatePosted)]
        assert kept == sent  # nothing lost, nothing twice, in order
        said: dict[str, list[bool]] = defaultdict(list)
        for message in t.seen(thread):
            words = shown(message)
            if found := re.search(r"\d\d:\d\d (u\d+\.) — Ann", words):
                said[found[1]].append("Sent again" in words)
        assert set(said) == set(sent)
        for name, marks in said.items():
            assert all(marks[1:]), (name, marks)  # what is there twice says so
        repeated = sum(len(marks) - 1 for marks in said.values())
        assert repeated <= KILLS
        assert len([c for c in ms.messages if "INC-1 ·" in shown(ms.messages[c][0])]) == 1
        assert ms.faults == []
