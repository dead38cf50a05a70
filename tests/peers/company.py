"""The network of a company: names that a proxy alone can reach, and a CA that nobody else knows."""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import ipaddress
import ssl
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DOMAIN = "company.test"
_LOCAL = ipaddress.ip_address("127.0.0.1")

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Company:
    """A proxy, and servers behind it.

    Attributes:
        counted: How often each `host:port` was asked for by the proxy.
        seen: What the company's own servers were asked: host, method, path.
        auth: The user and password that the proxy asks for, if any.
    """

    def __init__(self, folder: Path) -> None:
        self.counted: Counter[str] = Counter()
        self.seen: list[tuple[str, str, str]] = []
        self.auth = ""
        self.ca = folder / "company-ca.pem"
        certificate, key = _signed()
        self.ca.write_bytes(_authority()[0].public_bytes(serialization.Encoding.PEM))
        pem = folder / "server.pem"
        pem.write_bytes(certificate + key)
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(pem)
        self._routes: dict[str, int] = {}
        self._servers: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = self.tls_port = 0

    @property
    def proxy(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def tls_proxy(self) -> str:
        return f"https://127.0.0.1:{self.tls_port}"

    async def front(self, name: str, port: int, upstream: ssl.SSLContext | None = None) -> str:
        """Put TLS under a name of the company in front of a local server; return its address."""

        async def passed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            to = await asyncio.open_connection("127.0.0.1", port, ssl=upstream)
            await _piped((reader, writer), to)

        host = f"{name}.{DOMAIN}"
        self._routes[f"{host}:443"] = await self._listening(passed, self.tls)
        return f"https://{host}"

    async def _listening(self, handle, tls: ssl.SSLContext | None) -> int:
        async def handled(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._tasks.add(task)
            try:
                with suppress(OSError, EOFError, ssl.SSLError, asyncio.CancelledError):
                    await handle(reader, writer)
            finally:
                self._tasks.discard(task)
                writer.transport.abort()

        server = await asyncio.start_server(handled, "127.0.0.1", 0, ssl=tls)
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def _proxied(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, target, _version = head.split("\r\n", 1)[0].split(" ")
        asked = f"Proxy-Authorization: Basic {base64.b64encode(self.auth.encode()).decode()}\r\n"
        if self.auth and asked.casefold() not in head.casefold():
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
            return
        parts = urlsplit(target if "://" in target else f"//{target}")
        name = f"{parts.hostname}:{parts.port or 80}"
        self.counted[name] += 1
        if name not in self._routes:
            writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
            return
        to = await asyncio.open_connection("127.0.0.1", self._routes[name])
        if method == "CONNECT":
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            to[1].write(head.encode())  # servers take the absolute form, too
        await _piped((reader, writer), to)

    async def _answer(self, request: web.Request) -> web.Response:
        self.seen.append((request.host, request.method, request.path))
        return web.json_response({"versions": ["v1.11"]})

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Company]:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.anything = runner.addresses[0][1]
        self._routes[f"plain.{DOMAIN}:80"] = self.anything
        self.port = await self._listening(self._proxied, None)
        self.tls_port = await self._listening(self._proxied, self.tls)
        try:
            yield self
        finally:
            for server in self._servers:
                server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await runner.cleanup()


async def _piped(near: Streams, far: Streams) -> None:
    """Pass bytes both ways until one side ends."""

    async def passed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()

    ways = [
        asyncio.create_task(passed(near[0], far[1])),
        asyncio.create_task(passed(far[0], near[1])),
    ]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        far[1].transport.abort()
        await asyncio.gather(*ways, return_exceptions=True)


@cache
def _authority() -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    usage = x509.KeyUsage(
        digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False,
        key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False,
        decipher_only=False,
    )  # fmt: skip
    made = _begun("Company CA", "Company CA", key)
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    made = made.add_extension(usage, critical=True)
    return made.sign(key, hashes.SHA256()), key


@cache
def _signed() -> tuple[bytes, bytes]:
    """A certificate for every name of the company, and for this machine; and its key."""
    by = _authority()[1]
    key = ec.generate_private_key(ec.SECP256R1())
    names = [x509.DNSName(f"*.{DOMAIN}"), x509.DNSName("localhost"), x509.IPAddress(_LOCAL)]
    made = _begun("A server", "Company CA", key)
    made = made.add_extension(x509.SubjectAlternativeName(names), critical=False)
    made = made.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), critical=False
    )
    signed = made.sign(by, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return signed, private


def _begun(name: str, by: str, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now, day = dt.datetime.now(dt.UTC), dt.timedelta(days=1)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, by)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
