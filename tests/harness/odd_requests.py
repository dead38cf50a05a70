"""Requests that nobody sends who means well: any method, any bytes in any header."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress

METHODS = (
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND",
    "FROB", "get",
)  # fmt: skip
HEADERS = (
    "Accept", "Accept-Encoding", "Accept-Language", "Authorization", "Connection",
    "Content-Encoding", "Content-Type", "Cookie", "Expect", "Forwarded", "Host",
    "If-Modified-Since", "If-None-Match", "Origin", "Range", "Transfer-Encoding", "Upgrade",
    "User-Agent", "X-Forwarded-For", "X-Gitlab-Token", "X-Hub-Signature", "X-Hub-Signature-256",
)  # fmt: skip
VALUES = (b"\xff", b"\xed\xa0\x80", b"Bearer \xff.a.b", b"sha256=\xff", b'=?utf-8?q?\xff?=;;,="')


async def odd_requests(port: int, paths: Iterable[str]) -> AsyncIterator[tuple[str, int]]:
    """Send each; yield what it was, and the status that it is answered with."""
    for path in paths:
        for method in METHODS:
            yield f"{method} {path}", await _status(port, method, path, b"X: y")
        for header in HEADERS:
            for value in VALUES:
                for method in ("GET", "POST"):
                    line = header.encode() + b": " + value
                    yield f"{method} {path} {line!r}", await _status(port, method, path, line)


async def _status(port: int, method: str, path: str, line: bytes) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n"
    writer.write(head.encode() + line + b"\r\n\r\n{}")
    try:
        first = await asyncio.wait_for(reader.readuntil(b"\r\n"), 20)
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
    return int(first.split(b" ")[1])
