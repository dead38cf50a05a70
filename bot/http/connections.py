"""The limits of the HTTP server: how many connections, and how long each step may take.

Anybody who can reach the server can open connections and let them hang. Each takes one of the
process's file descriptors, which the bot needs to reach its platforms. So connections are limited,
in number and in time (D4):

- the header, from the first byte on, has `header_timeout`, however slowly it comes;
- the body has `body_timeout` to be there, and so has an answer to be read;
- between two requests a connection may be idle for `IDLE`;
- over `connections` a new one is answered 503 and closed, at once.

A malformed request is answered with a 4xx status. It leaves no traceback, or anybody could fill the
log (D5).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeVar, cast

from aiohttp import StreamReader, web

from bot.config.sections import HttpSection

IDLE = 75.0
"""Seconds between two requests: more than proxies wait, so that they are the ones to hang up."""

LINGER = 2.0
"""Seconds for which the rest of a body is thrown away that nobody will read."""

BODY_LIMIT = 1024 * 1024
"""The longest body that any route takes, in bytes; plugins set lower ones on theirs."""

OWN_BODY_LIMIT = 16 * 1024
"""The longest body on the core's own routes, in bytes; none of them reads it."""

CONTINUE = "100-continue"

_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nConnection: close\r\n"
    b"Content-Length: 0\r\n\r\n"
)

R = TypeVar("R", bound=web.StreamResponse)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class BodyLate(TimeoutError):  # noqa: N818 - what the sender did, not a fault
    """The body of a request was not there in time. The server expects a time-out while it reads."""


def guard(app: web.Application, limits: HttpSection) -> None:
    """Hold an application's requests to their limits; nothing the sender does is a fault of ours.

    A faulty body is noticed only while a handler reads it; the errors become 4xx answers here.
    """
    seconds = limits.body_timeout.total_seconds()

    @web.middleware
    async def within_limits(request: web.Request, handler: Handler) -> web.StreamResponse:
        longest = BODY_LIMIT if len(request.match_info.apps) > 1 else OWN_BODY_LIMIT
        length = request.content_length or 0
        if length > longest:
            raise web.HTTPRequestEntityTooLarge(max_size=longest, actual_size=length)
        late = asyncio.get_running_loop().call_later(seconds, _end_body, request.content)
        try:
            return await handler(request)
        except BodyLate as exc:
            raise web.HTTPRequestTimeout from exc
        except web.RequestPayloadError as exc:
            raise _last(web.HTTPBadRequest(text="the body is not what its header says")) from exc
        except ConnectionError as exc:
            if request.transport is not None:
                raise
            raise web.HTTPBadRequest from exc  # they hung up; nobody will read it
        finally:
            late.cancel()

    async def without_our_name(_request: web.Request, response: web.StreamResponse) -> None:
        response.headers.popall("Server", None)

    app.middlewares.append(within_limits)
    app.on_response_prepare.append(without_our_name)


def hold(runner: web.AppRunner) -> None:
    """Have a runner's server refuse what it would answer badly."""
    server = cast("web.Server", runner.server)
    server.request_handler = _expecting(server.request_handler)


def connection(runner: web.AppRunner, limits: HttpSection) -> asyncio.Protocol:
    """Return a new connection to an application, which is held to its limits."""
    server, loop = cast("web.Server", runner.server), asyncio.get_running_loop()
    if len(server.connections) >= limits.connections:
        return _Full()
    return _Connection(server, loop, limits)


def _expecting(handle: Callable[[Any], Awaitable[Any]]) -> Callable[[Any], Awaitable[Any]]:
    """Answer an unknown `Expect` header; aiohttp's answer repeats it, and fails on odd bytes."""

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        if request.headers.get("Expect", CONTINUE).casefold() != CONTINUE:
            return _last(_Nameless(status=417, text="only 100-continue can be expected\n"))
        answer: web.StreamResponse = await handle(request)
        return answer

    return handler


class _Full(asyncio.Protocol):
    """A connection too many."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast("asyncio.Transport", transport).write(_FULL)
        transport.close()


class _Deadline:
    """Does something once a time is over, unless it is stopped before."""

    def __init__(self, after: timedelta, act: Callable[[], None]) -> None:
        self._seconds, self._act = after.total_seconds(), act
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin, if it has not begun: what comes in bit by bit gets no more time for it."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._seconds, self._act)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class _Connection(web.RequestHandler):
    """A connection that hangs up on who is too slow to ask, or to listen."""

    def __init__(
        self, server: web.Server, loop: asyncio.AbstractEventLoop, limits: HttpSection
    ) -> None:
        super().__init__(
            server,
            loop=loop,
            keepalive_timeout=IDLE,
            lingering_time=LINGER,
            access_log=None,  # type: ignore[arg-type] # aiohttp's own way to say: none
        )
        self._asking = _Deadline(limits.header_timeout, self.force_close)
        self._listening = _Deadline(limits.body_timeout, self._abort)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._asking.start()

    def data_received(self, data: bytes) -> None:
        asked = self._request_count
        super().data_received(data)
        if self._request_count != asked:
            self._asking.stop()
        elif data and self._waiter is not None and not self._waiter.done():
            # No request is being handled, so these are the first bytes of the next header.
            self._asking.start()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._listening.start()

    def resume_writing(self) -> None:
        self._listening.stop()
        super().resume_writing()

    def connection_lost(self, exc: BaseException | None) -> None:
        self._asking.stop()
        self._listening.stop()
        super().connection_lost(exc)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what is not HTTP, without a traceback in the log: anybody can send it."""
        if status < 500 and request.writer.output_size == 0:
            return _last(_Nameless(status=status, text="not a request that can be read\n"))
        return super().handle_error(request, status, exc, message)

    def log_exception(self, *args: Any, **more: Any) -> None:  # noqa: ANN401 - as aiohttp has it
        """Log a fault of ours; a body whose rest is malformed is none, and has been answered."""
        if not isinstance(more.get("exc_info"), web.RequestPayloadError):
            super().log_exception(*args, **more)

    def _abort(self) -> None:
        if self.transport is not None:
            self.transport.abort()


class _Nameless(web.Response):
    """An answer to what never became a request, which no signal of the application reaches."""

    async def _prepare_headers(self) -> None:
        await super()._prepare_headers()
        self.headers.popall("Server", None)


def _last(response: R) -> R:
    """Return a response after which the connection is closed."""
    response.force_close()
    return response


def _end_body(body: StreamReader) -> None:
    if not body.is_eof():
        body.set_exception(BodyLate("the body took too long"))
