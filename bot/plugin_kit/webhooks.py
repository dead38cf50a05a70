"""Webhooks of other services: limits, signatures, and hints about tickets."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable

from aiohttp import web

LONGEST_BODY = 1024 * 1024
"""A webhook's body may not be longer."""


def hints(
    trusted: Callable[[web.Request, bytes], bool],
    meant: Callable[[bytes], str | None],
    changed: Callable[[str], Awaitable[None]],
) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Return what handles a webhook: a `trusted` body is a hint about the ticket `meant`."""

    async def heard(request: web.Request) -> web.Response:
        body = await webhook_body(request)
        if body is None:
            return web.Response(status=413, text="too long")
        if not trusted(request, body):
            return web.Response(status=401, text="neither signed nor with the secret")
        ticket = meant(body)
        if ticket is not None:
            await changed(ticket)
        return web.Response(status=202)

    return heard


async def webhook_body(request: web.Request) -> bytes | None:
    """Return a webhook's body; none where it is too long."""
    if request.content_length is not None and request.content_length > LONGEST_BODY:
        return None
    body = await request.content.read(LONGEST_BODY + 1)
    while not request.content.at_eof() and len(body) <= LONGEST_BODY:
        body += await request.content.read(LONGEST_BODY + 1)
    return body if len(body) <= LONGEST_BODY else None


def signed(body: bytes, secret: str, signature: str) -> bool:
    """Whether `sha256=…` is a body's HMAC under a secret; takes the same time either way."""
    wanted = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(f"sha256={wanted}".encode(), signature.encode())


def same_secret(given: str, secret: str) -> bool:
    """Whether a secret is the one; takes the same time either way."""
    return hmac.compare_digest(given.encode(), secret.encode())
