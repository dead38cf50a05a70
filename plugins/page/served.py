"""The page that Sitrep serves itself; each document is made once for each revision."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from email.utils import format_datetime

from aiohttp import web

from bot.contract import ExternalRef, Finding, PluginContext, StatusNotice, within
from plugins.page.book import Book, opened, read_back, revision, write_down
from plugins.page.config import PageSettings
from plugins.page.drawing import Drawing
from plugins.page.feeds import DOCUMENTS, Feeds

LOOK_EVERY = timedelta(seconds=1)
"""How long what another process published may take to appear."""

FRESH = "public, max-age=10, stale-while-revalidate=30, stale-if-error=86400"
"""How long browsers and caches may keep a document; they keep the last one if we are down."""

MISSING = "missing"
"""The name of the document for addresses that do not exist."""

HTML, ATOM, RSS, JSON = (
    "text/html; charset=utf-8",
    "application/atom+xml; charset=utf-8",
    "application/rss+xml; charset=utf-8",
    "application/json; charset=utf-8",
)

_HARDENED = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Document:
    """A document as it is sent, plain and compressed."""

    plain: bytes
    packed: bytes
    headers: dict[str, str]
    packed_headers: dict[str, str]
    tag: str
    status: int = 200


class ServedPage:
    """A status page that Sitrep serves itself."""

    def __init__(self, context: PluginContext, settings: PageSettings) -> None:
        """Read nothing before somebody asks."""
        self._context, self._settings = context, settings
        self._drawing = Drawing(settings.title, settings.components)
        self._feeds = Feeds(settings.title, settings.url)
        self._made: dict[str, _Document] = {}
        self._book: Book | None = None
        self._revision: str | None = None
        self._looked_at = context.clock.now() - LOOK_EVERY
        self._one_at_a_time = asyncio.Lock()
        self._routes()

    async def publish(
        self, notice: StatusNotice, ref: ExternalRef | None, *, key: str
    ) -> ExternalRef:
        """Show an incident as it is now; the same notice again changes nothing."""
        del ref  # the incident's id says which it is
        await write_down(self._context.memory, notice, key)
        self._looked_at = self._context.clock.now() - LOOK_EVERY
        url = f"{self._settings.url.rstrip('/')}/incidents/{notice.incident}"
        return ExternalRef(self._context.name, notice.incident, url)

    async def check(self) -> Sequence[Finding]:
        """Return a finding if the page shows no components."""
        if self._settings.components:
            return []
        text = 'components: none, so no reader sees what works; write checkout = "Checkout"'
        return [Finding(text, fault=False)]

    # --- handing out ------------------------------------------------------------------------------

    def _routes(self) -> None:
        routes = self._context.routes

        def serve(path: str, name: str) -> None:
            async def handle(request: web.Request) -> web.Response:
                return await self._answer(request, name)

            routes.get(path)(handle)

        async def incident(request: web.Request) -> web.Response:
            return await self._answer(request, f"incidents/{request.match_info['id']}")

        async def entrance(_request: web.Request) -> web.Response:
            raise web.HTTPMovedPermanently(f"{self._context.name}/")

        routes.get("")(entrance)
        serve("/", "")
        serve("/history", "history")
        serve("/history.atom", "history.atom")
        serve("/history.rss", "history.rss")
        routes.get(r"/incidents/{id:[A-Z]+-\d+}")(incident)
        for name in DOCUMENTS:
            serve(f"/api/v2/{name}.json", f"api/v2/{name}.json")

    async def _answer(self, request: web.Request, name: str) -> web.Response:
        if not within(LOOK_EVERY, self._looked_at, self._context.clock.now()):
            await self._look()
        found = self._made.get(name)
        if found is None:
            found = self._made_now(name)
        headers = request.headers
        if found.tag in headers.get("If-None-Match", "") and found.status == 200:
            return web.Response(status=304, headers=found.headers)
        if "gzip" in headers.get("Accept-Encoding", ""):
            return web.Response(
                body=found.packed, headers=found.packed_headers, status=found.status
            )
        return web.Response(body=found.plain, headers=found.headers, status=found.status)

    async def _look(self) -> None:
        """Reload the book if any process has published something, or the day has changed."""
        async with self._one_at_a_time:
            now = self._context.clock.now()
            if within(LOOK_EVERY, self._looked_at, now):
                return
            try:
                newest = await revision(self._context.memory)
                new_day = self._book is None or self._book.now.date() != now.date()
                if new_day or newest != self._revision:
                    told = await read_back(self._context.memory)
                    self._book = opened(told, self._settings.components, now)
                    self._revision = newest
                    self._made.clear()
            except Exception:
                self._context.log.warning("the page cannot be brought up to date", exc_info=True)
            self._looked_at = now

    def _made_now(self, name: str) -> _Document:
        book = self._book
        if book is None:
            raise web.HTTPServiceUnavailable(
                text="The status page is not ready yet; try again in a moment.\n",
                headers={"Retry-After": "5", "Cache-Control": "no-store"},
            )
        made = self._draw(name, book)
        if made is not None:
            body, kind = made
            self._made[name] = self._document(body, kind, book)
            return self._made[name]
        if (
            MISSING not in self._made
        ):  # one for all, so that requests for a million addresses cost nothing
            body = self._drawing.missing(book).encode()
            self._made[MISSING] = self._document(body, HTML, book, status=404)
        return self._made[MISSING]

    def _draw(self, name: str, book: Book) -> tuple[bytes, str] | None:
        kind, _, rest = name.partition("/")
        match kind:
            case "":
                return self._drawing.index(book).encode(), HTML
            case "history":
                return self._drawing.history(book).encode(), HTML
            case "history.atom":
                return self._feeds.atom(book), ATOM
            case "history.rss":
                return self._feeds.rss(book), RSS
            case "api":
                document = rest.removeprefix("v2/").removesuffix(".json")
                return self._feeds.api(book)[document], JSON
            case _:
                told = book.incident(rest)
                return (self._drawing.incident(book, told).encode(), HTML) if told else None

    def _document(self, body: bytes, kind: str, book: Book, status: int = 200) -> _Document:
        tag = f'"{hashlib.sha256(body).hexdigest()[:24]}"'
        headers = {
            "Content-Type": kind,
            "Cache-Control": FRESH,
            "ETag": tag,
            "Vary": "Accept-Encoding",
            **_HARDENED,
        }
        if book.updated_at is not None:
            headers["Last-Modified"] = format_datetime(book.updated_at, usegmt=True)
        if kind == JSON:
            headers["Access-Control-Allow-Origin"] = "*"
        return _Document(
            plain=body,
            packed=gzip.compress(body, mtime=0),
            headers=headers,
            packed_headers={**headers, "Content-Encoding": "gzip"},
            tag=tag,
            status=status,
        )
