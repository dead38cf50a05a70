"""Webhooks: bodies with limits, secrets of any bytes, news of tickets.

Any request may be forged, so nothing here fails on one: a body that is too long, is not JSON or has
the wrong shape is answered with a 4xx status (D5).
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from aiohttp import web

LONGEST_BODY = 1024 * 1024
"""The longest body, in bytes, that a webhook may send."""

DEEPEST = 64
"""How deep JSON may be nested: far deeper than any sender's, and safe to walk by recursion."""

LARGE = 32 * 1024
"""The bytes from which JSON is parsed in a thread, so that nothing else waits for it."""

T = TypeVar("T", str, int)


class WrongShape(ValueError):  # noqa: N818 - a state of the sender's JSON
    """JSON is not of the shape that its sender documents."""


def webhook(
    *,
    verify: Callable[[web.Request, bytes], bool],
    ticket_in: Callable[[Any], str | None],
    on_change: Callable[[str], Awaitable[None]],
) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Return a request handler for a tracker's webhook.

    A body is never believed, only taken as a hint: for each one that `verify` accepts, the handler
    awaits `on_change` (mostly `PluginContext.changed`) with the ticket it names. What is not JSON,
    or not of the right shape, is answered 400.

    Args:
        verify: Return whether the request, with its raw body, comes from the tracker.
        ticket_in: Return the id of the ticket that the body's JSON is about, or `None` if it is
            about something else; a `KeyError` means the same. Raise `WrongShape` (`value_at` does),
            or another `ValueError` or a `TypeError`, for what the tracker would not send.
        on_change: Told the ticket's id; what it raises becomes the tracker's answer 500.
    """

    async def handle(request: web.Request) -> web.Response:
        body = await body_of(request)
        if not verify(request, body):
            return web.Response(status=401, text="neither signed nor with the secret")
        event = await json_in(body)
        try:
            ticket = ticket_in(event)
        except KeyError:
            ticket = None
        except (ValueError, TypeError, AttributeError) as exc:
            raise web.HTTPBadRequest(text="not of the shape that is documented") from exc
        if ticket is not None:
            await on_change(ticket)
        return web.Response(status=202)

    return handle


async def body_of(request: web.Request, *, limit: int = LONGEST_BODY) -> bytes:
    """Return the body of a request; one that is longer than `limit` bytes is answered 413."""
    if request.content_length is not None and request.content_length > limit:
        raise web.HTTPRequestEntityTooLarge(max_size=limit, actual_size=request.content_length)
    body = bytearray()
    async for part in request.content.iter_any():
        body += part
        if len(body) > limit:
            raise web.HTTPRequestEntityTooLarge(max_size=limit, actual_size=len(body))
    return bytes(body)


async def json_body(request: web.Request, *, limit: int = LONGEST_BODY) -> Any:  # noqa: ANN401 - JSON
    """Return the JSON that a request brings: 413 if it is too long, 400 if it is none."""
    return await json_in(await body_of(request, limit=limit))


async def json_in(body: bytes) -> Any:  # noqa: ANN401 - JSON
    """Return the JSON in a body; one that cannot be read, or is nested too deep, is answered 400.

    A large body is parsed in a thread. Call this only once it is known whose body it is.
    """
    try:
        return await asyncio.to_thread(_parsed, body) if len(body) > LARGE else _parsed(body)
    except (ValueError, RecursionError) as exc:
        raise web.HTTPBadRequest(text="not JSON that can be read") from exc


def value_at(event: object, *path: str, kind: type[T]) -> T:
    """Return the value at a path of JSON.

    Raises:
        KeyError: Nothing stands there.
        WrongShape: It is of another kind, or something on the way is not an object.
    """
    for key in path:
        if not isinstance(event, dict):
            raise WrongShape(f"{'.'.join(path)}: no object around {key}")
        event = event[key]
    if type(event) is not kind:  # a bool is an int to isinstance
        raise WrongShape(f"{'.'.join(path)}: not {kind.__name__}")
    return event


def signed(body: bytes, secret: str, signature: str) -> bool:
    """Return whether `sha256=…` is the HMAC of a body; takes equally long either way."""
    wanted = hmac.new(_bytes(secret), body, hashlib.sha256).hexdigest()
    return same_secret(signature, f"sha256={wanted}")


def same_secret(given: str, secret: str) -> bool:
    """Return whether the given secret is the right one; takes equally long either way.

    `given` may hold anything that was in a header: bytes that are no text are compared as bytes.
    """
    return hmac.compare_digest(_bytes(given), _bytes(secret))


def _parsed(body: bytes) -> Any:  # noqa: ANN401 - JSON
    value = json.loads(body)
    level = [value]
    for _ in range(DEEPEST):
        level = [inner for each in level for inner in _within(each)]
        if not level:
            return value
    raise ValueError("nested too deep")


def _within(value: object) -> list[Any]:
    """Return the lists and objects that stand directly in a value."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [each for each in inner if isinstance(each, dict | list)]


def _bytes(text: str) -> bytes:
    """Return a text's bytes: those that came in, where the server made lone surrogates of them."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
