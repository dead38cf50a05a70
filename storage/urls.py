"""The URL of a database, and the connection that it means."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from bot.contract.errors import BotError
from storage.postgres_url import target

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


def connection_config(
    url: str, *, read_only: bool = False, unlimited: bool = False, **pragmas: str | int
) -> dict[str, Any]:
    """Return Tortoise's configuration of a connection.

    Args:
        url: The database.
        read_only: Whether the SQLite file cannot be written to.
        unlimited: Whether a statement of PostgreSQL's may take as long as it does.
        pragmas: Settings of SQLite's.

    Raises:
        BotError: The URL is of a database that Sitrep does not know, or cannot be read.
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
    if re.match(r"(asyncpg|postgres|postgresql)://", url):
        aim = target(url, unlimited=unlimited)
        return {"engine": "storage.postgres", "credentials": {"target": aim}}
    scheme = re.match(r"[a-z][a-z0-9+.-]*://", url)  # the rest may hold a password
    raise BotError(
        f"storage.url: {scheme.group() if scheme else 'this'} is not a database that Sitrep knows; "
        "write sqlite:///path/to/sitrep.db or postgres://user@host/name"
    )
