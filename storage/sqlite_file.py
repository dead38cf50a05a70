"""The file of an SQLite database: made, held by one process, looked through, copied, put back."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pwd
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from bot.contract.errors import BotError, DatabaseAway, DatabaseBusy, DatabaseDamaged
from bot.files import FileRefused, make_folder, open_own, refuse_link, sync_folder
from storage.sqlite import MENDING, told
from storage.urls import is_writable, read_only_uri, sqlite_path

_BESIDE = ("-wal", "-shm", "-journal")
"""The endings of the files that belong to a database, and lie beside it."""


# --- made and held --------------------------------------------------------------------------------


def prepare(path: Path) -> None:
    """Make the folder and the file, readable by the owner only: the record is confidential.

    Raises:
        DatabaseAway: They cannot be made or written to.
    """
    with _writing(path):
        make_folder(path.parent)
        refuse_link(path)
        if not path.exists():
            os.close(open_own(path))


def _refuse_root(path: Path) -> None:
    """Refuse root on another user's file: what root makes beside it, that user could not use."""
    if os.geteuid() != 0 or not path.exists() or (owner := path.stat().st_uid) == 0:
        return
    try:
        name = pwd.getpwuid(owner).pw_name
    except KeyError:
        name = f"user {owner}"
    raise BotError(f"{path} belongs to {name}, and this is root; run Sitrep as {name}")


def refuse_other(path: Path) -> None:
    """Raise `DatabaseAway` if something else than a file has the name."""
    if path.exists() and not path.is_file():
        what = "a folder" if path.is_dir() else "a device"
        raise DatabaseAway(f"{path} is {what}, and should be a file; see storage.url")


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except FileRefused:
        raise
    except OSError as exc:
        raise DatabaseAway(
            f"cannot use {path}: {exc.strerror}; set SITREP_HOME to a folder that can be written"
        ) from exc


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Have the file to oneself, among the processes of Sitrep.

    Raises:
        DatabaseBusy: Another one has it.
        BotError: It is another user's, and this is root.
    """
    _refuse_root(path)
    with _lock(path):
        yield


def _lock(path: Path) -> IO[bytes]:
    with _writing(path):
        lock = open_own(path.with_name(path.name + ".lock"), os.O_WRONLY | os.O_APPEND)
    file = os.fdopen(lock, "ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        file.close()
        raise DatabaseBusy(
            f"another Sitrep runs on {path}; stop it, or set SITREP_HOME to another folder. "
            "Reading commands (incidents, export, check) work beside it."
        ) from exc
    return file


# --- looked through -------------------------------------------------------------------------------


def look_for_damage(path: Path) -> None:
    """Have SQLite look through a file's structure; it reads the whole file.

    Raises:
        DatabaseDamaged: The file is not whole.
        DatabaseAway: It cannot be read now.
    """
    if not path.exists() or path.stat().st_size == 0:
        return
    with _reading(path) as database:
        faults = [text for (text,) in database.execute("PRAGMA quick_check(1)")]
    if faults != ["ok"]:
        raise DatabaseDamaged(f"the database is damaged ({_line(faults[0])}); {MENDING}")


async def found_damage(url: str) -> list[str]:
    """Return what the engine's own check and that of foreign keys find, a line each; on SQLite.

    Raises:
        DatabaseDamaged: The file is so damaged that it cannot be looked through.
        DatabaseAway: It cannot be read now.
    """
    path = sqlite_path(url)
    if path is None or not path.exists():
        return []
    refuse_other(path)

    def look() -> list[str]:
        with _reading(path) as database:
            found = [_line(text) for (text,) in database.execute("PRAGMA integrity_check(20)")]
            dangling = database.execute("PRAGMA foreign_key_check").fetchall()
        tables = sorted({row[0] for row in dangling})
        missing = [f"{name}: a row belongs to one that is not there" for name in tables]
        return [*(text for text in found if text != "ok"), *missing]

    return await asyncio.to_thread(look)


# --- copied and put back --------------------------------------------------------------------------


async def copy_database(url: str, to: Path) -> str:
    """Copy a whole SQLite database while a bot may be writing to it; return the path of the copy.

    The copy has its name once it is whole, checked and on disk.

    Raises:
        DatabaseAway: There is no database yet, or it cannot be read.
        DatabaseDamaged: The database is not whole.
    """
    path = sqlite_path(url)
    if path is None or not path.exists():
        raise DatabaseAway(f"there is no database {url.removeprefix('sqlite://')} yet")
    refuse_other(path)
    await asyncio.to_thread(_copy, path, to)
    return str(to)


async def restore_database(url: str, copy: Path) -> tuple[str, str | None]:
    """Put a copy in the database's place; return where it is, and where the old one was moved.

    Raises:
        BotError: There is no copy, or the URL is not of SQLite.
        DatabaseBusy: A Sitrep runs on the database.
        DatabaseDamaged: The copy is not whole.
    """
    path = sqlite_path(url)
    if path is None:
        raise BotError("storage.url is PostgreSQL's; restore it with pg_restore")

    def put_back() -> str | None:
        if not copy.is_file():
            raise BotError(f"there is no {copy}; name a folder that sitrep backup wrote")
        look_for_damage(copy)
        prepare(path)
        with held(path):
            aside = _moved_aside(path)
            _copy(copy, path)
        return str(aside) if aside is not None else None

    return str(path), await asyncio.to_thread(put_back)


def _copy(path: Path, to: Path) -> None:
    refuse_link(to)
    part = to.with_name(f"{to.name}.part")
    part.unlink(missing_ok=True)
    os.close(open_own(part))
    with told(), _reading(path) as source, closing(sqlite3.connect(part)) as target:
        source.backup(target)
        # In this mode a file stands alone: nothing that belongs to it lies beside it.
        target.execute("PRAGMA journal_mode = DELETE").fetchall()
    look_for_damage(part)
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(to)
    sync_folder(to.parent)


def _moved_aside(path: Path) -> Path | None:
    """Rename a database with all that belongs to it; return its new name, if it held anything."""
    if path.stat().st_size == 0:
        return None
    stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}"  # noqa: TID251 - a file's name, not a decision
    aside = path.with_name(f"{path.name}.before-{stamp}")
    for ending in ("", *_BESIDE):
        beside = path.with_name(f"{path.name}{ending}")
        if beside.exists():
            beside.rename(f"{aside}{ending}")
    return aside


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    uri = f"{path.absolute().as_uri()}?mode=ro" if is_writable(path) else read_only_uri(path)
    with told(), closing(sqlite3.connect(uri, uri=True)) as database:
        database.text_factory = lambda raw: raw.decode("utf-8", "replace")  # it may be damaged
        yield database


def _line(text: str) -> str:
    return " ".join(text.split())
