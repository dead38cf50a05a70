"""A proxy that breaks things on the way to a homeserver, in this process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web


class Toxic:
    """Passes requests on, until told to break those whose path holds `only`.

    `mode`: pass, 502, json500, reset, hang, truncate, lost (done, but the answer never comes).
    """

    def __init__(self, upstream: str) -> None:
        self.upstream, self.mode, self.only = upstream, "pass", ""
        self.url = ""
        self.seen: list[tuple[float, str, str]] = []
        self.every = 1
        self._count = 0

    def since(self, when: float) -> list[tuple[float, str, str]]:
        return [each for each in self.seen if each[0] >= when]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        mode = self.mode if self.only in request.path else "pass"
        if mode != "pass":
            self._count += 1
            if self._count % self.every:
                mode = "pass"
        self.seen.append((time.monotonic(), mode, request.path))
        match mode:
            case "502":
                text = "<html>Bad Gateway</html>"
                return web.Response(status=502, text=text, content_type="text/html")
            case "json500":
                return web.json_response({"errcode": "M_UNKNOWN", "error": "broke"}, status=500)
            case "reset":
                return self._aborted(request)
            case "hang":
                await asyncio.sleep(3600)
            case _:
                pass
        body = await request.read()
        headers = {
            k: v for k, v in request.headers.items()
            if k.lower() not in {"host", "content-length", "accept-encoding"}
        }  # fmt: skip
        try:
            async with self._client.request(
                request.method, self.upstream + request.raw_path, data=body, headers=headers
            ) as answer:
                got, status = await answer.read(), answer.status
                after = answer.headers.get("Retry-After")
        except aiohttp.ClientError:
            return self._aborted(request)
        if mode == "lost":
            return self._aborted(request)
        if mode == "truncate":
            length = {"Content-Type": "application/json", "Content-Length": str(len(got))}
            cut = web.StreamResponse(headers=length)
            await cut.prepare(request)
            await cut.write(got[: len(got) // 2])
            return self._aborted(request)
        more = {"Retry-After": after} if after else {}
        return web.Response(status=status, body=got, content_type="application/json", headers=more)

    def _aborted(self, request: web.Request) -> web.Response:
        if request.transport is not None:
            request.transport.abort()
        return web.Response()


@asynccontextmanager
async def toxic(upstream: str) -> AsyncIterator[Toxic]:
    proxy = Toxic(upstream)
    app = web.Application(client_max_size=1 << 24)
    app.router.add_route("*", "/{path:.*}", proxy.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    limits = aiohttp.ClientTimeout(total=120)
    async with aiohttp.ClientSession(timeout=limits, auto_decompress=True) as client:
        proxy._client = client
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        proxy.url = f"http://127.0.0.1:{port}"
        try:
            yield proxy
        finally:
            await runner.cleanup()
