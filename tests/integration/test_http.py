"""Health, metrics, and what plugins mount."""

from __future__ import annotations

import socket

import pytest
from aiohttp import ClientSession, web

from bot import http
from bot.contract.errors import BotError, DatabaseAway
from bot.contract.hooks import hookimpl
from bot.testing import stage


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
        app = http.application(bot.app.store, bot.app.numbers, ())
        async with http.serving(app, listen):
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
        async with http.serving(http.application(bot.app.store, dict, ()), listen):
            status, text = await get(listen, "/readyz")
            assert status == 503
            assert "does not answer" in text
            assert (await get(listen, "/healthz"))[0] == 200


async def test_it_is_not_ready_before_its_clocks_run(tmp_path):
    async with stage(tmp_path) as bot:
        listen, started = free(), []
        app = http.application(bot.app.store, dict, (), lambda: bool(started))
        async with http.serving(app, listen):
            assert await get(listen, "/readyz") == (503, '{"status": "starting"}')
            started.append(1)
            assert (await get(listen, "/readyz"))[0] == 200


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
        app = http.application(bot.app.store, dict, bot.app.plugins.routes())
        async with http.serving(app, listen):
            assert await get(listen, "/plugins/third/hello") == (200, "from third")


async def test_an_address_that_is_taken_says_so(tmp_path):
    async with stage(tmp_path) as bot:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            listen = f"127.0.0.1:{taken.getsockname()[1]}"
            with pytest.raises(BotError, match="cannot listen"):
                async with http.serving(http.application(bot.app.store, dict, ()), listen):
                    pass
