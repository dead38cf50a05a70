"""A real `sitrep run` on a real Synapse, killed at any instant during commands and prompts."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections import Counter
from pathlib import Path

import pytest

from bot.app import reading
from bot.cli.checks import verify
from bot.domain import events as ev
from bot.domain.incident import RungKind
from tests.peers.machine import die_with_parent
from tests.worlds.matrix import PICKLE, world

KILLS = max(6, int(os.environ.get("SITREP_KILLS", "0")) // 4)
"""How many kills: 50 of the 200 of `make test-crash`."""

pytestmark = pytest.mark.crash

CLOCKS = """
[clocks]
internal = { sev1 = "6s" }
[clocks.ladder]
prompt_before = "3s"
page_after = "2s"
next_after = "4s"
[delivery]
retry_longest = "1s"
"""


async def process(config: Path, home: Path) -> asyncio.subprocess.Process:
    errors = (home / "errors").open("ab")
    environ = {**os.environ, "PICKLE": PICKLE, "SITREP_HOME": str(home)}
    with errors:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", "run", "--config", config,
            env=environ, stdin=asyncio.subprocess.DEVNULL, stdout=errors, stderr=errors,
            preexec_fn=die_with_parent,  # a test that fails leaves it running
        )  # fmt: skip


async def test_kill_at_random_instants_on_a_real_homeserver(synapse, tmp_path):
    """D1 D2 D3 K6"""
    rng = random.Random(os.environ.get("SITREP_SEED", "matrix"))
    async with world(synapse, tmp_path / "home", more=CLOCKS, start=False) as w:
        config = tmp_path / "sitrep.toml"
        config.write_text(w.bot.settings)
        home = w.bot.home
        running = await process(config, home)
        room = await w.declared("1 down ic:@ann")
        await w.ann.hears("State", room)
        sent: list[str] = []
        done = asyncio.Event()

        async def talk() -> None:
            while not done.is_set():
                sent.append(f"u{len(sent)}.")
                await w.ann.say(room, f"!inc update {sent[-1]}")
                # Sometimes long enough for a prompt to fall due.
                await asyncio.sleep(rng.choice((0.1, 0.3, 0.5, 5.0)))

        talking = asyncio.create_task(talk())
        try:
            for _ in range(KILLS):
                await asyncio.sleep(rng.uniform(0.3, 3.0))
                running.send_signal(signal.SIGKILL)
                await running.wait()
                running = await process(config, home)
            done.set()
            await talking
            await w.ann.hears(f"{sent[-1]} — Ann", room)
            await w.ann.say(room, "!inc who")
            await w.ann.hears("who is who", room)
            await asyncio.sleep(3)
        finally:
            talking.cancel()
            running.send_signal(signal.SIGTERM)
            await running.wait()
        async with reading(w.bot.config(), home) as store:
            timeline = await store.read(lambda work: work.timeline("INC-1"))
            assert await verify(store) == []
        happened = [entry.event for entry in timeline]
        kept = [e.text for e in happened if isinstance(e, ev.UpdatePosted)]
        assert kept == sent  # nothing lost, nothing twice, in order
        said = Counter(
            t.split(" — ")[0].split(" ")[1] for t in w.ann.texts(room)
            if "— Ann" in t and not t.startswith("* ")
        )  # fmt: skip
        assert said == Counter(sent)
        due = [
            e for e in happened
            if isinstance(e, ev.RungFired) and e.kind is RungKind.PROMPT and not e.silent
        ]  # fmt: skip
        prompted = [t for t in w.ann.texts() if "promised an update at" in t]
        assert 0 < len(prompted) <= len(due)
        rooms = [r for r in w.ann.client.rooms.values() if (r.name or "").startswith("incident-")]
        assert len(rooms) == 1
