"""`sitrep backup`: the record, and what the adapters keep, in a folder that is a home folder."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.options import (
    ConfigOption,
    Exit,
    HomeOption,
    home_folder,
    read_config,
    run_async,
    start_log,
)

if TYPE_CHECKING:
    from bot.config.model import Config


def backup(
    to: Annotated[Path, typer.Argument(help="A folder; it is made, and must be new or empty.")],
    config: ConfigOption = None,
    home: HomeOption = None,
) -> None:
    """Write the record and the adapters' keys to a folder, while the bot runs or not.

    The folder can be a home folder itself: restoring is `sitrep run` with SITREP_HOME naming it
    (for Matrix, `sitrep matrix login` first: the keys are read in). A PostgreSQL database is not in
    it; use pg_dump.
    """
    settings = read_config(config)
    start_log(settings)
    sys.exit(run_async(_backup(settings, home_folder(home), to)))


async def _backup(config: Config, home: Path, to: Path) -> Exit:
    for line in await backed_up(config, home, to):
        typer.echo(line)
    return Exit.DONE


async def backed_up(config: Config, home: Path, to: Path) -> list[str]:
    """Write everything; return what was written where.

    Raises:
        SetupFailed: The folder holds something, or cannot be written.
    """
    from bot.app import copied
    from bot.clock import SystemClock
    from bot.contract.context import BackedUp
    from bot.contract.errors import SetupFailed
    from bot.plugin_manager import loaded

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
    from bot.contract.errors import SetupFailed
    from bot.files import make_folder

    make_folder(folder)
    if any(folder.iterdir()):
        raise SetupFailed(f"{folder} is not empty; name a new folder")
