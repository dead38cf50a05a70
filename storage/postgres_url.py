"""The URL of a PostgreSQL database, as libpq reads it, in the words of asyncpg.

Every parameter of libpq is handed to asyncpg, or is harmless here, or is named as not supported.
asyncpg reads a URL too, and what it knows of TLS is left to it; but it hands what it does not know
to the server, and takes `sslrootcert=system` for a file.
"""

from __future__ import annotations

import configparser
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlencode

from bot.contract.errors import BotError
from bot.likeness import nearest
from storage.postgres_tls import MODES, VERSIONS, context, spelled_out

COMMAND_TIMEOUT = 10.0
"""Seconds after which a statement without an answer means that the database is away."""

CONNECT_TIMEOUT = 10.0
"""Seconds after which a host that does not answer is given up."""

SERVER = frozenset({"host", "hostaddr", "port", "user", "password", "dbname"})

CHOICES: Mapping[str, tuple[str, ...]] = {
    "sslmode": MODES,
    "sslnegotiation": ("postgres", "direct"),
    "ssl_min_protocol_version": VERSIONS,
    "ssl_max_protocol_version": VERSIONS,
    "target_session_attrs": (
        "any",
        "read-write",
        "read-only",
        "primary",
        "standby",
        "prefer-standby",
    ),
    "gsslib": ("gssapi", "sspi"),
}
"""What asyncpg reads from a URL, and takes one of some words."""

_FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl", "passfile")

HANDED_ON = frozenset({*CHOICES, *_FILES, "sslpassword", "krbsrvname"})
"""What asyncpg reads from a URL."""

SETTINGS = frozenset({"application_name", "fallback_application_name", "options"})
"""What the server is told as a connection begins."""

NUMBERS: Mapping[str, Callable[[str], float]] = {
    "minsize": int,
    "maxsize": int,
    "timeout": float,
    "connect_timeout": float,
    "command_timeout": float,
    "statement_cache_size": int,
    "max_cached_statement_lifetime": int,
    "max_cacheable_statement_size": int,
    "max_queries": int,
    "max_inactive_connection_lifetime": float,
}
"""Limits: `connect_timeout` is libpq's, the rest are asyncpg's and its pool's."""

HARMLESS: Mapping[str, frozenset[str] | None] = {
    # asyncpg and the server speak UTF-8 with each other, whatever a terminal does.
    "client_encoding": None,
    # Each statement has a time limit, which finds a lost connection sooner.
    "keepalives": None,
    "keepalives_idle": None,
    "keepalives_interval": None,
    "keepalives_count": None,
    "tcp_user_timeout": None,
    # No TLS library compresses any more.
    "sslcompression": None,
    # The one server that takes writes is wanted, in whatever order they are asked.
    "load_balance_hosts": None,
    # asyncpg speaks 3.0, which is within any upper limit.
    "max_protocol_version": None,
    "min_protocol_version": frozenset({"3.0"}),
    # What asyncpg does anyway.
    "sslsni": frozenset({"1"}),
    "sslcertmode": frozenset({"allow"}),
    "gssencmode": frozenset({"disable", "prefer"}),
    "gssdelegation": frozenset({"0"}),
    "channel_binding": frozenset({"disable", "prefer"}),
    "replication": frozenset({"false", "off", "no", "0"}),
}
"""What has no effect here: with any value, or with these alone."""

UNSUPPORTED = frozenset(
    {
        "require_auth",
        "requirepeer",
        "scram_client_key",
        "scram_server_key",
        "sslcrldir",
        "sslkeylogfile",
        "oauth_issuer",
        "oauth_client_id",
        "oauth_client_secret",
        "oauth_scope",
    }
)

OTHERS = frozenset({"ssl", "schema", "service", "servicefile"})

KNOWN = frozenset({*SERVER, *HANDED_ON, *SETTINGS, *NUMBERS, *HARMLESS, *UNSUPPORTED, *OTHERS})

_OLD_NAMES = {"database": "dbname", "min_size": "minsize", "max_size": "maxsize"}

_ENCODING = (
    "storage.url: a user name or password with one of these in it is written in code:"
    " # as %23, / as %2F, ? as %3F, @ as %40, % as %25"
)


@dataclass(frozen=True)
class Target:
    """Where to connect, and how. What it holds is shown nowhere: there are passwords in it."""

    hosts: tuple[tuple[str | None, int | None], ...] = field(repr=False)
    """Each is tried in turn; `None` is what the environment says, or the usual."""
    options: Mapping[str, Any] = field(repr=False)
    """The other arguments of `asyncpg.create_pool`."""


def target(url: str, *, unlimited: bool = False) -> Target:
    """Return what a URL means.

    Args:
        url: `postgres://…`.
        unlimited: Whether statements may take as long as they do.

    Raises:
        BotError: The URL cannot be read, or asks for what is not to be had.
    """
    given = spelled_out(_with_service(_parameters(url)))
    _refuse_unknown(given)
    hosts = tuple(_hosts(given))
    if len(hosts) > 1:  # one of them takes writes, and no other will do
        given.setdefault("target_session_attrs", "read-write")
    options: dict[str, Any] = {
        key: given[name]
        for name, key in (("user", "user"), ("password", "password"), ("dbname", "database"))
        if name in given
    }
    options |= _limits(given)
    if unlimited:
        options["command_timeout"] = None
    options["server_settings"] = _settings(given)
    if (tls := context(given)) is not None:
        options["ssl"] = tls
    handed_on = {key: value for key, value in given.items() if key in HANDED_ON}
    if handed_on:
        options["dsn"] = f"postgresql://?{urlencode(handed_on)}"
    return Target(hosts=hosts, options=options)


def _parameters(url: str) -> dict[str, str]:
    """Return a URL's parts and parameters under libpq's names; what comes last counts."""
    _, _, rest = url.partition("://")
    authority, path, query = _split(rest)
    user, _, server = authority.rpartition("@")
    name, _, password = user.partition(":")
    places = [_place(each) for each in server.split(",")] if server else []
    ports = [port for _, port in places]
    given = {
        "user": unquote(name),
        "password": unquote(password),
        "host": ",".join(host for host, _ in places),
        "port": ",".join(ports) if any(ports) else "",
        "dbname": unquote(path.removeprefix("/")),
    }
    for part in filter(None, query.split("&")):
        key, equals, value = part.partition("=")
        key = _OLD_NAMES.get(unquote(key), unquote(key))
        if not equals or (key not in KNOWN and "@" in query):
            raise BotError(_ENCODING if "@" in query else _unknown(key))
        given[key] = unquote(value)
    return {key: value for key, value in given.items() if value}


def _split(rest: str) -> tuple[str, str, str]:
    """Return what stands before the path, the path, and the parameters.

    Raises:
        BotError: A character of a password ends one of them too early.
    """
    before, _, query = rest.partition("?")
    authority, slash, path = before.partition("/")
    broken = re.search(r"%(?![0-9A-Fa-f]{2})", rest)
    if broken or "#" in rest or authority.count("@") > 1 or "@" in path:
        raise BotError(_ENCODING)
    return authority, slash + path, query


def _place(text: str) -> tuple[str, str]:
    """Return the host and the port of one place: `host`, `host:5432`, `[::1]:5432`."""
    found = re.fullmatch(r"\[([^\]]+)\](?::(.*))?|([^:]*)(?::([^:]*))?", text)
    if found is None:
        raise BotError("storage.url: an IPv6 address stands in brackets: [::1]:5432")
    address, port, host, its_port = found.groups()
    return unquote(address or host or ""), unquote(port or its_port or "")


def _with_service(given: dict[str, str]) -> dict[str, str]:
    """Add what a service of that name holds in libpq's file; what the URL says goes first."""
    service = given.pop("service", None) or os.environ.get("PGSERVICE")
    named = given.pop("servicefile", None) or os.environ.get("PGSERVICEFILE")
    if service is None:
        return given
    places = [Path(named)] if named else [Path("~/.pg_service.conf")]
    if system := os.environ.get("PGSYSCONFDIR"):
        places.append(Path(system) / "pg_service.conf")
    for place in places:
        services = configparser.RawConfigParser()
        try:
            services.read(place.expanduser())
        except (RuntimeError, configparser.Error, UnicodeDecodeError) as exc:  # or no home
            raise BotError(f"storage.url: {place} cannot be read as a service file") from exc
        if services.has_section(service):
            return {**dict(services.items(service)), **given}
    where = ", ".join(str(place) for place in places)
    raise BotError(f"storage.url: there is no service {service!r} in {where}")


def _refuse_unknown(given: Mapping[str, str]) -> None:
    for key, value in given.items():
        if key not in KNOWN:
            raise BotError(_unknown(key))
        choices = CHOICES.get(key)
        if choices is not None and value not in choices:
            likely = "".join(f"; did you mean {word}?" for word in nearest(value, choices))
            raise BotError(f"storage.url: {key} is one of {', '.join(choices)}{likely}")
        if key in UNSUPPORTED:
            raise BotError(f"storage.url: {key} is not supported; take it out")
        if key == "channel_binding" and value == "require":
            _refuse_unbound(given)
        elif (harmless := HARMLESS.get(key)) is not None and value not in harmless:
            raise BotError(f"storage.url: {key}={value} is not supported; take it out")


def _refuse_unbound(given: Mapping[str, str]) -> None:
    """Refuse a channel that nothing is bound to: a certificate that is verified says as much."""
    if given.get("sslmode") != "verify-full" and given.get("sslrootcert") != "system":
        raise BotError(
            "storage.url: channel_binding=require is not supported; write"
            " sslmode=verify-full&sslrootcert=system in place of sslmode and channel_binding"
            " (or the file of your own authority), which proves the server as well"
        )


def _unknown(key: str) -> str:
    if not re.fullmatch(r"\w{1,40}", key):  # may be a part of a password
        return "storage.url: after the ? stand parameters, as in ?sslmode=require&minsize=2"
    likely = "".join(f"; did you mean {word}?" for word in nearest(key, sorted(KNOWN)))
    return f"storage.url: {key} is not a parameter of PostgreSQL's{likely}"


def _hosts(given: Mapping[str, str]) -> Iterator[tuple[str | None, int | None]]:
    """Yield each host with its port, as libpq pairs them."""
    if "hostaddr" in given and "host" in given:
        raise BotError("storage.url: hostaddr is not supported beside a host; keep one of them")
    named = given.get("hostaddr") or given.get("host")
    hosts: list[str | None] = [*named.split(",")] if named else [None]
    ports = given.get("port", "").split(",")
    if len(ports) == 1:
        ports *= len(hosts)
    if len(ports) != len(hosts):
        raise BotError(f"storage.url: there are {len(hosts)} hosts and {len(ports)} ports")
    several = len(hosts) > 1
    for host, port in zip(hosts, ports, strict=True):
        yield host or None, _port(port) if port or several else None


def _port(text: str) -> int:
    number = int(text or 5432) if re.fullmatch(r"\d{0,5}", text) else 0
    if not 1 <= number <= 65535:
        # What stands there is not repeated: it may be a password whose @ is missing.
        raise BotError(
            "storage.url: the port is not a number from 1 to 65535; it is written"
            " postgres://user:password@host:5432/name"
        )
    return number


def _limits(given: Mapping[str, str]) -> dict[str, Any]:
    """Return the limits of time and number; 0 seconds is no limit, as with libpq."""
    numbers: dict[str, float] = {}
    for key, kind in NUMBERS.items():
        if key not in given:
            continue
        try:
            numbers[key] = kind(given[key])
        except ValueError:
            raise BotError(f"storage.url: {key} is a number") from None
        if numbers[key] < (1 if key in {"maxsize", "max_queries"} else 0):
            raise BotError(f"storage.url: {key} is too small")
    limits: dict[str, Any] = {"timeout": CONNECT_TIMEOUT, "command_timeout": COMMAND_TIMEOUT}
    if "connect_timeout" in numbers:
        limits["timeout"] = numbers.pop("connect_timeout")
    least, most = numbers.pop("minsize", 1), numbers.pop("maxsize", 10)
    if least > most:
        raise BotError("storage.url: minsize is more than maxsize")
    limits |= numbers
    limits |= {key: limits[key] or None for key in ("timeout", "command_timeout")}
    # asyncpg tries to keep up a least number, with a traceback each time that it cannot.
    return limits | {"init_size": least, "min_size": 0, "max_size": most}


def _settings(given: Mapping[str, str]) -> dict[str, str]:
    """Return what the server is told as a connection begins."""
    settings = {key: given[key] for key in ("application_name", "options") if key in given}
    if "fallback_application_name" in given:
        settings.setdefault("application_name", given["fallback_application_name"])
    if "schema" in given:
        settings["search_path"] = given["schema"]
    return settings
