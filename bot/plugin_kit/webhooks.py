"""Webhooks of other services: limits, signatures, and news of tickets."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

LONGEST_BODY = 1024 * 1024
"""The longest body, in bytes, that a webhook may send."""


def webhook(
    *,
    verify: Callable[[web.Request, bytes], bool],
    ticket_in: Callable[[Any], str | None],
    on_change: Callable[[str], Awaitable[None]],
) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Return a request handler for a tracker's webhook.

    A body is never believed, only taken as a hint: for each one that `verify` accepts, the handler
    awaits `on_change` (mostly `PluginContext.changed`) with the ticket it names.

    Args:
        verify: Return whether the request, with its raw body, comes from the tracker.
        ticket_in: Return the id of the ticket that the body's JSON is about, or `None` if it is
            about something else. A `KeyError`, `TypeError` or `ValueError` means the same.
        on_change: Told the ticket's id; what it raises becomes the tracker's answer 500.
    """

    async def handle(request: web.Request) -> web.Response:
        body = await webhook_body(request)
        if body is None:
            return web.Response(status=413, text="too long")
        if not verify(request, body):
            return web.Response(status=401, text="neither signed nor with the secret")
        try:
            ticket = ticket_in(json.loads(body))
        except (ValueError, KeyError, TypeError):
            ticket = None
        if ticket is not None:
            await on_change(ticket)
        return web.Response(status=202)

    return handle


async def webhook_body(request: web.Request) -> bytes | None:
    """Return the body of a request, or `None` if it is longer than `LONGEST_BODY`."""
    if request.content_length is not None and request.content_length > LONGEST_BODY:
        return None
    body = await request.content.read(LONGEST_BODY + 1)
    while not request.content.at_eof() and len(body) <= LONGEST_BODY:
        body += await request.content.read(LONGEST_BODY + 1)
    return body if len(body) <= LONGEST_BODY else None


def signed(body: bytes, secret: str, signature: str) -> bool:
    """Return whether `sha256=…` is the HMAC of a body; takes equally long either way."""
    wanted = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(f"sha256={wanted}".encode(), signature.encode())


def same_secret(given: str, secret: str) -> bool:
    """Return whether the given secret is the right one; takes equally long either way."""
    return hmac.compare_digest(given.encode(), secret.encode())
