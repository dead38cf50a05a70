"""The way out: every HTTP client of Sitrep is made here, with the proxy and the CAs it is to use.

The environment says which, as it does for other programs: `HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`,
in upper or lower case, and `SSL_CERT_FILE`, `SSL_CERT_DIR`, `REQUESTS_CA_BUNDLE`, `CURL_CA_BUNDLE`.
Libraries read them each in their own way; aiohttp's own would also put a password of `~/.netrc` in
place of a token.
"""

from __future__ import annotations

import base64
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import ip_address, ip_network
from pathlib import Path

from aiohttp import ClientSession, ClientTimeout, TCPConnector
from aiohttp.client import ClientRequest, ClientResponse
from aiohttp.client_middlewares import ClientHandlerType
from aiohttp.hdrs import PROXY_AUTHORIZATION
from yarl import URL

from bot.contract.errors import ConfigError

SECONDS = 30.0
"""How long a request may take where its caller sets nothing else."""

_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""Variables whose CAs are trusted besides the machine's; the first that is set counts."""

_STORES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
"""Variables by which OpenSSL replaces the machine's store."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy; what it asks for to be used is kept apart from its address, which is logged."""

    url: URL
    auth: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class WayOut:
    """How requests leave this machine."""

    proxies: Mapping[str, Proxy]
    """The proxy of `http` and of `https` addresses."""
    without: str
    """What is reached without one: hosts and domains, with or without a port, and networks."""

    def proxy(self, url: URL) -> Proxy | None:
        """Return the proxy that leads to an address; `None` if it is reached directly."""
        found = self.proxies.get(url.scheme)
        if found is None or url.host is None or self._is_near(url.host, url.port):
            return None
        return found

    def _is_near(self, host: str, port: int | None) -> bool:
        named = (each.strip().lower() for each in self.without.split(","))
        return _is_loopback(host) or any(_names(each, host, port) for each in named)

    async def __call__(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        """Send a request by its way (a middleware of aiohttp's)."""
        found = self.proxy(request.url)
        if found is not None:
            asked = {PROXY_AUTHORIZATION: found.auth} if found.auth is not None else {}
            request.update_proxy(found.url, None, asked)
            if request.url.scheme == "http":
                request.headers.update(asked)  # it is the proxy's own reader
        return await handler(request)

    def __str__(self) -> str:
        """Return the way in a line, without passwords."""
        if not self.proxies:
            return "no proxy"
        ways = ", ".join(f"{each.url} for {name}" for name, each in sorted(self.proxies.items()))
        return f"{ways}; directly: {self.without or 'this machine'}"


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _names(entry: str, host: str, port: int | None) -> bool:
    """Return whether an entry of `NO_PROXY` names a host, its domain or network, or all."""
    if entry == "*":
        return True
    try:
        return ip_address(host) in ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        pass  # one of the two is a name, or has a port
    name, colon, digits = entry.rpartition(":")
    if colon and digits.isdigit():
        if int(digits) != port:
            return False
        entry = name
    entry = entry.strip("[]").removeprefix("*").lstrip(".")
    return host == entry or (bool(entry) and host.endswith(f".{entry}"))


def http_client(seconds: float = SECONDS) -> ClientSession:
    """Return an HTTP client; its user closes it.

    Raises:
        ConfigError: A variable of the environment cannot be followed.
    """
    way, trust = way_out(), tls()
    timeout, connector = ClientTimeout(total=seconds), TCPConnector(ssl=trust)
    return ClientSession(timeout=timeout, connector=connector, middlewares=(way,))


def way_out() -> WayOut:
    """Return the way that the environment names.

    Raises:
        ConfigError: It names a proxy that cannot be used.
    """
    proxies: dict[str, Proxy] = {}
    faults: list[str] = []
    for scheme in ("http", "https"):
        name, value = _variable(f"{scheme}_proxy", f"{scheme}_proxy".upper())
        if not value:
            continue
        try:
            proxies[scheme] = _proxy(value)
        except ValueError as exc:
            faults.append(f"{name}: {exc}; write http://proxy.example.com:3128, or unset it")
    if faults:
        raise ConfigError(tuple(faults))
    return WayOut(proxies, _variable("no_proxy", "NO_PROXY")[1])


def _proxy(value: str) -> Proxy:
    """Read a proxy's address.

    Raises:
        ValueError: It cannot be used; the text does not hold it, for the password in it.
    """
    scheme, _, _rest = value.rpartition("://")
    if scheme.lower() not in {"", "http", "https"}:
        raise ValueError(f"a proxy of the kind {scheme}:// cannot be used")
    try:
        url = URL(value if scheme else f"http://{value}")
        host, port = url.host, url.port
    except ValueError:
        host = port = None
    if not host or not port:
        raise ValueError("is not the address of a proxy")
    auth = None
    if url.user is not None:
        pair = f"{url.user}:{url.password or ''}".encode()
        auth = f"Basic {base64.b64encode(pair).decode()}"
    return Proxy(URL.build(scheme=url.scheme, host=host, port=port), auth)


def tls() -> ssl.SSLContext:
    """Return what a server's certificate is checked by: the machine's CAs, and those named.

    Raises:
        ConfigError: A variable names what cannot be read.
    """
    name, bundle = _variable(*_BUNDLES)
    stores = tuple(os.environ.get(each, "") for each in _STORES)
    faults = [
        f"{each}: {value} cannot be read; name a file of certificates in PEM, or unset it"
        for each, value in ((name, bundle), *zip(_STORES, stores, strict=True))
        if value and not os.access(value, os.R_OK)
    ]
    if not faults:
        try:
            return _context(bundle, stores)
        except (OSError, ssl.SSLError):
            faults = [f"{name}: {bundle} holds no certificates; name a file of them in PEM"]
    raise ConfigError(tuple(faults))


@lru_cache(maxsize=4)
def _context(bundle: str, _stores: tuple[str, ...]) -> ssl.SSLContext:
    context = ssl.create_default_context()  # OpenSSL itself reads `_STORES`
    if bundle:
        is_folder = Path(bundle).is_dir()
        context.load_verify_locations(**{"capath" if is_folder else "cafile": bundle})
    return context


def of_git() -> dict[str, str]:
    """Return what git needs besides: it finds the proxy itself, but not the CAs."""
    _name, bundle = _variable("GIT_SSL_CAINFO", *_BUNDLES, "SSL_CERT_FILE")
    return {"GIT_SSL_CAINFO": bundle} if Path(bundle).is_file() else {}


def _variable(*names: str) -> tuple[str, str]:
    """Return the first of some variables that is set to something, and its value."""
    return next(((n, v) for n in names if (v := os.environ.get(n, "").strip())), (names[0], ""))
