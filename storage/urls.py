"""The URL of a database, and the connection that it means."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tortoise.backends.base.config_generator import expand_db_url

from bot.contract.errors import BotError

WAL_BYTES = 16 * 1024 * 1024
"""The size to which SQLite's log is cut at a checkpoint."""


BUSY_MS = 10_000
"""How long a writer waits for another process's transaction on SQLite."""


def sqlite_path(url: str) -> Path | None:
    """Return the file that a URL names; `None` if it is not an SQLite URL."""
    if not url.startswith("sqlite:"):
        return None
    return Path(url.removeprefix("sqlite://").partition("?")[0])


def connection_config(url: str, **pragmas: str | int) -> dict[str, Any]:
    """Return Tortoise's configuration of a connection.

    Raises:
        BotError: The URL is of a database that Sitrep does not know.
    """
    path = sqlite_path(url)
    if path is not None:
        given = dict(parse_qsl(urlsplit(url).query))
        settings = {
            "synchronous": "FULL",
            "busy_timeout": BUSY_MS,
            "secure_delete": "ON",
            # With Tortoise's 16 KiB the log would be cut and grown again at each checkpoint.
            "journal_size_limit": WAL_BYTES,
        }
        credentials = {"file_path": str(path), **settings, **given, **pragmas}
        return {"engine": "storage.sqlite", "credentials": credentials}
    if url.startswith(("asyncpg://", "postgres://", "postgresql://")):
        config = expand_db_url("asyncpg://" + url.split("://", 1)[1])
        config["credentials"].setdefault("minsize", 1)
        config["credentials"].setdefault("maxsize", 10)
        return config
    raise BotError(
        f"storage.url: {url.partition('://')[0]}:// is not a database that Sitrep knows; "
        "write sqlite:///path/to/sitrep.db or postgres://user@host/name"
    )
