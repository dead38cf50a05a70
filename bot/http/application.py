"""The one HTTP application: health, metrics, and the routes that plugins mount."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from bot.clock import SystemClock
from bot.config.sections import HttpSection
from bot.contract.context import Clock
from bot.contract.errors import BotError, DatabaseAway
from bot.domain.durations import within
from bot.http.connections import BODY_LIMIT, guard
from bot.http.mail_links import Links, add_links
from bot.store.work import Store

Numbers = Callable[[], dict[str, float]]
"""The application's figures: names ending in `_total` are counters, others are gauges."""

Reasons = Callable[[], Sequence[str]]
"""What the bot still waits for before it is ready, besides the database."""

READY_FOR = timedelta(seconds=10)
"""How long an answer of the database is taken for the next one: each of them is a write."""

DEFAULT = HttpSection()

T = TypeVar("T")


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


class _Question(Generic[T]):
    """A question to the database that nobody waits for longer than a limit.

    Requests that come meanwhile wait for the same answer, so a database that hangs is asked once.
    """

    def __init__(self, ask: Callable[[], Awaitable[T]], clock: Clock, limit: timedelta) -> None:
        self._ask, self._clock, self._limit = ask, clock, limit
        self._open: asyncio.Future[T] | None = None

    async def answer(self) -> T:
        """Return the answer.

        Raises:
            DatabaseAway: The database does not answer, or not in time.
        """
        if self._open is None or self._open.done():
            self._open = asyncio.ensure_future(self._ask())
            self._open.add_done_callback(_seen)  # perhaps nobody waits for it any more
        asked = self._open
        sleeping = asyncio.ensure_future(self._clock.sleep(self._limit))
        try:
            await asyncio.wait((asked, sleeping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
        if not asked.done():
            seconds = self._limit.total_seconds()
            raise DatabaseAway(f"the database does not answer within {seconds:g} s")
        return asked.result()


def _seen(asked: asyncio.Future[Any]) -> None:
    if not asked.cancelled():
        asked.exception()


class _Readiness:
    """Whether the database takes a write."""

    def __init__(self, store: Store, clock: Clock, limit: timedelta) -> None:
        self._question, self._clock = _Question(store.ping, clock, limit), clock
        self._written: datetime | None = None

    async def fault(self) -> str | None:
        """Return why the database cannot be used; `None` if it can."""
        now = self._clock.now()
        if self._written is not None and within(READY_FOR, self._written, now):
            return None
        try:
            await self._question.answer()
        except BotError as exc:
            self._written = None
            return str(exc)
        self._written = now
        return None


def application(  # noqa: PLR0913 - what it is composed of
    store: Store,
    numbers: Numbers,
    routes: Iterable[tuple[str, web.RouteTableDef]],
    reasons: Reasons = tuple,
    links: Links | None = None,
    limits: HttpSection = DEFAULT,
    clock: Clock | None = None,
) -> web.Application:
    """Return the application. All routes are read-only, except plugins' own and the links of mail.

    `reasons` says what the bot still waits for; it is not ready before.
    """
    registry = CollectorRegistry()
    registry.register(_Counted(numbers))
    clock, limit = clock or SystemClock(), limits.ready_timeout
    database, backlog = _Readiness(store, clock, limit), _Question(store.backlog, clock, limit)

    async def readyz(_request: web.Request) -> web.Response:
        if waits := reasons():
            return not_ready("waiting", "; ".join(waits))
        fault = await database.fault()
        return not_ready("away", fault) if fault else web.json_response({"status": "ready"})

    async def metrics(_request: web.Request) -> web.Response:
        figures = {"database_up": 1}
        try:
            counted = await backlog.answer()
            figures |= {f"outbox_{state}": count for state, count in counted.items()}
        except BotError:
            figures["database_up"] = 0
        text = generate_latest(registry).decode()
        for name, value in figures.items():
            text += f"# TYPE sitrep_{name} gauge\nsitrep_{name} {value}\n"
        return web.Response(text=text, content_type="text/plain", charset="utf-8")

    app = web.Application(client_max_size=BODY_LIMIT)
    guard(app, limits)
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", metrics)
    if links is not None:
        add_links(app, links)
    for prefix, table in routes:
        mounted = web.Application()
        mounted.add_routes(table)
        app.add_subapp(prefix, mounted)
    return app


def waiting(why: str, limits: HttpSection = DEFAULT) -> web.Application:
    """Return the application of a start and of a stop: alive, and not ready."""

    async def later(_request: web.Request) -> web.Response:
        return not_ready("starting", why)

    app = web.Application(client_max_size=BODY_LIMIT)
    guard(app, limits)
    app.router.add_get("/healthz", healthz)
    app.router.add_route("*", "/{path:.*}", later)
    return app


async def healthz(_request: web.Request) -> web.Response:
    """Answer that the process is alive."""
    return web.json_response({"status": "ok"})


def not_ready(status: str, why: str) -> web.Response:
    """Return the answer of a bot that cannot work now."""
    body = {"status": status, "why": why}
    return web.json_response(body, status=503, headers={"Retry-After": "5"})
