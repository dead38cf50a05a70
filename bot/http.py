"""The one HTTP application: health, metrics, and the routes that plugins mount."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from bot.errors import BotError, DatabaseAway
from bot.ports import Store

Numbers = Callable[[], dict[str, float]]
"""What the application counts: names ending in `_total` are counters, others are gauges."""

BODY_LIMIT = 1024 * 1024
"""The largest request that is read; a webhook is smaller."""


class _Counted(Collector):
    def __init__(self, numbers: Numbers) -> None:
        self._numbers = numbers

    def collect(self) -> Iterable[CounterMetricFamily | GaugeMetricFamily]:
        for name, value in self._numbers().items():
            if name.endswith("_total"):
                counter = CounterMetricFamily(f"sitrep_{name.removesuffix('_total')}", name)
                counter.add_metric((), value)
                yield counter
            else:
                yield GaugeMetricFamily(f"sitrep_{name}", name, value=value)


def application(
    store: Store,
    numbers: Numbers,
    routes: Iterable[tuple[str, web.RouteTableDef]],
    started: Callable[[], bool] = lambda: True,
) -> web.Application:
    """Return the application. Nothing in it changes anything, save what plugins mount.

    `started`: whether the clocks run; the bot is not ready before.
    """
    registry = CollectorRegistry()
    registry.register(_Counted(numbers))

    async def healthz(_request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def readyz(_request: web.Request) -> web.Response:
        if not started():
            return web.json_response({"status": "starting"}, status=503)
        try:
            await store.ping()
        except DatabaseAway as exc:
            return web.json_response({"status": "away", "why": str(exc)}, status=503)
        return web.json_response({"status": "ready"})

    async def metrics(_request: web.Request) -> web.Response:
        backlog = await store.backlog()
        text = generate_latest(registry).decode()
        for state, count in backlog.items():
            text += f"# TYPE sitrep_outbox_{state} gauge\nsitrep_outbox_{state} {count}\n"
        return web.Response(text=text, content_type="text/plain", charset="utf-8")

    app = web.Application(client_max_size=BODY_LIMIT)
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", metrics)
    for prefix, table in routes:
        mounted = web.Application(client_max_size=BODY_LIMIT)
        mounted.add_routes(table)
        app.add_subapp(prefix, mounted)
    return app


@asynccontextmanager
async def serving(app: web.Application, listen: str) -> AsyncIterator[None]:
    """Serve the application at `host:port`.

    Raises:
        BotError: The address is taken or is none.
    """
    host, _, port = listen.rpartition(":")
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host.strip("[]"), int(port)).start()
        except (OSError, OverflowError) as exc:
            raise BotError(f"http.listen: cannot listen on {listen}: {exc}") from exc
        yield
    finally:
        await runner.cleanup()
