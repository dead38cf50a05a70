"""The URL of a database, and the connection that it means."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

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


def read_only_uri(path: Path) -> str:
    """Return SQLite's URI of a file that is read where nothing can be written.

    A log beside it is another program's, who writes to both; without one the file cannot change,
    and SQLite needs no files of its own to read it.
    """
    log = path.with_name(f"{path.name}-wal")
    return f"file:{quote(str(path))}?mode=ro{'' if log.exists() else '&immutable=1'}"


def is_writable(path: Path) -> bool:
    """Return whether a file can be written to, with the files that SQLite puts beside it."""
    return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK | os.X_OK)


def connection_config(url: str, *, read_only: bool = False, **pragmas: str | int) -> dict[str, Any]:
    """Return Tortoise's configuration of a connection.

    Raises:
        BotError: The URL is of a database that Sitrep does not know.
    """
    path = sqlite_path(url)
    if path is not None and read_only:
        credentials: dict[str, Any] = {"file_path": read_only_uri(path)}
        return {"engine": "storage.sqlite", "credentials": credentials}
    if path is not None:
        given = dict(parse_qsl(urlsplit(url).query))
        settings = {
            "synchronous": "FULL",
            "busy_timeout": BUSY_MS,
            "secure_delete": "ON",
            # A read-only root has no folder for temporary files.
            "temp_store": "MEMORY",
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
