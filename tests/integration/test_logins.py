"""Adapters that a person has to log in: they wait for it, and keep nobody else from working."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

from bot.clock import SystemClock
from bot.contract import Features, SessionEnded
from bot.jobs import adapters as jobs
from bot.jobs.adapters import Adapters
from bot.testing import RecordingAdapter, stage
from tests.harness.waiting import until

WANTED = "nobody is logged in yet; run: sitrep lamp login"


class Lamp(RecordingAdapter):
    """An adapter that runs in one process at a time, once somebody has logged it in."""

    def __init__(self, *, login: bool) -> None:
        super().__init__(features=Features(single=True))
        self.why = None if login else WANTED
        self.runs, self.ends = 0, asyncio.Event()

    def lacking(self) -> str | None:
        return self.why

    async def run(self, receive) -> bool:
        self.runs += 1
        self.ends.clear()
        await self.ends.wait()
        self.why = "the session has ended; run: sitrep lamp login"
        raise SessionEnded(self.why)


@asynccontextmanager
async def supervised(bot, adapter: Lamp):
    told: list[tuple[str, str]] = []

    async def tell(name: str, why: str) -> None:
        told.append((name, why))

    supervisor = Adapters(
        bot.app.store, SystemClock(), bot.app.outbox, bot.app.receive, tell
    )  # fmt: skip
    running = asyncio.create_task(supervisor.run({"lamp": adapter}))
    try:
        yield supervisor, told, running
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_replica_without_a_login_holds_no_session_that_another_could_use(
    tmp_path, monkeypatch, caplog
):
    """D4"""
    monkeypatch.setattr(jobs, "LOOK_FOR_LOGIN", jobs.LOOK_FOR_LOGIN / 100)
    first, second = Lamp(login=False), Lamp(login=True)
    async with (
        stage(tmp_path) as bot,
        supervised(bot, first) as (waiting, told, _),
        supervised(bot, second) as (working, _, _),
    ):
        await until(waiting.lacking)
        await until(lambda: second.runs)
        assert first.runs == 0
        assert waiting.lacking() == (f"lamp: {WANTED}",)
        assert working.lacking() == ()
        assert told == []
        first.why = None
        await until(lambda: not waiting.lacking())
        assert first.runs == 0  # the other one has the session
    assert caplog.text.count("waiting for a login") == 1


async def test_an_adapter_whose_session_ended_goes_on_once_logged_in_anew(tmp_path, monkeypatch):
    """D2 D4"""
    monkeypatch.setattr(jobs, "LOOK_FOR_LOGIN", jobs.LOOK_FOR_LOGIN / 100)
    lamp = Lamp(login=True)
    async with stage(tmp_path) as bot, supervised(bot, lamp) as (supervisor, told, running):
        await until(lambda: lamp.runs)
        lamp.ends.set()
        await until(lambda: told)
        assert told == [("lamp", lamp.why)]
        assert supervisor.lost == [f"lamp: {lamp.why}"]
        assert supervisor.lacking() == ()  # ready: what else it serves goes on
        lamp.why = None
        await until(lambda: lamp.runs == 2)
        assert supervisor.lost == []
        assert not running.done()
