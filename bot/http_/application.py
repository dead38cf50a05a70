"""The one HTTP application: health, metrics, and the routes that plugins mount."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from html import escape

from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from bot.config.sections import HttpSection
from bot.connections import BODY_LIMIT, guard, listening
from bot.contract.errors import BotError, DatabaseAway
from bot.store.work import Store

Numbers = Callable[[], dict[str, float]]
"""The application's figures: names ending in `_total` are counters, others are gauges."""

Link = Callable[[str, bool], Awaitable[str | None]]
"""Returns what a token's subscription is to, and does what the link is for if it was posted.

`None` for a token that is unknown, or of no use any more.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """The links that mail to stakeholders has."""

    ending: Link
    confirming: Link


DEFAULT = HttpSection()


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


def application(  # noqa: PLR0913 - what it is composed of
    store: Store,
    numbers: Numbers,
    routes: Iterable[tuple[str, web.RouteTableDef]],
    started: Callable[[], bool] = lambda: True,
    links: Links | None = None,
    limits: HttpSection = DEFAULT,
) -> web.Application:
    """Return the application. All routes are read-only, except plugins' own and the links of mail.

    `started` says whether the clocks run; the bot is not ready before.
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
    guard(app, limits)
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", metrics)
    if links is not None:
        _linked(app, "unsubscribe", links.ending, _ENDING)
        _linked(app, "confirm", links.confirming, _CONFIRMING)
    for prefix, table in routes:
        mounted = web.Application()
        mounted.add_routes(table)
        app.add_subapp(prefix, mounted)
    return app


@dataclass(frozen=True, slots=True)
class _Words:
    """The words of a link's two pages: the one that asks, and the one that says it is done."""

    asks: str
    about: str
    button: str
    done: str
    then: str


_ENDING = _Words(
    "Unsubscribe?",
    "You get mail about {}.",
    "Unsubscribe",
    "Unsubscribed",
    "No more mail about {}.",
)
_CONFIRMING = _Words(
    "Subscribe?",
    "Somebody asked for you to be told by mail about {}.",
    "Subscribe",
    "Subscribed",
    "You will be told by mail about {}. Each mail has a link that ends it.",
)


def _linked(app: web.Application, name: str, link: Link, words: _Words) -> None:
    """Serve a link of mail: a GET asks and changes nothing, a POST does it (RFC 8058)."""

    async def page(request: web.Request) -> web.Response:
        post = request.method == "POST"
        what = await link(request.match_info["token"], post)
        if what is None:
            return _page("This link is not valid any more", "It may have been used already.", 404)
        if post:
            return _page(words.done, words.then.format(what))
        button = f'<form method="post"><button>{words.button}</button></form>'
        return _page(words.asks, words.about.format(what), more=button)

    path = f"/{name}/{{token:[A-Za-z0-9_-]{{16,64}}}}"
    app.router.add_get(path, page)
    app.router.add_post(path, page)


def _page(title: str, text: str, status: int = 200, more: str = "") -> web.Response:
    body = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<style>body {{ font: 1.1rem/1.5 system-ui, sans-serif; max-width: 30rem; margin: 3rem auto;
padding: 0 1rem }} button {{ font: inherit; padding: .5rem 1.5rem }}</style></head>
<body><main><h1>{escape(title)}</h1><p>{escape(text)}</p>{more}</main></body></html>
"""
    headers = {
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
    }
    return web.Response(text=body, content_type="text/html", status=status, headers=headers)


@asynccontextmanager
async def serving(
    app: web.Application, listen: str, limits: HttpSection = DEFAULT
) -> AsyncIterator[None]:
    """Serve the application at `host:port`.

    Raises:
        BotError: The address is taken, or is not an address.
    """
    host, _, port = listen.rpartition(":")
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        try:
            server = await listening(runner, host.strip("[]"), int(port), limits)
        except (OSError, OverflowError) as exc:
            raise BotError(f"http.listen: cannot listen on {listen}: {exc}") from exc
        try:
            yield
        finally:
            server.close()
    finally:
        await runner.cleanup()


@asynccontextmanager
async def serving_where(
    section: HttpSection, application: Callable[[], web.Application]
) -> AsyncIterator[None]:
    """Serve an application at `[http] listen`; do nothing if that is not set."""
    if section.listen is None:
        yield
        return
    async with serving(application(), section.listen, section):
        yield
