"""What anybody may do to the HTTP server: half-open, slow, endless and malformed requests."""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import ClientSession, web

from bot.config.load import parse
from bot.config.sections import HttpSection
from bot.contract.errors import ConfigError
from bot.contract.hooks import hookimpl
from bot.http import door
from bot.http.application import application
from bot.http.mail_links import Links
from bot.plugin_kit.webhooks import json_body
from bot.testing import stage
from tests.harness.odd_requests import odd_requests
from tests.harness.waiting import until
from tests.integration.test_http import free

HEALTH = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
ECHO = "/plugins/third/echo"
POST = f"POST {ECHO} HTTP/1.1\r\nHost: x\r\n".encode()
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
SOON = timedelta(seconds=0.3)


class Echo:
    """A plugin with a route that reads JSON, as the kit has it, and one that says much."""

    @hookimpl
    def configure(self, context):
        self.context = context

        @context.routes.post("/echo")
        async def echo(request: web.Request) -> web.Response:
            return web.json_response(await json_body(request))

        @context.routes.get("/much")
        async def much(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse()
            await response.prepare(request)
            for _ in range(64):
                await response.write(b"x" * (1 << 20))
            return response


class Server:
    def __init__(self, bot, plugin: Echo, listen: str) -> None:
        self.bot, self.plugin, self.listen = bot, plugin, listen

    async def opened(self, first: bytes = b"") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        host, _, port = self.listen.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(first)
        return reader, writer

    async def says(self, sent: bytes) -> bytes:
        """Send bytes on a connection of their own; return all that comes until it is closed."""
        reader, writer = await self.opened(sent)
        try:
            return await asyncio.wait_for(reader.read(), 20)
        except ConnectionError:
            return b""
        finally:
            writer.close()

    async def health(self) -> int:
        url = f"http://{self.listen}/healthz"
        async with ClientSession() as session, session.get(url) as answer:
            return answer.status


@asynccontextmanager
async def serving(tmp_path, more="", **limits):
    section = HttpSection(**limits)
    echo = Echo()
    async with stage(tmp_path, more=f"\n[plugins.third]\n{more}", given={"third": echo}) as bot:
        listen = free()
        app = application(
            bot.app.store,
            bot.app.numbers,
            bot.app.plugins.routes(),
            links=Links(
                ending=bot.app.intake.audience.ended_by_mail,
                confirming=bot.app.intake.audience.confirmed_by_mail,
            ),
            limits=section,
        )
        async with door.serving(app, listen, section):
            yield Server(bot, echo, listen)


def files() -> int:
    """Return how many files this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


@pytest.mark.parametrize(
    "first", [b"", b"G", POST, HEALTH + b"X-Long: "], ids=["nothing", "a byte", "half", "a field"]
)
async def test_a_half_open_connection_is_closed(tmp_path, first):
    async with serving(tmp_path, header_timeout=SOON) as server:
        assert await server.says(first) == b""
        assert await server.health() == 200


async def test_a_header_that_comes_a_byte_at_a_time_gets_no_more_time_for_it(tmp_path):
    async with serving(tmp_path, header_timeout=SOON) as server:
        reader, writer = await server.opened()
        closed = asyncio.ensure_future(reader.read())
        for n in range(1000):
            if closed.done():
                break
            writer.write(POST[n % 4 : n % 4 + 1])
            await asyncio.sleep(0.02)
        assert closed.done()
        assert n > 1
        writer.close()


async def test_the_next_header_on_a_connection_has_no_more_time_than_the_first(tmp_path):
    async with serving(tmp_path, header_timeout=SOON) as server:
        reader, writer = await server.opened(HEALTH + b"\r\n")
        await reader.readuntil(b"}")
        await asyncio.sleep(2 * SOON.total_seconds())
        writer.write(HEALTH + b"\r\n")  # idle for longer, which is allowed
        assert b"200 OK" in await reader.readuntil(b"}")
        writer.write(b"GET")
        assert await asyncio.wait_for(reader.read(), 20) == b""
        writer.close()


@pytest.mark.parametrize("route", [ECHO, "/unsubscribe/x", "/nowhere"])
async def test_a_body_that_does_not_end_is_given_up(tmp_path, monkeypatch, route, caplog):
    monkeypatch.setattr("bot.http.connections.LINGER", 0.2)
    async with serving(tmp_path, body_timeout=SOON) as server:
        ask = POST.replace(ECHO.encode(), route.encode())
        for kind in (
            b"Content-Length: 1000\r\n\r\n1",
            b"Transfer-Encoding: chunked\r\n\r\n5\r\n12",
        ):
            answer = await server.says(ask + kind)
            assert status(answer) == (408 if route == ECHO else 404)
        assert await server.health() == 200
    assert not caplog.records


async def test_a_body_that_comes_a_byte_at_a_time_is_given_up(tmp_path):
    async with serving(tmp_path, body_timeout=SOON) as server:
        reader, writer = await server.opened(POST + b"Content-Length: 100000\r\n\r\n")
        answer = asyncio.ensure_future(reader.read(12))
        while not answer.done():
            writer.write(b"1")
            await asyncio.sleep(0.02)
        assert status(answer.result()) == 408
        writer.close()


async def test_an_answer_that_nobody_reads_is_given_up(tmp_path):
    async with serving(tmp_path, body_timeout=SOON, connections=4) as server:
        reader, writer = await server.opened(b"GET /plugins/third/much HTTP/1.1\r\nHost: x\r\n\r\n")
        reader._transport.pause_reading()
        hung = [await server.opened() for _ in range(3)]
        assert (await server.says(HEALTH + b"\r\n"))[:12] == b"HTTP/1.1 503"
        hung[0][1].close()
        hung[1][1].close()

        async def ends() -> bool:
            answers = [await server.opened(HEALTH + b"\r\n") for _ in range(3)]
            heads = [(await r.read(12))[-3:] for r, _ in answers]
            for _, w in answers:
                w.close()
            return heads == [b"200"] * 3

        await until(ends, "the reader's place is free")
        for _, each in (*hung, (reader, writer)):
            each.close()


async def test_connections_over_the_cap_are_answered_at_once_and_the_bot_goes_on(tmp_path):
    """D4: 600 half-open connections take no file that a send needs"""
    limits = {"connections": 5, "header_timeout": timedelta(seconds=2)}
    async with serving(tmp_path, **limits) as server, AsyncExitStack() as opened:
        before = files()
        for _ in range(600):
            _, writer = await server.opened(POST)
            opened.callback(writer.close)
        assert (await server.says(HEALTH + b"\r\n"))[:12] == b"HTTP/1.1 503"
        ours = [f for f in asyncio.all_tasks() if "RequestHandler.start" in repr(f.get_coro())]
        assert len(ours) <= 5
        assert files() - before <= 600 + 5 + 1  # ours: the clients' 600

        async with _elsewhere() as url, server.plugin.context.http.get(url) as answer:
            assert answer.status == 200
        assert await server.bot.say("ann", "!inc declare sev1 down")

        async def again() -> bool:
            return (await server.says(HEALTH + b"Connection: close\r\n\r\n"))[:12].endswith(b"200")

        await until(again, "health")


@asynccontextmanager
async def _elsewhere():
    """A server that the bot speaks to."""

    async def answer(_request: web.Request) -> web.Response:
        return web.Response()

    runner = web.AppRunner(app := web.Application(), access_log=None)
    app.router.add_get("/", answer)
    await runner.setup()
    listen = free()
    await web.TCPSite(runner, *listen.split(":")).start()
    try:
        yield f"http://{listen}/"
    finally:
        await runner.cleanup()


END = b"Connection: close\r\n"


def post(body: bytes, *fields: bytes) -> bytes:
    length = b"Content-Length: %d" % len(body)
    return POST + END + b"".join(f + b"\r\n" for f in (length, *fields)) + b"\r\n" + body


DEEP = b"[" * 200_000
MALFORMED = {
    "no HTTP": b"\x16\x03\x01\x02\x00\r\n\r\n",
    "another version": b"GET /healthz HTTP/9.9\r\nHost: x\r\n\r\n",
    "a long line": b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "a long field": HEALTH + b"X: " + b"a" * 20_000 + b"\r\n\r\n",
    "many fields": HEALTH + b"X: 1\r\n" * 1000 + b"\r\n",
    "a field of NULs": HEALTH + b"X: \0\r\n\r\n",
    "two lengths": POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n1",
    "a length that is none": POST + b"Content-Length: -1\r\n\r\n",
    "a length beside chunks": POST + b"Content-Length: 1\r\n" + CHUNKED + b"0\r\n\r\n",
    "chunks that are none": POST + CHUNKED + b"zz\r\n\r\n",
    "gzip that is none": post(b"12345", b"Content-Encoding: gzip"),
    "a method of our own": b"FROB /healthz HTTP/1.1\r\nHost: x\r\n" + END + b"\r\n",
    "CONNECT": b"CONNECT x:443 HTTP/1.1\r\nHost: x\r\n" + END + b"\r\n",
    "TRACE": b"TRACE /healthz HTTP/1.1\r\nHost: x\r\n" + END + b"\r\n",
    "any bytes as a path": b"GET /\xff\xfe%ff%00 HTTP/1.1\r\nHost: x\r\n" + END + b"\r\n",
    "any bytes as a host": b"GET / HTTP/1.1\r\nHost: \xff\r\n" + END + b"\r\n",
    "an expectation": POST + END + b"Expect: \xff\r\nContent-Length: 1\r\n\r\n1",
    "a large body for nobody": HEALTH + END + b"Content-Length: 100000\r\n\r\n",
    "a body that is too long": post(b"1" * (1 << 20) + b"1"),
    "not JSON": post(b"{"),
    "no text": post(b"\xff\xfe\xff"),
    "a number too long": post(b"1" * 5000),
    "lists without an end": post(DEEP),
    "objects without an end": post(b'{"a":' * 100_000),
    "deep lists": post(b"[" * 500 + b"]" * 500),
    "very deep lists": post(b"[" * 400_000 + b"]" * 400_000),
}  # fmt: skip


@pytest.mark.parametrize("case", MALFORMED)
async def test_whatever_is_malformed_is_the_senders_fault(tmp_path, case, caplog):
    """D5: a 4xx, and nothing in the log that anybody could fill with it"""
    caplog.set_level(logging.INFO)
    async with serving(tmp_path) as server:
        answer = await server.says(MALFORMED[case])
        assert 400 <= status(answer) < 500, answer
        assert b"\nServer:" not in answer
        assert b"Traceback" not in answer
        assert await server.health() == 200
    assert [r for r in caplog.records if r.name.startswith("aiohttp")] == []


async def test_any_method_and_any_bytes_in_any_header_are_the_senders_fault(tmp_path, caplog):
    """D5"""
    own = ("/healthz", "/readyz", "/metrics", f"/unsubscribe/{'a' * 20}", "/nowhere", ECHO)
    pages = ("/plugins/page", "/plugins/page/", "/plugins/page/incidents/INC-1")
    page = '[plugins.page]\nurl = "https://status.example.com"\n'
    async with serving(tmp_path, more=page) as server:
        async for what, found in odd_requests(int(server.listen.rpartition(":")[2]), own + pages):
            assert found < 500, what
    assert [r for r in caplog.records if r.name.startswith("aiohttp")] == []


async def test_a_sender_that_hangs_up_in_the_middle_is_no_fault(tmp_path, caplog):
    """D5"""
    async with serving(tmp_path) as server:
        for _ in range(3):
            _, writer = await server.opened(POST + b"Content-Length: 1000\r\n\r\n1")
            await asyncio.sleep(0.05)
            writer.transport.abort()
        await asyncio.sleep(0.05)
        assert await server.health() == 200
    assert not caplog.records


async def test_json_is_answered_and_nothing_says_what_serves_it(tmp_path):
    async with serving(tmp_path) as server:
        for body in (
            b"[" * 60 + b"]" * 60,
            b'{"a": [1, "\xc3\xa4"]}',
            json.dumps(["x"] * 9999).encode(),
        ):
            answer = await server.says(post(body))
            assert status(answer) == 200
            assert json.loads(answer.partition(b"\r\n\r\n")[2]) == json.loads(body)
            assert b"\nServer:" not in answer
        for path in (b"/healthz", b"/metrics", b"/nowhere"):
            answer = await server.says(HEALTH.replace(b"/healthz", path) + END + b"\r\n")
            assert b"\nServer:" not in answer


@pytest.mark.parametrize(
    "line",
    ['header_timeout = "0s"', 'header_timeout = "6m"', 'body_timeout = "1h"', "connections = 1",
     "connections = 100000"],
)  # fmt: skip
def test_limits_that_would_be_none_stop_the_start(line):
    with pytest.raises(ConfigError, match=line.partition(" ")[0]):
        parse(f"[http]\n{line}\n", {})


def test_the_limits_come_from_the_config():
    found = parse('[http]\nheader_timeout = "3s"\nbody_timeout = "4s"\nconnections = 5\n', {}).http
    assert (found.header_timeout.seconds, found.body_timeout.seconds) == (3, 4)
    assert found.connections == 5
