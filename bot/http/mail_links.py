"""The links that mail to stakeholders has: a page that asks, and does it if posted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from html import escape

from aiohttp import web

Link = Callable[[str, bool], Awaitable[str | None]]
"""Returns what a token's subscription is to, and does what the link is for if it was posted.

`None` for a token that is unknown, or of no use any more.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """The links that mail to stakeholders has."""

    ending: Link
    confirming: Link


def add_links(app: web.Application, links: Links) -> None:
    """Serve the links."""
    _linked(app, "unsubscribe", links.ending, _ENDING)
    _linked(app, "confirm", links.confirming, _CONFIRMING)


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
