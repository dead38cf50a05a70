"""`sitrep backup`: the record, and what the adapters keep, in a folder that is a home folder."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bot.app import copied
from bot.clock import SystemClock
from bot.config.model import Config
from bot.contract.context import BackedUp
from bot.contract.errors import SetupFailed
from bot.plugin_manager import loaded


async def backed_up(config: Config, home: Path, to: Path) -> list[str]:
    """Write everything; return what was written where.

    Raises:
        SetupFailed: The folder holds something, or cannot be written.
    """
    plugins = loaded(config, home, SystemClock())
    try:
        await asyncio.to_thread(_made, to)
        url = config.database_url(home)
        if url.startswith("sqlite"):
            written = [await copied(config, home, to)]
        else:
            written = ["the database is PostgreSQL's: back it up with pg_dump"]
        for _name, provided in plugins.provided():
            if isinstance(provided, BackedUp):
                written += await provided.backup(to)
    except OSError as exc:
        raise SetupFailed(f"cannot write {to}: {exc.strerror or exc}") from exc
    return written


def _made(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if any(folder.iterdir()):
        raise SetupFailed(f"{folder} is not empty; name a new folder")
