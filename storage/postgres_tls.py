"""TLS to PostgreSQL as libpq means it, where asyncpg does not read it from the URL."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from bot.contract.errors import BotError

MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
VERSIONS = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")

_ON, _OFF = frozenset({"true", "on", "yes", "1"}), frozenset({"false", "off", "no", "0"})


def spelled_out(given: Mapping[str, str]) -> dict[str, str]:
    """Return the parameters with libpq's `sslmode` in place of asyncpg's `ssl`.

    There `ssl=true` verifies the server against the system's authorities; libpq's mode of that
    meaning is `verify-full`.
    """
    rest = {key: value for key, value in given.items() if key != "ssl"}
    word = given.get("ssl", "").lower()
    if not word or "sslmode" in rest:
        return rest
    if word in MODES:
        return {"sslmode": word, **rest}
    if word in _OFF:
        return {"sslmode": "disable", **rest}
    if word in _ON:
        return {"sslmode": "verify-full", "sslrootcert": "system", **rest}
    raise BotError(f"storage.url: ssl is true, false, or one of {', '.join(MODES)}")


def context(given: Mapping[str, str]) -> ssl.SSLContext | None:
    """Read the files that are named; return a context where the system's authorities count.

    Raises:
        BotError: A file cannot be used, or what is asked for contradicts itself.
    """
    if given.get("sslmode") == "disable":
        return None
    system = given.get("sslrootcert") == "system"
    if system and given.get("sslmode", "verify-full") != "verify-full":
        raise BotError("storage.url: sslrootcert=system takes sslmode=verify-full")
    made = ssl.create_default_context() if system else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authorities = None if system else given.get("sslrootcert")
    for key, file in (("sslrootcert", authorities), ("sslcrl", given.get("sslcrl"))):
        if file is not None:
            with _reading(key, file):
                made.load_verify_locations(file)
    if "sslcert" in given:
        password = given.get("sslpassword", "")
        with _reading("sslcert", f"{given['sslcert']} with {given.get('sslkey', 'its key')}"):
            made.load_cert_chain(given["sslcert"], given.get("sslkey"), lambda: password)
    if not system:
        return None
    if "sslcrl" in given:
        made.verify_flags |= ssl.VERIFY_CRL_CHECK_CHAIN
    if (least := given.get("ssl_min_protocol_version")) is not None:
        made.minimum_version = ssl.TLSVersion[least.replace(".", "_")]
    if (most := given.get("ssl_max_protocol_version")) is not None:
        made.maximum_version = ssl.TLSVersion[most.replace(".", "_")]
    made.set_alpn_protocols(["postgresql"])
    return made


@contextmanager
def _reading(key: str, file: str) -> Iterator[None]:
    try:
        yield
    except ssl.SSLError as exc:
        why = "wrong password, or not PEM" if key == "sslcert" else "not in PEM format"
        raise BotError(f"storage.url: {key}: {file} cannot be used: {why}") from exc
    except OSError as exc:
        raise BotError(f"storage.url: {key}: {file} cannot be read: {exc.strerror}") from exc
