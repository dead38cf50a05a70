"""Health, metrics, and what plugins mount."""

from __future__ import annotations

import asyncio
import socket
import sqlite3
from contextlib import closing
from datetime import timedelta
from functools import partial

import pytest
from aiohttp import ClientError, ClientSession, web

from bot.app import composed
from bot.clock import SystemClock
from bot.config.load import parse
from bot.contract.errors import BotError, DatabaseAway
from bot.contract.hooks import hookimpl
from bot.http.application import application
from bot.http.door import serving
from bot.testing import TEAM, ManualClock, RecordingAdapter, stage
from tests.harness.waiting import until


def free() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


async def get(listen: str, path: str) -> tuple[int, str]:
    async with ClientSession() as session, session.get(f"http://{listen}{path}") as answer:
        return answer.status, await answer.text()


async def test_health_readiness_and_metrics_are_answered(tmp_path):
    async with stage(tmp_path) as bot:
        await bot.say("ann", "!inc declare sev1 down")
        listen = free()
        app = application(bot.app.store, bot.app.numbers, ())
        async with serving(app, listen):
            assert await get(listen, "/healthz") == (200, '{"status": "ok"}')
            assert await get(listen, "/readyz") == (200, '{"status": "ready"}')
            status, text = await get(listen, "/metrics")
            assert status == 200
            assert "sitrep_inbound_total 1.0" in text
            assert "sitrep_outbox_waiting 0" in text
            assert (await get(listen, "/"))[0] == 404


async def test_readiness_is_red_while_the_database_is_away(tmp_path, monkeypatch):
    async with stage(tmp_path) as bot:

        async def away():
            raise DatabaseAway("the database does not answer")

        monkeypatch.setattr(bot.app.store, "ping", away)
        listen = free()
        async with serving(application(bot.app.store, dict, ()), listen):
            status, text = await get(listen, "/readyz")
            assert status == 503
            assert "does not answer" in text
            assert (await get(listen, "/healthz"))[0] == 200


async def test_it_is_not_ready_before_its_clocks_run(tmp_path):
    async with stage(tmp_path) as bot:
        listen = free()
        waits = ["its clocks do not run yet"]
        app = application(bot.app.store, dict, (), lambda: waits)
        async with serving(app, listen):
            assert await get(listen, "/readyz") == (
                503,
                '{"status": "waiting", "why": "its clocks do not run yet"}',
            )
            waits.clear()
            assert (await get(listen, "/readyz"))[0] == 200


class Counting(ManualClock):
    """A clock that counts who waits for it."""

    waits = 0

    async def sleep(self, length: timedelta) -> None:
        self.waits += 1
        await super().sleep(length)


class Hanging:
    """A database that does not answer, until it does."""

    def __init__(self) -> None:
        self.asked, self.thawed = 0, asyncio.Event()

    async def ping(self) -> None:
        self.asked += 1
        await self.thawed.wait()

    async def backlog(self) -> dict[str, int]:
        await self.ping()
        return {"waiting": 3, "dead": 0}


async def test_a_database_that_hangs_is_waited_for_so_long_and_asked_once():
    """D7: /readyz and /metrics answer within `ready_timeout`, and as soon as it is back."""
    store, clock, listen = Hanging(), Counting(), free()
    app = application(store, lambda: {"inbound_total": 7.0}, (), clock=clock)
    async with serving(app, listen):
        for turn in (1, 2):
            asked = [
                asyncio.create_task(get(listen, p)) for p in ("/readyz", "/readyz", "/metrics")
            ]
            await until(lambda n=turn: clock.waits == 3 * n)
            await clock.advance(timedelta(seconds=2))
            first, second, (status, figures) = await asyncio.gather(*asked)
            assert first == second
            assert first[0] == 503
            assert "the database does not answer within 2 s" in first[1]
            assert status == 200
            assert "sitrep_inbound_total 7.0" in figures
            assert "sitrep_database_up 0" in figures
            assert "outbox" not in figures
        assert store.asked == 2  # one for each question
        assert (await get(listen, "/healthz"))[0] == 200
        store.thawed.set()
        assert (await get(listen, "/readyz"))[0] == 200
        _, figures = await get(listen, "/metrics")
        assert "sitrep_database_up 1" in figures
        assert "sitrep_outbox_waiting 3" in figures


async def test_the_database_is_written_to_every_ten_seconds_at_most():
    """D7"""
    store, clock, listen = Hanging(), ManualClock(), free()
    store.thawed.set()
    async with serving(application(store, dict, (), clock=clock), listen):
        for seconds, asked in ((0, 1), (0, 1), (9, 1), (1, 2), (-3600, 3)):
            await clock.advance(timedelta(seconds=seconds))
            assert (await get(listen, "/readyz"))[0] == 200
            assert store.asked == asked


async def test_while_the_database_is_opened_it_is_alive_and_not_ready(tmp_path):
    """D7"""
    listen = free()
    config = parse(f'{TEAM}[http]\nlisten = "{listen}"\n', {})
    path = tmp_path / "sitrep.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode = WAL")
        other.execute("BEGIN EXCLUSIVE")
        running = asyncio.create_task(_run(config, tmp_path))
        await until(partial(alive, listen, "/healthz"))
        for path in ("/readyz", "/metrics", "/plugins/page/", "/unsubscribe/x"):
            status, text = await get(listen, path)
            assert (status, "the database is being opened" in text) == (503, True)
    await until(partial(alive, listen, "/readyz"))
    assert (await get(listen, "/metrics"))[0] == 200
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert not await alive(listen, "/healthz")


async def _run(config, home) -> None:
    chat = Endless()
    given = {"chat": chat.plugin()}
    async with composed(config, home, SystemClock(), given=given, tell=lambda _line: None) as app:
        await app.run()


class Endless(RecordingAdapter):
    """An adapter that hears nothing, and never ends."""

    async def run(self, receive) -> bool:
        await asyncio.Event().wait()
        return True


async def alive(listen: str, path: str) -> bool:
    try:
        return (await get(listen, path))[0] == 200
    except ClientError:
        return False


async def test_a_plugins_routes_are_mounted_under_its_name(tmp_path):
    class Hooked:
        @hookimpl
        def configure(self, context):
            @context.routes.get("/hello")
            async def hello(_request: web.Request) -> web.Response:
                return web.Response(text=f"from {context.name}")

    given = {"third": Hooked()}
    async with stage(tmp_path, more="\n[plugins.third]\n", given=given) as bot:
        listen = free()
        app = application(bot.app.store, dict, bot.app.plugins.routes())
        async with serving(app, listen):
            assert await get(listen, "/plugins/third/hello") == (200, "from third")


async def test_an_address_that_is_taken_says_so(tmp_path):
    async with stage(tmp_path) as bot:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            listen = f"127.0.0.1:{taken.getsockname()[1]}"
            with pytest.raises(BotError, match="cannot listen"):
                async with serving(application(bot.app.store, dict, ()), listen):
                    pass
