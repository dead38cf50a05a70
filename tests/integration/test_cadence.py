"""The alarm clock, on the real one: what is due fires by itself, once, and soon."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise

import pytest

from bot.app import App
from bot.clock import SystemClock
from bot.config.load import parse
from bot.contract.chat import ChatEvent
from bot.contract.errors import DatabaseAway
from bot.domain import events as ev
from bot.domain.incident import RungKind
from bot.jobs.due_times import HELD_ELSEWHERE, DueTimes
from bot.plugin_manager import PluginManager
from bot.refs import ConversationRef, UserRef
from bot.testing import RecordingAdapter
from storage import open_database
from tests.harness.waiting import until
from tests.peers.postgres import Postgres

CONFIG = """
[people.ann]
users = { chat = "ann" }
[clocks]
internal = { sev1 = "2s" }
[adapters.chat]
"""


async def running(url: str, body) -> None:
    config, clock, chat = parse(CONFIG, {}), SystemClock(), RecordingAdapter()
    plugins = PluginManager(clock, "/nonexistent", config.directory)
    plugins.load({"chat": {}}, {}, {"chat": chat.plugin()})
    async with open_database(url, tell=lambda _line: None) as store:
        app = App(config, store, clock, plugins)
        async with app.working():
            await body(app, chat)


async def say(app: App, text: str, event: str) -> None:
    await app.receive(
        ChatEvent(
            id=event,
            conversation=ConversationRef("chat", "ops"),
            sender=UserRef("chat", "ann"),
            sender_name="ann",
            text=text,
            written_at=app.clock.now(),
        )
    )


async def test_rungs_fire_at_their_times_on_the_real_clock(url):
    """K3 K6"""

    async def body(app: App, chat: RecordingAdapter) -> None:
        async def rungs() -> list[ev.RungFired]:
            timeline = await app.store.read(lambda w: w.timeline("INC-1"))
            return [e.event for e in timeline if isinstance(e.event, ev.RungFired)]

        async def all_fired() -> bool:
            return len(await rungs()) >= len(RungKind)

        await say(app, "!inc declare sev1 down ic:@ann", "1")
        await until(all_fired)
        await say(app, "!inc resolve", "2")
        fired = await rungs()
        assert [r.kind for r in fired][: len(RungKind)] == list(RungKind)
        assert all(r.late_by >= timedelta(0) for r in fired)
        times = [r.at - r.late_by for r in fired]
        assert times == sorted(times)
        await app.outbox.drain()
        assert any("overdue" in text for text in chat.said("ops"))

    await running(url, body)


async def test_a_database_that_goes_away_is_waited_for(postgres: Postgres):
    """Back-off, readiness red, nothing lost."""
    url = postgres.database()
    name = url.split("/")[3].partition("?")[0]

    async def taken(app: App, i: int) -> bool:
        try:
            await say(app, f"!inc note n{i}", f"n{i}")
        except DatabaseAway:
            return False
        return True

    async def body(app: App, chat: RecordingAdapter) -> None:
        await say(app, "!inc declare sev1 down ic:@ann", "1")
        await app.outbox.drain()
        for i in range(10):
            postgres.psql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                f" WHERE datname = '{name}' AND pid <> pg_backend_pid()"
            )
            await until(partial(taken, app, i))
        await app.outbox.drain()
        timeline = await app.store.read(lambda w: w.timeline("INC-1"))
        notes = [e.event.text for e in timeline if isinstance(e.event, ev.NoteAdded)]
        assert notes == [f"n{i}" for i in range(10)]

    await running(url, body)


class Rows:
    """A store of due times."""

    def __init__(self, due: datetime | None) -> None:
        self.due = due

    async def next_due(self) -> datetime | None:
        return self.due


async def test_a_tick_that_breaks_ends_the_loop_and_so_the_process():
    async def tick() -> bool:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await DueTimes(Rows(None), SystemClock(), tick).run()


async def test_something_that_another_process_holds_is_looked_at_again_without_a_storm():
    clock, ticks = SystemClock(), []

    async def tick() -> bool:
        ticks.append(clock.now())
        return False

    cadence = DueTimes(Rows(clock.now() - timedelta(hours=1)), clock, tick)
    running_ = asyncio.create_task(cadence.run())
    await until(lambda: len(ticks) >= 4)
    running_.cancel()
    await asyncio.gather(running_, return_exceptions=True)
    assert all(later - sooner >= HELD_ELSEWHERE * 0.9 for sooner, later in pairwise(ticks))


async def test_a_sooner_due_time_moves_the_alarm_and_a_later_one_does_not():
    clock, ticks = SystemClock(), []

    async def tick() -> bool:
        ticks.append(1)
        return False

    cadence = DueTimes(Rows(clock.now() + timedelta(minutes=5)), clock, tick)
    running_ = asyncio.create_task(cadence.run())
    await until(lambda: ticks)
    cadence.hint(clock.now() + timedelta(minutes=9))
    await asyncio.sleep(0.1)
    assert len(ticks) == 1
    cadence.hint(clock.now())
    await until(lambda: len(ticks) > 1)
    await asyncio.sleep(0.1)
    assert len(ticks) == 2
    running_.cancel()
    await asyncio.gather(running_, return_exceptions=True)
